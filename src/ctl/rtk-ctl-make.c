/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-photo.h"
#include "ctl/rtk-ctl-photo.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-maker.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_JOBS 64

/* What `photo make` was asked for; the same for every file. Read-only while threads work. */
typedef struct {
  RtkRulePack         *pack;       /* (owned) */
  const RtkBackground *background; /* (unowned): of @pack, or @custom */
  RtkBackground        custom;     /* a colour given as RRGGBB */
  GPtrArray           *overrides;  /* (owned) (element-type RtkOverride) */
  char                *output;
  char                *certificate;
  char                *report;
  gboolean             batch; /* the outputs are folders */
  RtkCtl              *ctl;
} Request;

/* One file on its way. */
typedef struct {
  const char *path; /* (unowned) */
  int         code;
  GError     *error;  /* (owned) (nullable) */
  JsonNode   *report; /* (owned) (nullable) */
} Job;

typedef struct {
  Request     *request;
  GAsyncQueue *jobs; /* (unowned) (element-type Job) */
  GAsyncQueue *done; /* (unowned) (element-type Job) */
} Crew;

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

/* Whether a blocking rule fails that nobody accepted by name. */
static gboolean
has_open_failure (const Request *request, const RtkReport *report)
{
  const RtkCheck *checks;
  guint           n;

  checks = rtk_report_get_checks (report, &n);
  for (guint i = 0; i < n; i++)
    if (checks[i].blocking && checks[i].verdict == RTK_VERDICT_FAIL &&
        !rtk_ctl_is_overridden (request->overrides, checks[i].id))
      return TRUE;
  return FALSE;
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

/* Where a part of a photo goes: the name itself, or for a batch a file of that folder. */
static char *
output_path (const Request *request, const char *where, const char *input, const char *ending)
{
  g_autofree char *base = NULL;
  g_autofree char *name = NULL;
  char            *dot;

  if (!request->batch)
    return g_strdup (where);
  base = g_path_get_basename (input);
  dot = strrchr (base, '.');
  if (dot != NULL && dot != base)
    *dot = '\0';
  name = g_strconcat (base, ending, NULL);
  return g_build_filename (where, name, NULL);
}

static gboolean
write_parts (
    const Request *request, const char *path, RtkPhoto *photo, JsonNode *report, GError **error)
{
  g_autofree char *target = output_path (request, request->output, path, ".jpg");

  if (request->report != NULL) {
    g_autofree char *where = output_path (request, request->report, path, ".report.json");
    g_autofree char *text = json_to_string (report, TRUE);
    g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

    if (!rtk_ctl_write_file (where, bytes, error))
      return FALSE;
  }
  if (request->certificate != NULL) {
    g_autofree char *where = output_path (request, request->certificate, path, ".cert.json");
    g_autoptr (GBytes) bytes = rtk_certificate_to_bytes (photo->certificate);

    if (!rtk_ctl_write_file (where, bytes, error))
      return FALSE;
  }
  /* The photo comes last: where it is, its papers are. */
  return rtk_ctl_write_file (target, photo->delivered.bytes, error);
}

static void
make_one (const Request *request, RtkNetworks *networks, Job *job)
{
  gint64 start = g_get_monotonic_time ();
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (RtkPhoto) photo = NULL;

  job->code = RTK_EXIT_ERROR;
  if (!rtk_ctl_read_file (job->path, &bytes, &job->error))
    return;
  still = rtk_still_new (bytes, rtk_ctl_guess_media_type (bytes), NULL, g_get_real_time ());
  photo =
      rtk_photo_maker_make (networks, still, request->pack, request->background, NULL, &job->error);
  if (photo == NULL)
    return;
  job->report =
      photo_to_json (request, job->path, photo, (double)(g_get_monotonic_time () - start) / 1000);
  if (!write_parts (request, job->path, photo, job->report, &job->error))
    return;
  job->code = has_open_failure (request, photo->report) ||
                      has_open_failure (request, photo->finished_report)
                  ? RTK_EXIT_NO
                  : RTK_EXIT_OK;
}

/* One thread of the crew: its own networks, one file after the other. */
static gpointer
crew_main (gpointer data)
{
  Crew *crew = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkNetworks) networks = rtk_networks_new (rtk_models_find_dir (), &error);
  Job *job;

  while ((job = g_async_queue_try_pop (crew->jobs)) != NULL) {
    if (networks != NULL) {
      make_one (crew->request, networks, job);
    } else {
      job->code = RTK_EXIT_ERROR;
      job->error = g_error_copy (error);
    }
    g_async_queue_push (crew->done, job);
  }
  return NULL;
}

static int
run_crew (Request *request, char **files, int n_files, int n_threads)
{
  g_autofree Job      *jobs = g_new0 (Job, n_files);
  g_autofree GThread **threads = g_new0 (GThread *, n_threads);
  g_autoptr (GAsyncQueue) waiting = g_async_queue_new ();
  g_autoptr (GAsyncQueue) done = g_async_queue_new ();
  Crew     crew = {request, waiting, done};
  gboolean bar = n_files > 1 && isatty (STDERR_FILENO);
  int      counts[3] = {0, 0, 0};
  int      worst = RTK_EXIT_OK;

  for (int i = 0; i < n_files; i++) {
    jobs[i].path = files[i];
    g_async_queue_push (waiting, &jobs[i]);
  }
  for (int i = 0; i < n_threads; i++)
    threads[i] = g_thread_new ("photo-make", crew_main, &crew);
  for (int i = 0; i < n_files; i++) {
    Job *job = g_async_queue_pop (done);

    counts[job->code]++;
    if (job->error != NULL)
      rtk_ctl_complain (job->path, job->error);
    if (bar)
      fprintf (stderr, "\r%d / %d", i + 1, n_files);
    worst = MAX (worst, job->code);
  }
  if (bar)
    fputc ('\n', stderr);
  for (int i = 0; i < n_threads; i++)
    g_thread_join (threads[i]);
  if (n_files > 1)
    rtk_ctl_say (_ ("%d well, %d with a failed rule, %d could not be made"), counts[RTK_EXIT_OK],
                 counts[RTK_EXIT_NO], counts[RTK_EXIT_ERROR]);
  if (request->ctl->json) {
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
    JsonArray *array = json_array_new ();

    json_node_take_array (node, array);
    for (int i = 0; i < n_files; i++)
      if (jobs[i].report != NULL)
        json_array_add_element (array, g_steal_pointer (&jobs[i].report));
    rtk_ctl_print_json (node);
  }
  for (int i = 0; i < n_files; i++) {
    g_clear_error (&jobs[i].error);
    g_clear_pointer (&jobs[i].report, json_node_unref);
  }
  return worst;
}

/* A batch writes into folders, which must be there already: a typing error makes none. */
static gboolean
check_outputs (Request *request, int n_files, GError **error)
{
  const char *const outputs[] = {request->output, request->certificate, request->report};

  request->batch = n_files > 1 || g_file_test (request->output, G_FILE_TEST_IS_DIR);
  for (gsize i = 0; request->batch && i < G_N_ELEMENTS (outputs); i++)
    if (outputs[i] != NULL && !g_file_test (outputs[i], G_FILE_TEST_IS_DIR)) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                   "“%s” is not a folder: make it first, each file gets its own name in it.",
                   outputs[i]);
      return FALSE;
    }
  return TRUE;
}

static int
run_make (RtkCtl *ctl, int argc, char **argv)
{
  g_autofree char *rules = NULL;
  g_autofree char *background = NULL;
  g_autofree char *output = NULL;
  g_autofree char *certificate = NULL;
  g_autofree char *report = NULL;
  g_auto (GStrv) overrides = NULL;
  int          n_jobs = 1;
  GOptionEntry entries[] = {
      {"rules", 0, 0, G_OPTION_ARG_STRING, &rules, N_ ("which rule pack"), "ID"},
      {"background", 0, 0, G_OPTION_ARG_STRING, &background, N_ ("colour behind the person"),
       "NAME|RRGGBB"},
      {"certificate", 0, 0, G_OPTION_ARG_FILENAME, &certificate, N_ ("write the certificate too"),
       "CERT.json"},
      {"report", 0, 0, G_OPTION_ARG_FILENAME, &report, N_ ("write the verdicts too"),
       "REPORT.json"},
      {"override", 0, 0, G_OPTION_ARG_STRING_ARRAY, &overrides, N_ ("accept a failed rule by name"),
       "RULE: reason"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, N_ ("where to write"), "OUT.jpg|DIR"},
      {"jobs", 0, 0, G_OPTION_ARG_INT, &n_jobs, N_ ("how many files at once"), "N"},
      G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GError) error = NULL;
  Request request = {.ctl = ctl};
  int     code = RTK_EXIT_ERROR;

  if (!rtk_ctl_parse (entries, "[--rules ID] [--background NAME|RRGGBB] FILE... -o OUT", &argc,
                      &argv, 1, -1))
    return RTK_EXIT_ERROR;
  if (output == NULL) {
    rtk_ctl_say (_ ("retakectl: -o is missing: say where to write, “-o FILE”."));
    return RTK_EXIT_ERROR;
  }
  request.output = output;
  request.certificate = certificate;
  request.report = report;
  request.overrides = g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);
  request.pack = rtk_rule_pack_load (rules != NULL ? rules : RTK_CTL_DEFAULT_RULES, &error);
  if (request.pack == NULL || !choose_background (&request, background, &error) ||
      !rtk_ctl_read_overrides (overrides, g_get_user_name (), request.overrides, &error) ||
      !check_outputs (&request, argc - 1, &error))
    rtk_ctl_complain (request.pack == NULL ? rules : NULL, error);
  else
    code = run_crew (&request, argv + 1, argc - 1, CLAMP (n_jobs, 1, MIN (MAX_JOBS, argc - 1)));
  g_ptr_array_unref (request.overrides);
  g_clear_pointer (&request.pack, rtk_rule_pack_unref);
  return code;
}

const RtkCtlCommand rtk_ctl_make_commands[] = {
    {"photo", "make",
     "[--rules ID] [--background NAME|RRGGBB] [--certificate F] [--report F] [--override \"RULE: "
     "reason\"] FILE... -o OUT",
     N_ ("make the finished photo"), run_make},
    {NULL},
};
