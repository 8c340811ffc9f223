/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-status.h"

#define DISK_SECONDS 10

struct _RtkLight {
  GObject         parent_instance;
  RtkLightKind    kind;
  RtkLightLevel   level;
  RtkLightMessage message;
  gint64          value;
  char           *name; /* (owned) (nullable) */
};

struct _RtkStatus {
  GObject          parent_instance;
  RtkCamera       *camera;    /* (owned) (nullable) */
  RtkStore        *store;     /* (owned) */
  RtkTransport    *transport; /* (owned) (nullable) */
  RtkClock        *clock;     /* (owned) */
  GFile           *folder;    /* (owned) */
  RtkFreeSpaceFunc free_space;
  RtkLight        *lights[RTK_N_LIGHTS]; /* (owned) */
  RtkLightLevel    level;
  guint            attention;
  gint64           offline_since;
  GCancellable    *cancellable; /* (owned) */
  gboolean         asking;      /* for the free space: one question at a time */
  guint            disk_id;
};

static void rtk_status_list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE (RtkLight, rtk_light, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE_WITH_CODE (RtkStatus,
                               rtk_status,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL,
                                                      rtk_status_list_model_init))

enum {
  LIGHT_PROP_0,
  LIGHT_PROP_KIND,
  LIGHT_PROP_LEVEL,
  LIGHT_PROP_MESSAGE,
  LIGHT_PROP_VALUE,
  LIGHT_PROP_NAME,
  N_LIGHT_PROPS
};
enum { STATUS_PROP_0, STATUS_PROP_LEVEL, STATUS_PROP_N_ITEMS, N_STATUS_PROPS };

static GParamSpec *light_properties[N_LIGHT_PROPS];
static GParamSpec *status_properties[N_STATUS_PROPS];

static void
rtk_light_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkLight *self = RTK_LIGHT (object);

  switch (id) {
  case LIGHT_PROP_KIND:
    g_value_set_int (value, (int)self->kind);
    break;
  case LIGHT_PROP_LEVEL:
    g_value_set_int (value, (int)self->level);
    break;
  case LIGHT_PROP_MESSAGE:
    g_value_set_int (value, (int)self->message);
    break;
  case LIGHT_PROP_VALUE:
    g_value_set_int64 (value, self->value);
    break;
  case LIGHT_PROP_NAME:
    g_value_set_string (value, self->name);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_light_finalize (GObject *object)
{
  g_free (RTK_LIGHT (object)->name);
  G_OBJECT_CLASS (rtk_light_parent_class)->finalize (object);
}

static void
rtk_light_class_init (RtkLightClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_light_get_property;
  object_class->finalize = rtk_light_finalize;
  light_properties[LIGHT_PROP_KIND] =
      g_param_spec_int ("kind", NULL, NULL, 0, RTK_N_LIGHTS - 1, 0, flags);
  light_properties[LIGHT_PROP_LEVEL] =
      g_param_spec_int ("level", NULL, NULL, RTK_LIGHT_OFF, RTK_LIGHT_BAD, RTK_LIGHT_OFF, flags);
  light_properties[LIGHT_PROP_MESSAGE] =
      g_param_spec_int ("message", NULL, NULL, 0, RTK_N_LIGHT_MESSAGES - 1, 0, flags);
  light_properties[LIGHT_PROP_VALUE] =
      g_param_spec_int64 ("value", NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
  light_properties[LIGHT_PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_LIGHT_PROPS, light_properties);
}

static void
rtk_light_init (RtkLight *self)
{
}

static void
update_level (RtkStatus *self)
{
  RtkLightLevel level = RTK_LIGHT_OFF;

  for (guint i = 0; i < RTK_N_LIGHTS; i++)
    level = MAX (level, self->lights[i]->level);
  if (level == self->level)
    return;
  self->level = level;
  g_object_notify_by_pspec (G_OBJECT (self), status_properties[STATUS_PROP_LEVEL]);
}

static void
set_light (RtkStatus      *self,
           RtkLightKind    kind,
           RtkLightLevel   level,
           RtkLightMessage message,
           gint64          value,
           const char     *name)
{
  RtkLight *light = self->lights[kind];

  g_object_freeze_notify (G_OBJECT (light));
  if (light->level != level) {
    light->level = level;
    g_object_notify_by_pspec (G_OBJECT (light), light_properties[LIGHT_PROP_LEVEL]);
  }
  if (light->message != message) {
    light->message = message;
    g_object_notify_by_pspec (G_OBJECT (light), light_properties[LIGHT_PROP_MESSAGE]);
  }
  if (light->value != value) {
    light->value = value;
    g_object_notify_by_pspec (G_OBJECT (light), light_properties[LIGHT_PROP_VALUE]);
  }
  if (g_strcmp0 (light->name, name) != 0) {
    g_free (light->name);
    light->name = g_strdup (name);
    g_object_notify_by_pspec (G_OBJECT (light), light_properties[LIGHT_PROP_NAME]);
  }
  g_object_thaw_notify (G_OBJECT (light));
  update_level (self);
}

static void
update_camera (RtkStatus *self)
{
  static const struct {
    RtkLightLevel   level;
    RtkLightMessage message;
  } table[] = {
      [RTK_CAMERA_OFF] = {RTK_LIGHT_OFF, RTK_LIGHT_MESSAGE_CAMERA_OFF},
      [RTK_CAMERA_STARTING] = {RTK_LIGHT_BUSY, RTK_LIGHT_MESSAGE_CAMERA_STARTING},
      [RTK_CAMERA_LIVE] = {RTK_LIGHT_OK, RTK_LIGHT_MESSAGE_CAMERA_LIVE},
      [RTK_CAMERA_LOST] = {RTK_LIGHT_BAD, RTK_LIGHT_MESSAGE_CAMERA_LOST},
      [RTK_CAMERA_BUSY] = {RTK_LIGHT_BAD, RTK_LIGHT_MESSAGE_CAMERA_BUSY},
      [RTK_CAMERA_NONE] = {RTK_LIGHT_BAD, RTK_LIGHT_MESSAGE_CAMERA_NONE},
      [RTK_CAMERA_FAILED] = {RTK_LIGHT_BAD, RTK_LIGHT_MESSAGE_CAMERA_FAILED},
  };
  g_autoptr (RtkDevice) device = NULL;
  RtkCameraState state = RTK_CAMERA_OFF;

  if (self->camera != NULL) {
    state = rtk_camera_get_state (self->camera);
    device = rtk_camera_dup_device (self->camera);
  }
  set_light (self, RTK_LIGHT_CAMERA, table[state].level, table[state].message, 0,
             device == NULL ? NULL : rtk_device_get_name (device));
}

static void
update_server (RtkStatus *self)
{
  g_autofree char *user = NULL;
  RtkServerState   state;

  if (self->transport == NULL) {
    set_light (self, RTK_LIGHT_SERVER, RTK_LIGHT_OFF, RTK_LIGHT_MESSAGE_SERVER_NONE, 0, NULL);
    return;
  }
  user = rtk_transport_dup_user (self->transport);
  state = rtk_transport_get_state (self->transport);
  if (state != RTK_SERVER_OFFLINE)
    self->offline_since = 0;
  else if (self->offline_since == 0)
    self->offline_since = rtk_clock_now (self->clock);

  switch (state) {
  case RTK_SERVER_SIGNED_OUT:
    set_light (self, RTK_LIGHT_SERVER, RTK_LIGHT_WARN, RTK_LIGHT_MESSAGE_SERVER_SIGNED_OUT, 0,
               NULL);
    break;
  case RTK_SERVER_ONLINE:
    set_light (self, RTK_LIGHT_SERVER, RTK_LIGHT_OK, RTK_LIGHT_MESSAGE_SERVER_ONLINE, 0, user);
    break;
  case RTK_SERVER_OFFLINE:
  default:
    /* Offline is a normal state: it is worth a look, but nothing is broken. */
    set_light (self, RTK_LIGHT_SERVER, RTK_LIGHT_WARN, RTK_LIGHT_MESSAGE_SERVER_OFFLINE,
               self->offline_since, user);
    break;
  }
}

static void
update_outbox (RtkStatus *self)
{
  guint    n = rtk_store_get_outbox_length (self->store);
  gboolean online =
      self->transport != NULL && rtk_transport_get_state (self->transport) == RTK_SERVER_ONLINE;

  if (self->attention > 0)
    set_light (self, RTK_LIGHT_OUTBOX, RTK_LIGHT_WARN, RTK_LIGHT_MESSAGE_OUTBOX_ATTENTION,
               self->attention, NULL);
  else if (n == 0)
    set_light (self, RTK_LIGHT_OUTBOX, RTK_LIGHT_OK, RTK_LIGHT_MESSAGE_OUTBOX_EMPTY, 0, NULL);
  else
    set_light (self, RTK_LIGHT_OUTBOX, RTK_LIGHT_BUSY,
               online ? RTK_LIGHT_MESSAGE_OUTBOX_SENDING : RTK_LIGHT_MESSAGE_OUTBOX_WAITING, n,
               NULL);
}

static void
update_disk (RtkStatus *self, gint64 free_bytes)
{
  if (free_bytes < 0)
    set_light (self, RTK_LIGHT_DISK, RTK_LIGHT_WARN, RTK_LIGHT_MESSAGE_DISK_UNKNOWN, 0, NULL);
  else if (free_bytes < RTK_STATUS_DISK_BAD)
    set_light (self, RTK_LIGHT_DISK, RTK_LIGHT_BAD, RTK_LIGHT_MESSAGE_DISK_FULL, free_bytes, NULL);
  else if (free_bytes < RTK_STATUS_DISK_WARN)
    set_light (self, RTK_LIGHT_DISK, RTK_LIGHT_WARN, RTK_LIGHT_MESSAGE_DISK_LOW, free_bytes, NULL);
  else
    set_light (self, RTK_LIGHT_DISK, RTK_LIGHT_OK, RTK_LIGHT_MESSAGE_DISK_OK, free_bytes, NULL);
}

static void
camera_changed_cb (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  update_camera (RTK_STATUS (user_data));
}

static void
server_changed_cb (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  update_server (RTK_STATUS (user_data));
  update_outbox (RTK_STATUS (user_data));
}

static void
outbox_changed_cb (GObject *object, gpointer user_data)
{
  update_outbox (RTK_STATUS (user_data));
}

static void
queried_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = G_TASK (user_data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GFileInfo) info =
      g_file_query_filesystem_info_finish (G_FILE (object), result, &error);
  guint64 bytes;

  if (info == NULL) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  if (!g_file_info_has_attribute (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE)) {
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                             "The file system does not say how much is free");
    return;
  }
  bytes = g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE);
  g_task_return_int (task, (gssize)MIN (bytes, (guint64)G_MAXSSIZE));
}

static void
query_free_space (GFile              *folder,
                  GCancellable       *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer            user_data)
{
  GTask *task = g_task_new (folder, cancellable, callback, user_data);

  g_file_query_filesystem_info_async (folder, G_FILE_ATTRIBUTE_FILESYSTEM_FREE, G_PRIORITY_LOW,
                                      cancellable, queried_cb, task);
}

static void
disk_checked_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  gssize    bytes = g_task_propagate_int (G_TASK (result), &error);
  GWeakRef *weak = user_data;
  g_autoptr (RtkStatus) self = g_weak_ref_get (weak);

  g_weak_ref_clear (weak);
  g_free (weak);
  if (self == NULL || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  self->asking = FALSE;
  update_disk (self, error != NULL ? -1 : bytes);
}

static gboolean
check_disk_cb (gpointer user_data)
{
  rtk_status_check_disk (RTK_STATUS (user_data));
  return G_SOURCE_CONTINUE;
}

static void
rtk_status_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id) {
  case STATUS_PROP_LEVEL:
    g_value_set_int (value, (int)RTK_STATUS (object)->level);
    break;
  case STATUS_PROP_N_ITEMS:
    g_value_set_uint (value, RTK_N_LIGHTS);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_status_dispose (GObject *object)
{
  RtkStatus *self = RTK_STATUS (object);

  g_clear_handle_id (&self->disk_id, g_source_remove);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->camera);
  g_clear_object (&self->store);
  g_clear_object (&self->transport);
  G_OBJECT_CLASS (rtk_status_parent_class)->dispose (object);
}

static void
rtk_status_finalize (GObject *object)
{
  RtkStatus *self = RTK_STATUS (object);

  for (guint i = 0; i < RTK_N_LIGHTS; i++)
    g_clear_object (&self->lights[i]);
  g_clear_object (&self->clock);
  g_clear_object (&self->folder);
  g_clear_object (&self->cancellable);
  G_OBJECT_CLASS (rtk_status_parent_class)->finalize (object);
}

static GType
rtk_status_get_item_type (GListModel *model)
{
  return RTK_TYPE_LIGHT;
}

static guint
rtk_status_get_n_items (GListModel *model)
{
  return RTK_N_LIGHTS;
}

static gpointer
rtk_status_get_item (GListModel *model, guint position)
{
  return position < RTK_N_LIGHTS ? g_object_ref (RTK_STATUS (model)->lights[position]) : NULL;
}

static void
rtk_status_list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = rtk_status_get_item_type;
  iface->get_n_items = rtk_status_get_n_items;
  iface->get_item = rtk_status_get_item;
}

static void
rtk_status_class_init (RtkStatusClass *klass)
{
  GObjectClass     *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = rtk_status_get_property;
  object_class->dispose = rtk_status_dispose;
  object_class->finalize = rtk_status_finalize;
  status_properties[STATUS_PROP_LEVEL] =
      g_param_spec_int ("level", NULL, NULL, RTK_LIGHT_OFF, RTK_LIGHT_BAD, RTK_LIGHT_OFF, flags);
  status_properties[STATUS_PROP_N_ITEMS] =
      g_param_spec_uint ("n-items", NULL, NULL, 0, RTK_N_LIGHTS, RTK_N_LIGHTS, flags);
  g_object_class_install_properties (object_class, N_STATUS_PROPS, status_properties);
}

static void
rtk_status_init (RtkStatus *self)
{
  self->cancellable = g_cancellable_new ();
  for (guint i = 0; i < RTK_N_LIGHTS; i++) {
    self->lights[i] = g_object_new (RTK_TYPE_LIGHT, NULL);
    self->lights[i]->kind = (RtkLightKind)i;
  }
}

/**
 * rtk_status_new:
 * @camera: (nullable): its state is the camera light
 * @store: its outbox is the outbox light
 * @transport: (nullable): its state is the server light
 * @clock: time
 * @data_folder: on whose disk the free space counts
 * @free_space: (nullable): how it is asked for; %NULL = the file system is
 *
 * Gathers the status lights. References are taken.
 *
 * Returns: (transfer full): a new status
 */
RtkStatus *
rtk_status_new (RtkCamera       *camera,
                RtkStore        *store,
                RtkTransport    *transport,
                RtkClock        *clock,
                GFile           *data_folder,
                RtkFreeSpaceFunc free_space)
{
  RtkStatus *self;

  g_return_val_if_fail (RTK_IS_STORE (store) && RTK_IS_CLOCK (clock), NULL);
  g_return_val_if_fail (G_IS_FILE (data_folder), NULL);

  self = g_object_new (RTK_TYPE_STATUS, NULL);
  g_set_object (&self->camera, camera);
  g_set_object (&self->store, store);
  g_set_object (&self->transport, transport);
  g_set_object (&self->clock, clock);
  g_set_object (&self->folder, data_folder);
  self->free_space = free_space != NULL ? free_space : query_free_space;
  if (camera != NULL) {
    g_signal_connect_object (camera, "notify::state", G_CALLBACK (camera_changed_cb), self, 0);
    g_signal_connect_object (camera, "notify::device", G_CALLBACK (camera_changed_cb), self, 0);
  }
  if (transport != NULL) {
    g_signal_connect_object (transport, "notify::state", G_CALLBACK (server_changed_cb), self, 0);
    g_signal_connect_object (transport, "notify::user", G_CALLBACK (server_changed_cb), self, 0);
  }
  g_signal_connect_object (store, "outbox-changed", G_CALLBACK (outbox_changed_cb), self, 0);
  update_camera (self);
  update_server (self);
  update_outbox (self);
  self->disk_id = g_timeout_add_seconds (DISK_SECONDS, check_disk_cb, self);
  rtk_status_check_disk (self);
  return self;
}

/**
 * rtk_status_get_light:
 * @self: a status
 * @kind: which light
 *
 * Returns: (transfer none): the light; the same object always
 */
RtkLight *
rtk_status_get_light (RtkStatus *self, RtkLightKind kind)
{
  g_return_val_if_fail (RTK_IS_STATUS (self) && (guint)kind < RTK_N_LIGHTS, NULL);
  return self->lights[kind];
}

/**
 * rtk_status_set_attention:
 * @self: a status
 * @n_operations: operations that a person must look at
 *
 * Tells what only the exchange with the server knows.
 */
void
rtk_status_set_attention (RtkStatus *self, guint n_operations)
{
  g_return_if_fail (RTK_IS_STATUS (self));

  self->attention = n_operations;
  update_outbox (self);
}

/**
 * rtk_status_check_disk:
 * @self: a status
 *
 * Asks for the free space now. It is done by itself every ten seconds; a question that is still
 * open (a slow disk) is not asked twice.
 */
void
rtk_status_check_disk (RtkStatus *self)
{
  GWeakRef *weak;

  g_return_if_fail (RTK_IS_STATUS (self));

  if (self->asking)
    return;
  self->asking = TRUE;
  weak = g_new0 (GWeakRef, 1);
  g_weak_ref_init (weak, self);
  self->free_space (self->folder, self->cancellable, disk_checked_cb, weak);
}

/**
 * rtk_light_get_kind:
 * @self: a light
 *
 * Returns: what it is about
 */
RtkLightKind
rtk_light_get_kind (RtkLight *self)
{
  g_return_val_if_fail (RTK_IS_LIGHT (self), RTK_LIGHT_CAMERA);
  return self->kind;
}

/**
 * rtk_light_get_level:
 * @self: a light
 *
 * Returns: how urgent it is
 */
RtkLightLevel
rtk_light_get_level (RtkLight *self)
{
  g_return_val_if_fail (RTK_IS_LIGHT (self), RTK_LIGHT_OFF);
  return self->level;
}

/**
 * rtk_light_get_message:
 * @self: a light
 *
 * Returns: what it says
 */
RtkLightMessage
rtk_light_get_message (RtkLight *self)
{
  g_return_val_if_fail (RTK_IS_LIGHT (self), RTK_LIGHT_MESSAGE_NONE);
  return self->message;
}

/**
 * rtk_light_get_value:
 * @self: a light
 *
 * Returns: the number in what it says: operations, free bytes, or the wall clock since when
 */
gint64
rtk_light_get_value (RtkLight *self)
{
  g_return_val_if_fail (RTK_IS_LIGHT (self), 0);
  return self->value;
}

/**
 * rtk_light_get_name:
 * @self: a light
 *
 * Returns: (transfer none) (nullable): the name in what it says: of the camera, or who is signed in
 */
const char *
rtk_light_get_name (RtkLight *self)
{
  g_return_val_if_fail (RTK_IS_LIGHT (self), NULL);
  return self->name;
}
