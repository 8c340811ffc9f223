/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-finish.h"

#include "vision/rtk-parallel-private.h"

/* Below this quality blocks and rings around the features show more than coarse colour does. */
#define FULL_COLOUR_FROM 75

typedef struct {
  const RtkImage        *image;
  const RtkFinishLimits *limits;
  RtkJpegChroma          chroma;
  int                    n_encodes;
  GBytes                *files[101]; /* (owned) (nullable): by quality, as far as tried */
} Search;

/* One quality that is tried, beside another one. */
typedef struct {
  Search *search;
  int     quality;
  GError *error;
} Trial;

static void
encode_cb (gpointer data, gpointer shared)
{
  Trial  *trial = data;
  Search *search = trial->search;

  search->files[trial->quality] = rtk_jpeg_encode (search->image, trial->quality, search->chroma,
                                                   search->limits->dpi, &trial->error);
}

/* Encodes at two qualities, which may be one, at the same time: as far as that was not done yet. */
static gboolean
encode (Search *search, int first, int second, GError **error)
{
  Trial    trials[] = {{search, first}, {search, second}};
  RtkTask  tasks[G_N_ELEMENTS (trials)];
  guint    n = 0;
  gboolean ok = TRUE;

  for (guint i = 0; i < G_N_ELEMENTS (trials); i++) {
    if (search->files[trials[i].quality] == NULL && (i == 0 || second != first))
      tasks[n++] = (RtkTask){encode_cb, &trials[i]};
  }
  rtk_parallel_tasks (tasks, n, NULL);
  search->n_encodes += (int)n;
  for (guint i = 0; i < G_N_ELEMENTS (trials); i++) {
    if (trials[i].error == NULL)
      continue;
    if (ok)
      g_propagate_error (error, trials[i].error);
    else
      g_error_free (trials[i].error);
    ok = FALSE;
  }
  return ok;
}

static void
search_forget (Search *search)
{
  for (guint i = 0; i < G_N_ELEMENTS (search->files); i++)
    g_clear_pointer (&search->files[i], g_bytes_unref);
}

static gboolean
too_large (const Search *search, int quality)
{
  return search->limits->bytes_max > 0 &&
         g_bytes_get_size (search->files[quality]) > search->limits->bytes_max;
}

/* Where the limit lies between a quality that fits and one that does not, if sizes grow evenly;
 * never out of [low, high]. In whole numbers: the same on every machine. */
static int
guess_quality (const Search *search, int fits, int fails, int low, int high)
{
  gsize below = g_bytes_get_size (search->files[fits]);
  gsize above = g_bytes_get_size (search->files[fails]);
  gsize steps = (gsize)(fails - fits) * (search->limits->bytes_max - below) / (above - below);

  return CLAMP (fits + (int)steps, low, high);
}

/* The highest quality whose file is not too large; 0 when none is, -1 on an error. Two are tried at
 * a time: at thirds of what is left, or the two about a guess, which come near sooner. Sizes grow
 * with quality but for a few bytes, so afterwards the next two steps up are tried as well. */
static int
find_quality (Search *search, GError **error)
{
  int low = search->limits->quality_min;
  int high = 100;
  int best = 0, fails = 0;

  for (int step = 0; low <= high; step++) {
    gboolean guess = best > 0 && fails > 0 && step % 3 != 0;
    int first = guess ? guess_quality (search, best, fails, low, high) : low + (high - low) / 3;
    int second = guess ? MIN (first + 1, high) : high - (high - low) / 3;

    if (!encode (search, first, second, error))
      return -1;
    if (too_large (search, first)) {
      fails = first;
      high = first - 1;
      continue;
    }
    best = too_large (search, second) ? first : second;
    low = best + 1;
    if (best < second) {
      fails = second;
      high = second - 1;
    }
  }
  if (best == 0 || best == 100)
    return best;
  low = best + 1;
  high = MIN (100, best + 2);
  if (!encode (search, low, high, error))
    return -1;
  return !too_large (search, high) ? high : !too_large (search, low) ? low : best;
}

/**
 * rtk_finish_jpeg:
 * @image: RGB24, the finished picture
 * @limits: what the file must satisfy
 * @out_result: (out caller-allocates) (optional): what was chosen
 * @error: return location for an #RtkError
 *
 * Encodes the picture with the highest quality whose file fits the window of sizes.
 *
 * Colour is kept for every pixel (4:4:4), since at a quarter the flat background bleeds into the
 * outline of the hair. Only where the window would then force a quality below %FULL_COLOUR_FROM,
 * which costs more detail than a quarter of the colour, 4:2:0 is taken. A file is never padded:
 * when no quality meets the window the nearest is given, and
 * @out_result says so. `quality_min` is never gone below.
 *
 * About six encodings. Blocking, any thread. Fails with %RTK_ERROR_BACKEND as
 * rtk_jpeg_encode() does.
 *
 * Returns: (transfer full): the file, or %NULL
 */
GBytes *
rtk_finish_jpeg (const RtkImage        *image,
                 const RtkFinishLimits *limits,
                 RtkFinishResult       *out_result,
                 GError               **error)
{
  Search          search = {image, limits, RTK_JPEG_CHROMA_FULL, 0, {NULL}};
  RtkFinishResult result = {0};
  GBytes         *file = NULL;
  int             quality;

  g_return_val_if_fail (limits->quality_min >= 1 && limits->quality_min <= 100, NULL);

  quality = find_quality (&search, error);
  if (quality >= 0 && quality < FULL_COLOUR_FROM) {
    search_forget (&search);
    search.chroma = RTK_JPEG_CHROMA_QUARTER;
    quality = find_quality (&search, error);
  }
  if (quality >= 0) {
    result.quality = quality > 0 ? quality : limits->quality_min;
    if (encode (&search, result.quality, result.quality, error))
      file = search.files[result.quality];
  }
  if (file != NULL) {
    g_bytes_ref (file);
    result.chroma = search.chroma;
    result.n_encodes = search.n_encodes;
    result.fit = too_large (&search, result.quality)           ? RTK_FINISH_TOO_LARGE
                 : g_bytes_get_size (file) < limits->bytes_min ? RTK_FINISH_TOO_SMALL
                                                               : RTK_FINISH_FITS;
    if (out_result != NULL)
      *out_result = result;
  }
  search_forget (&search);
  return file;
}
