/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * RtkServerKeyKind:
 *
 * What is looked up by a digest, or sealed. The number enters the derivation: never renumber.
 */
typedef enum {
  RTK_SERVER_KEY_CODE = 1,
  RTK_SERVER_KEY_PHONE = 2,
  RTK_SERVER_KEY_NUMBER = 3,
  RTK_SERVER_KEY_SEAL = 4,
  RTK_SERVER_KEY_STATION = 5,
  RTK_SERVER_KEY_ID = 6,
  RTK_SERVER_KEY_GRANT = 7,
  RTK_SERVER_KEY_SIGN_IN = 8,
  RTK_SERVER_KEY_AUDIT = 9,
  RTK_SERVER_N_KEYS
} RtkServerKeyKind;

#define RTK_SERVER_STATION_KEY_SIZE 32

/* K_server: lives in a file of its own, outside the database, so that a copy of the database alone
 * reveals neither codes nor names. Immutable, any thread. */
typedef struct _RtkServerKeys RtkServerKeys;

RtkServerKeys *rtk_server_keys_open (const char *folder,
                                     gboolean    create,
                                     GError    **error) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_server_keys_free (RtkServerKeys *self);
char          *rtk_server_keys_get_id (const RtkServerKeys *self) G_GNUC_WARN_UNUSED_RESULT;
char          *rtk_server_keys_digest (const RtkServerKeys *self,
                                       RtkServerKeyKind     kind,
                                       const char          *text) G_GNUC_WARN_UNUSED_RESULT;
GBytes        *rtk_server_keys_seal (const RtkServerKeys *self,
                                     const char          *context,
                                     const char          *text) G_GNUC_WARN_UNUSED_RESULT;
char          *rtk_server_keys_open_text (const RtkServerKeys *self,
                                          const char          *context,
                                          GBytes              *sealed,
                                          GError             **error) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_server_keys_derive_station (const RtkServerKeys *self,
                                               const char          *station_id,
                                               guint8               out[RTK_SERVER_STATION_KEY_SIZE]);
char          *rtk_server_keys_get_grant_key (const RtkServerKeys *self) G_GNUC_WARN_UNUSED_RESULT;
void
rtk_server_keys_sign_grant (const RtkServerKeys *self, GBytes *content, guint8 out_signature[64]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerKeys, rtk_server_keys_free)

G_END_DECLS
