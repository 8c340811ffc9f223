/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-device-list-private.h"
#include "core/rtk-error.h"
#include "core/rtk-worker.h"

/* One device that a provider tells of. The same USB camera comes once from PipeWire and once from
 * V4L2; both are kept here and one of them is shown. */
typedef struct {
  RtkDevice *device; /* (owned) */
  GstDevice *gst;    /* (owned) (nullable): NULL for a replay */
  char      *path;   /* (owned) (nullable): of the kernel's device, for telling twins */
} Entry;

struct _RtkDeviceList {
  GObject       parent_instance;
  GPtrArray    *entries; /* (owned): of Entry, all that are there */
  GListStore   *shown;   /* (owned): of RtkDevice, without twins */
  GMainContext *context; /* (owned) */
  RtkWorker    *worker;  /* (owned) (nullable): NULL after the shutdown */
  GSource      *bus;     /* (owned) (nullable) */
  gboolean      is_listed;
};

G_DEFINE_FINAL_TYPE (RtkDeviceList, rtk_device_list, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_LISTED,
  N_PROPS,
};

static GParamSpec *properties[N_PROPS];

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_object_unref (entry->device);
  g_clear_pointer (&entry->gst, gst_object_unref);
  g_free (entry->path);
  g_free (entry);
}

/* Whether @entry stands behind another one for the same camera. */
static gboolean
is_twin (RtkDeviceList *self, guint position)
{
  Entry *entry = g_ptr_array_index (self->entries, position);

  for (guint i = 0; i < self->entries->len; i++) {
    Entry   *other = g_ptr_array_index (self->entries, i);
    gboolean same_path = entry->path != NULL && g_strcmp0 (entry->path, other->path) == 0;
    gboolean same_id =
        g_str_equal (rtk_device_get_id (entry->device), rtk_device_get_id (other->device));

    if (i == position)
      continue;
    if (same_id && i < position)
      return TRUE;
    if (same_path && rtk_device_get_kind (entry->device) == RTK_DEVICE_V4L2 &&
        rtk_device_get_kind (other->device) == RTK_DEVICE_PIPEWIRE)
      return TRUE;
  }
  return FALSE;
}

static guint
kind_rank (RtkDevice *device)
{
  return (guint)rtk_device_get_kind (device);
}

/* Brings @shown in line with @entries; an entry keeps its object as long as it is shown. */
static void
update_shown (RtkDeviceList *self)
{
  g_autoptr (GPtrArray) wanted = g_ptr_array_new ();

  for (guint rank = RTK_DEVICE_PIPEWIRE; rank <= RTK_DEVICE_REPLAY; rank++) {
    for (guint i = 0; i < self->entries->len; i++) {
      Entry *entry = g_ptr_array_index (self->entries, i);

      if (kind_rank (entry->device) == rank && !is_twin (self, i))
        g_ptr_array_add (wanted, entry->device);
    }
  }
  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (self->shown)); i > 0; i--) {
    g_autoptr (RtkDevice) device = g_list_model_get_item (G_LIST_MODEL (self->shown), i - 1);

    if (!g_ptr_array_find (wanted, device, NULL))
      g_list_store_remove (self->shown, i - 1);
  }
  for (guint i = 0; i < wanted->len; i++) {
    g_autoptr (RtkDevice) device = g_list_model_get_item (G_LIST_MODEL (self->shown), i);

    if (device != g_ptr_array_index (wanted, i))
      g_list_store_insert (self->shown, i, g_ptr_array_index (wanted, i));
  }
}

/* A provider's device as an entry; NULL for one that is neither PipeWire's nor V4L2's. */
static Entry *
entry_new (GstDevice *gst)
{
  g_autoptr (GstStructure) facts = gst_device_get_properties (gst);
  g_autofree char *name = gst_device_get_display_name (gst);
  g_autofree char *id = NULL;
  const char      *node, *path;
  RtkDeviceKind    kind;
  Entry           *entry;

  if (facts == NULL)
    return NULL;
  node = gst_structure_get_string (facts, "node.name");
  if (node != NULL) {
    kind = RTK_DEVICE_PIPEWIRE;
    path = gst_structure_get_string (facts, "api.v4l2.path");
    id = g_strconcat ("pipewire:", node, NULL);
  } else {
    kind = RTK_DEVICE_V4L2;
    path = gst_structure_get_string (facts, "device.path");
    id = g_strconcat ("v4l2:", path, NULL);
    if (path == NULL)
      return NULL;
  }
  entry = g_new0 (Entry, 1);
  entry->device = rtk_device_new (kind, id, name != NULL && *name != '\0' ? name : id);
  entry->gst = gst_object_ref (gst);
  entry->path = g_strdup (path);
  return entry;
}

static gboolean
find_gst (RtkDeviceList *self, GstDevice *gst, guint *out_position)
{
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);

    if (entry->gst == gst) {
      *out_position = i;
      return TRUE;
    }
  }
  return FALSE;
}

static void
add_gst (RtkDeviceList *self, GstDevice *gst)
{
  Entry *entry;
  guint  position;

  if (find_gst (self, gst, &position))
    return;
  entry = entry_new (gst);
  if (entry == NULL)
    return;
  g_ptr_array_add (self->entries, entry);
  update_shown (self);
}

static gboolean
bus_cb (GstBus *bus, GstMessage *message, gpointer user_data)
{
  RtkDeviceList *self = user_data;
  g_autoptr (GstDevice) gst = NULL;
  guint position;

  switch ((int)GST_MESSAGE_TYPE (message)) {
  case GST_MESSAGE_DEVICE_ADDED:
    gst_message_parse_device_added (message, &gst);
    add_gst (self, gst);
    break;
  case GST_MESSAGE_DEVICE_REMOVED:
    gst_message_parse_device_removed (message, &gst);
    if (find_gst (self, gst, &position)) {
      g_ptr_array_remove_index (self->entries, position);
      update_shown (self);
    }
    break;
  default:
    break;
  }
  return G_SOURCE_CONTINUE;
}

/* The monitor of the process. It is never stopped: PipeWire's provider (0.3.65) writes into freed
 * memory when it is. With 6 stops a run, 5 of 8 runs ended with a damaged heap; without, none. The
 * price, measured too: after a restart of the PipeWire daemon its cameras are seen again only when
 * the program is started anew. */
static gpointer
start_monitor (gpointer data)
{
  GstDeviceMonitor *monitor = gst_object_ref_sink (gst_device_monitor_new ());

  gst_device_monitor_add_filter (monitor, "Video/Source", NULL);
  /* PipeWire hides V4L2 even where it offers no camera itself; twins are told apart here. */
  gst_device_monitor_set_show_all_devices (monitor, TRUE);
  if (!gst_device_monitor_start (monitor))
    g_debug ("no provider of cameras could be started");
  return monitor;
}

static void
start_job (GTask *task, gpointer state)
{
  static GOnce once = G_ONCE_INIT;
  GError      *error = NULL;

  if (!gst_init_check (NULL, NULL, &error)) {
    g_task_return_error (task, error);
    return;
  }
  g_once (&once, start_monitor, NULL);
  g_task_return_pointer (task, gst_object_ref (once.retval), gst_object_unref);
}

static void
started_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GWeakRef *ref = user_data;
  g_autoptr (RtkDeviceList) self = g_weak_ref_get (ref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstDeviceMonitor) monitor = g_task_propagate_pointer (G_TASK (result), &error);
  GList *devices;

  g_weak_ref_clear (ref);
  g_free (ref);
  if (error != NULL)
    g_warning ("GStreamer cannot be used: %s", error->message);
  if (self == NULL || self->worker == NULL)
    return;
  if (monitor != NULL) {
    g_autoptr (GstBus) bus = gst_device_monitor_get_bus (monitor);

    /* What came and went while nobody listened is not told again. */
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    self->bus = gst_bus_create_watch (bus);
    g_source_set_callback (self->bus, G_SOURCE_FUNC (bus_cb), self, NULL);
    g_source_attach (self->bus, self->context);
    devices = gst_device_monitor_get_devices (monitor);
    for (GList *l = devices; l != NULL; l = l->next)
      add_gst (self, l->data);
    g_list_free_full (devices, gst_object_unref);
  }
  self->is_listed = TRUE;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LISTED]);
}

static void
rtk_device_list_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkDeviceList *self = RTK_DEVICE_LIST (object);

  switch (id) {
  case PROP_LISTED:
    g_value_set_boolean (value, self->is_listed);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
}

static void
rtk_device_list_constructed (GObject *object)
{
  RtkDeviceList *self = RTK_DEVICE_LIST (object);
  GWeakRef      *ref = g_new0 (GWeakRef, 1);
  g_autoptr (GTask) task = NULL;

  G_OBJECT_CLASS (rtk_device_list_parent_class)->constructed (object);
  g_weak_ref_init (ref, self);
  task = g_task_new (NULL, NULL, started_cb, ref);
  rtk_worker_push (self->worker, task, start_job);
}

static void
rtk_device_list_dispose (GObject *object)
{
  rtk_device_list_shutdown (RTK_DEVICE_LIST (object));
  G_OBJECT_CLASS (rtk_device_list_parent_class)->dispose (object);
}

static void
rtk_device_list_finalize (GObject *object)
{
  RtkDeviceList *self = RTK_DEVICE_LIST (object);

  g_ptr_array_unref (self->entries);
  g_object_unref (self->shown);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (rtk_device_list_parent_class)->finalize (object);
}

static void
rtk_device_list_class_init (RtkDeviceListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = rtk_device_list_constructed;
  object_class->get_property = rtk_device_list_get_property;
  object_class->dispose = rtk_device_list_dispose;
  object_class->finalize = rtk_device_list_finalize;
  properties[PROP_LISTED] =
      g_param_spec_boolean ("listed", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
rtk_device_list_init (RtkDeviceList *self)
{
  self->entries = g_ptr_array_new_with_free_func (entry_free);
  self->shown = g_list_store_new (RTK_TYPE_DEVICE);
  self->context = g_main_context_ref_thread_default ();
  self->worker = rtk_worker_new ("rtk-devices", NULL, NULL);
}

/**
 * rtk_device_list_new:
 *
 * Starts to look for cameras, on a thread of its own: asking the providers can take a while.
 *
 * Returns: (transfer full): a list, empty until the providers have answered
 */
RtkDeviceList *
rtk_device_list_new (void)
{
  return g_object_new (RTK_TYPE_DEVICE_LIST, NULL);
}

/**
 * rtk_device_list_get_model:
 * @self: a device list
 *
 * Returns: (transfer none): what can be chosen now, of #RtkDevice: PipeWire's cameras, the kernel's
 *   that PipeWire does not offer, then replay files
 */
GListModel *
rtk_device_list_get_model (RtkDeviceList *self)
{
  return G_LIST_MODEL (self->shown);
}

/**
 * rtk_device_list_is_listed:
 * @self: a device list
 *
 * Returns: the value of "listed"
 */
gboolean
rtk_device_list_is_listed (RtkDeviceList *self)
{
  return self->is_listed;
}

/**
 * rtk_device_list_find:
 * @self: a device list
 * @id: id of a device
 *
 * Returns: (transfer none) (nullable): the device with @id when it is there
 */
RtkDevice *
rtk_device_list_find (RtkDeviceList *self, const char *id)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->shown)); i++) {
    g_autoptr (RtkDevice) device = g_list_model_get_item (G_LIST_MODEL (self->shown), i);

    /* The list keeps it alive. */
    if (g_str_equal (rtk_device_get_id (device), id))
      return device;
  }
  return NULL;
}

/**
 * rtk_device_list_add_replay:
 * @self: a device list
 * @path: a video file or a picture; need not be one that can be used
 *
 * Adds a file as a camera, or finds it when it was added before.
 *
 * Returns: (transfer none): the device "replay:PATH"
 */
RtkDevice *
rtk_device_list_add_replay (RtkDeviceList *self, const char *path)
{
  g_autofree char *id = g_strconcat ("replay:", path, NULL);
  g_autofree char *name = g_path_get_basename (path);
  RtkDevice       *device = rtk_device_list_find (self, id);
  Entry           *entry;

  if (device != NULL)
    return device;
  entry = g_new0 (Entry, 1);
  entry->device = rtk_device_new (RTK_DEVICE_REPLAY, id, name);
  g_ptr_array_add (self->entries, entry);
  update_shown (self);
  return entry->device;
}

/**
 * rtk_device_list_get_gst_device:
 * @self: a device list
 * @device: one of its devices
 *
 * Returns: (transfer none) (nullable): what makes the element; %NULL for a replay or when @device
 *   is gone
 */
GstDevice *
rtk_device_list_get_gst_device (RtkDeviceList *self, RtkDevice *device)
{
  for (guint i = 0; i < self->entries->len; i++) {
    Entry *entry = g_ptr_array_index (self->entries, i);

    if (entry->device == device)
      return entry->gst;
  }
  return NULL;
}

/**
 * rtk_device_list_shutdown:
 * @self: a device list
 *
 * Stops looking for cameras and joins the thread. The list keeps what it has.
 */
void
rtk_device_list_shutdown (RtkDeviceList *self)
{
  if (self->bus != NULL)
    g_source_destroy (self->bus);
  g_clear_pointer (&self->bus, g_source_unref);
  g_clear_pointer (&self->worker, rtk_worker_free);
}
