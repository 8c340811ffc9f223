/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-envelope.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define RTK_TYPE_BLOB_STREAM (rtk_blob_stream_get_type ())

/* Reads one file of the vault: decrypts chunk by chunk, checks the whole content at its end. */
G_DECLARE_FINAL_TYPE (RtkBlobStream, rtk_blob_stream, RTK, BLOB_STREAM, GInputStream)

GInputStream *rtk_blob_stream_open (const char   *path,
                                    const RtkKey *key,
                                    const char   *sha256,
                                    gsize         size,
                                    GError      **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean      rtk_blob_stream_write (
         const char *path, const RtkKey *key, const guint8 *data, gsize size, GError **error);
gsize rtk_blob_stream_get_file_size (gsize size);

G_END_DECLS
