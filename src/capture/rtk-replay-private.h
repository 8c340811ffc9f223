/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gst/app/gstappsrc.h>

G_BEGIN_DECLS

gboolean rtk_replay_file_is_picture (const char *path, gboolean *out_is_picture, GError **error);
gboolean rtk_replay_feed_picture (GstAppSrc *source, const char *path, GError **error);

G_END_DECLS
