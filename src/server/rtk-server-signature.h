/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define RTK_SERVER_SIGNATURE_HEADER "Retake-Signature"
/* How far the clocks of both sides may be apart. */
#define RTK_SERVER_SIGNATURE_SECONDS 300

char *rtk_server_signature_make (const char *secret, gint64 time_s, const void *body, gsize size)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_signature_check (
    const char *secret, const char *header, gint64 now_s, const void *body, gsize size);

G_END_DECLS
