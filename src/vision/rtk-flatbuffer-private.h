/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* FlatBuffers, reading only. Every position is checked where it is used; the first bad one marks
 * the whole file as damaged. Reads after that give zeros and empty lists, so that callers need not
 * check each of them. */

G_BEGIN_DECLS

/**
 * RtkFlatbuffer:
 * @data: (unowned): the file
 * @size: its bytes
 * @problem: (nullable): static text: what is wrong with it, %NULL as long as nothing is
 */
typedef struct {
  const guint8 *data;
  gsize         size;
  const char   *problem;
} RtkFlatbuffer;

/* A table; one of zeros is a table with no field present. */
typedef struct {
  gsize position;
  gsize vtable;
  guint vtable_size;
} RtkFlatbufferTable;

typedef struct {
  gsize position; /* of the first item */
  gsize n_items;
} RtkFlatbufferVector;

void               rtk_flatbuffer_fail (RtkFlatbuffer *self, const char *problem);
guint8             rtk_flatbuffer_read_u8 (RtkFlatbuffer *self, gsize position);
gint32             rtk_flatbuffer_read_i32 (RtkFlatbuffer *self, gsize position);
gsize              rtk_flatbuffer_follow (RtkFlatbuffer *self, gsize position);
RtkFlatbufferTable rtk_flatbuffer_read_table (RtkFlatbuffer *self, gsize position);
gsize rtk_flatbuffer_find_field (RtkFlatbuffer *self, const RtkFlatbufferTable *table, guint index);
gint32              rtk_flatbuffer_field_i32 (RtkFlatbuffer            *self,
                                              const RtkFlatbufferTable *table,
                                              guint                     index,
                                              gint32                    fallback);
guint8              rtk_flatbuffer_field_u8 (RtkFlatbuffer            *self,
                                             const RtkFlatbufferTable *table,
                                             guint                     index,
                                             guint8                    fallback);
RtkFlatbufferVector rtk_flatbuffer_field_vector (RtkFlatbuffer            *self,
                                                 const RtkFlatbufferTable *table,
                                                 guint                     index,
                                                 gsize                     item_size,
                                                 gsize                     max_items);
RtkFlatbufferTable
rtk_flatbuffer_vector_table (RtkFlatbuffer *self, const RtkFlatbufferVector *vector, gsize index);

G_END_DECLS
