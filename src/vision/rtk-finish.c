/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-finish.h"

/* Below this quality blocks and rings around the features show more than coarse colour does. */
#define FULL_COLOUR_FROM 75

typedef struct {
  const RtkImage        *image;
  const RtkFinishLimits *limits;
  RtkJpegChroma          chroma;
  int                    n_encodes;
  GBytes                *files[101]; /* (owned) (nullable): by quality, as far as tried */
} Search;

static GBytes *
encode (Search *search, int quality, GError **error)
{
  if (search->files[quality] == NULL) {
    search->files[quality] =
        rtk_jpeg_encode (search->image, quality, search->chroma, search->limits->dpi, error);
    search->n_encodes++;
  }
  return search->files[quality];
}

static void
search_forget (Search *search)
{
  for (guint i = 0; i < G_N_ELEMENTS (search->files); i++)
    g_clear_pointer (&search->files[i], g_bytes_unref);
}

static gboolean
too_large (const Search *search, GBytes *file)
{
  return search->limits->bytes_max > 0 && g_bytes_get_size (file) > search->limits->bytes_max;
}

/* The highest quality whose file is not too large; 0 when none is, -1 on an error. Sizes grow with
 * quality but for a few bytes, so after halving the next two steps up are tried as well. */
static int
find_quality (Search *search, GError **error)
{
  int low = search->limits->quality_min;
  int high = 100;
  int best = 0;

  while (low <= high) {
    int     middle = (low + high + 1) / 2;
    GBytes *file = encode (search, middle, error);

    if (file == NULL)
      return -1;
    if (too_large (search, file)) {
      high = middle - 1;
    } else {
      best = middle;
      low = middle + 1;
    }
  }
  for (int quality = best + 1; best > 0 && quality <= MIN (100, best + 2); quality++) {
    GBytes *file = encode (search, quality, error);

    if (file == NULL)
      return -1;
    if (!too_large (search, file))
      best = quality;
  }
  return best;
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
 * About seven encodings. Blocking, any thread. Fails with %RTK_ERROR_BACKEND as
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
    file = encode (&search, result.quality, error);
  }
  if (file != NULL) {
    g_bytes_ref (file);
    result.chroma = search.chroma;
    result.n_encodes = search.n_encodes;
    result.fit = too_large (&search, file)                     ? RTK_FINISH_TOO_LARGE
                 : g_bytes_get_size (file) < limits->bytes_min ? RTK_FINISH_TOO_SMALL
                                                               : RTK_FINISH_FITS;
    if (out_result != NULL)
      *out_result = result;
  }
  search_forget (&search);
  return file;
}
