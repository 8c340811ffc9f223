/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

/**
 * RtkServerGraduate:
 * @line: where it stands in the file, from 1
 * @known_name: (nullable): what was sealed for the number before, if it is the same name
 *
 * One expected graduate, ready to be written: what must not lie in the clear is sealed.
 */
typedef struct {
  guint   line;
  char   *id;
  char   *school;
  char   *batch;
  char   *name_masked;
  char   *number_masked;
  char   *number_digest;
  char   *code_digest; /* (nullable) */
  GBytes *name_cipher;
  GBytes *number_cipher;
  GBytes *code_cipher; /* (nullable) */
  GBytes *known_name;
} RtkServerGraduate;

/* Lines of one import: see rtk_server_roster_take(). */
#define RTK_SERVER_MAX_GRADUATES 100000

/**
 * RtkServerRosterFault:
 * @line: from 1; 0 is the file as a whole
 * @title: (unowned): static, one English sentence; never what stands there
 *
 * Why a roster is not taken.
 */
typedef struct {
  guint       line;
  const char *title;
} RtkServerRosterFault;

GPtrArray *rtk_server_roster_read (const RtkServerKeys *keys,
                                   const char          *data,
                                   gsize                size,
                                   GArray              *faults) G_GNUC_WARN_UNUSED_RESULT;
gboolean   rtk_server_roster_compare (RtkServerStore *self, GPtrArray *graduates, GError **error);
gboolean   rtk_server_roster_add_all (RtkServerStore        *self,
                                      GPtrArray             *graduates,
                                      const char *const     *batches,
                                      GHashTable            *with_code,
                                      RtkServerRosterResult *result,
                                      GError               **error);
gboolean   rtk_server_roster_has_name (RtkServerStore          *self,
                                       const RtkServerGraduate *graduate,
                                       const char              *id,
                                       GBytes                  *sealed);
gboolean   rtk_server_roster_add (RtkServerStore          *self,
                                  const char              *batch,
                                  const RtkServerGraduate *graduate,
                                  GHashTable              *in_file,
                                  RtkServerRosterResult   *result,
                                  GError                 **error);
void       rtk_server_roster_add_fault (GArray *faults, guint line, const char *title);

G_END_DECLS
