/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-photo.h"
#include "ctl/rtk-ctl-batch.h"
#include "ctl/rtk-ctl-outputs.h"
#include "ctl/rtk-ctl-photo.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-photo-maker.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

/* What `photo make` was asked for; the same for every file. Read-only while threads work. */
typedef struct {
  RtkRulePack         *pack;       /* (owned) */
  const RtkBackground *background; /* (unowned): of @pack, or @custom */
  RtkBackground        custom;     /* a colour given as RRGGBB */
  GPtrArray           *overrides;  /* (owned) (element-type RtkOverride) */
  RtkImage            *plate;      /* (owned) (nullable): of the empty booth */
  RtkCtlOutputs        outputs;
} Request;

static int
hex_digit_pair (const char *text)
{
  int high = g_ascii_xdigit_value (text[0]);
  int low = g_ascii_xdigit_value (text[1]);

  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static gboolean
choose_background (Request *request, const char *name, GError **error)
{
  guint n;

  request->background = name == NULL ? rtk_rule_pack_get_backgrounds (request->pack, &n)
                                     : rtk_rule_pack_find_background (request->pack, name);
  if (request->background != NULL)
    return TRUE;
  if (strlen (name) == 6) {
    int rgb[3] = {hex_digit_pair (name), hex_digit_pair (name + 2), hex_digit_pair (name + 4)};

    if (rgb[0] >= 0 && rgb[1] >= 0 && rgb[2] >= 0) {
      request->custom.name = (char *)name;
      for (int i = 0; i < 3; i++)
        request->custom.rgb[i] = (guint8)rgb[i];
      request->background = &request->custom;
      return TRUE;
    }
  }
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
               "“%s” is neither a background of this rule pack nor RRGGBB.", name);
  return FALSE;
}

/* Adds the blocking rules that fail and that nobody accepted by name, each once. */
static void
add_open_failures (const Request *request, const RtkReport *report, GPtrArray *names)
{
  const RtkCheck *checks;
  guint           n;

  checks = rtk_report_get_checks (report, &n);
  for (guint i = 0; i < n; i++) {
    const char *name = rtk_check_id_to_string (checks[i].id);

    if (checks[i].blocking && checks[i].verdict == RTK_VERDICT_FAIL &&
        !rtk_ctl_is_overridden (request->overrides, checks[i].id) &&
        !g_ptr_array_find (names, name, NULL))
      g_ptr_array_add (names, (char *)name);
  }
}

static JsonNode *
photo_to_json (const Request *request, const char *path, const RtkPhoto *photo, double ms)
{
  JsonNode *node =
      rtk_ctl_report_to_json (path, rtk_image_get_width (photo->original_image),
                              rtk_image_get_height (photo->original_image), photo->report, ms);
  JsonObject *object = json_node_get_object (node);
  JsonArray  *overrides = json_array_new ();

  for (guint i = 0; i < request->overrides->len; i++) {
    const RtkOverride *override = g_ptr_array_index (request->overrides, i);
    JsonObject        *entry = json_object_new ();

    json_object_set_string_member (entry, "check", rtk_check_id_to_string (override->check));
    json_object_set_string_member (entry, "reason", override->reason);
    json_object_set_string_member (entry, "by", override->by);
    json_array_add_object_element (overrides, entry);
  }
  json_object_set_array_member (object, "overrides", overrides);
  json_object_set_member (object, "finished", rtk_report_to_json (photo->finished_report));
  json_object_set_string_member (object, "delivered_sha256", photo->delivered.sha256);
  return node;
}

/* Writes one part and remembers it in @written. */
static gboolean
write_part (const char *path, GBytes *bytes, GPtrArray *written, GError **error)
{
  if (!rtk_ctl_write_file (path, bytes, error))
    return FALSE;
  g_ptr_array_add (written, g_strdup (path));
  return TRUE;
}

/* The photo comes last: where it is, its papers are. */
static gboolean
write_all (
    const Request *request, RtkCtlJob *job, RtkPhoto *photo, GPtrArray *written, GError **error)
{
  const RtkCtlOutputs *outputs = &request->outputs;
  g_autofree char     *target =
      rtk_ctl_outputs_dup_path (outputs, outputs->photo, RTK_CTL_PHOTO_ENDING, job->number);
  g_autoptr (GBytes) certificate = rtk_certificate_to_bytes (photo->certificate);
  g_autofree char *text = NULL;
  g_autoptr (GBytes) report = NULL;

  json_object_set_string_member (json_node_get_object (job->json), "delivered", target);
  text = json_to_string (job->json, TRUE);
  report = g_bytes_new (text, strlen (text));
  for (int i = 0; i < 3; i++) {
    const char *const places[] = {outputs->report, outputs->certificate, outputs->alpha};
    const char *const endings[] = {RTK_CTL_REPORT_ENDING, RTK_CTL_CERTIFICATE_ENDING,
                                   RTK_CTL_ALPHA_ENDING};
    GBytes *const     contents[] = {report, certificate, photo->alpha.bytes};
    g_autofree char  *path = NULL;

    if (places[i] == NULL)
      continue;
    path = rtk_ctl_outputs_dup_path (outputs, places[i], endings[i], job->number);
    if (!write_part (path, contents[i], written, error))
      return FALSE;
  }
  return rtk_ctl_write_file (target, photo->delivered.bytes, error);
}

/* Papers without their photo would speak of another one that may lie there from before. */
static gboolean
write_parts (const Request *request, RtkCtlJob *job, RtkPhoto *photo)
{
  g_autoptr (GPtrArray) written = g_ptr_array_new_with_free_func (g_free);

  if (write_all (request, job, photo, written, &job->error))
    return TRUE;
  for (guint i = 0; i < written->len; i++)
    g_unlink (g_ptr_array_index (written, i));
  return FALSE;
}

/* A file tells nothing surer about when its picture was taken than when it was last written. */
static gint64
get_taken_at (const char *path)
{
  GStatBuf status;

  return g_stat (path, &status) == 0 ? (gint64)status.st_mtime * G_USEC_PER_SEC
                                     : g_get_real_time ();
}

static void
make_one (RtkCtlJob    *job,
          GBytes       *bytes,
          RtkNetworks  *networks,
          GCancellable *cancellable,
          gpointer      user_data)
{
  const Request *request = user_data;
  gint64         start = g_get_monotonic_time ();
  g_autoptr (RtkStill) still =
      rtk_still_new (bytes, rtk_ctl_guess_media_type (bytes), NULL, get_taken_at (job->path));
  g_autoptr (RtkPhoto) photo = NULL;
  g_autoptr (GPtrArray) failures = g_ptr_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *names = NULL;

  if (request->plate != NULL)
    still->plate = rtk_image_ref (request->plate);
  photo = rtk_photo_maker_make (networks, still, request->pack, request->background, cancellable,
                                &job->error);
  if (photo == NULL)
    return;
  job->json =
      photo_to_json (request, job->path, photo, (double)(g_get_monotonic_time () - start) / 1000);
  if (!write_parts (request, job, photo)) {
    g_clear_pointer (&job->json, json_node_unref);
    return;
  }
  add_open_failures (request, photo->report, failures);
  add_open_failures (request, photo->finished_report, failures);
  job->code = failures->len > 0 ? RTK_EXIT_NO : RTK_EXIT_OK;
  if (photo->plate_misfit)
    g_string_append_printf (text,
                            _ ("%s: the picture of the empty booth does not fit any more (lamp, "
                               "colour, camera or size changed): the matte was made without it\n"),
                            job->path);
  if (failures->len > 0) {
    g_ptr_array_add (failures, NULL);
    names = g_strjoinv (", ", (char **)failures->pdata);
    g_string_append_printf (text, _ ("%s: made, but fails %s\n"), job->path, names);
  }
  if (text->len > 0)
    job->text = g_string_free (g_steal_pointer (&text), FALSE);
}

static void
sum_up_make (int n_well, int n_failed, int n_not_done)
{
  rtk_ctl_say (_ ("%d well, %d with a failed rule, %d could not be made"), n_well, n_failed,
               n_not_done);
}

/* Folders, several files, or an output that is a folder: each photo then gets a name of its own. */
static gboolean
is_for_many (char **files, int n_files, const char *output)
{
  return n_files > 1 || g_file_test (files[0], G_FILE_TEST_IS_DIR) ||
         g_file_test (output, G_FILE_TEST_IS_DIR);
}

static void
request_clear (Request *request)
{
  rtk_ctl_outputs_clear (&request->outputs);
  g_clear_pointer (&request->overrides, g_ptr_array_unref);
  g_clear_pointer (&request->plate, rtk_image_unref);
  g_clear_pointer (&request->pack, rtk_rule_pack_unref);
}

/* Reads what all the photos share; says what is wrong with it. */
static gboolean
prepare (Request    *request,
         GPtrArray  *jobs,
         gboolean    for_many,
         const char *rules,
         const char *background,
         const char *plate,
         char      **overrides)
{
  g_autoptr (GError) error = NULL;

  request->overrides = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);
  request->plate = rtk_ctl_load_plate (plate, &error);
  if (error != NULL) {
    rtk_ctl_complain (plate, error);
    return FALSE;
  }
  request->pack = rtk_rule_pack_load (rules != NULL ? rules : RTK_CTL_DEFAULT_RULES, &error);
  if (request->pack != NULL && choose_background (request, background, &error) &&
      rtk_ctl_read_overrides (overrides, g_get_user_name (), request->overrides, &error) &&
      rtk_ctl_outputs_plan (&request->outputs, jobs, for_many, &error))
    return TRUE;
  rtk_ctl_complain (request->pack == NULL ? rules : NULL, error);
  return FALSE;
}

static int
run_make (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *rules = NULL;
  g_autofree char *background = NULL;
  g_autofree char *plate = NULL;
  g_auto (GStrv) overrides = NULL;
  Request     request = {0};
  RtkCtlBatch batch = {
      .work = make_one, .user_data = &request, .json = ctl->json, .sum_up = sum_up_make};
  gboolean     recursive = FALSE;
  GOptionEntry entries[] = {
      {"rules", 0, 0, G_OPTION_ARG_STRING, &rules, N_ ("which rule pack"), "ID"},
      {"background", 0, 0, G_OPTION_ARG_STRING, &background, N_ ("colour behind the person"),
       "NAME|RRGGBB"},
      {"plate", 0, 0, G_OPTION_ARG_FILENAME, &plate, N_ ("a picture of the empty booth"), "EMPTY"},
      {"certificate", 0, 0, G_OPTION_ARG_FILENAME, &request.outputs.certificate,
       N_ ("write the certificate too"), "CERT.json"},
      {"report", 0, 0, G_OPTION_ARG_FILENAME, &request.outputs.report,
       N_ ("write the verdicts too"), "REPORT.json"},
      {"alpha", 0, 0, G_OPTION_ARG_FILENAME, &request.outputs.alpha, N_ ("write the alpha too"),
       "ALPHA.png"},
      {"override", 0, 0, G_OPTION_ARG_STRING_ARRAY, &overrides, N_ ("accept a failed rule by name"),
       "RULE: reason"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &request.outputs.photo, N_ ("where to write"),
       "OUT.jpg|DIR"},
      {"jobs", 0, 0, G_OPTION_ARG_INT, &batch.n_jobs,
       N_ ("how many files at once; else one for each core"), "N"},
      {"recursive", 0, 0, G_OPTION_ARG_NONE, &recursive, N_ ("look into folders in folders, too"),
       NULL},
      G_OPTION_ENTRY_NULL,
  };
  int code = RTK_EXIT_ERROR;

  if (rtk_ctl_parse (entries,
                     "[--rules ID] [--background NAME|RRGGBB] [--plate EMPTY] [--recursive] "
                     "FILE|FOLDER... -o OUT",
                     &argc, &argv, 1, -1)) {
    if (request.outputs.photo == NULL) {
      rtk_ctl_say (_ ("retakectl: -o is missing: say where to write, “-o FILE”."));
    } else {
      batch.jobs = rtk_ctl_list_pictures (argv + 1, recursive, request.outputs.photo);
      if (prepare (&request, batch.jobs, is_for_many (argv + 1, argc - 1, request.outputs.photo),
                   rules, background, plate, overrides))
        code = rtk_ctl_batch_run (&batch);
      g_ptr_array_unref (batch.jobs);
    }
  }
  request_clear (&request);
  return code;
}

const RtkCtlCommand rtk_ctl_make_commands[] = {
    {"photo", "make",
     "[--rules ID] [--background NAME|RRGGBB] [--plate EMPTY] [--certificate F] [--report F] "
     "[--alpha F] "
     "[--override \"RULE: "
     "reason\"] FILE|FOLDER... -o OUT",
     N_ ("make the finished photo"), run_make},
    {NULL},
};
