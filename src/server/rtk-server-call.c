/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-call.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-json.h"

#include <glib/gstdio.h>
#include <string.h>

#define PROBLEM_PREFIX "urn:retake:problem:"

/**
 * rtk_server_call_new:
 *
 * Returns: (transfer full): an empty call
 */
RtkServerCall *
rtk_server_call_new (void)
{
  RtkServerCall *self = g_new0 (RtkServerCall, 1);

  self->headers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->answer_headers = g_ptr_array_new_with_free_func (g_free);
  self->started = g_get_monotonic_time ();
  self->media_type = "application/json";
  rtk_server_json_init (&self->answer);
  return self;
}

/**
 * rtk_server_call_free:
 * @self: (transfer full): a call
 *
 * Frees a call.
 */
void
rtk_server_call_free (RtkServerCall *self)
{
  g_free (self->params[0]);
  g_free (self->params[1]);
  g_clear_pointer (&self->query, g_hash_table_unref);
  g_hash_table_unref (self->headers);
  g_clear_pointer (&self->body, g_bytes_unref);
  g_free (self->address);
  g_free (self->session);
  g_free (self->principal);
  g_free (self->name);
  g_free (self->actor);
  g_free (self->station);
  g_free (self->issued);
  g_clear_pointer (&self->json, json_object_unref);
  rtk_server_json_clear (&self->answer);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  g_ptr_array_unref (self->answer_headers);
  g_free (self->leftover);
  g_free (self);
}

/**
 * rtk_server_problem_write:
 * @json: a writer
 * @name: (nullable): of the member
 * @status: HTTP status
 * @problem: stable name, the end of the problem's type
 * @title: one English sentence
 *
 * Writes a problem document of RFC 9457.
 */
void
rtk_server_problem_write (
    RtkServerJson *json, const char *name, guint status, const char *problem, const char *title)
{
  g_autofree char *type = g_strconcat (PROBLEM_PREFIX, problem, NULL);

  rtk_server_json_begin (json, name, '{');
  rtk_server_json_string (json, "type", type);
  rtk_server_json_string (json, "title", title);
  rtk_server_json_int (json, "status", status);
  rtk_server_json_end (json, '}');
}

/**
 * rtk_server_call_fail:
 * @self: a call
 * @status: HTTP status, at least 400
 * @problem: stable name, the end of the problem's type
 * @title: one English sentence; never repeats what the caller sent
 *
 * Answers with a problem document, in place of whatever was written before.
 *
 * Returns: %TRUE, so that a handler can end with it
 */
gboolean
rtk_server_call_fail (RtkServerCall *self, guint status, const char *problem, const char *title)
{
  rtk_server_json_clear (&self->answer);
  rtk_server_json_init (&self->answer);
  g_clear_pointer (&self->bytes, g_bytes_unref);
  rtk_server_problem_write (&self->answer, NULL, status, problem, title);
  self->status = status;
  self->media_type = "application/problem+json";
  if (status == 401)
    rtk_server_call_add_header (self, "WWW-Authenticate", "Bearer");
  return TRUE;
}

/**
 * rtk_server_call_not_found:
 * @self: a call
 *
 * Answers that there is no such thing, the same whether it exists for somebody else or not.
 *
 * Returns: %TRUE
 */
gboolean
rtk_server_call_not_found (RtkServerCall *self)
{
  return rtk_server_call_fail (self, 404, "not-found", "There is no such resource.");
}

/**
 * rtk_server_call_add_header:
 * @self: a call
 * @name: of the header
 * @value: its value
 *
 * Adds a header to the answer.
 */
void
rtk_server_call_add_header (RtkServerCall *self, const char *name, const char *value)
{
  g_ptr_array_add (self->answer_headers, g_strdup (name));
  g_ptr_array_add (self->answer_headers, g_strdup (value));
}

/**
 * rtk_server_call_get_header:
 * @self: a call
 * @name: in lower case
 *
 * Returns: (nullable): value of the request's header
 */
const char *
rtk_server_call_get_header (RtkServerCall *self, const char *name)
{
  return g_hash_table_lookup (self->headers, name);
}

/**
 * rtk_server_call_get_string:
 * @self: a call with a checked body
 * @member: of the body
 *
 * Returns: (nullable): its text, %NULL when it is missing or null
 */
const char *
rtk_server_call_get_string (RtkServerCall *self, const char *member)
{
  JsonNode *node = json_object_get_member (self->json, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

/**
 * rtk_server_call_get_int:
 * @self: a call with a checked body
 * @member: of the body
 * @fallback: when it is missing or null
 *
 * Returns: its value
 */
gint64
rtk_server_call_get_int (RtkServerCall *self, const char *member, gint64 fallback)
{
  JsonNode *node = json_object_get_member (self->json, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_int (node) : fallback;
}

/**
 * rtk_server_call_get_bool:
 * @self: a call with a checked body
 * @member: of the body
 * @fallback: when it is missing or null
 *
 * Returns: its value
 */
gboolean
rtk_server_call_get_bool (RtkServerCall *self, const char *member, gboolean fallback)
{
  JsonNode *node = json_object_get_member (self->json, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_boolean (node) : fallback;
}

/**
 * rtk_server_call_get_array:
 * @self: a call with a checked body
 * @member: of the body
 *
 * Returns: (nullable): the array
 */
JsonArray *
rtk_server_call_get_array (RtkServerCall *self, const char *member)
{
  JsonNode *node = json_object_get_member (self->json, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

/**
 * rtk_server_call_get_object:
 * @self: a call with a checked body
 * @member: of the body
 *
 * Returns: (nullable): the object
 */
JsonObject *
rtk_server_call_get_object (RtkServerCall *self, const char *member)
{
  JsonNode *node = json_object_get_member (self->json, member);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

/**
 * rtk_server_call_get_query:
 * @self: a call
 * @name: of the query parameter
 *
 * Returns: (nullable): its value, %NULL when it is missing or empty
 */
const char *
rtk_server_call_get_query (RtkServerCall *self, const char *name)
{
  const char *text = self->query != NULL ? g_hash_table_lookup (self->query, name) : NULL;

  return text != NULL && text[0] != '\0' ? text : NULL;
}

/**
 * rtk_server_call_get_query_int:
 * @self: a call
 * @name: of the query parameter
 * @fallback: when it is missing
 * @min: smallest value taken
 * @max: largest value taken
 * @out: (out): the value
 *
 * Reads a number of the query; on failure the call is answered with a problem.
 *
 * Returns: whether it is missing or in range
 */
gboolean
rtk_server_call_get_query_int (
    RtkServerCall *self, const char *name, gint64 fallback, gint64 min, gint64 max, gint64 *out)
{
  const char *text = self->query != NULL ? g_hash_table_lookup (self->query, name) : NULL;

  *out = fallback;
  if (text == NULL || g_ascii_string_to_signed (text, 10, min, max, out, NULL))
    return TRUE;
  rtk_server_call_fail (self, 422, "bad-member", "A number in the query is out of its range.");
  return FALSE;
}

/**
 * rtk_server_call_get_query_id:
 * @self: a call
 * @name: of the query parameter
 * @out: (out): the id, "" when it is missing: before all others
 *
 * Reads an id of the query; on failure the call is answered with a problem.
 *
 * Returns: whether it is missing or an id
 */
gboolean
rtk_server_call_get_query_id (RtkServerCall *self, const char *name, const char **out)
{
  *out = self->query != NULL ? g_hash_table_lookup (self->query, name) : NULL;
  if (*out == NULL || (*out)[0] == '\0')
    *out = "";
  else if (!rtk_id_is_valid (*out)) {
    rtk_server_call_fail (self, 422, "bad-member", "An id in the query is not one.");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_server_call_get_page:
 * @self: a call
 * @config: says how long a page may be
 * @out_after: (out): the query's "after", "" when it is missing
 * @out_limit: (out): the query's "limit"
 *
 * Reads which page of a list is asked for; on failure the call is answered with a problem.
 *
 * Returns: whether it can be answered
 */
gboolean
rtk_server_call_get_page (RtkServerCall         *self,
                          const RtkServerConfig *config,
                          const char           **out_after,
                          gint64                *out_limit)
{
  return rtk_server_call_get_query_id (self, "after", out_after) &&
         rtk_server_call_get_query_int (self, "limit", MIN (100, config->max_page), 1,
                                        config->max_page, out_limit);
}

/**
 * rtk_server_call_end_page:
 * @self: a call whose answer is inside the array of {"NAME": [...], "more": ...}
 * @rows: (transfer full) (nullable): the list's query
 * @more: whether there is a next page
 *
 * Ends the page of a list.
 *
 * Returns: whether all of the page was read, see rtk_server_db_end()
 */
gboolean
rtk_server_call_end_page (RtkServerCall *self, RtkServerRows *rows, gboolean more)
{
  rtk_server_json_end (&self->answer, ']');
  rtk_server_json_bool (&self->answer, "more", more);
  rtk_server_json_end (&self->answer, '}');
  self->status = 200;
  return rtk_server_db_end (rows);
}

/**
 * rtk_server_call_write_page:
 * @store: a store
 * @self: a call that asks for a page of a list
 * @name: of the list
 * @rows: (transfer full) (nullable): its query, for one row more than @limit
 * @limit: of the page
 * @write: writes a row as an element
 * @error: return location
 *
 * Answers with {"NAME": [...], "more": ...}.
 *
 * Returns: whether all of the page was read
 */
gboolean
rtk_server_call_write_page (RtkServerStore *store,
                            RtkServerCall  *self,
                            const char     *name,
                            RtkServerRows  *rows,
                            gint64          limit,
                            void (*write) (RtkServerJson *json, RtkServerRows *row),
                            GError **error)
{
  gint64 n = 0;

  rtk_server_json_begin (&self->answer, NULL, '{');
  rtk_server_json_begin (&self->answer, name, '[');
  while (rtk_server_db_next (store->db, rows, error) && n++ < limit)
    write (&self->answer, rows);
  return rtk_server_call_end_page (self, rows, n > limit);
}

static gboolean
is_string (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
}

static gboolean
field_fits (const RtkServerField *field, JsonNode *node)
{
  const char *text = is_string (node) ? json_node_get_string (node) : NULL;

  switch (field->type) {
  case RTK_SERVER_FIELD_STRING:
    return text != NULL && (text[0] != '\0' || !field->required) &&
           g_utf8_strlen (text, -1) <= field->max;
  case RTK_SERVER_FIELD_ID:
    return rtk_id_is_valid (text);
  case RTK_SERVER_FIELD_SHA256:
    return rtk_sha256_is_valid (text);
  case RTK_SERVER_FIELD_INT:
    return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 &&
           json_node_get_int (node) >= 0 && json_node_get_int (node) <= field->max;
  case RTK_SERVER_FIELD_BOOL:
    return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN;
  case RTK_SERVER_FIELD_ARRAY:
    return JSON_NODE_HOLDS_ARRAY (node) &&
           json_array_get_length (json_node_get_array (node)) <= field->max;
  case RTK_SERVER_FIELD_OBJECT:
    return JSON_NODE_HOLDS_OBJECT (node) &&
           json_object_get_size (json_node_get_object (node)) <= field->max;
  default:
    return FALSE;
  }
}

static const RtkServerField *
find_field (const RtkServerField *fields, const char *name)
{
  for (; fields->name != NULL; fields++)
    if (strcmp (fields->name, name) == 0)
      return fields;
  return NULL;
}

/* Anything else can be sent by a form of another site without its asking. */
static gboolean
is_json (RtkServerCall *self)
{
  const char      *header = rtk_server_call_get_header (self, "content-type");
  g_autofree char *type = g_strndup (header, header != NULL ? strcspn (header, ";") : 0);

  return type != NULL && g_ascii_strcasecmp (g_strchomp (type), "application/json") == 0;
}

/* Reads the body and holds it against the route's list; answers with a problem when it is off. */
static gboolean
check_body (RtkServerCall *self)
{
  g_autoptr (GList) members = NULL;
  gsize       size;
  const char *text = g_bytes_get_data (self->body, &size);

  if (!is_json (self)) {
    rtk_server_call_fail (self, 415, "media-type", "The body must be application/json.");
    return FALSE;
  }
  self->json = rtk_json_parse_object (text != NULL ? text : "", (gssize)size, NULL);
  if (self->json == NULL) {
    rtk_server_call_fail (self, 400, "bad-json", "The body is not a JSON object.");
    return FALSE;
  }
  members = json_object_get_members (self->json);
  for (GList *l = members; l != NULL; l = l->next) {
    const RtkServerField *field = find_field (self->route->fields, l->data);
    JsonNode             *node = json_object_get_member (self->json, l->data);

    if (field == NULL) {
      rtk_server_call_fail (self, 422, "unknown-member", "The body has an undocumented member.");
      return FALSE;
    }
    if (!(JSON_NODE_HOLDS_NULL (node) && !field->required) && !field_fits (field, node)) {
      rtk_server_call_fail (self, 422, "bad-member",
                            "A member of the body is not what it should be.");
      return FALSE;
    }
  }
  for (const RtkServerField *field = self->route->fields; field->name != NULL; field++)
    if (field->required && !json_object_has_member (self->json, field->name)) {
      rtk_server_call_fail (self, 422, "missing-member", "The body lacks a required member.");
      return FALSE;
    }
  return TRUE;
}

/* The database takes no other texts. */
static gboolean
check_query (RtkServerCall *self)
{
  GHashTableIter iter;
  gpointer       value;

  if (self->query == NULL)
    return TRUE;
  g_hash_table_iter_init (&iter, self->query);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!g_utf8_validate (value, -1, NULL)) {
      rtk_server_call_fail (self, 422, "bad-member", "A value in the query is not UTF-8.");
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_input (RtkServerCall *self)
{
  return check_query (self) && (self->route->fields == NULL || check_body (self));
}

static gboolean
authorise (RtkServerStore *store, RtkServerCall *self, GError **error)
{
  if (!rtk_server_session_find (store, self, error))
    return FALSE;
  if (self->must_change && (self->route->who & RTK_SERVER_PUBLIC) == 0 &&
      self->route->handler != rtk_server_session_password &&
      self->route->handler != rtk_server_session_close)
    return rtk_server_call_fail (self, 403, "must-change", "Choose a password of your own first.");
  if ((self->route->who & (self->who | RTK_SERVER_PUBLIC)) != 0)
    return TRUE;
  if (self->who == 0)
    return rtk_server_call_fail (self, 401, "unauthorized", "Sign in first.");
  return rtk_server_call_fail (self, 403, "forbidden", "Your role does not allow this.");
}

/* From now on it is known who sends it: sent again it is kept. */
static void
check_whole (RtkServerCall *self)
{
  if (self->status != 0 || !self->is_cut)
    return;
  rtk_server_call_add_header (self, "Retry-After", "1");
  rtk_server_call_fail (self, 503, "busy", "The server is busy. Try again later.");
}

/**
 * rtk_server_route_is_reading:
 * @route: a route
 *
 * Returns: whether its calls change nothing in the database
 */
gboolean
rtk_server_route_is_reading (const RtkServerRoute *route)
{
  /* A search is posted only to keep names and numbers out of addresses. */
  return g_str_equal (route->method, "GET") || g_str_equal (route->method, "HEAD") ||
         g_str_equal (route->method, "OPTIONS") || route->handler == rtk_server_roster_find;
}

static gboolean
run (RtkServerStore *store, RtkServerCall *self, GError **error)
{
  if (self->route->is_slow) {
    if (!authorise (store, self, error))
      return FALSE;
    check_whole (self);
    if (self->status != 0 || !check_input (self))
      return TRUE;
    return self->route->handler (store, self, error);
  }
  if (!rtk_server_db_begin (store->db, !rtk_server_route_is_reading (self->route), error))
    return FALSE;
  if (!authorise (store, self, error))
    return FALSE;
  check_whole (self);
  if (self->status == 0 && check_input (self) && !self->route->handler (store, self, error))
    return FALSE;
  if (self->status >= 400) {
    rtk_server_db_rollback (store->db);
    return TRUE;
  }
  return rtk_server_db_commit (store->db, error);
}

/**
 * rtk_server_call_run:
 * @store: the worker's store
 * @self: a call with its route
 *
 * Answers a call: who calls, is the body right, then the handler; all in one transaction, which is
 * undone when the answer is a problem. Blocking, on a worker.
 */
void
rtk_server_call_run (RtkServerStore *store, RtkServerCall *self)
{
  g_autoptr (GError) error = NULL;
  guint    n_effects = store->n_effects;
  RtkError trouble;
  gboolean is_done;

  rtk_server_db_forget_trouble (store->db);
  is_done = run (store, self, &error);
  self->has_effects = store->n_effects != n_effects;
  /* What was answered out of a query that failed ("not found") is no answer either. */
  if (!rtk_server_db_get_trouble (store->db, &trouble)) {
    if (is_done) {
      if (self->leftover != NULL && self->status < 400)
        (void)g_unlink (self->leftover);
      return;
    }
    trouble =
        error != NULL && error->domain == RTK_ERROR ? (RtkError)error->code : RTK_ERROR_STORAGE;
  }
  rtk_server_db_rollback (store->db);
  /* The database's server is gone, or held up, for a while: nothing is wrong here. */
  g_log (G_LOG_DOMAIN, trouble == RTK_ERROR_OFFLINE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING,
         "%s %s failed: %s", self->route->method, self->route->pattern,
         error != NULL ? error->message : "a row that must be there is missing");
  if (trouble == RTK_ERROR_OFFLINE) {
    rtk_server_call_add_header (self, "Retry-After", "1");
    rtk_server_call_fail (self, 503, "busy", "The server is busy. Try again later.");
  } else if (trouble == RTK_ERROR_DISK_FULL) {
    rtk_server_call_fail (self, 507, "disk-full", "The server's disk is full.");
  } else {
    rtk_server_call_fail (self, 500, "internal", "The server failed. Try again later.");
  }
}
