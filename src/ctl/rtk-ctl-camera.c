/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "capture/rtk-gst-camera.h"
#include "core/rtk-error.h"
#include "core/rtk-report.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-jpeg.h"
#include "vision/rtk-models.h"
#include "vision/rtk-png.h"
#include "vision/rtk-vision-analyser.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

/* A camera that has shown nothing for so long is not going to. */
#define START_SECONDS 15
#define GRAB_QUALITY 95
#define GRAB_DPI 72

typedef struct {
  RtkGstCamera *camera;  /* (owned) */
  guint         timeout; /* source id, 0 = it ran out */
  gboolean      seen;    /* a frame has arrived */
} Opened;

static gboolean
timed_out_cb (gpointer user_data)
{
  Opened *opened = user_data;

  opened->timeout = 0;
  return G_SOURCE_REMOVE;
}

static void
frame_cb (RtkCamera *camera, RtkFrame *frame, gpointer user_data)
{
  ((Opened *)user_data)->seen = TRUE;
}

static void
close_camera (Opened *opened)
{
  if (opened->camera != NULL)
    rtk_camera_stop (RTK_CAMERA (opened->camera));
  g_clear_handle_id (&opened->timeout, g_source_remove);
  g_clear_object (&opened->camera);
}

static const char *
why_not (Opened *opened, RtkError *out_code)
{
  RtkCameraState state = rtk_camera_get_state (RTK_CAMERA (opened->camera));

  *out_code = state == RTK_CAMERA_BUSY   ? RTK_ERROR_CAMERA_BUSY
              : state == RTK_CAMERA_LOST ? RTK_ERROR_CAMERA_LOST
                                         : RTK_ERROR_NO_CAMERA;
  return rtk_camera_state_to_string (state);
}

/* Opens the device (the first there is without @id) and waits for its first frame. */
static gboolean
open_camera (Opened *opened, const char *id, GError **error)
{
  RtkCamera *camera;

  opened->camera = rtk_gst_camera_new ();
  camera = RTK_CAMERA (opened->camera);
  opened->timeout = g_timeout_add_seconds (START_SECONDS, timed_out_cb, opened);
  while (opened->timeout != 0 && !rtk_gst_camera_is_listed (opened->camera))
    g_main_context_iteration (NULL, TRUE);
  if (id == NULL && g_list_model_get_n_items (rtk_camera_get_devices (camera)) == 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NO_CAMERA, "no camera is connected");
    return FALSE;
  }
  g_signal_connect (camera, "frame", G_CALLBACK (frame_cb), opened);
  rtk_camera_select (camera, id);
  rtk_camera_start (camera);
  while (opened->timeout != 0 && !opened->seen &&
         rtk_camera_get_state (camera) != RTK_CAMERA_FAILED)
    g_main_context_iteration (NULL, TRUE);
  if (!opened->seen) {
    const GError *reason = rtk_gst_camera_get_error (opened->camera);
    RtkError      code;
    const char   *state = why_not (opened, &code);

    g_set_error (error, RTK_ERROR, code, "%s", reason != NULL ? reason->message : state);
    return FALSE;
  }
  return TRUE;
}

static const char *
kind_name (RtkDeviceKind kind)
{
  static const char *const names[] = {"pipewire", "v4l2", "replay"};

  return names[kind];
}

static int
run_list (RtkCtl *ctl, int argc, char **argv)
{
  GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;
  Opened      opened = {NULL, 0, FALSE};
  GListModel *devices;

  if (!rtk_ctl_parse (entries, "", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  opened.camera = rtk_gst_camera_new ();
  opened.timeout = g_timeout_add_seconds (START_SECONDS, timed_out_cb, &opened);
  while (opened.timeout != 0 && !rtk_gst_camera_is_listed (opened.camera))
    g_main_context_iteration (NULL, TRUE);
  devices = rtk_camera_get_devices (RTK_CAMERA (opened.camera));
  json_builder_begin_array (builder);
  for (guint i = 0; i < g_list_model_get_n_items (devices); i++) {
    g_autoptr (RtkDevice) device = g_list_model_get_item (devices, i);

    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "id");
    json_builder_add_string_value (builder, rtk_device_get_id (device));
    json_builder_set_member_name (builder, "name");
    json_builder_add_string_value (builder, rtk_device_get_name (device));
    json_builder_set_member_name (builder, "kind");
    json_builder_add_string_value (builder, kind_name (rtk_device_get_kind (device)));
    json_builder_end_object (builder);
    if (!ctl->json)
      printf ("%-40s %s\n", rtk_device_get_id (device), rtk_device_get_name (device));
  }
  json_builder_end_array (builder);
  node = json_builder_get_root (builder);
  if (ctl->json)
    rtk_ctl_print_json (node);
  else if (g_list_model_get_n_items (devices) == 0)
    rtk_ctl_say (_ ("No camera is connected. A file can stand in for one: --device replay:FILE"));
  close_camera (&opened);
  return RTK_EXIT_OK;
}

/* The camera's own file as it is; a raw frame in the kind the name asks for. */
static GBytes *
encode_still (RtkStill *still, const char *path, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  if (still->original != NULL)
    return g_bytes_ref (still->original);
  if (g_str_has_suffix (lower, ".png"))
    return rtk_png_encode (still->image, error);
  if (g_str_has_suffix (lower, ".jpg") || g_str_has_suffix (lower, ".jpeg"))
    return rtk_jpeg_encode (still->image, GRAB_QUALITY, RTK_JPEG_CHROMA_FULL, GRAB_DPI, error);
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
               "“%s” is neither .png nor .jpg: choose one of them for the name.", path);
  return NULL;
}

static int
run_grab (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *device = NULL;
  g_autofree char *output = NULL;
  GOptionEntry     entries[] = {
          {"device", 0, 0, G_OPTION_ARG_STRING, &device, N_ ("which camera"), "ID"},
          {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, N_ ("where to write"), "FILE"},
          G_OPTION_ENTRY_NULL,
  };
  Opened opened = {NULL, 0, FALSE};
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ok;

  if (!rtk_ctl_parse (entries, "[--device ID] -o FILE", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  if (output == NULL) {
    rtk_ctl_say (_ ("retakectl: -o is missing: say where to write, “-o FILE”."));
    return RTK_EXIT_ERROR;
  }
  ok = open_camera (&opened, device, &error);
  if (ok) {
    rtk_camera_capture_async (RTK_CAMERA (opened.camera), NULL, rtk_ctl_answer_cb, &result);
    rtk_ctl_wait (&result);
    still = rtk_camera_capture_finish (RTK_CAMERA (opened.camera), result, &error);
    g_clear_object (&result);
    bytes = still != NULL ? encode_still (still, output, &error) : NULL;
    ok = bytes != NULL && rtk_ctl_write_file (output, bytes, &error);
  }
  close_camera (&opened);
  if (!ok)
    rtk_ctl_complain (device, error);
  return ok ? RTK_EXIT_OK : RTK_EXIT_ERROR;
}

typedef struct {
  RtkAnalyser *analyser; /* (unowned) */
  RtkRulePack *pack;     /* (unowned) */
  RtkCtl      *ctl;
  GMainLoop   *loop;
  guint        waiting; /* analyses asked for and not answered */
  guint64      shown;
  guint64      analysed;
  gboolean     ending;
  GError      *error; /* (owned) (nullable) */
} Watch;

static void
print_analysis (Watch *watch, RtkAnalysis *analysis)
{
  g_autoptr (RtkReport) report = rtk_rules_judge (watch->pack, analysis, NULL, FALSE);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;
  const RtkCheck *checks;
  guint           n;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "frame");
  json_builder_add_int_value (builder, (gint64)analysis->serial);
  json_builder_set_member_name (builder, "dropped");
  json_builder_add_int_value (builder, (gint64)(watch->shown - watch->analysed));
  json_builder_set_member_name (builder, "ms");
  json_builder_add_double_value (builder, analysis->total_ms);
  json_builder_set_member_name (builder, "networks_ms");
  json_builder_add_double_value (builder, analysis->networks_ms);
  json_builder_set_member_name (builder, "verdict");
  json_builder_add_string_value (builder, rtk_verdict_to_string (rtk_report_get_verdict (report)));
  json_builder_set_member_name (builder, "checks");
  json_builder_begin_object (builder);
  checks = rtk_report_get_checks (report, &n);
  for (guint i = 0; i < n; i++) {
    json_builder_set_member_name (builder, rtk_check_id_to_string (checks[i].id));
    json_builder_add_string_value (builder, rtk_verdict_to_string (checks[i].verdict));
  }
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  node = json_builder_get_root (builder);
  rtk_ctl_print_json_line (node);
}

static void
watch_analysed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Watch *watch = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkAnalysis) analysis =
      rtk_analyser_analyse_finish (RTK_ANALYSER (source), result, &error);

  watch->waiting--;
  if (analysis != NULL) {
    watch->analysed++;
    print_analysis (watch, analysis);
  } else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) && watch->error == NULL) {
    watch->error = g_steal_pointer (&error);
    watch->ending = TRUE;
  }
  if (watch->ending && watch->waiting == 0)
    g_main_loop_quit (watch->loop);
}

static void
watch_frame_cb (RtkCamera *camera, RtkFrame *frame, gpointer user_data)
{
  Watch *watch = user_data;

  if (watch->ending)
    return;
  watch->shown++;
  watch->waiting++;
  rtk_analyser_analyse_async (watch->analyser, frame, NULL, watch_analysed_cb, watch);
}

static gboolean
watch_end_cb (gpointer user_data)
{
  Watch *watch = user_data;

  watch->ending = TRUE;
  if (watch->waiting == 0)
    g_main_loop_quit (watch->loop);
  return G_SOURCE_CONTINUE;
}

static int
run_watch (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *device = NULL;
  g_autofree char *rules = NULL;
  int              seconds = 0;
  GOptionEntry     entries[] = {
          {"device", 0, 0, G_OPTION_ARG_STRING, &device, N_ ("which camera"), "ID"},
          {"rules", 0, 0, G_OPTION_ARG_STRING, &rules, N_ ("which rule pack"), "ID"},
          {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, N_ ("how long; without end if missing"), "N"},
          G_OPTION_ENTRY_NULL,
  };
  Opened opened = {NULL, 0, FALSE};
  g_autoptr (RtkRulePack) pack = NULL;
  g_autoptr (RtkAnalyser) analyser = NULL;
  g_autoptr (GError) error = NULL;
  Watch watch = {0};
  guint timer = 0;
  guint interrupt;

  if (!rtk_ctl_parse (entries, "[--device ID] [--rules ID] [--seconds N]", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  pack = rtk_rule_pack_load (rules != NULL ? rules : RTK_CTL_DEFAULT_RULES, &error);
  if (pack == NULL || !open_camera (&opened, device, &error)) {
    rtk_ctl_complain (pack == NULL ? rules : device, error);
    close_camera (&opened);
    return RTK_EXIT_ERROR;
  }
  analyser = RTK_ANALYSER (rtk_vision_analyser_new (rtk_models_find_dir ()));
  watch.analyser = analyser;
  watch.pack = pack;
  watch.ctl = ctl;
  watch.loop = g_main_loop_new (NULL, FALSE);
  g_signal_connect (opened.camera, "frame", G_CALLBACK (watch_frame_cb), &watch);
  if (seconds > 0)
    timer = g_timeout_add_seconds ((guint)seconds, watch_end_cb, &watch);
  interrupt = g_unix_signal_add (SIGINT, watch_end_cb, &watch);
  g_main_loop_run (watch.loop);
  g_clear_handle_id (&timer, g_source_remove);
  g_source_remove (interrupt);
  g_signal_handlers_disconnect_by_data (opened.camera, &watch);
  close_camera (&opened);
  g_main_loop_unref (watch.loop);
  if (watch.error != NULL) {
    rtk_ctl_complain (device, watch.error);
    g_error_free (watch.error);
    return RTK_EXIT_ERROR;
  }
  return RTK_EXIT_OK;
}

const RtkCtlCommand rtk_ctl_camera_commands[] = {
    {"camera", "list", "", N_ ("list the cameras"), run_list},
    {"camera", "grab", "[--device ID] -o FILE", N_ ("take a still"), run_grab},
    {"camera", "watch", "[--device ID] [--rules ID] [--seconds N]",
     N_ ("judge the live picture: one JSON line a frame analysed"), run_watch},
    {NULL},
};
