/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "store/rtk-sqlite-store.h"

#include "core/rtk-error.h"
#include "store/rtk-sqlite-store-private.h"

#include <sodium.h>
#include <string.h>

struct _RtkSqliteStore {
  GObject         parent_instance;
  RtkWorker      *worker; /* (owned) (nullable): NULL once closed; works on an RtkStoreState */
  RtkFileVault   *vault;  /* (owned) */
  RtkVaultSigner *signer; /* (owned): shared with the worker, has its own lock */
  RtkKeyCost      cost;
  /* As of the last answer. */
  guint    outbox_length;
  gboolean is_unlocked;
  gboolean has_keyring;
  char    *station_id; /* (owned) (nullable) */
};

/* How the store stands after a call, on its way to the main thread. */
typedef struct {
  RtkSqliteStore *store; /* (owned) */
  RtkStoreChanged what;
  guint           outbox_length;
  gboolean        is_unlocked;
  gboolean        has_keyring;
  char           *station_id;
} News;

enum {
  PROP_0,
  PROP_UNLOCKED,
  PROP_HAS_KEYRING,
  PROP_STATION_ID,
  N_PROPERTIES,
  PROP_OUTBOX_LENGTH = N_PROPERTIES,
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkSqliteStore,
                               rtk_sqlite_store,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_STORE, rtk_sqlite_store_iface_init))

RtkStoreCall *
rtk_store_call_new (const char *first, const char *second, const char *third)
{
  RtkStoreCall *call = g_new0 (RtkStoreCall, 1);

  call->text[0] = g_strdup (first);
  call->text[1] = g_strdup (second);
  call->text[2] = g_strdup (third);
  return call;
}

void
rtk_store_call_free (gpointer data)
{
  RtkStoreCall *call = data;

  for (guint i = 0; i < G_N_ELEMENTS (call->text); i++) {
    if (call->text[i] != NULL)
      sodium_memzero (call->text[i], strlen (call->text[i]));
    g_free (call->text[i]);
  }
  g_clear_object (&call->object);
  g_clear_pointer (&call->photo, rtk_photo_unref);
  g_clear_pointer (&call->array, g_ptr_array_unref);
  g_clear_pointer (&call->bytes, g_bytes_unref);
  rtk_blob_clear (&call->blob);
  g_free (call);
}

/* Hands a call to the store's thread; takes @call. */
void
rtk_sqlite_store_push (RtkSqliteStore     *self,
                       gpointer            tag,
                       RtkStoreCall       *call,
                       RtkWorkerFunc       work,
                       GCancellable       *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, call, rtk_store_call_free);
  /* What was committed is said to be, even when nobody wants to know any more. */
  g_task_set_check_cancellable (task, FALSE);
  if (self->worker == NULL)
    g_task_return_new_error (task, RTK_ERROR, RTK_ERROR_BAD_STATE, "the data folder is closed");
  else
    rtk_worker_push (self->worker, task, work);
}

const RtkKeyCost *
rtk_sqlite_store_get_key_cost (RtkSqliteStore *self)
{
  return &self->cost;
}

static void
news_free (gpointer data)
{
  News *news = data;

  g_clear_object (&news->store);
  g_free (news->station_id);
  g_free (news);
}

static gboolean
news_cb (gpointer data)
{
  News           *news = data;
  RtkSqliteStore *self = news->store;
  GObject        *object = G_OBJECT (self);

  g_object_freeze_notify (object);
  if (self->outbox_length != news->outbox_length) {
    self->outbox_length = news->outbox_length;
    g_object_notify (object, "outbox-length");
  }
  if (self->is_unlocked != news->is_unlocked) {
    self->is_unlocked = news->is_unlocked;
    g_object_notify_by_pspec (object, properties[PROP_UNLOCKED]);
  }
  if (self->has_keyring != news->has_keyring) {
    self->has_keyring = news->has_keyring;
    g_object_notify_by_pspec (object, properties[PROP_HAS_KEYRING]);
  }
  if (g_strcmp0 (self->station_id, news->station_id) != 0) {
    g_free (self->station_id);
    self->station_id = g_steal_pointer (&news->station_id);
    g_object_notify_by_pspec (object, properties[PROP_STATION_ID]);
  }
  g_object_thaw_notify (object);
  if (news->what & RTK_STORE_CHANGED_ORDERS)
    rtk_store_emit_orders_changed (RTK_STORE (self));
  if (news->what & RTK_STORE_CHANGED_OUTBOX)
    rtk_store_emit_outbox_changed (RTK_STORE (self));
  return G_SOURCE_REMOVE;
}

static News *
news_new (RtkStoreState *state, RtkSqliteStore *store, RtkStoreChanged what)
{
  News *news = g_new0 (News, 1);
  g_autoptr (GError) error = NULL;

  news->what = what;
  news->is_unlocked = state->master != NULL;
  news->station_id = g_strdup (state->station_id);
  if (!rtk_store_outbox_count (state, &news->outbox_length, &error) ||
      !rtk_keyring_exists (state->db, &news->has_keyring, &error)) {
    g_message ("the store cannot say how it stands: %s", error->message);
    news->outbox_length = store->outbox_length;
    news->has_keyring = store->has_keyring;
  }
  return news;
}

/* Tells the main thread how the store stands now; before the task's own answer, which is queued
 * after it with the same priority. On the store's thread. */
void
rtk_sqlite_store_announce (GTask *task, RtkStoreState *state, RtkStoreChanged what)
{
  RtkSqliteStore *self = g_task_get_source_object (task);
  News           *news = news_new (state, self, what);
  g_autoptr (GSource) source = g_idle_source_new ();

  news->store = g_object_ref (self);
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, news_cb, news, news_free);
  g_source_attach (source, g_task_get_context (task));
}

/* Answers a call that gives nothing but success; takes @error. */
void
rtk_sqlite_store_answer (
    GTask *task, RtkStoreState *state, gboolean done, GError *error, RtkStoreChanged what)
{
  if (!done) {
    g_task_return_error (task, error);
    return;
  }
  if (what != RTK_STORE_CHANGED_NOTHING)
    rtk_sqlite_store_announce (task, state, what);
  g_task_return_boolean (task, TRUE);
}

static void
rtk_sqlite_store_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkSqliteStore *self = RTK_SQLITE_STORE (object);

  switch (id) {
  case PROP_UNLOCKED:
    g_value_set_boolean (value, self->is_unlocked);
    break;
  case PROP_HAS_KEYRING:
    g_value_set_boolean (value, self->has_keyring);
    break;
  case PROP_STATION_ID:
    g_value_set_string (value, self->station_id);
    break;
  case PROP_OUTBOX_LENGTH:
    g_value_set_uint (value, self->outbox_length);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_sqlite_store_dispose (GObject *object)
{
  rtk_sqlite_store_close (RTK_SQLITE_STORE (object));
  G_OBJECT_CLASS (rtk_sqlite_store_parent_class)->dispose (object);
}

static void
rtk_sqlite_store_finalize (GObject *object)
{
  RtkSqliteStore *self = RTK_SQLITE_STORE (object);

  g_clear_object (&self->vault);
  g_clear_object (&self->signer);
  g_free (self->station_id);
  G_OBJECT_CLASS (rtk_sqlite_store_parent_class)->finalize (object);
}

static void
rtk_sqlite_store_class_init (RtkSqliteStoreClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_sqlite_store_get_property;
  object_class->dispose = rtk_sqlite_store_dispose;
  object_class->finalize = rtk_sqlite_store_finalize;
  properties[PROP_UNLOCKED] = g_param_spec_boolean ("unlocked", NULL, NULL, FALSE, flags);
  properties[PROP_HAS_KEYRING] = g_param_spec_boolean ("has-keyring", NULL, NULL, FALSE, flags);
  properties[PROP_STATION_ID] = g_param_spec_string ("station-id", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  g_object_class_override_property (object_class, PROP_OUTBOX_LENGTH, "outbox-length");
}

static void
rtk_sqlite_store_init (RtkSqliteStore *self)
{
  self->signer = rtk_vault_signer_new ();
  self->cost = rtk_key_cost_staff;
}

static void
start_worker (RtkSqliteStore *self, RtkStoreState *state)
{
  self->worker = rtk_worker_new ("store", state, (GDestroyNotify)rtk_store_state_free);
  self->vault = rtk_file_vault_new (self->worker);
}

/* Before anybody else knows the store: by the thread that opens it. */
static void
take_first_news (RtkSqliteStore *self, RtkStoreState *state)
{
  News *news = news_new (state, self, RTK_STORE_CHANGED_NOTHING);

  self->outbox_length = news->outbox_length;
  self->has_keyring = news->has_keyring;
  self->station_id = g_steal_pointer (&news->station_id);
  news_free (news);
}

/**
 * rtk_sqlite_store_open:
 * @folder: the data folder; made when it is not there
 * @clock: for release and back-off; used on the store's thread
 * @mode: whether to write
 * @error: %RTK_ERROR_IN_USE, %RTK_ERROR_READ_ONLY, %RTK_ERROR_DISK_FULL, %RTK_ERROR_TOO_NEW,
 *   %RTK_ERROR_DAMAGED, %RTK_ERROR_NOT_FOUND (nothing to read), %RTK_ERROR_STORAGE
 *
 * Opens a data folder and blocks until it is open: for programs without a window. What was held in
 * the outbox is released. The store is locked until rtk_sqlite_store_unlock_async().
 *
 * Returns: (transfer full): the store, or %NULL
 */
RtkSqliteStore *
rtk_sqlite_store_open (const char *folder, RtkClock *clock, RtkSqliteStoreMode mode, GError **error)
{
  g_autoptr (RtkSqliteStore) self = g_object_new (RTK_TYPE_SQLITE_STORE, NULL);
  g_autoptr (RtkStoreState) state =
      rtk_store_state_new (folder, clock, mode == RTK_SQLITE_STORE_READ, self->signer);

  if (!rtk_store_state_open (state, error))
    return NULL;
  take_first_news (self, state);
  start_worker (self, g_steal_pointer (&state));
  return g_steal_pointer (&self);
}

static void
open_work (GTask *task, gpointer data)
{
  RtkSqliteStore *self = g_task_get_task_data (task);
  GError         *error = NULL;

  if (!rtk_store_state_open (data, &error)) {
    g_task_return_error (task, error);
    return;
  }
  take_first_news (self, data);
  g_task_return_pointer (task, g_object_ref (self), g_object_unref);
}

/**
 * rtk_sqlite_store_new_async:
 * @folder: the data folder; made when it is not there
 * @clock: for release and back-off; used on the store's thread
 * @mode: whether to write
 * @cancellable: (nullable): stops it before it began
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Opens a data folder without blocking; see rtk_sqlite_store_open().
 */
void
rtk_sqlite_store_new_async (const char         *folder,
                            RtkClock           *clock,
                            RtkSqliteStoreMode  mode,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  RtkSqliteStore *self = g_object_new (RTK_TYPE_SQLITE_STORE, NULL);
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, rtk_sqlite_store_new_async);
  start_worker (self,
                rtk_store_state_new (folder, clock, mode == RTK_SQLITE_STORE_READ, self->signer));
  g_task_set_task_data (task, self, g_object_unref);
  rtk_worker_push (self->worker, task, open_work);
}

/**
 * rtk_sqlite_store_new_finish:
 * @result: what the callback was given
 * @error: as rtk_sqlite_store_open()
 *
 * Returns: (transfer full): the store, or %NULL
 */
RtkSqliteStore *
rtk_sqlite_store_new_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_sqlite_store_new_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * rtk_sqlite_store_close:
 * @self: a store
 *
 * Finishes what was asked for, closes the database, gives the folder back and joins the thread: at
 * the end of the program. Later calls answer with %RTK_ERROR_BAD_STATE. Blocks for the length of
 * the work that waits.
 */
void
rtk_sqlite_store_close (RtkSqliteStore *self)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self));

  if (self->vault != NULL)
    rtk_file_vault_close (self->vault);
  g_clear_pointer (&self->worker, rtk_worker_free);
}

/**
 * rtk_sqlite_store_set_key_cost:
 * @self: a store
 * @cost: what trying a passphrase shall cost
 *
 * Sets the cost of passphrases that are set from now on; without it %rtk_key_cost_staff.
 */
void
rtk_sqlite_store_set_key_cost (RtkSqliteStore *self, const RtkKeyCost *cost)
{
  g_return_if_fail (RTK_IS_SQLITE_STORE (self) && cost != NULL);

  self->cost = *cost;
}

/**
 * rtk_sqlite_store_is_unlocked:
 * @self: a store
 *
 * Returns: whether the keys are there
 */
gboolean
rtk_sqlite_store_is_unlocked (RtkSqliteStore *self)
{
  g_return_val_if_fail (RTK_IS_SQLITE_STORE (self), FALSE);

  return self->is_unlocked;
}

/**
 * rtk_sqlite_store_has_keyring:
 * @self: a store
 *
 * Returns: whether a data key was ever made; if not, rtk_sqlite_store_create_async() comes first
 */
gboolean
rtk_sqlite_store_has_keyring (RtkSqliteStore *self)
{
  g_return_val_if_fail (RTK_IS_SQLITE_STORE (self), FALSE);

  return self->has_keyring;
}

/**
 * rtk_sqlite_store_dup_station_id:
 * @self: a store
 *
 * Returns: (transfer full) (nullable): the station's id, %NULL before it is enrolled
 */
char *
rtk_sqlite_store_dup_station_id (RtkSqliteStore *self)
{
  g_return_val_if_fail (RTK_IS_SQLITE_STORE (self), NULL);

  return g_strdup (self->station_id);
}

/**
 * rtk_sqlite_store_get_vault:
 * @self: a store
 *
 * Returns: (transfer none): its photos
 */
RtkVault *
rtk_sqlite_store_get_vault (RtkSqliteStore *self)
{
  g_return_val_if_fail (RTK_IS_SQLITE_STORE (self), NULL);

  return RTK_VAULT (self->vault);
}

/**
 * rtk_sqlite_store_get_signer:
 * @self: a store
 *
 * Returns: (transfer none): the station's signing key; it has no id before the keyring is made, and
 *   signs only while the store is unlocked
 */
RtkSigner *
rtk_sqlite_store_get_signer (RtkSqliteStore *self)
{
  g_return_val_if_fail (RTK_IS_SQLITE_STORE (self), NULL);

  return RTK_SIGNER (self->signer);
}
