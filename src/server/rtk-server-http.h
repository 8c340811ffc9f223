/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* The running server. Main thread. */
typedef struct _RtkServerHttp RtkServerHttp;

RtkServerHttp *rtk_server_http_new (const RtkServerConfig *config,
                                    const RtkServerKeys   *keys,
                                    const char            *bootstrap,
                                    GTlsCertificate       *certificate,
                                    GError               **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean       rtk_server_http_listen (RtkServerHttp *self, GSocket *socket, GError **error);
char          *rtk_server_http_dup_url (RtkServerHttp *self) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_server_http_stop (RtkServerHttp *self, GSourceFunc stopped, gpointer user_data);
void           rtk_server_http_free (RtkServerHttp *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerHttp, rtk_server_http_free)

G_END_DECLS
