/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define RTK_TYPE_WELCOME (rtk_welcome_get_type ())

/* The first start: what this station is, who works here, the recovery key to print.
 *
 * Signals: "demo" (); "stand-alone" (char *name, char *passphrase); "connect" (char *address, char
 *   *name, char *passphrase); "finished" (): the recovery key was put away. */
G_DECLARE_FINAL_TYPE (RtkWelcome, rtk_welcome, RTK, WELCOME, AdwBin)

GtkWidget *rtk_welcome_new (void);
void       rtk_welcome_set_address (RtkWelcome *self, const char *address);
void       rtk_welcome_set_busy (RtkWelcome *self, gboolean busy);
void       rtk_welcome_set_problem (RtkWelcome *self, const char *sentence);
void       rtk_welcome_show_recovery_key (RtkWelcome *self, const char *key);

G_END_DECLS
