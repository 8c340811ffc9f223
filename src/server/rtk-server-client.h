/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* A plain blocking client of the server's own routes, for `simulate`: it can do what any client
 * can, and nothing else. One thread. */
typedef struct _RtkServerClient RtkServerClient;

RtkServerClient *rtk_server_client_new (const char *base_url) G_GNUC_WARN_UNUSED_RESULT;
void             rtk_server_client_free (RtkServerClient *self);
void             rtk_server_client_set_token (RtkServerClient *self, const char *token);
JsonObject      *rtk_server_client_call (RtkServerClient *self,
                                         const char      *method,
                                         const char      *path,
                                         const char      *body,
                                         GError         **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean         rtk_server_client_upload (RtkServerClient *self,
                                           GBytes          *bytes,
                                           const char      *sha256,
                                           const char      *media_type,
                                           GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerClient, rtk_server_client_free)

G_END_DECLS
