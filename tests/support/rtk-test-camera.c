/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-camera.h"

#include "core/rtk-error.h"

static void camera_iface_init (RtkCameraInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (RtkTestCamera,
                               rtk_test_camera,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (RTK_TYPE_CAMERA, camera_iface_init))

enum { PROP_0, PROP_STATE, PROP_DEVICE, PROP_DEVICES };

static void
test_camera_select (RtkCamera *camera, const char *device_id)
{
}

static void
test_camera_start (RtkCamera *camera)
{
  rtk_test_camera_set_state (RTK_TEST_CAMERA (camera), RTK_CAMERA_LIVE);
}

static void
test_camera_stop (RtkCamera *camera)
{
  rtk_test_camera_set_state (RTK_TEST_CAMERA (camera), RTK_CAMERA_OFF);
}

static void
test_camera_set_scanning (RtkCamera *camera, gboolean scanning)
{
  RTK_TEST_CAMERA (camera)->scanning = scanning;
}

static void
test_camera_capture_async (RtkCamera          *camera,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  RtkTestCamera *self = RTK_TEST_CAMERA (camera);

  self->n_captures++;
  g_queue_push_tail (&self->pending, g_task_new (self, cancellable, callback, user_data));
  if (!self->hold)
    rtk_test_camera_answer (self, NULL);
}

static RtkStill *
test_camera_capture_finish (RtkCamera *camera, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
camera_iface_init (RtkCameraInterface *iface)
{
  iface->select = test_camera_select;
  iface->start = test_camera_start;
  iface->stop = test_camera_stop;
  iface->set_scanning = test_camera_set_scanning;
  iface->capture_async = test_camera_capture_async;
  iface->capture_finish = test_camera_capture_finish;
}

static void
rtk_test_camera_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  RtkTestCamera *self = RTK_TEST_CAMERA (object);

  if (id == PROP_STATE)
    g_value_set_int (value, (int)self->state);
  else if (id == PROP_DEVICE)
    g_value_take_object (value, g_list_model_get_item (G_LIST_MODEL (self->devices), 0));
  else
    g_value_set_object (value, self->devices);
}

static void
rtk_test_camera_finalize (GObject *object)
{
  RtkTestCamera *self = RTK_TEST_CAMERA (object);

  g_queue_clear_full (&self->pending, g_object_unref);
  g_object_unref (self->devices);
  G_OBJECT_CLASS (rtk_test_camera_parent_class)->finalize (object);
}

static void
rtk_test_camera_class_init (RtkTestCameraClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = rtk_test_camera_get_property;
  object_class->finalize = rtk_test_camera_finalize;
  g_object_class_override_property (object_class, PROP_STATE, "state");
  g_object_class_override_property (object_class, PROP_DEVICE, "device");
  g_object_class_override_property (object_class, PROP_DEVICES, "devices");
}

static void
rtk_test_camera_init (RtkTestCamera *self)
{
  g_autoptr (RtkDevice) device = rtk_device_new (RTK_DEVICE_REPLAY, "replay:test", "Test camera");

  self->devices = g_list_store_new (RTK_TYPE_DEVICE);
  g_list_store_append (self->devices, device);
  g_queue_init (&self->pending);
}

RtkTestCamera *
rtk_test_camera_new (void)
{
  return g_object_new (RTK_TYPE_TEST_CAMERA, NULL);
}

void
rtk_test_camera_set_state (RtkTestCamera *self, RtkCameraState state)
{
  self->state = state;
  g_object_notify (G_OBJECT (self), "state");
}

guint64
rtk_test_camera_push_frame (RtkTestCamera *self)
{
  g_autoptr (RtkImage) image =
      rtk_image_new_take (RTK_PIXEL_BGRA32, 16, 9, 64, g_malloc0 ((gsize)64 * 9));
  g_autoptr (RtkFrame) frame = rtk_frame_new (image, ++self->serial, g_get_monotonic_time ());

  rtk_camera_emit_frame (RTK_CAMERA (self), frame);
  return self->serial;
}

RtkStill *
rtk_test_still_new (gint64 taken_at)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("still", 5);

  return rtk_still_new (bytes, "image/jpeg", NULL, taken_at);
}

void
rtk_test_camera_answer (RtkTestCamera *self, GError *error)
{
  g_autoptr (GTask) task = g_queue_pop_head (&self->pending);

  g_assert_nonnull (task);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, rtk_test_still_new (1780300800000000 + (gint64)self->n_captures),
                           (GDestroyNotify)rtk_still_unref);
}
