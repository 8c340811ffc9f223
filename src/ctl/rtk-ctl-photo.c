/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "ctl/rtk-ctl-photo.h"

#include "core/rtk-error.h"
#include "core/rtk-photo.h"
#include "ctl/rtk-ctl-batch.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-maker.h"
#include "vision/rtk-png.h"

#include <glib/gi18n.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The two irises' centres in the mesh: of the subject's right eye, then of the left. */
#define IRIS_RIGHT 468
#define IRIS_LEFT 473

/**
 * rtk_ctl_report_to_json:
 * @path: the file, as it was named on the command line
 * @width: of the judged picture
 * @height: of the judged picture
 * @report: its verdicts
 * @ms: how long it took
 *
 * Writes one element of `photo check --json`.
 *
 * Returns: (transfer full): an object
 */
JsonNode *
rtk_ctl_report_to_json (const char *path, int width, int height, const RtkReport *report, double ms)
{
  JsonNode   *node = rtk_report_to_json (report);
  JsonObject *object = json_node_get_object (node);

  json_object_set_string_member (object, "file", path);
  json_object_set_int_member (object, "width", width);
  json_object_set_int_member (object, "height", height);
  json_object_set_double_member (object, "ms", round (ms * 10) / 10);
  return node;
}

/* What is not well, worst first, for a person; or that all is. */
static char *
report_to_text (const char *path, const RtkReport *report)
{
  static const RtkVerdict order[] = {RTK_VERDICT_FAIL, RTK_VERDICT_WARN, RTK_VERDICT_CONFIRM,
                                     RTK_VERDICT_UNKNOWN};
  GString                *text = g_string_new (NULL);
  RtkLanguage             language = rtk_ctl_reader_language ();
  const RtkCheck         *checks;
  guint                   n;

  g_string_append_printf (text, "%s: %s\n", path,
                          rtk_verdict_to_string (rtk_report_get_verdict (report)));
  checks = rtk_report_get_checks (report, &n);
  for (gsize v = 0; v < G_N_ELEMENTS (order); v++)
    for (guint i = 0; i < n; i++) {
      if (checks[i].verdict != order[v])
        continue;
      g_string_append_printf (text, "  %-8s %-26s", rtk_verdict_to_string (order[v]),
                              rtk_check_id_to_string (checks[i].id));
      if (!isnan (checks[i].value))
        g_string_append_printf (text, " %.4g %s", checks[i].value, checks[i].unit);
      g_string_append_printf (text, "  %s\n",
                              checks[i].advice[language] != NULL ? checks[i].advice[language] : "");
    }
  return g_string_free (text, FALSE);
}

/**
 * rtk_ctl_read_overrides:
 * @texts: (nullable): "RULE: reason" each, ended by NULL
 * @by: who accepts
 * @overrides: (element-type RtkOverride): gets them
 * @error: return location for %RTK_ERROR_USAGE
 *
 * Reads the overrides of a command line.
 *
 * Returns: whether all could be read
 */
gboolean
rtk_ctl_read_overrides (char **texts, const char *by, GPtrArray *overrides, GError **error)
{
  for (char **text = texts; text != NULL && *text != NULL; text++) {
    RtkOverride *override = rtk_override_parse (*text, by, error);

    if (override == NULL)
      return FALSE;
    g_ptr_array_add (overrides, override);
  }
  return TRUE;
}

/**
 * rtk_ctl_is_overridden:
 * @overrides: (element-type RtkOverride): what was accepted
 * @id: a check
 *
 * Returns: whether a failure of @id was accepted
 */
gboolean
rtk_ctl_is_overridden (GPtrArray *overrides, RtkCheckId id)
{
  for (guint i = 0; i < overrides->len; i++)
    if (((const RtkOverride *)g_ptr_array_index (overrides, i))->check == id)
      return TRUE;
  return FALSE;
}

/* What `photo check` was asked for; the same for every file. */
typedef struct {
  RtkRulePack *pack; /* (owned) */
  gboolean     finished;
} CheckRequest;

static void
check_one (RtkCtlJob    *job,
           GBytes       *bytes,
           RtkNetworks  *networks,
           GCancellable *cancellable,
           gpointer      user_data)
{
  const CheckRequest *request = user_data;
  gint64              start = g_get_monotonic_time ();
  g_autofree char    *name = g_path_get_basename (job->path);
  g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (bytes, name, &job->error);
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkAnalysis) analysis = NULL;
  g_autoptr (RtkReport) report = NULL;
  RtkIntake intake;

  if (facts == NULL)
    return;
  image = rtk_codec_decode (bytes, &intake, &job->error);
  if (image == NULL)
    return;
  analysis = request->finished
                 ? rtk_vision_analyse_finished (networks, image, request->pack, &job->error)
                 : rtk_vision_analyse_picture (networks, image, &job->error);
  if (analysis == NULL)
    return;
  report = rtk_rules_judge (request->pack, analysis, facts, request->finished);
  job->json =
      rtk_ctl_report_to_json (job->path, rtk_image_get_width (image), rtk_image_get_height (image),
                              report, (double)(g_get_monotonic_time () - start) / 1000);
  job->text = report_to_text (job->path, report);
  job->code = rtk_report_get_verdict (report) == RTK_VERDICT_FAIL ? RTK_EXIT_NO : RTK_EXIT_OK;
}

static void
sum_up_check (int n_well, int n_failed, int n_not_done)
{
  rtk_ctl_say (_ ("%d well, %d with a failed rule, %d could not be judged"), n_well, n_failed,
               n_not_done);
}

static int
run_check (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *rules = NULL;
  CheckRequest     request = {0};
  RtkCtlBatch      batch = {.work = check_one,
                            .user_data = &request,
                            .text_is_output = TRUE,
                            .json = ctl->json,
                            .sum_up = sum_up_check};
  gboolean         recursive = FALSE;
  GOptionEntry     entries[] = {
          {"rules", 0, 0, G_OPTION_ARG_STRING, &rules, N_ ("which rule pack"), "ID"},
          {"finished", 0, 0, G_OPTION_ARG_NONE, &request.finished, N_ ("the files are finished photos"),
           NULL},
          {"jobs", 0, 0, G_OPTION_ARG_INT, &batch.n_jobs,
           N_ ("how many files at once; else one for each core"), "N"},
          {"recursive", 0, 0, G_OPTION_ARG_NONE, &recursive, N_ ("look into folders in folders, too"),
           NULL},
          G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GError) error = NULL;
  int code = RTK_EXIT_ERROR;

  if (!rtk_ctl_parse (entries, "[--rules ID] [--finished] [--recursive] FILE|FOLDER...", &argc,
                      &argv, 1, -1))
    return RTK_EXIT_ERROR;
  request.pack = rtk_rule_pack_load (rules != NULL ? rules : RTK_CTL_DEFAULT_RULES, &error);
  if (request.pack == NULL)
    return rtk_ctl_complain (rules, error);
  batch.jobs = rtk_ctl_list_pictures (argv + 1, recursive, NULL);
  code = rtk_ctl_batch_run (&batch);
  g_ptr_array_unref (batch.jobs);
  rtk_rule_pack_unref (request.pack);
  return code;
}

static void
add_point (JsonBuilder *builder, double x, double y)
{
  json_builder_begin_array (builder);
  json_builder_add_double_value (builder, x);
  json_builder_add_double_value (builder, y);
  json_builder_end_array (builder);
}

static void
add_number (JsonBuilder *builder, const char *member, double value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_double_value (builder, value);
}

static void
add_face (JsonBuilder *builder, const RtkFace *face)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "box");
  json_builder_begin_array (builder);
  json_builder_add_double_value (builder, face->box.x);
  json_builder_add_double_value (builder, face->box.y);
  json_builder_add_double_value (builder, face->box.width);
  json_builder_add_double_value (builder, face->box.height);
  json_builder_end_array (builder);
  add_number (builder, "score", face->score);
  if (face->has_points) {
    json_builder_set_member_name (builder, "points");
    json_builder_begin_array (builder);
    for (int i = 0; i < RTK_N_FACE_POINTS; i++)
      add_point (builder, face->points[i].x, face->points[i].y);
    json_builder_end_array (builder);
    add_number (builder, "yaw", face->yaw);
    add_number (builder, "pitch", face->pitch);
    add_number (builder, "roll", face->roll);
    json_builder_set_member_name (builder, "eye_open");
    json_builder_begin_array (builder);
    json_builder_add_double_value (builder, face->eye_open[0]);
    json_builder_add_double_value (builder, face->eye_open[1]);
    json_builder_end_array (builder);
    add_number (builder, "mouth_open", face->mouth_open);
    json_builder_set_member_name (builder, "iris");
    json_builder_begin_array (builder);
    add_point (builder, face->points[IRIS_RIGHT].x, face->points[IRIS_RIGHT].y);
    add_point (builder, face->points[IRIS_LEFT].x, face->points[IRIS_LEFT].y);
    json_builder_end_array (builder);
  }
  json_builder_end_object (builder);
}

static JsonNode *
landmarks_to_json (const RtkAnalysis *analysis)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "faces");
  json_builder_begin_array (builder);
  for (guint i = 0; i < analysis->n_faces; i++)
    add_face (builder, &analysis->faces[i]);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "shoulders");
  json_builder_begin_array (builder);
  for (int i = 0; analysis->has_shoulders && i < 2; i++)
    add_point (builder, analysis->head.shoulders[i].x, analysis->head.shoulders[i].y);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

/* A picture and the networks to look at it with: what commands on one file begin with. The networks
 * are there whenever the picture is. */
static RtkImage *
load_picture (const char *path, RtkNetworks **out_networks, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkImage) image = NULL;
  RtkIntake intake;

  if (!rtk_ctl_read_file (path, &bytes, error))
    return NULL;
  image = rtk_codec_decode (bytes, &intake, error);
  if (image == NULL)
    return NULL;
  *out_networks = rtk_networks_new (rtk_models_find_dir (), error);
  return *out_networks != NULL ? g_steal_pointer (&image) : NULL;
}

static void
find_landmarks (RtkCtlJob    *job,
                GBytes       *bytes,
                RtkNetworks  *networks,
                GCancellable *cancellable,
                gpointer      user_data)
{
  RtkIntake intake;
  g_autoptr (RtkImage) image = rtk_codec_decode (bytes, &intake, &job->error);
  g_autoptr (RtkAnalysis) analysis = NULL;

  if (image != NULL)
    analysis = rtk_vision_analyse_picture (networks, image, &job->error);
  if (analysis != NULL && analysis->n_faces == 0)
    g_set_error (&job->error, RTK_ERROR, RTK_ERROR_NO_FACE, "no face was found");
  if (job->error != NULL)
    return;
  job->json = landmarks_to_json (analysis);
  job->code = RTK_EXIT_OK;
}

static int
run_landmarks (RtkCtl *ctl, int argc, char **argv)
{
  RtkCtlBatch  batch = {.work = find_landmarks, .json = TRUE};
  gboolean     recursive = FALSE;
  GOptionEntry entries[] = {
      {"jobs", 0, 0, G_OPTION_ARG_INT, &batch.n_jobs,
       N_ ("how many files at once; else one for each core"), "N"},
      {"recursive", 0, 0, G_OPTION_ARG_NONE, &recursive, N_ ("look into folders in folders, too"),
       NULL},
      G_OPTION_ENTRY_NULL,
  };
  int code;

  if (!rtk_ctl_parse (entries, "[--recursive] FILE|FOLDER...", &argc, &argv, 1, -1))
    return RTK_EXIT_ERROR;
  /* A single file gives the object itself, as programs that ask for one face expect. */
  batch.json_is_single = argc == 2 && !g_file_test (argv[1], G_FILE_TEST_IS_DIR);
  batch.jobs = rtk_ctl_list_pictures (argv + 1, recursive, NULL);
  code = rtk_ctl_batch_run (&batch);
  g_ptr_array_unref (batch.jobs);
  return code;
}

/**
 * rtk_ctl_load_plate:
 * @path: (nullable): a picture of the empty booth
 * @error: return location for an #RtkError
 *
 * Reads a plate; without @path there is none, and no error.
 *
 * Returns: (transfer full) (nullable): the picture
 */
RtkImage *
rtk_ctl_load_plate (const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  RtkIntake intake;

  if (path == NULL || !rtk_ctl_read_file (path, &bytes, error))
    return NULL;
  return rtk_codec_decode (bytes, &intake, error);
}

static int
run_matte (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *output = NULL;
  g_autofree char *plate = NULL;
  GOptionEntry     entries[] = {
          {"plate", 0, 0, G_OPTION_ARG_FILENAME, &plate, N_ ("a picture of the empty booth"), "EMPTY"},
          {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, N_ ("where to write"), "ALPHA.png"},
          G_OPTION_ENTRY_NULL,
  };
  gboolean fits = TRUE;
  g_autoptr (GBytes) png = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (RtkImage) empty = NULL;
  g_autoptr (RtkImage) alpha = NULL;
  g_autoptr (RtkNetworks) networks = NULL;
  g_autoptr (GError) error = NULL;

  if (!rtk_ctl_parse (entries, "[--plate EMPTY] FILE -o ALPHA.png", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  if (output == NULL) {
    rtk_ctl_say (_ ("retakectl: -o is missing: say where to write, “-o FILE”."));
    return RTK_EXIT_ERROR;
  }
  empty = rtk_ctl_load_plate (plate, &error);
  if (error != NULL)
    return rtk_ctl_complain (plate, error);
  image = load_picture (argv[1], &networks, &error);
  if (networks != NULL)
    alpha = rtk_photo_maker_matte (networks, image, empty, &fits, &error);
  if (alpha != NULL)
    png = rtk_png_encode (alpha, &error);
  if (png == NULL)
    return rtk_ctl_complain (argv[1], error);
  if (!rtk_ctl_write_file (output, png, &error))
    return rtk_ctl_complain (output, error);
  if (empty != NULL && !fits)
    rtk_ctl_say (
        _ ("%s: the picture of the empty booth does not fit any more (lamp, colour, camera "
           "or size changed): the matte was made without it"),
        argv[1]);
  return RTK_EXIT_OK;
}

const RtkCtlCommand rtk_ctl_photo_commands[] = {
    {"photo", "check", "[--rules ID] [--finished] FILE|FOLDER...", N_ ("judge pictures"),
     run_check},
    {"photo", "matte", "[--plate EMPTY] FILE -o ALPHA.png",
     N_ ("cut the person out: alpha of the whole frame"), run_matte},
    {"photo", "landmarks", "FILE|FOLDER...", N_ ("print face, 478 points, angles and shoulders"),
     run_landmarks},
    {NULL},
};
