/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-json.h"
#include "core/rtk-store.h"

/**
 * rtk_change_page_from_json:
 * @node: {"epoch": string, "cursor": string, "more": boolean, "orders": [Order, ...]}
 * @error: %RTK_ERROR_BAD_MESSAGE
 *
 * Reads a page of the change feed (docs/openapi.yaml, schema Changes). Any thread.
 *
 * Returns: (transfer full): the page, or %NULL when any part of it is not as it should be
 */
RtkChangePage *
rtk_change_page_from_json (JsonNode *node, GError **error)
{
  g_autoptr (RtkChangePage) self = g_new0 (RtkChangePage, 1);
  JsonObject *object = rtk_json_node_get_object (node, error);
  JsonArray  *orders;

  if (object == NULL)
    return NULL;
  self->epoch = g_strdup (rtk_json_get_string (object, "epoch", error));
  if (self->epoch == NULL)
    return NULL;
  self->cursor = g_strdup (rtk_json_get_string (object, "cursor", error));
  if (self->cursor == NULL || !rtk_json_get_bool (object, "more", &self->more, error) ||
      (orders = rtk_json_get_array (object, "orders", error)) == NULL)
    return NULL;
  self->orders = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < json_array_get_length (orders); i++) {
    RtkOrder *order = rtk_order_from_json (json_array_get_element (orders, i), error);

    if (order == NULL)
      return NULL;
    g_ptr_array_add (self->orders, order);
  }
  return g_steal_pointer (&self);
}

/**
 * rtk_change_page_free:
 * @self: (transfer full) (nullable): a page
 *
 * Frees a page.
 */
void
rtk_change_page_free (RtkChangePage *self)
{
  if (self == NULL)
    return;
  g_free (self->epoch);
  g_free (self->cursor);
  g_clear_pointer (&self->orders, g_ptr_array_unref);
  g_free (self);
}

/**
 * rtk_outbox_item_new:
 * @operation: what is to be sent; a reference is taken
 * @state: where it stands
 *
 * Returns: (transfer full): an entry with no blobs, no tries and no error
 */
RtkOutboxItem *
rtk_outbox_item_new (RtkOperation *operation, RtkOperationState state)
{
  RtkOutboxItem *self = g_new0 (RtkOutboxItem, 1);

  self->operation = g_object_ref (operation);
  self->state = state;
  self->blobs = g_ptr_array_new_with_free_func (g_free);
  return self;
}

/**
 * rtk_outbox_item_free:
 * @self: (transfer full) (nullable): an entry
 *
 * Frees an entry.
 */
void
rtk_outbox_item_free (RtkOutboxItem *self)
{
  if (self == NULL)
    return;
  g_clear_object (&self->operation);
  g_clear_pointer (&self->blobs, g_ptr_array_unref);
  g_free (self->last_error);
  g_free (self);
}
