/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-camera.h"
#include "core/rtk-error.h"
#include "core/rtk-report.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-maker.h"
#include "vision/rtk-resample.h"

#include <glib/gi18n.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define FRAME_WIDTH 1280
#define FRAME_HEIGHT 720
/* How far a frame moves at most from one run to the next, to each side. */
#define MOVE 8
#define CANVAS_WIDTH (FRAME_WIDTH + 2 * MOVE)
#define CANVAS_HEIGHT (FRAME_HEIGHT + 2 * MOVE)

#define DEFAULT_RUNS 30
#define MAX_RUNS 10000
#define COLD_RUNS 3
/* Not counted: caches fill, and the tracker gets its face. */
#define WARM_UP 4

/* Milliseconds, one a run. */
typedef struct {
  GArray *bare;          /* (owned) */
  GArray *live;          /* (owned) */
  GArray *live_networks; /* (owned): of a live frame, the networks that ran for it */
  GArray *live_measures; /* (owned): of a live frame, all the rest of the analysis */
  GArray *live_rules;    /* (owned) */
  GArray *still[7];      /* (owned): in the order of #RtkPhotoTimes */
  GArray *cold;          /* (owned) */
} Times;

static const char *const still_stages[] = {"decode", "analyse", "matte", "compose",
                                           "encode", "judge",   "total"};
G_STATIC_ASSERT (sizeof (RtkPhotoTimes) == G_N_ELEMENTS (still_stages) * sizeof (double));

typedef struct {
  const char  *path;     /* (unowned) */
  GBytes      *bytes;    /* (owned): of the file */
  RtkImage    *picture;  /* (owned) */
  guint8      *canvas;   /* (owned): BGRA, somewhat larger than a frame */
  RtkNetworks *networks; /* (owned) */
  RtkRulePack *pack;     /* (owned) */
  int          runs;
} Bench;

static double
ms_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / 1000.;
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double one = *(const double *)a;
  double other = *(const double *)b;

  return one < other ? -1 : one > other ? 1 : 0;
}

/* Value below which @part of @times lie; sorts them. */
static double
quantile (GArray *times, double part)
{
  double position = part * (times->len - 1);
  guint  below = (guint)position;
  guint  above = MIN (below + 1, times->len - 1);
  double rest = position - below;

  g_array_sort (times, compare_doubles);
  return g_array_index (times, double, below) * (1. - rest) +
         g_array_index (times, double, above) * rest;
}

static double
median (GArray *times)
{
  return round (quantile (times, .5) * 1000.) / 1000.;
}

static void
times_init (Times *times)
{
  GArray **all = (GArray **)times;

  for (gsize i = 0; i < sizeof *times / sizeof (GArray *); i++)
    all[i] = g_array_new (FALSE, FALSE, sizeof (double));
}

static void
times_clear (Times *times)
{
  GArray **all = (GArray **)times;

  for (gsize i = 0; i < sizeof *times / sizeof (GArray *); i++)
    g_array_unref (all[i]);
}

static void
bench_clear (Bench *bench)
{
  g_clear_pointer (&bench->bytes, g_bytes_unref);
  g_clear_pointer (&bench->picture, rtk_image_unref);
  g_clear_pointer (&bench->canvas, g_free);
  g_clear_pointer (&bench->networks, rtk_networks_free);
  g_clear_pointer (&bench->pack, rtk_rule_pack_unref);
}

/* Cuts and scales the picture so that it covers a live frame, with the face in the middle of it: a
 * graduate before a camera is not cut off at the brow. */
static gboolean
paint_canvas (Bench *bench, GError **error)
{
  double  width = rtk_image_get_width (bench->picture);
  double  height = rtk_image_get_height (bench->picture);
  double  scale = MIN (width / CANVAS_WIDTH, height / CANVAS_HEIGHT);
  RtkCrop crop = {.out_width = CANVAS_WIDTH, .out_height = CANVAS_HEIGHT};
  g_autoptr (RtkAnalysis) analysis =
      rtk_vision_analyse_picture (bench->networks, bench->picture, error);
  g_autoptr (RtkImage) scaled = NULL;
  const RtkRect *face;

  if (analysis == NULL)
    return FALSE;
  if (analysis->n_faces == 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NO_FACE, "no face was found");
    return FALSE;
  }
  face = &analysis->faces[0].box;
  /* Numbers a crop can hold, and never a pixel beyond the picture. */
  crop.scale = floor (scale * 65536.) / 65536.;
  crop.x = floor (CLAMP (face->x + face->width / 2. - crop.scale * CANVAS_WIDTH / 2., 0.,
                         width - crop.scale * CANVAS_WIDTH));
  crop.y = floor (CLAMP (face->y + face->height / 2. - crop.scale * CANVAS_HEIGHT / 2., 0.,
                         height - crop.scale * CANVAS_HEIGHT));
  scaled = rtk_resample (bench->picture, &crop);
  bench->canvas = g_malloc ((gsize)CANVAS_WIDTH * CANVAS_HEIGHT * 4);
  for (int y = 0; y < CANVAS_HEIGHT; y++) {
    const guint8 *from = rtk_image_get_pixels (scaled) + (gsize)y * rtk_image_get_stride (scaled);
    guint8       *to = bench->canvas + (gsize)y * CANVAS_WIDTH * 4;

    for (int x = 0; x < CANVAS_WIDTH; x++, from += 3, to += 4) {
      to[0] = from[2];
      to[1] = from[1];
      to[2] = from[0];
      to[3] = 255;
    }
  }
  return TRUE;
}

/* The frame of a run: a head is never quite still. */
static RtkFrame *
make_frame (const Bench *bench, int run)
{
  int     dx = MOVE + (int)lround (MOVE * .9 * sin (run * .37));
  int     dy = MOVE + (int)lround (MOVE * .5 * sin (run * .23 + 1.));
  gsize   row = (gsize)FRAME_WIDTH * 4;
  guint8 *pixels = g_malloc (row * FRAME_HEIGHT);
  g_autoptr (RtkImage) image = NULL;

  for (int y = 0; y < FRAME_HEIGHT; y++)
    memcpy (pixels + (gsize)y * row, bench->canvas + ((gsize)(y + dy) * CANVAS_WIDTH + dx) * 4,
            row);
  image = rtk_image_new_take (RTK_PIXEL_BGRA32, FRAME_WIDTH, FRAME_HEIGHT, row, pixels);
  return rtk_frame_new (image, (guint64)run + 1, g_get_monotonic_time ());
}

static gboolean
time_live_run (Bench *bench, RtkTracker *tracker, int run, Times *times, GError **error)
{
  g_autoptr (RtkFrame) frame = make_frame (bench, run);
  g_autoptr (RtkAnalysis) analysis = NULL;
  g_autoptr (RtkReport) report = NULL;
  gint64 start;
  gint64 judged;
  double bare;
  double all;
  double rules;
  double rest;

  /* The one right after the other: a machine that slows down slows both. */
  if (!rtk_networks_time_bare (bench->networks, &bare, error))
    return FALSE;
  start = g_get_monotonic_time ();
  analysis = rtk_vision_analyse_frame (bench->networks, tracker, frame, error);
  if (analysis == NULL)
    return FALSE;
  judged = g_get_monotonic_time ();
  report = rtk_rules_judge (bench->pack, analysis, NULL, FALSE);
  rules = ms_since (judged);
  all = ms_since (start);
  if (run < 0)
    return TRUE;
  rest = all - rules - analysis->networks_ms;
  g_array_append_val (times->bare, bare);
  g_array_append_val (times->live, all);
  g_array_append_val (times->live_networks, analysis->networks_ms);
  g_array_append_val (times->live_measures, rest);
  g_array_append_val (times->live_rules, rules);
  return TRUE;
}

static gboolean
time_still_run (Bench *bench, int run, Times *times, GError **error)
{
  guint n;
  g_autoptr (RtkStill) still = rtk_still_new (bench->bytes, rtk_ctl_guess_media_type (bench->bytes),
                                              NULL, g_get_real_time ());
  RtkPhotoTimes one;
  g_autoptr (RtkPhoto) photo = rtk_photo_maker_make_timed (
      bench->networks, still, bench->pack, rtk_rule_pack_get_backgrounds (bench->pack, &n), NULL,
      &one, error);
  const double *values = (const double *)&one;

  if (photo == NULL)
    return FALSE;
  for (gsize i = 0; run >= 0 && i < G_N_ELEMENTS (still_stages); i++)
    g_array_append_val (times->still[i], values[i]);
  return TRUE;
}

/* A process of its own, as a program that calls this one sees it: start, models, one picture. */
static gboolean
time_cold_run (Bench *bench, Times *times, GError **error)
{
  gint64           start = g_get_monotonic_time ();
  g_autofree char *program = g_file_read_link ("/proc/self/exe", error);
  g_autoptr (GSubprocess) child = NULL;
  double ms;

  if (program == NULL)
    return FALSE;
  child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_SILENCE, error, program, "--json", "photo",
                            "check", "--", bench->path, NULL);
  if (child == NULL || !g_subprocess_wait (child, NULL, error))
    return FALSE;
  ms = ms_since (start);
  if (!g_subprocess_get_if_exited (child) || g_subprocess_get_exit_status (child) > RTK_EXIT_NO) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED,
                 "“photo check” failed in a process of its own");
    return FALSE;
  }
  g_array_append_val (times->cold, ms);
  return TRUE;
}

static gboolean
measure (Bench *bench, Times *times, GError **error)
{
  g_autoptr (RtkTracker) tracker = rtk_tracker_new ();

  for (int run = -WARM_UP; run < bench->runs; run++)
    if (!time_live_run (bench, tracker, run, times, error))
      return FALSE;
  for (int run = -1; run < bench->runs; run++)
    if (!time_still_run (bench, run, times, error))
      return FALSE;
  for (int run = 0; run < COLD_RUNS; run++)
    if (!time_cold_run (bench, times, error))
      return FALSE;
  return TRUE;
}

static gint64
peak_rss_bytes (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (gint64)usage.ru_maxrss * 1024;
}

static void
add_number (JsonBuilder *builder, const char *member, double value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_double_value (builder, value);
}

static void
add_integer (JsonBuilder *builder, const char *member, gint64 value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_int_value (builder, value);
}

static void
begin (JsonBuilder *builder, const char *member)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_object (builder);
}

static JsonNode *
to_json (const Bench *bench, Times *times)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_integer (builder, "width", rtk_image_get_width (bench->picture));
  add_integer (builder, "height", rtk_image_get_height (bench->picture));
  add_integer (builder, "runs", bench->runs);
  begin (builder, "live");
  add_number (builder, "networks_ms", median (times->bare));
  add_number (builder, "total_ms", median (times->live));
  add_number (builder, "ratio",
              round (quantile (times->live, .5) / quantile (times->bare, .5) * 1000.) / 1000.);
  add_number (builder, "p90_ms", round (quantile (times->live, .9) * 1000.) / 1000.);
  begin (builder, "stages");
  add_number (builder, "networks", median (times->live_networks));
  add_number (builder, "measures", median (times->live_measures));
  add_number (builder, "rules", median (times->live_rules));
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  begin (builder, "still");
  add_number (builder, "total_ms", median (times->still[G_N_ELEMENTS (still_stages) - 1]));
  begin (builder, "stages");
  for (gsize i = 0; i + 1 < G_N_ELEMENTS (still_stages); i++)
    add_number (builder, still_stages[i], median (times->still[i]));
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  add_number (builder, "cold_check_ms", median (times->cold));
  add_integer (builder, "peak_rss_bytes", peak_rss_bytes ());
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

static void
print_row (const char *name, double ms)
{
  printf ("  %9.2f ms  %s\n", ms, name);
}

static void
print_table (const Bench *bench, Times *times)
{
  printf (_ ("%s, %d x %d, median of %d runs\n"), bench->path, rtk_image_get_width (bench->picture),
          rtk_image_get_height (bench->picture), bench->runs);
  print_row (_ ("bare networks"), median (times->bare));
  print_row (_ ("live frame 1280x720"), median (times->live));
  print_row ("  networks", median (times->live_networks));
  print_row ("  measures", median (times->live_measures));
  print_row ("  rules", median (times->live_rules));
  printf ("  %9.2f     %s\n", quantile (times->live, .5) / quantile (times->bare, .5),
          _ ("live frame / bare networks"));
  print_row (_ ("finished photo"), median (times->still[G_N_ELEMENTS (still_stages) - 1]));
  for (gsize i = 0; i + 1 < G_N_ELEMENTS (still_stages); i++) {
    g_autofree char *name = g_strconcat ("  ", still_stages[i], NULL);

    print_row (name, median (times->still[i]));
  }
  print_row (_ ("“photo check” as a new process"), median (times->cold));
  printf ("  %9.1f MB  %s\n", (double)peak_rss_bytes () / 1e6, _ ("most memory in use"));
}

static int
run_bench (RtkCtl *ctl, int argc, char **argv)
{
  int          runs = DEFAULT_RUNS;
  GOptionEntry entries[] = {
      {"runs", 0, 0, G_OPTION_ARG_INT, &runs, N_ ("how often each is measured"), "N"},
      G_OPTION_ENTRY_NULL,
  };
  Bench     bench = {NULL};
  Times     times;
  RtkIntake intake;
  g_autoptr (GError) error = NULL;
  gboolean ok;

  if (!rtk_ctl_parse (entries, "[--runs N] FILE", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  if (runs < 1 || runs > MAX_RUNS) {
    rtk_ctl_say (_ ("retakectl: --runs must lie between 1 and %d."), MAX_RUNS);
    return RTK_EXIT_ERROR;
  }
  bench.path = argv[1];
  bench.runs = runs;
  times_init (&times);
  ok = rtk_ctl_read_file (bench.path, &bench.bytes, &error) &&
       (bench.picture = rtk_codec_decode (bench.bytes, &intake, &error)) != NULL &&
       (bench.pack = rtk_rule_pack_load (RTK_CTL_DEFAULT_RULES, &error)) != NULL &&
       (bench.networks = rtk_networks_new (rtk_models_find_dir (), &error)) != NULL &&
       paint_canvas (&bench, &error) && measure (&bench, &times, &error);
  if (!ok) {
    rtk_ctl_complain (bench.path, error);
  } else if (ctl->json) {
    g_autoptr (JsonNode) node = to_json (&bench, &times);

    rtk_ctl_print_json (node);
  } else {
    print_table (&bench, &times);
  }
  times_clear (&times);
  bench_clear (&bench);
  return ok ? RTK_EXIT_OK : RTK_EXIT_ERROR;
}

const RtkCtlCommand rtk_ctl_bench_commands[] = {
    {"photo", "bench", "[--runs N] FILE", N_ ("measure the time of each stage"), run_bench},
    {NULL},
};
