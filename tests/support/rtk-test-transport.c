/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-transport.h"

#include "core/rtk-error.h"
#include "support/rtk-test-values.h"

#include <string.h>

static void transport_iface_init (RtkTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestTransport,
                               rtk_test_transport,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_TRANSPORT, transport_iface_init))

enum { PROP_0, PROP_STATE, PROP_USER, PROP_ROLE, PROP_STATION_ID, PROP_CODE_KEY };

typedef void (*Deed) (RtkTestTransport *self, GTask *task);

/* As the real one: what does not get through leaves the state behind it. */
static gboolean
is_away (RtkTestTransport *self, GTask *task)
{
  if (self->offline) {
    rtk_test_transport_set_state (self, RTK_SERVER_OFFLINE);
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_OFFLINE, "The server is away");
    return TRUE;
  }
  if (self->state == RTK_SERVER_OFFLINE)
    rtk_test_transport_set_state (self, RTK_SERVER_ONLINE);
  return FALSE;
}

static void
do_or_hold (RtkTestTransport *self, GTask *task, Deed deed)
{
  g_task_set_source_tag (task, deed);
  g_queue_push_tail (&self->pending, task);
  if (!self->hold)
    rtk_test_transport_answer (self);
}

static void
sign_in_async (RtkTransport       *transport,
               const char         *user,
               const char         *password,
               GCancellable       *cancellable,
               GAsyncReadyCallback callback,
               gpointer            user_data)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (transport);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  if (is_away (self, task))
    return;
  if (strcmp (password, "right") != 0) {
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_UNAUTHORIZED, "Wrong name or password");
    return;
  }
  g_free (self->user);
  self->user = g_strdup (user);
  rtk_test_transport_set_state (self, RTK_SERVER_ONLINE);
  g_task_return_boolean (task, TRUE);
}

static void
pull_async (RtkTransport       *transport,
            const char         *cursor,
            guint               limit,
            GCancellable       *cancellable,
            GAsyncReadyCallback callback,
            gpointer            user_data)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (transport);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  RtkChangePage *page;

  if (is_away (self, task))
    return;
  g_ptr_array_add (self->cursors, g_strdup (cursor));
  page = g_queue_pop_head (&self->pages);
  if (page == NULL) {
    page = g_new0 (RtkChangePage, 1);
    page->epoch = g_strdup (self->epoch);
    page->cursor = g_strdup (cursor);
    page->orders = g_ptr_array_new_with_free_func (g_object_unref);
  }
  g_task_return_pointer (task, page, (GDestroyNotify)rtk_change_page_free);
}

static RtkChangePage *
pull_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
has_photos (RtkTestTransport *self, RtkOperation *operation)
{
  JsonArray *photos = json_object_get_array_member (rtk_operation_get_body (operation), "photos");

  for (guint i = 0; i < json_array_get_length (photos); i++)
    if (!g_hash_table_contains (self->photos, json_array_get_string_element (photos, i)))
      return FALSE;
  return TRUE;
}

static RtkResult *
apply (RtkTestTransport *self, RtkOperation *operation)
{
  const char *id = rtk_operation_get_id (operation);
  gpointer    outcome = NULL;
  RtkResult  *result = g_new0 (RtkResult, 1);

  result->operation_id = g_strdup (id);
  if (g_hash_table_lookup_extended (self->outcomes, id, NULL, &outcome)) {
    result->outcome = (RtkOutcome)GPOINTER_TO_INT (outcome);
    result->problem = g_strdup ("As the test says");
  } else if (g_hash_table_contains (self->applied, id)) {
    result->outcome = RTK_OUTCOME_DUPLICATE;
  } else if (self->require_photos && !has_photos (self, operation)) {
    result->outcome = RTK_OUTCOME_RETRY;
    result->problem = g_strdup ("A photo is missing");
  } else {
    result->outcome = RTK_OUTCOME_APPLIED;
    g_hash_table_add (self->applied, g_strdup (id));
  }
  return result;
}

static void
do_push (RtkTestTransport *self, GTask *task)
{
  GPtrArray *operations = g_task_get_task_data (task);
  g_autoptr (GPtrArray) results = NULL;

  if (is_away (self, task))
    return;
  results = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_result_free);
  for (guint i = 0; i < operations->len; i++) {
    RtkOperation *operation = g_ptr_array_index (operations, i);

    if (g_strcmp0 (rtk_operation_get_id (operation), self->poison) == 0) {
      g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_SERVER, "It fell over");
      return;
    }
  }
  for (guint i = 0; i < operations->len; i++) {
    RtkOperation *operation = g_ptr_array_index (operations, i);

    if (g_strcmp0 (rtk_operation_get_id (operation), self->silent) != 0)
      g_ptr_array_insert (results, 0, apply (self, operation)); /* in no promised order */
  }
  if (self->lose_answers > 0) {
    self->lose_answers--;
    rtk_test_transport_set_state (self, RTK_SERVER_OFFLINE);
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_OFFLINE, "The answer was lost");
    return;
  }
  g_task_return_pointer (task, g_steal_pointer (&results), (GDestroyNotify)g_ptr_array_unref);
}

static void
push_async (RtkTransport       *transport,
            GPtrArray          *operations,
            GCancellable       *cancellable,
            GAsyncReadyCallback callback,
            gpointer            user_data)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (transport);
  GTask            *task = g_task_new (self, cancellable, callback, user_data);
  GPtrArray        *copy = g_ptr_array_new_with_free_func (g_object_unref);

  self->n_pushes++;
  for (guint i = 0; i < operations->len; i++)
    g_ptr_array_add (copy, g_object_ref (g_ptr_array_index (operations, i)));
  g_task_set_task_data (task, copy, (GDestroyNotify)g_ptr_array_unref);
  do_or_hold (self, task, do_push);
}

static GPtrArray *
push_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
upload_read_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  RtkTestTransport *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  gsize size = 0;
  g_autoptr (GInputStream) stream =
      rtk_vault_open_finish (RTK_VAULT (object), result, &size, &error);

  if (stream == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  g_hash_table_add (self->photos, g_strdup (g_task_get_task_data (task)));
  g_task_return_boolean (task, TRUE);
}

static void
upload_async (RtkTransport       *transport,
              const char         *sha256,
              RtkVault           *vault,
              RtkProgressFunc     progress,
              gpointer            progress_data,
              GCancellable       *cancellable,
              GAsyncReadyCallback callback,
              gpointer            user_data)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (transport);
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  self->n_uploads++;
  if (is_away (self, task))
    return;
  g_task_set_task_data (task, g_strdup (sha256), g_free);
  rtk_vault_open_async (vault, sha256, cancellable, upload_read_cb, g_steal_pointer (&task));
}

static void
do_fetch (RtkTestTransport *self, GTask *task)
{
  if (is_away (self, task))
    return;
  if (!g_hash_table_contains (self->photos, g_task_get_task_data (task)))
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_NOT_FOUND, "No such photo");
  else
    g_task_return_pointer (task, g_bytes_new_static ("old", 3), (GDestroyNotify)g_bytes_unref);
}

static void
fetch_async (RtkTransport       *transport,
             const char         *sha256,
             GCancellable       *cancellable,
             GAsyncReadyCallback callback,
             gpointer            user_data)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (transport);
  GTask            *task = g_task_new (self, cancellable, callback, user_data);

  self->n_fetches++;
  g_task_set_task_data (task, g_strdup (sha256), g_free);
  do_or_hold (self, task, do_fetch);
}

static GBytes *
fetch_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
done_finish (RtkTransport *transport, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
transport_iface_init (RtkTransportInterface *iface)
{
  iface->sign_in_async = sign_in_async;
  iface->pull_async = pull_async;
  iface->pull_finish = pull_finish;
  iface->push_async = push_async;
  iface->push_finish = push_finish;
  iface->upload_async = upload_async;
  iface->fetch_async = fetch_async;
  iface->fetch_finish = fetch_finish;
  iface->done_finish = done_finish;
}

static void
rtk_test_transport_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (object);

  switch (id) {
  case PROP_STATE:
    g_value_set_int (value, (int)self->state);
    break;
  case PROP_USER:
    g_value_set_string (value, self->user);
    break;
  case PROP_ROLE:
    g_value_set_int (value, RTK_ROLE_OPERATOR);
    break;
  case PROP_STATION_ID:
    g_value_set_string (value, self->user == NULL ? NULL : "station-1");
    break;
  case PROP_CODE_KEY:
    g_value_take_boxed (value, g_bytes_new_static ("0123456789abcdef0123456789abcdef", 32));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_test_transport_finalize (GObject *object)
{
  RtkTestTransport *self = RTK_TEST_TRANSPORT (object);

  g_queue_clear_full (&self->pages, (GDestroyNotify)rtk_change_page_free);
  g_queue_clear_full (&self->pending, g_object_unref);
  g_hash_table_unref (self->outcomes);
  g_hash_table_unref (self->applied);
  g_hash_table_unref (self->photos);
  g_ptr_array_unref (self->cursors);
  g_free (self->poison);
  g_free (self->silent);
  g_free (self->user);
  g_free (self->epoch);
  G_OBJECT_CLASS (rtk_test_transport_parent_class)->finalize (object);
}

static void
rtk_test_transport_class_init (RtkTestTransportClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = rtk_test_transport_get_property;
  object_class->finalize = rtk_test_transport_finalize;
  g_object_class_override_property (object_class, PROP_STATE, "state");
  g_object_class_override_property (object_class, PROP_USER, "user");
  g_object_class_override_property (object_class, PROP_ROLE, "role");
  g_object_class_override_property (object_class, PROP_STATION_ID, "station-id");
  g_object_class_override_property (object_class, PROP_CODE_KEY, "code-key");
}

static void
rtk_test_transport_init (RtkTestTransport *self)
{
  g_queue_init (&self->pages);
  g_queue_init (&self->pending);
  self->state = RTK_SERVER_ONLINE;
  self->epoch = g_strdup ("epoch-1");
  self->outcomes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->applied = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->photos = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->cursors = g_ptr_array_new_with_free_func (g_free);
}

RtkTestTransport *
rtk_test_transport_new (void)
{
  return g_object_new (RTK_TYPE_TEST_TRANSPORT, NULL);
}

void
rtk_test_transport_set_state (RtkTestTransport *self, RtkServerState state)
{
  if (self->state == state)
    return;
  self->state = state;
  g_object_notify (G_OBJECT (self), "state");
}

void
rtk_test_transport_add_page (RtkTestTransport *self,
                             const char       *epoch,
                             const char       *cursor,
                             guint             n,
                             gint64            revision,
                             gboolean          more)
{
  RtkChangePage *page = g_new0 (RtkChangePage, 1);

  page->epoch = g_strdup (epoch);
  page->cursor = g_strdup (cursor);
  page->more = more;
  page->orders = g_ptr_array_new_with_free_func (g_object_unref);
  if (n > 0)
    g_ptr_array_add (page->orders, rtk_test_order_new (n, revision, "paid", "\"pose\"", NULL));
  g_queue_push_tail (&self->pages, page);
}

void
rtk_test_transport_answer (RtkTestTransport *self)
{
  g_autoptr (GTask) task = g_queue_pop_head (&self->pending);

  g_assert_nonnull (task);
  ((Deed)g_task_get_source_tag (task)) (self, task);
}
