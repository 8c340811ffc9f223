/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "session/rtk-status.h"
#include "support/rtk-test-camera.h"
#include "support/rtk-test-clock.h"
#include "support/rtk-test-main.h"
#include "support/rtk-test-store.h"
#include "support/rtk-test-transport.h"
#include "support/rtk-test-values.h"

/* What the disk says; below 0: it cannot be asked. */
static gint64   free_bytes;
static guint    n_questions;
static gboolean hold;
static GTask   *question;

static void
answer (void)
{
  g_autoptr (GTask) task = g_steal_pointer (&question);

  if (free_bytes < 0)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "No disk");
  else
    g_task_return_int (task, (gssize)free_bytes);
}

static void
ask (GFile *folder, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  n_questions++;
  question = g_task_new (folder, cancellable, callback, user_data);
  if (!hold)
    answer ();
}

typedef struct {
  RtkTestClock     *clock;
  RtkTestCamera    *camera;
  RtkTestVault     *vault;
  RtkTestStore     *store;
  RtkTestTransport *transport;
  GFile            *folder;
  RtkStatus        *status;
} Lights;

static void
set_up (Lights *lights, gconstpointer data)
{
  free_bytes = RTK_STATUS_DISK_WARN;
  n_questions = 0;
  hold = FALSE;
  lights->clock = rtk_test_clock_new (1780300800000000);
  lights->camera = rtk_test_camera_new ();
  lights->vault = rtk_test_vault_new ();
  lights->store = rtk_test_store_new (lights->vault, RTK_CLOCK (lights->clock));
  lights->transport = rtk_test_transport_new ();
  lights->folder = g_file_new_for_path (g_get_tmp_dir ());
  lights->status = rtk_status_new (RTK_CAMERA (lights->camera), RTK_STORE (lights->store),
                                   RTK_TRANSPORT (lights->transport), RTK_CLOCK (lights->clock),
                                   lights->folder, ask);
}

static void
tear_down (Lights *lights, gconstpointer data)
{
  rtk_test_drain ();
  g_assert_finalize_object (lights->status);
  g_assert_finalize_object (lights->camera);
  g_assert_finalize_object (lights->store);
  g_assert_finalize_object (lights->vault);
  g_assert_finalize_object (lights->transport);
  g_assert_finalize_object (lights->clock);
  g_object_unref (lights->folder); /* the query's own thread may still hold it */
}

#define assert_light(lights, kind, the_level, the_message)                                         \
  G_STMT_START                                                                                     \
  {                                                                                                \
    RtkLight *light_ = rtk_status_get_light ((lights)->status, RTK_LIGHT_##kind);                  \
    g_assert_cmpint (rtk_light_get_level (light_), ==, RTK_LIGHT_##the_level);                     \
    g_assert_cmpint (rtk_light_get_message (light_), ==, RTK_LIGHT_MESSAGE_##the_message);         \
  }                                                                                                \
  G_STMT_END

static RtkLightLevel
level (Lights *lights)
{
  int value;

  g_object_get (lights->status, "level", &value, NULL);
  return (RtkLightLevel)value;
}

static void
test_camera (Lights *lights, gconstpointer data)
{
  assert_light (lights, CAMERA, OFF, CAMERA_OFF);
  rtk_test_camera_set_state (lights->camera, RTK_CAMERA_STARTING);
  assert_light (lights, CAMERA, BUSY, CAMERA_STARTING);
  rtk_test_camera_set_state (lights->camera, RTK_CAMERA_LIVE);
  assert_light (lights, CAMERA, OK, CAMERA_LIVE);
  g_assert_cmpstr (rtk_light_get_name (rtk_status_get_light (lights->status, RTK_LIGHT_CAMERA)), ==,
                   "Test camera");
  rtk_test_camera_set_state (lights->camera, RTK_CAMERA_LOST);
  assert_light (lights, CAMERA, BAD, CAMERA_LOST);
  g_assert_cmpint (level (lights), ==, RTK_LIGHT_BAD);
  rtk_test_camera_set_state (lights->camera, RTK_CAMERA_BUSY);
  assert_light (lights, CAMERA, BAD, CAMERA_BUSY);
  rtk_test_camera_set_state (lights->camera, RTK_CAMERA_NONE);
  assert_light (lights, CAMERA, BAD, CAMERA_NONE);
  rtk_test_camera_set_state (lights->camera, RTK_CAMERA_FAILED);
  assert_light (lights, CAMERA, BAD, CAMERA_FAILED);
}

static void
test_server (Lights *lights, gconstpointer data)
{
  RtkLight *light = rtk_status_get_light (lights->status, RTK_LIGHT_SERVER);
  gint64    since;

  assert_light (lights, SERVER, OK, SERVER_ONLINE);
  rtk_test_transport_set_state (lights->transport, RTK_SERVER_OFFLINE);
  assert_light (lights, SERVER, WARN, SERVER_OFFLINE);
  since = rtk_clock_now (RTK_CLOCK (lights->clock));
  g_assert_cmpint (rtk_light_get_value (light), ==, since);
  rtk_test_clock_advance (lights->clock, G_TIME_SPAN_HOUR);
  g_object_notify (G_OBJECT (lights->transport), "state");
  g_assert_cmpint (rtk_light_get_value (light), ==, since);
  rtk_test_transport_set_state (lights->transport, RTK_SERVER_SIGNED_OUT);
  assert_light (lights, SERVER, WARN, SERVER_SIGNED_OUT);
}

static void
test_outbox (Lights *lights, gconstpointer data)
{
  RtkLight *light = rtk_status_get_light (lights->status, RTK_LIGHT_OUTBOX);

  assert_light (lights, OUTBOX, OK, OUTBOX_EMPTY);
  rtk_test_store_add_operation (lights->store, rtk_test_operation_new (1, NULL), NULL);
  rtk_test_store_add_operation (lights->store, rtk_test_operation_new (2, NULL), NULL);
  rtk_store_emit_outbox_changed (RTK_STORE (lights->store));
  assert_light (lights, OUTBOX, BUSY, OUTBOX_SENDING);
  g_assert_cmpint (rtk_light_get_value (light), ==, 2);
  rtk_test_transport_set_state (lights->transport, RTK_SERVER_OFFLINE);
  assert_light (lights, OUTBOX, BUSY, OUTBOX_WAITING);
  rtk_status_set_attention (lights->status, 1);
  assert_light (lights, OUTBOX, WARN, OUTBOX_ATTENTION);
  g_assert_cmpint (rtk_light_get_value (light), ==, 1);
}

static void
test_disk (Lights *lights, gconstpointer data)
{
  rtk_test_drain ();
  assert_light (lights, DISK, OK, DISK_OK);
  free_bytes = RTK_STATUS_DISK_WARN - 1;
  rtk_status_check_disk (lights->status);
  rtk_test_drain ();
  assert_light (lights, DISK, WARN, DISK_LOW);
  free_bytes = RTK_STATUS_DISK_BAD - 1;
  rtk_status_check_disk (lights->status);
  rtk_test_drain ();
  assert_light (lights, DISK, BAD, DISK_FULL);
  g_assert_cmpint (rtk_light_get_value (rtk_status_get_light (lights->status, RTK_LIGHT_DISK)), ==,
                   free_bytes);
  free_bytes = -1;
  rtk_status_check_disk (lights->status);
  rtk_test_drain ();
  assert_light (lights, DISK, WARN, DISK_UNKNOWN);
}

/* A disk that does not answer is not asked again, and holds nothing up at the end. */
static void
test_slow_disk (Lights *lights, gconstpointer data)
{
  rtk_test_drain ();
  hold = TRUE;
  rtk_status_check_disk (lights->status);
  rtk_status_check_disk (lights->status);
  g_assert_cmpuint (n_questions, ==, 2); /* the first was that of the start */
  g_assert_finalize_object (lights->status);
  answer ();
  rtk_test_drain ();
  hold = FALSE;
  lights->status = rtk_status_new (NULL, RTK_STORE (lights->store), NULL, RTK_CLOCK (lights->clock),
                                   lights->folder, NULL);
  assert_light (lights, SERVER, OFF, SERVER_NONE);
  assert_light (lights, CAMERA, OFF, CAMERA_OFF);
  /* Without a function the file system itself is asked. */
  rtk_test_wait_for (rtk_light_get_message (rtk_status_get_light (
                         lights->status, RTK_LIGHT_DISK)) != RTK_LIGHT_MESSAGE_NONE);
  g_assert_cmpint (rtk_light_get_value (rtk_status_get_light (lights->status, RTK_LIGHT_DISK)), >,
                   0);
}

static void
test_list (Lights *lights, gconstpointer data)
{
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (lights->status)), ==, RTK_N_LIGHTS);
  for (guint i = 0; i < RTK_N_LIGHTS; i++) {
    g_autoptr (RtkLight) light = g_list_model_get_item (G_LIST_MODEL (lights->status), i);

    g_assert_true (light == rtk_status_get_light (lights->status, (RtkLightKind)i));
    g_assert_cmpint (rtk_light_get_kind (light), ==, i);
  }
  g_assert_null (g_list_model_get_item (G_LIST_MODEL (lights->status), RTK_N_LIGHTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
  g_test_add ("/session/status/" name, Lights, NULL, set_up, function, tear_down)
  ADD ("camera", test_camera);
  ADD ("server", test_server);
  ADD ("outbox", test_outbox);
  ADD ("disk", test_disk);
  ADD ("slow-disk", test_slow_disk);
  ADD ("list", test_list);
  return g_test_run ();
}
