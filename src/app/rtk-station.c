/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-app"
#include "config.h"

#include "app/rtk-station.h"

#include "net/rtk-http-transport.h"
#include "vision/rtk-vision-analyser.h"

#include <string.h>

#define RULES "chsi-diploma"

struct _RtkStation {
  GObject           parent_instance;
  char             *folder;    /* (owned) */
  RtkClock         *clock;     /* (owned) */
  RtkRulePack      *pack;      /* (owned) */
  RtkAnalyser      *analyser;  /* (owned) */
  RtkGstCamera     *camera;    /* (owned) */
  RtkSqliteStore   *store;     /* (owned) (nullable): NULL until opened */
  RtkTransport     *transport; /* (owned) (nullable): NULL until connected, like the rest */
  RtkRetakeSession *retake;    /* (owned) (nullable) */
  RtkSyncSession   *sync;      /* (owned) (nullable) */
  RtkStatus        *status;    /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (RtkStation, rtk_station, G_TYPE_OBJECT)

/* The sessions first, then what they stand on. Ends with every worker joined. */
static void
rtk_station_dispose (GObject *object)
{
  RtkStation *self = RTK_STATION (object);

  g_clear_object (&self->status);
  g_clear_object (&self->sync);
  g_clear_object (&self->retake);
  g_clear_object (&self->transport);
  if (self->camera != NULL)
    rtk_camera_stop (RTK_CAMERA (self->camera));
  g_clear_object (&self->camera);
  g_clear_object (&self->analyser);
  if (self->store != NULL)
    rtk_sqlite_store_close (self->store);
  g_clear_object (&self->store);
  G_OBJECT_CLASS (rtk_station_parent_class)->dispose (object);
}

static void
rtk_station_finalize (GObject *object)
{
  RtkStation *self = RTK_STATION (object);

  g_free (self->folder);
  g_clear_object (&self->clock);
  g_clear_pointer (&self->pack, rtk_rule_pack_unref);
  G_OBJECT_CLASS (rtk_station_parent_class)->finalize (object);
}

static void
rtk_station_class_init (RtkStationClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = rtk_station_dispose;
  G_OBJECT_CLASS (klass)->finalize = rtk_station_finalize;
}

static void
rtk_station_init (RtkStation *self)
{
}

/**
 * rtk_station_new:
 * @folder: the data folder
 * @models_dir: where the networks lie; they are loaded by the worker, when first needed
 * @error: return location
 *
 * Returns: (transfer full): a station that is not open, or %NULL without usable rules
 */
RtkStation *
rtk_station_new (const char *folder, const char *models_dir, GError **error)
{
  g_autoptr (RtkStation) self = g_object_new (RTK_TYPE_STATION, NULL);

  self->folder = g_strdup (folder);
  self->clock = rtk_system_clock_new ();
  self->pack = rtk_rule_pack_load (RULES, error);
  if (self->pack == NULL)
    return NULL;
  self->analyser = RTK_ANALYSER (rtk_vision_analyser_new (models_dir));
  self->camera = rtk_gst_camera_new ();
  return g_steal_pointer (&self);
}

static void
store_opened_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  RtkStation *self = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;

  self->store = rtk_sqlite_store_new_finish (result, &error);
  if (self->store == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_boolean (task, TRUE);
}

/**
 * rtk_station_open_async:
 * @self: a station that is not open
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Opens the data folder, and locks it for this program.
 */
void
rtk_station_open_async (RtkStation *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, rtk_station_open_async);
  rtk_sqlite_store_new_async (self->folder, self->clock, RTK_SQLITE_STORE_WRITE, NULL,
                              store_opened_cb, task);
}

/**
 * rtk_station_open_finish:
 * @self: a station
 * @result: what the callback got
 * @error: return location; %RTK_ERROR_IN_USE when another program has the folder
 *
 * Returns: whether the folder is open
 */
gboolean
rtk_station_open_finish (RtkStation *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_station_open_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
free_space_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GFileInfo) info =
      g_file_query_filesystem_info_finish (G_FILE (object), result, &error);

  if (info == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_int (
        task, (gssize)g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE));
}

static void
query_free_space (GFile              *folder,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_file_query_filesystem_info_async (folder, G_FILE_ATTRIBUTE_FILESYSTEM_FREE, G_PRIORITY_LOW,
                                      cancellable, free_space_cb, task);
}

static void
attention_cb (RtkStation *self)
{
  rtk_status_set_attention (self->status, rtk_sync_session_get_attention (self->sync));
}

/**
 * rtk_station_connect:
 * @self: a station that is open and unlocked
 * @url: of the server
 * @error: return location
 *
 * Builds the sessions on top of the folder, the camera and the server at @url, in the place of
 * earlier ones, which must not be in use any more. Nobody is signed in yet, and work does not wait
 * for it.
 *
 * Returns: whether @url can be one
 */
gboolean
rtk_station_connect (RtkStation *self, const char *url, GError **error)
{
  RtkStore *store;
  RtkVault *vault;
  g_autoptr (GFile) folder = NULL;
  RtkHttpTransport *transport;

  g_return_val_if_fail (RTK_IS_STATION (self) && self->store != NULL, FALSE);

  transport = rtk_http_transport_new (url, rtk_sqlite_store_get_signer (self->store),
                                      g_get_host_name (), error);
  if (transport == NULL)
    return FALSE;
  /* A second address after a mistyped one: nothing shows the sessions of the first yet. */
  if (self->sync != NULL)
    rtk_sync_session_stop (self->sync);
  g_clear_object (&self->status);
  g_clear_object (&self->sync);
  g_clear_object (&self->retake);
  g_clear_object (&self->transport);
  self->transport = RTK_TRANSPORT (transport);
  store = RTK_STORE (self->store);
  vault = rtk_sqlite_store_get_vault (self->store);
  folder = g_file_new_for_path (self->folder);
  self->retake = rtk_retake_session_new (RTK_CAMERA (self->camera), self->analyser, store, vault,
                                         self->transport, self->clock, self->pack);
  self->sync = rtk_sync_session_new (store, vault, self->transport, self->clock);
  self->status = rtk_status_new (RTK_CAMERA (self->camera), store, self->transport, self->clock,
                                 folder, query_free_space);
  g_signal_connect_object (self->sync, "notify::attention", G_CALLBACK (attention_cb), self,
                           G_CONNECT_SWAPPED);
  rtk_sync_session_start (self->sync);
  return TRUE;
}

/**
 * rtk_station_use_camera:
 * @self: a station
 * @id: (nullable): of a camera, or "replay:FILE"; %NULL = the first there is
 * @error: return location; %RTK_ERROR_NOT_FOUND for a file that is not there
 *
 * Chooses the camera and starts it.
 *
 * Returns: whether it could be chosen; whether it is there shows in its state
 */
gboolean
rtk_station_use_camera (RtkStation *self, const char *id, GError **error)
{
  if (id != NULL && g_str_has_prefix (id, "replay:")) {
    if (!rtk_gst_camera_add_replay (self->camera, id + strlen ("replay:"), error))
      return FALSE;
  }
  rtk_camera_select (RTK_CAMERA (self->camera), id);
  rtk_camera_start (RTK_CAMERA (self->camera));
  return TRUE;
}

static void
retake_ended_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  g_autoptr (GError) error = NULL;

  if (!rtk_retake_session_shutdown_finish (RTK_RETAKE_SESSION (object), result, &error))
    g_warning ("What was held could not be released: %s", error->message);
  g_task_return_boolean (task, TRUE);
}

/**
 * rtk_station_shutdown_async:
 * @self: a station
 * @callback: called on the main thread; drop the last reference then
 * @user_data: for @callback
 *
 * Ends the work: what is held is released, the camera stops.
 */
void
rtk_station_shutdown_async (RtkStation *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  rtk_camera_stop (RTK_CAMERA (self->camera));
  if (self->sync != NULL)
    rtk_sync_session_stop (self->sync);
  if (self->retake != NULL) {
    rtk_retake_session_shutdown_async (self->retake, retake_ended_cb, task);
    return;
  }
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/**
 * rtk_station_get_folder:
 * @self: a station
 *
 * Returns: (transfer none): the data folder
 */
const char *
rtk_station_get_folder (RtkStation *self)
{
  return self->folder;
}

/**
 * rtk_station_get_store:
 * @self: a station
 *
 * Returns: (transfer none) (nullable): its store, %NULL until it is open
 */
RtkSqliteStore *
rtk_station_get_store (RtkStation *self)
{
  return self->store;
}

/**
 * rtk_station_get_camera:
 * @self: a station
 *
 * Returns: (transfer none): its camera
 */
RtkCamera *
rtk_station_get_camera (RtkStation *self)
{
  return RTK_CAMERA (self->camera);
}

/**
 * rtk_station_get_analyser:
 * @self: a station
 *
 * Returns: (transfer none): its eye
 */
RtkAnalyser *
rtk_station_get_analyser (RtkStation *self)
{
  return self->analyser;
}

/**
 * rtk_station_get_pack:
 * @self: a station
 *
 * Returns: (transfer none): the rules in force
 */
RtkRulePack *
rtk_station_get_pack (RtkStation *self)
{
  return self->pack;
}

/**
 * rtk_station_get_retake:
 * @self: a station
 *
 * Returns: (transfer none) (nullable): what is done at the desk, %NULL until connected
 */
RtkRetakeSession *
rtk_station_get_retake (RtkStation *self)
{
  return self->retake;
}

/**
 * rtk_station_get_sync:
 * @self: a station
 *
 * Returns: (transfer none) (nullable): the exchange with the server, %NULL until connected
 */
RtkSyncSession *
rtk_station_get_sync (RtkStation *self)
{
  return self->sync;
}

/**
 * rtk_station_get_status:
 * @self: a station
 *
 * Returns: (transfer none) (nullable): its lights, %NULL until connected
 */
RtkStatus *
rtk_station_get_status (RtkStation *self)
{
  return self->status;
}
