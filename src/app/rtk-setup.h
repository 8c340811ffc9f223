/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * RtkSetupMode:
 * @RTK_SETUP_NONE: never set up
 * @RTK_SETUP_DEMO: a demonstration in a folder of its own
 * @RTK_SETUP_STAND_ALONE: with its own server
 * @RTK_SETUP_CONNECT: a desk of a centre with a server
 *
 * What a data folder is for; decided once, and never changed afterwards.
 */
typedef enum {
  RTK_SETUP_NONE,
  RTK_SETUP_DEMO,
  RTK_SETUP_STAND_ALONE,
  RTK_SETUP_CONNECT,
} RtkSetupMode;

/* What the first start decided: a small file in the data folder, without secrets but for a
 * demonstration, where nothing is secret. */
typedef struct _RtkSetup RtkSetup;

RtkSetup    *rtk_setup_load (const char *folder) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_setup_free (RtkSetup *self);
gboolean     rtk_setup_save (RtkSetup *self, GError **error);
RtkSetupMode rtk_setup_get_mode (RtkSetup *self);
void         rtk_setup_set_mode (RtkSetup *self, RtkSetupMode mode);
char        *rtk_setup_dup_value (RtkSetup *self, const char *name) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_setup_set_value (RtkSetup *self, const char *name, const char *value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkSetup, rtk_setup_free)

G_END_DECLS
