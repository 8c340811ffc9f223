/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

GSocket *rtk_server_socket_open (const char *address,
                                 gboolean    is_tls,
                                 GError    **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
