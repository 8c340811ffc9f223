/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

char    *rtk_id_new (gint64 now_us) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_id_is_valid (const char *id);
void     rtk_sha256_hex (const guint8 *data, gsize size, char out_hex[65]);
gboolean rtk_sha256_is_valid (const char *hex);

G_END_DECLS
