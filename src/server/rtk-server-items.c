/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-review.h"

#include <string.h>

/**
 * rtk_server_item_find:
 * @store: a store
 * @submission: id of a submission
 * @out_item: (out): the item; its order_id is %NULL when there is no such submission
 * @error: return location
 *
 * Reads a submission as the review sees it.
 *
 * Returns: whether the database could be asked
 */
gboolean
rtk_server_item_find (RtkServerStore *store,
                      const char     *submission,
                      RtkServerItem  *out_item,
                      GError        **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT w.order_id, w.state, w.origin, w.stage, w.engine, w.report, w.lease_by, w.first_by,"
      " w.second_by, w.opinion_note, o.payment, o.delivery, o.print, w.overrides, w.serial,"
      " o.revision, w.attempt, w.lease_until, w.claimed_at, w.waiting_since"
      " FROM submissions w JOIN orders o ON o.id = w.order_id WHERE w.id = ?",
      "s", submission);

  if (rtk_server_db_next (store->db, row, error)) {
    char **const  texts[] = {&out_item->order_id,     &out_item->state,    &out_item->origin,
                             &out_item->stage,        &out_item->engine,   &out_item->report,
                             &out_item->lease_by,     &out_item->first_by, &out_item->second_by,
                             &out_item->opinion_note, &out_item->payment,  &out_item->delivery,
                             &out_item->print,        &out_item->overrides};
    gint64 *const numbers[] = {&out_item->serial,     &out_item->revision,
                               &out_item->attempt,    &out_item->lease_until,
                               &out_item->claimed_at, &out_item->waiting_since};

    out_item->id = g_strdup (submission);
    for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
      *texts[i] = g_strdup (rtk_server_db_text (row, (int)i));
    for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
      *numbers[i] = rtk_server_db_int (row, (int)(G_N_ELEMENTS (texts) + i));
  }
  return rtk_server_db_end (row);
}

/**
 * rtk_server_item_clear:
 * @self: an item
 *
 * Frees its texts.
 */
void
rtk_server_item_clear (RtkServerItem *self)
{
  char *texts[] = {self->id,           self->order_id, self->state,    self->origin,
                   self->stage,        self->engine,   self->report,   self->lease_by,
                   self->first_by,     self->payment,  self->print,    self->second_by,
                   self->opinion_note, self->delivery, self->overrides};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}

/**
 * rtk_server_item_is_held:
 * @self: an item
 * @call: a call
 *
 * Returns: whether the caller has it in review, and its lease has not run out
 */
gboolean
rtk_server_item_is_held (const RtkServerItem *self, RtkServerCall *call)
{
  return strcmp (self->state, "in_review") == 0 &&
         g_strcmp0 (self->lease_by, call->principal) == 0 && self->lease_until > g_get_real_time ();
}

#define RETURN_SEEN(kept, seen)                                                                    \
  if (strcmp (stage, kept) == 0)                                                                   \
    return seen;

/**
 * rtk_server_stage_to_wire:
 * @stage: as it is kept
 *
 * Returns: (transfer none): as callers see it; a blind second look is like a first one
 */
const char *
rtk_server_stage_to_wire (const char *stage)
{
  RTK_SERVER_STAGES_SEEN (RETURN_SEEN)
  return stage;
}

/**
 * rtk_server_reasons_write:
 * @json: a writer
 * @name: (nullable): of the member
 * @reasons: (nullable): codes with commas
 *
 * Writes the reasons as an array.
 */
void
rtk_server_reasons_write (RtkServerJson *json, const char *name, const char *reasons)
{
  g_auto (GStrv) list = g_strsplit (reasons != NULL ? reasons : "", ",", -1);

  rtk_server_json_begin (json, name, '[');
  for (guint i = 0; list[i] != NULL; i++)
    if (list[i][0] != '\0')
      rtk_server_json_string (json, NULL, list[i]);
  rtk_server_json_end (json, ']');
}

/* Only whoever arbitrates sees the verdicts, and not whose they are. */
static gboolean
write_verdicts (RtkServerStore      *store,
                RtkServerJson       *json,
                const RtkServerItem *item,
                GError             **error)
{
  RtkServerRows *row;

  if (strcmp (item->stage, "arbitration") != 0) {
    rtk_server_json_raw (json, "verdicts", "[]");
    return TRUE;
  }
  row = rtk_server_db_query (store->db, error,
                             "SELECT verdict, reasons, texts, note, created_at FROM reviews"
                             " WHERE submission = ? AND undone_at IS NULL AND verdict <> 'passed'"
                             " ORDER BY created_at",
                             "s", item->id);
  rtk_server_json_begin (json, "verdicts", '[');
  while (rtk_server_db_next (store->db, row, error)) {
    rtk_server_json_begin (json, NULL, '{');
    rtk_server_json_string (json, "verdict", rtk_server_db_text (row, 0));
    rtk_server_reasons_write (json, "reasons", rtk_server_db_text (row, 1));
    rtk_server_json_raw (json, "texts",
                         rtk_server_db_is_null (row, 2) ? "{}" : rtk_server_db_text (row, 2));
    rtk_server_json_string (json, "note", rtk_server_db_text (row, 3));
    rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 4));
    rtk_server_json_end (json, '}');
  }
  rtk_server_json_end (json, ']');
  return rtk_server_db_end (row);
}

/**
 * rtk_server_item_write:
 * @store: a store
 * @call: a call; the item goes to its answer
 * @item: an item that the caller holds
 * @order: (nullable): JSON of its order, as rtk_server_orders_read() gives it;
 *   %NULL reads it
 * @error: return location
 *
 * Writes a ClaimedItem of docs/openapi.yaml.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_item_write (RtkServerStore      *store,
                       RtkServerCall       *call,
                       const RtkServerItem *item,
                       const char          *order,
                       GError             **error)
{
  RtkServerJson *json = &call->answer;

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "submission", item->id);
  rtk_server_json_string (json, "stage", rtk_server_stage_to_wire (item->stage));
  rtk_server_json_string (json, "engine", item->engine);
  rtk_server_json_int (json, "attempt", item->attempt);
  rtk_server_json_string (json, "report", item->report);
  rtk_server_json_time (json, "waiting_since", item->waiting_since);
  rtk_server_json_time (json, "lease_until", item->lease_until);
  rtk_server_json_string (json, "opinion_note", item->opinion_note);
  rtk_server_json_raw (json, "overrides", item->overrides);
  if (!write_verdicts (store, json, item, error))
    return FALSE;
  if (order != NULL)
    rtk_server_json_raw (json, "order", order);
  else if (!rtk_server_order_write (store, json, "order", item->order_id, call->station, error))
    return FALSE;
  rtk_server_json_end (json, '}');
  return TRUE;
}
