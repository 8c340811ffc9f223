/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-flatbuffer-private.h"

#include <string.h>

/**
 * rtk_flatbuffer_fail:
 * @self: a file
 * @problem: static text
 *
 * Marks the file as damaged, if it is not yet.
 */
void
rtk_flatbuffer_fail (RtkFlatbuffer *self, const char *problem)
{
  if (self->problem == NULL)
    self->problem = problem;
}

static gboolean
has (RtkFlatbuffer *self, gsize position, gsize n_bytes)
{
  if (self->problem != NULL)
    return FALSE;
  if (position > self->size || n_bytes > self->size - position) {
    rtk_flatbuffer_fail (self, "an offset leads out of the file");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_flatbuffer_read_u8:
 * @self: a file
 * @position: bytes from its start
 *
 * Returns: the byte, 0 if the file is damaged or ends before it
 */
guint8
rtk_flatbuffer_read_u8 (RtkFlatbuffer *self, gsize position)
{
  return has (self, position, 1) ? self->data[position] : 0;
}

static guint16
read_u16 (RtkFlatbuffer *self, gsize position)
{
  guint16 value = 0;

  if (has (self, position, sizeof value))
    memcpy (&value, self->data + position, sizeof value);
  return GUINT16_FROM_LE (value);
}

static guint32
read_u32 (RtkFlatbuffer *self, gsize position)
{
  guint32 value = 0;

  if (has (self, position, sizeof value))
    memcpy (&value, self->data + position, sizeof value);
  return GUINT32_FROM_LE (value);
}

/**
 * rtk_flatbuffer_read_i32:
 * @self: a file
 * @position: bytes from its start, of any alignment
 *
 * Returns: the number, 0 if the file is damaged or ends before it
 */
gint32
rtk_flatbuffer_read_i32 (RtkFlatbuffer *self, gsize position)
{
  return (gint32)read_u32 (self, position);
}

/**
 * rtk_flatbuffer_follow:
 * @self: a file
 * @position: where an offset is stored
 *
 * Returns: the position that the offset means; not yet checked
 */
gsize
rtk_flatbuffer_follow (RtkFlatbuffer *self, gsize position)
{
  return position + read_u32 (self, position);
}

/**
 * rtk_flatbuffer_read_table:
 * @self: a file
 * @position: where a table begins
 *
 * Returns: the table; without fields if the file is damaged
 */
RtkFlatbufferTable
rtk_flatbuffer_read_table (RtkFlatbuffer *self, gsize position)
{
  RtkFlatbufferTable table = {.position = position};
  gint64             vtable = (gint64)position - rtk_flatbuffer_read_i32 (self, position);

  if (vtable < 0) {
    rtk_flatbuffer_fail (self, "an offset leads out of the file");
    return table;
  }
  table.vtable = (gsize)vtable;
  table.vtable_size = read_u16 (self, table.vtable);
  if (table.vtable_size < 4 || !has (self, table.vtable, table.vtable_size))
    rtk_flatbuffer_fail (self, "a table has no layout");
  return table;
}

/**
 * rtk_flatbuffer_find_field:
 * @self: a file
 * @table: a table of it
 * @index: number of the field in the schema
 *
 * Returns: position of the field, 0 when the file leaves it at its default
 */
gsize
rtk_flatbuffer_find_field (RtkFlatbuffer *self, const RtkFlatbufferTable *table, guint index)
{
  guint entry = 4 + 2 * index;
  guint offset;

  if (self->problem != NULL || entry + 2 > table->vtable_size)
    return 0;
  offset = read_u16 (self, table->vtable + entry);
  return offset == 0 ? 0 : table->position + offset;
}

/**
 * rtk_flatbuffer_field_i32:
 * @self: a file
 * @table: a table of it
 * @index: number of the field in the schema
 * @fallback: the schema's default
 *
 * Returns: the field's value
 */
gint32
rtk_flatbuffer_field_i32 (RtkFlatbuffer            *self,
                          const RtkFlatbufferTable *table,
                          guint                     index,
                          gint32                    fallback)
{
  gsize position = rtk_flatbuffer_find_field (self, table, index);

  return position == 0 ? fallback : rtk_flatbuffer_read_i32 (self, position);
}

/**
 * rtk_flatbuffer_field_u8:
 * @self: a file
 * @table: a table of it
 * @index: number of the field in the schema
 * @fallback: the schema's default
 *
 * Returns: the field's value
 */
guint8
rtk_flatbuffer_field_u8 (RtkFlatbuffer            *self,
                         const RtkFlatbufferTable *table,
                         guint                     index,
                         guint8                    fallback)
{
  gsize position = rtk_flatbuffer_find_field (self, table, index);

  return position == 0 ? fallback : rtk_flatbuffer_read_u8 (self, position);
}

/**
 * rtk_flatbuffer_field_vector:
 * @self: a file
 * @table: a table of it
 * @index: number of the field in the schema
 * @item_size: bytes an item
 * @max_items: a longer list is damage
 *
 * Returns: the list, all of it inside the file; empty if it is missing or the file is damaged
 */
RtkFlatbufferVector
rtk_flatbuffer_field_vector (RtkFlatbuffer            *self,
                             const RtkFlatbufferTable *table,
                             guint                     index,
                             gsize                     item_size,
                             gsize                     max_items)
{
  RtkFlatbufferVector vector = {0};
  gsize               position = rtk_flatbuffer_find_field (self, table, index);

  if (position == 0)
    return vector;
  position = rtk_flatbuffer_follow (self, position);
  vector.n_items = read_u32 (self, position);
  vector.position = position + 4;
  if (vector.n_items > max_items)
    rtk_flatbuffer_fail (self, "a list is too long");
  if (!has (self, vector.position, vector.n_items * item_size))
    vector.n_items = 0;
  return vector;
}

/**
 * rtk_flatbuffer_vector_table:
 * @self: a file
 * @vector: a list of tables
 * @index: which
 *
 * Returns: the table; without fields if the file is damaged
 */
RtkFlatbufferTable
rtk_flatbuffer_vector_table (RtkFlatbuffer *self, const RtkFlatbufferVector *vector, gsize index)
{
  return rtk_flatbuffer_read_table (self,
                                    rtk_flatbuffer_follow (self, vector->position + 4 * index));
}
