/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

#define RTK_SERVER_CACHE_KEY_SIZE 32

/* Whole answers, each true for one state of the database only: whatever is committed, by this
 * process or another, makes all of them old. Any thread. */
typedef struct _RtkServerCache RtkServerCache;

RtkServerCache *rtk_server_cache_new (const RtkServerConfig *config,
                                      gsize                  max_bytes,
                                      GError               **error) G_GNUC_WARN_UNUSED_RESULT;
void            rtk_server_cache_free (RtkServerCache *self);
void            rtk_server_cache_make_key (RtkServerCache *self,
                                           const char     *authorization,
                                           const char     *resource,
                                           guint8          out_key[RTK_SERVER_CACHE_KEY_SIZE]);
char *rtk_server_cache_dup_state (RtkServerCache *self, RtkServerDb *db) G_GNUC_WARN_UNUSED_RESULT;
GBytes *rtk_server_cache_find (RtkServerCache *self,
                               const guint8   *key,
                               const char     *state) G_GNUC_WARN_UNUSED_RESULT;
void    rtk_server_cache_keep (
       RtkServerCache *self, const guint8 *key, const char *state, gint64 until, GBytes *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerCache, rtk_server_cache_free)

G_END_DECLS
