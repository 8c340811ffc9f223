/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-camera.h"
#include "core/rtk-error.h"
#include "core/rtk-report.h"
#include "ctl/rtk-ctl.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-live-matte.h"
#include "vision/rtk-models.h"
#include "vision/rtk-photo-maker.h"
#include "vision/rtk-resample.h"

#include <glib/gi18n.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* How far a frame moves at most from one run to the next, to each side. */
#define MOVE 8

#define DEFAULT_RUNS 30
#define MAX_RUNS 10000
#define COLD_RUNS 3
/* Not counted: caches fill, and the tracker gets its face. */
#define WARM_UP 4

/* Milliseconds of live frames of one size, one a run. */
typedef struct {
  GArray *bare;       /* (owned) */
  GArray *total;      /* (owned) */
  GArray *networks;   /* (owned): the networks that ran for the frame */
  GArray *measures;   /* (owned): all the rest of the analysis */
  GArray *rules;      /* (owned) */
  GArray *matte;      /* (owned): beside the analysis, on a thread of its own in the program */
  GArray *bare_core;  /* (owned): @bare in time of the core, whatever else runs on it */
  GArray *total_core; /* (owned): @total in time of the core */
  GArray *matte_core; /* (owned): @matte in time of the core */
} LiveTimes;

/* The sizes of live frames: that of a camera's preview, and a larger one. */
enum { SIZE_HD, SIZE_FULL_HD, N_SIZES };

static const struct {
  int         width;
  int         height;
  const char *member;
} sizes[N_SIZES] = {{1280, 720, "live"}, {1920, 1080, "live_1920x1080"}};

/* Milliseconds, one a run. */
typedef struct {
  LiveTimes live[N_SIZES];
  GArray   *still[7]; /* (owned): in the order of #RtkPhotoTimes */
  GArray   *cold;     /* (owned) */
} Times;

static const char *const still_stages[] = {"decode", "analyse", "matte", "compose",
                                           "encode", "judge",   "total"};
G_STATIC_ASSERT (sizeof (RtkPhotoTimes) == G_N_ELEMENTS (still_stages) * sizeof (double));

typedef struct {
  const char  *path;            /* (unowned) */
  GBytes      *bytes;           /* (owned): of the file */
  RtkImage    *picture;         /* (owned) */
  guint8      *canvas[N_SIZES]; /* (owned): BGRA, somewhat larger than a frame */
  RtkNetworks *networks;        /* (owned) */
  RtkRulePack *pack;            /* (owned) */
  int          runs;
} Bench;

static double
ms_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / 1000.;
}

/* What this thread has used of a core. */
static double
get_core_ms (void)
{
  struct timespec used;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &used);
  return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
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
mean (GArray *times)
{
  double sum = 0.;

  for (guint i = 0; i < times->len; i++)
    sum += g_array_index (times, double, i) / times->len;
  return round (sum * 1000.) / 1000.;
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
  for (int i = 0; i < N_SIZES; i++)
    g_clear_pointer (&bench->canvas[i], g_free);
  g_clear_pointer (&bench->networks, rtk_networks_free);
  g_clear_pointer (&bench->pack, rtk_rule_pack_unref);
}

/* Cuts and scales the picture so that it covers a live frame, with the face in the middle of it: a
 * graduate before a camera is not cut off at the brow. */
static gboolean
paint_canvas (Bench *bench, int size, GError **error)
{
  int     canvas_width = sizes[size].width + 2 * MOVE;
  int     canvas_height = sizes[size].height + 2 * MOVE;
  double  width = rtk_image_get_width (bench->picture);
  double  height = rtk_image_get_height (bench->picture);
  double  scale = MIN (width / canvas_width, height / canvas_height);
  RtkCrop crop = {.out_width = canvas_width, .out_height = canvas_height};
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
  crop.x = floor (CLAMP (face->x + face->width / 2. - crop.scale * canvas_width / 2., 0.,
                         width - crop.scale * canvas_width));
  crop.y = floor (CLAMP (face->y + face->height / 2. - crop.scale * canvas_height / 2., 0.,
                         height - crop.scale * canvas_height));
  scaled = rtk_resample (bench->picture, &crop);
  bench->canvas[size] = g_malloc ((gsize)canvas_width * canvas_height * 4);
  for (int y = 0; y < canvas_height; y++) {
    const guint8 *from = rtk_image_get_pixels (scaled) + (gsize)y * rtk_image_get_stride (scaled);
    guint8       *to = bench->canvas[size] + (gsize)y * canvas_width * 4;

    for (int x = 0; x < canvas_width; x++, from += 3, to += 4) {
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
make_frame (const Bench *bench, int size, int run)
{
  int     width = sizes[size].width;
  int     height = sizes[size].height;
  int     dx = MOVE + (int)lround (MOVE * .9 * sin (run * .37));
  int     dy = MOVE + (int)lround (MOVE * .5 * sin (run * .23 + 1.));
  gsize   row = (gsize)width * 4;
  guint8 *pixels = g_malloc (row * (gsize)height);
  g_autoptr (RtkImage) image = NULL;

  for (int y = 0; y < height; y++)
    memcpy (pixels + (gsize)y * row,
            bench->canvas[size] + ((gsize)(y + dy) * (gsize)(width + 2 * MOVE) + (gsize)dx) * 4,
            row);
  image = rtk_image_new_take (RTK_PIXEL_BGRA32, width, height, row, pixels);
  return rtk_frame_new (image, (guint64)run + 1 + WARM_UP, g_get_monotonic_time ());
}

/* The live matte and its composite over the background, as the program makes them of a frame. */
static gboolean
time_matte (const Bench       *bench,
            RtkLiveMatte      *matte,
            const RtkFrame    *frame,
            const RtkAnalysis *analysis,
            double            *out_ms,
            GError           **error)
{
  guint  n;
  gint64 start = g_get_monotonic_time ();
  g_autoptr (RtkImage) image = NULL;
  RtkCrop crop;

  if (!rtk_geometry_find_crop (bench->pack, &analysis->head, analysis->width, analysis->height,
                               &crop, error))
    return FALSE;
  image =
      rtk_live_matte_make (matte, frame->image, rtk_networks_get_last_mask (bench->networks), &crop,
                           rtk_rule_pack_get_backgrounds (bench->pack, &n)[0].rgb, error);
  *out_ms = ms_since (start);
  return image != NULL;
}

static gboolean
time_live_run (Bench        *bench,
               int           size,
               RtkTracker   *tracker,
               RtkLiveMatte *matte,
               int           run,
               LiveTimes    *times,
               GError      **error)
{
  g_autoptr (RtkFrame) frame = make_frame (bench, size, run);
  g_autoptr (RtkAnalysis) analysis = NULL;
  g_autoptr (RtkReport) report = NULL;
  gint64 start;
  gint64 judged;
  double bare;
  double all;
  double rules;
  double rest;
  double matte_ms;
  double core[4] = {get_core_ms ()};

  /* The one right after the other: a machine that slows down slows both. */
  if (!rtk_networks_time_bare (bench->networks, &bare, error))
    return FALSE;
  core[1] = get_core_ms ();
  start = g_get_monotonic_time ();
  analysis = rtk_vision_analyse_frame (bench->networks, tracker, frame, error);
  if (analysis == NULL)
    return FALSE;
  judged = g_get_monotonic_time ();
  report = rtk_rules_judge (bench->pack, analysis, NULL, FALSE);
  rules = ms_since (judged);
  all = ms_since (start);
  core[2] = get_core_ms ();
  if (!time_matte (bench, matte, frame, analysis, &matte_ms, error))
    return FALSE;
  if (run < 0)
    return TRUE;
  rest = all - rules - analysis->networks_ms;
  core[3] = get_core_ms () - core[2];
  core[0] = core[1] - core[0];
  core[1] = core[2] - core[1];
  g_array_append_val (times->matte_core, core[3]);
  g_array_append_val (times->bare_core, core[0]);
  g_array_append_val (times->total_core, core[1]);
  g_array_append_val (times->bare, bare);
  g_array_append_val (times->total, all);
  g_array_append_val (times->networks, analysis->networks_ms);
  g_array_append_val (times->measures, rest);
  g_array_append_val (times->rules, rules);
  g_array_append_val (times->matte, matte_ms);
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
measure_live (Bench *bench, int size, LiveTimes *times, GError **error)
{
  g_autoptr (RtkTracker) tracker = rtk_tracker_new ();
  g_autoptr (RtkLiveMatte) matte = rtk_live_matte_new ();

  for (int run = -WARM_UP; run < bench->runs; run++)
    if (!time_live_run (bench, size, tracker, matte, run, times, error))
      return FALSE;
  /* The stills that follow are not to be made with the frames' memory still held. */
  g_clear_pointer (&bench->canvas[size], g_free);
  return TRUE;
}

static gboolean
measure (Bench *bench, Times *times, GError **error)
{
  for (int size = 0; size < N_SIZES; size++)
    if (!paint_canvas (bench, size, error) ||
        !measure_live (bench, size, &times->live[size], error))
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

static double
get_ratio (const LiveTimes *times)
{
  return round (quantile (times->total, .5) / quantile (times->bare, .5) * 1000.) / 1000.;
}

static void
begin (JsonBuilder *builder, const char *member)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_object (builder);
}

/* How a live frame compares with the bare networks of the same run: the median frame; and, since
 * not every frame has the same work, the mean of all in time of one core. */
static void
add_live (JsonBuilder *builder, const char *member, const LiveTimes *times)
{
  double networks = mean (times->bare_core);
  double total = mean (times->total_core);

  begin (builder, member);
  add_number (builder, "networks_ms", median (times->bare));
  add_number (builder, "total_ms", median (times->total));
  add_number (builder, "ratio", get_ratio (times));
  add_number (builder, "p90_ms", round (quantile (times->total, .9) * 1000.) / 1000.);
  begin (builder, "core");
  add_number (builder, "networks_ms", networks);
  add_number (builder, "total_ms", total);
  add_number (builder, "ratio", round (total / networks * 1000.) / 1000.);
  add_number (builder, "per_second", round (1e4 / total) / 10.);
  add_number (builder, "live_matte_ms", mean (times->matte_core));
  json_builder_end_object (builder);
  begin (builder, "stages");
  add_number (builder, "networks", median (times->networks));
  add_number (builder, "measures", median (times->measures));
  add_number (builder, "rules", median (times->rules));
  add_number (builder, "live_matte", median (times->matte));
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

static JsonNode *
to_json (const Bench *bench, Times *times)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_integer (builder, "width", rtk_image_get_width (bench->picture));
  add_integer (builder, "height", rtk_image_get_height (bench->picture));
  add_integer (builder, "runs", bench->runs);
  for (int i = 0; i < N_SIZES; i++)
    add_live (builder, sizes[i].member, &times->live[i]);
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
  for (int i = 0; i < N_SIZES; i++) {
    const LiveTimes *live = &times->live[i];
    g_autofree char *name =
        g_strdup_printf (_ ("live frame %dx%d"), sizes[i].width, sizes[i].height);

    print_row (_ ("bare networks"), median (live->bare));
    print_row (name, median (live->total));
    print_row ("  networks", median (live->networks));
    print_row ("  measures", median (live->measures));
    print_row ("  rules", median (live->rules));
    printf ("  %9.2f     %s\n", get_ratio (live), _ ("live frame / bare networks"));
    printf ("  %9.1f     %s\n", 1000. / mean (live->total_core),
            _ ("live frames a second on one core"));
    print_row (_ ("live result beside it"), median (live->matte));
  }
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
       measure (&bench, &times, &error);
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
