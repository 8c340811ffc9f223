/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-transport.h"

G_BEGIN_DECLS

/**
 * RtkGrant:
 * @id: UUID
 * @user: name of a member of staff
 * @role: what they may do
 * @station: (nullable): where it holds; %NULL holds nowhere yet
 * @issued_at: microseconds since 1970 UTC
 * @expires_at: from then on it holds no more
 * @signature: Ed25519 of the server, over the canonical JSON of all the other members
 * @content: (owned): that canonical JSON
 *
 * The server's word that somebody may work at a station while the server cannot be asked. A grant
 * is taken back by its end: it is as long as a station may be offline.
 */
typedef struct {
  char   *id;
  char   *user;
  RtkRole role;
  char   *station;
  gint64  issued_at;
  gint64  expires_at;
  guint8  signature[64];
  GBytes *content;
} RtkGrant;

RtkGrant *rtk_grant_new (const char *id,
                         const char *user,
                         RtkRole     role,
                         const char *station,
                         gint64      issued_at,
                         gint64      expires_at,
                         GError    **error) G_GNUC_WARN_UNUSED_RESULT;
RtkGrant *rtk_grant_from_json (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
JsonNode *rtk_grant_to_json (const RtkGrant *self) G_GNUC_WARN_UNUSED_RESULT;
gboolean  rtk_grant_check (
     const RtkGrant *self, const char *server_key, const char *station, gint64 now, GError **error);
void rtk_grant_free (RtkGrant *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkGrant, rtk_grant_free)

G_END_DECLS
