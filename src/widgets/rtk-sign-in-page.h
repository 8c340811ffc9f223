/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define RTK_TYPE_SIGN_IN_PAGE (rtk_sign_in_page_get_type ())

/* Asks who works here and for the passphrase, which opens the data folder and signs in.
 *
 * Signal: "sign-in" (char *name, char *passphrase). */
G_DECLARE_FINAL_TYPE (RtkSignInPage, rtk_sign_in_page, RTK, SIGN_IN_PAGE, AdwBin)

GtkWidget *rtk_sign_in_page_new (const char *name);
void       rtk_sign_in_page_set_busy (RtkSignInPage *self, gboolean busy);
void       rtk_sign_in_page_set_problem (RtkSignInPage *self, const char *sentence);

G_END_DECLS
