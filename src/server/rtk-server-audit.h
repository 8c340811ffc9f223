/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

gboolean rtk_server_anchor_parse (const char *text, RtkServerAnchor *out);
char    *rtk_server_anchor_format (const RtkServerAnchor *self) G_GNUC_WARN_UNUSED_RESULT;

/* Adding to the log: rtk_server_audit_add() of rtk-server-store.h. */
gboolean rtk_server_audit_get_anchor (RtkServerStore *self, RtkServerAnchor *out, GError **error);
gboolean rtk_server_audit_verify (RtkServerStore        *self,
                                  const RtkServerAnchor *known,
                                  RtkServerAnchor       *out_newest,
                                  GError               **error);
gboolean rtk_server_audit_keep_plain (RtkServerStore *self, GError **error);
gboolean rtk_server_audit_log_anchor (RtkServerStore *self, GError **error);

G_END_DECLS
