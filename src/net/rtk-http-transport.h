/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-signer.h"
#include "core/rtk-transport.h"

G_BEGIN_DECLS

#define RTK_TYPE_HTTP_TRANSPORT (rtk_http_transport_get_type ())

/* The transport over HTTP: see docs/openapi.yaml. Tokens are kept in memory only. */
G_DECLARE_FINAL_TYPE (RtkHttpTransport, rtk_http_transport, RTK, HTTP_TRANSPORT, GObject)

RtkHttpTransport *rtk_http_transport_new (const char *base_url,
                                          RtkSigner  *signer,
                                          const char *station_name,
                                          GError    **error) G_GNUC_WARN_UNUSED_RESULT;

GBytes *rtk_http_transport_dup_session (RtkHttpTransport *self) G_GNUC_WARN_UNUSED_RESULT;
gboolean
rtk_http_transport_restore_session (RtkHttpTransport *self, GBytes *session, GError **error);

G_END_DECLS
