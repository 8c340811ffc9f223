/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-photo-maker.h"

#include "core/rtk-error.h"
#include "vision/rtk-analyse.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-cut-out.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-finish.h"
#include "vision/rtk-parallel-private.h"
#include "vision/rtk-png.h"
#include "vision/rtk-recipe.h"

/* A finished photo gets its name at export; until then only its extension counts. */
#define UNNAMED "photo.jpg"

typedef struct {
  RtkNetworks         *networks;    /* (unowned) */
  const RtkStill      *still;       /* (unowned) */
  const RtkRulePack   *pack;        /* (unowned) */
  const RtkBackground *background;  /* (unowned) */
  GCancellable        *cancellable; /* (unowned) (nullable) */
  RtkIntake            intake;
  RtkAnalysis         *analysis; /* (owned) */
  float               *mask;     /* (owned): what the measures of its surface need */
  RtkImage            *alpha;    /* (owned) */
  RtkFinishResult      finish;
  RtkPhoto            *photo; /* (owned) */
} Making;

static void
making_clear (Making *self)
{
  g_clear_pointer (&self->analysis, rtk_analysis_unref);
  g_clear_pointer (&self->mask, g_free);
  g_clear_pointer (&self->alpha, rtk_image_unref);
  g_clear_pointer (&self->photo, rtk_photo_unref);
}

/* The camera's own file where there is one, else a lossless one of the frame. */
static gboolean
take_original (Making *self, GError **error)
{
  const RtkStill *still = self->still;

  if (still->original != NULL) {
    self->photo->original_image = rtk_codec_decode (still->original, &self->intake, error);
    if (self->photo->original_image == NULL)
      return FALSE;
    rtk_blob_init (&self->photo->original, still->original, still->media_type);
    return TRUE;
  } else {
    g_autoptr (GBytes) png = rtk_png_encode (still->image, error);

    if (png == NULL)
      return FALSE;
    self->intake = still->intake;
    self->photo->original_image = rtk_image_ref (still->image);
    rtk_blob_init (&self->photo->original, png, "image/png");
    return TRUE;
  }
}

static gboolean
analyse (Making *self, GError **error)
{
  const RtkImage *image = self->photo->original_image;

  self->analysis = rtk_vision_find_subject (self->networks, image, &self->mask, error);
  if (self->analysis == NULL)
    return FALSE;
  if (self->analysis->n_faces == 0 || !self->analysis->faces[0].has_points ||
      !self->analysis->has_head) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NO_FACE,
                         "No face was found in the picture: take it from the front, in good light");
    return FALSE;
  }
  return rtk_geometry_find_crop (self->pack, &self->analysis->head, rtk_image_get_width (image),
                                 rtk_image_get_height (image), &self->photo->crop, error);
}

typedef struct {
  Making  *making;
  gboolean ok;
  GError  *error;
} Cutting;

static void
cut_out_cb (gpointer data, gpointer shared)
{
  Cutting *cutting = shared;
  Making  *self = cutting->making;
  RtkMatte matte = {0};

  cutting->ok =
      rtk_cut_out_crop (self->networks, self->photo->original_image, &self->photo->crop,
                        &self->analysis->faces[0], self->still->plate, &matte, &cutting->error);
  if (!cutting->ok)
    return;
  self->photo->plate_misfit = self->still->plate != NULL && !matte.plate_fits;
  self->alpha = g_steal_pointer (&matte.alpha);
  rtk_matte_clear (&matte);
}

static void
measure_surface_cb (gpointer data, gpointer shared)
{
  const Making *self = ((const Cutting *)shared)->making;

  rtk_vision_measure_surface (self->photo->original_image, self->mask, self->analysis);
}

/* Steps of the matte that follow from each other leave a core free: what else is to be measured of
 * the original is measured meanwhile. */
static gboolean
cut_out (Making *self, GError **error)
{
  static const RtkTask tasks[] = {{cut_out_cb, NULL}, {measure_surface_cb, NULL}};
  Cutting              cutting = {.making = self};

  rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), &cutting);
  if (!cutting.ok)
    g_propagate_error (error, cutting.error);
  return cutting.ok;
}

static gboolean
compose (Making *self, GError **error)
{
  self->photo->delivered_image = rtk_recipe_render (
      self->photo->original_image, self->alpha, &self->photo->crop, self->background->rgb, error);
  return self->photo->delivered_image != NULL;
}

/* A kilobyte has 1000 bytes for some receivers and 1024 for others: a window in whole kilobytes is
 * narrowed so that the file lies in it either way. */
static void
narrow_window (gsize *bytes_min, gsize *bytes_max)
{
  gsize narrow = *bytes_max / 1024 * 1000;

  if (*bytes_max % 1024 == 0 && narrow > *bytes_min)
    *bytes_max = narrow;
}

/* The files of a photo, which do not depend on each other. */
typedef struct {
  Making         *making;
  RtkFinishLimits limits;
  GBytes         *file;  /* (owned) (nullable) */
  GBytes         *alpha; /* (owned) (nullable) */
  GError         *file_error;
  GError         *alpha_error;
} Encoding;

static void
encode_file_cb (gpointer data, gpointer shared)
{
  Encoding *self = shared;

  self->file = rtk_finish_jpeg (self->making->photo->delivered_image, &self->limits,
                                &self->making->finish, &self->file_error);
}

static void
encode_alpha_cb (gpointer data, gpointer shared)
{
  Encoding *self = shared;

  self->alpha = rtk_png_encode (self->making->alpha, &self->alpha_error);
}

/* The delivered picture is from here on what its file decodes to. */
static gboolean
take_files (Making *self, GBytes *file, GBytes *alpha, GError **error)
{
  RtkPhoto *photo = self->photo;

  rtk_image_unref (photo->delivered_image);
  photo->delivered_image = rtk_codec_decode (file, NULL, error);
  if (photo->delivered_image == NULL)
    return FALSE;
  rtk_blob_init (&photo->delivered, file, "image/jpeg");
  rtk_blob_init (&photo->alpha, alpha, "image/png");
  return TRUE;
}

static gboolean
encode (Making *self, GError **error)
{
  static const RtkTask tasks[] = {{encode_file_cb, NULL}, {encode_alpha_cb, NULL}};
  Encoding             both = {
                  .making = self,
                  .limits = {.quality_min = rtk_rule_pack_get_quality_min (self->pack),
                             .dpi = rtk_rule_pack_get_dpi (self->pack)},
  };
  gboolean ok = FALSE;

  rtk_rule_pack_get_bytes (self->pack, &both.limits.bytes_min, &both.limits.bytes_max);
  narrow_window (&both.limits.bytes_min, &both.limits.bytes_max);
  rtk_parallel_tasks (tasks, G_N_ELEMENTS (tasks), &both);
  if (both.file == NULL)
    g_propagate_error (error, g_steal_pointer (&both.file_error));
  else if (both.alpha == NULL)
    g_propagate_error (error, g_steal_pointer (&both.alpha_error));
  else
    ok = take_files (self, both.file, both.alpha, error);
  g_clear_error (&both.file_error);
  g_clear_error (&both.alpha_error);
  g_clear_pointer (&both.file, g_bytes_unref);
  g_clear_pointer (&both.alpha, g_bytes_unref);
  return ok;
}

static gboolean
judge (Making *self, GError **error)
{
  RtkPhoto *photo = self->photo;
  g_autoptr (RtkFileFacts) facts = rtk_file_facts_read (photo->delivered.bytes, UNNAMED, error);
  g_autoptr (RtkAnalysis) finished = NULL;

  if (facts == NULL)
    return FALSE;
  finished =
      rtk_vision_analyse_finished (self->networks, photo->delivered_image, self->pack, error);
  if (finished == NULL)
    return FALSE;
  photo->report = rtk_rules_judge (self->pack, self->analysis, NULL, FALSE);
  photo->finished_report = rtk_rules_judge (self->pack, finished, facts, TRUE);
  photo->certificate = rtk_certificate_new (
      &self->intake, &photo->crop, self->pack, self->background->rgb, self->finish.quality,
      rtk_jpeg_get_encoder (self->finish.chroma), photo->original.sha256, photo->alpha.sha256,
      photo->delivered.sha256, self->still->taken_at);
  return TRUE;
}

static gboolean
run_stage (Making *self, gboolean (*stage) (Making *, GError **), double *out_ms, GError **error)
{
  gint64   start = g_get_monotonic_time ();
  gboolean ok =
      !g_cancellable_set_error_if_cancelled (self->cancellable, error) && stage (self, error);

  *out_ms = (double)(g_get_monotonic_time () - start) / 1000;
  return ok;
}

/**
 * rtk_photo_maker_make_timed:
 * @networks: the networks; used on this thread only
 * @still: what the shutter gave, or a file wrapped as one
 * @pack: the rules
 * @background: what to put behind the person
 * @cancellable: (nullable): asked between stages
 * @out_times: (out caller-allocates) (optional): where the time went
 * @error: return location for an #RtkError
 *
 * Makes a finished photo: decode, measure, best legal crop, matte, compose, encode, judge, certify.
 *
 * A photo that breaks rules is made all the same: its reports say so, and what may be done with it
 * is for the caller to decide. Blocking, about 0.2 s.
 *
 * Fails with %RTK_ERROR_BAD_PICTURE and %RTK_ERROR_TOO_LARGE on what cannot be decoded,
 * %RTK_ERROR_NO_FACE, %RTK_ERROR_NO_CROP, %RTK_ERROR_NO_PERSON, %G_IO_ERROR_CANCELLED and
 * %RTK_ERROR_BACKEND.
 *
 * Returns: (transfer full): the photo, its certificate not signed yet, or %NULL
 */
RtkPhoto *
rtk_photo_maker_make_timed (RtkNetworks         *networks,
                            const RtkStill      *still,
                            const RtkRulePack   *pack,
                            const RtkBackground *background,
                            GCancellable        *cancellable,
                            RtkPhotoTimes       *out_times,
                            GError             **error)
{
  Making        making = {networks, still, pack, background, cancellable};
  RtkPhotoTimes times = {0};
  RtkPhoto     *photo = NULL;
  gint64        start = g_get_monotonic_time ();

  making.photo = rtk_photo_new ();
  if (run_stage (&making, take_original, &times.decode_ms, error) &&
      run_stage (&making, analyse, &times.analyse_ms, error) &&
      run_stage (&making, cut_out, &times.matte_ms, error) &&
      run_stage (&making, compose, &times.compose_ms, error) &&
      run_stage (&making, encode, &times.encode_ms, error) &&
      run_stage (&making, judge, &times.judge_ms, error))
    photo = g_steal_pointer (&making.photo);
  making_clear (&making);
  times.total_ms = (double)(g_get_monotonic_time () - start) / 1000;
  if (out_times != NULL)
    *out_times = times;
  return photo;
}

/**
 * rtk_photo_maker_make:
 * @networks: the networks; used on this thread only
 * @still: what the shutter gave, or a file wrapped as one
 * @pack: the rules
 * @background: what to put behind the person
 * @cancellable: (nullable): asked between stages
 * @error: return location for an #RtkError
 *
 * Makes a finished photo, see rtk_photo_maker_make_timed().
 *
 * Returns: (transfer full): the photo, its certificate not signed yet, or %NULL
 */
RtkPhoto *
rtk_photo_maker_make (RtkNetworks         *networks,
                      const RtkStill      *still,
                      const RtkRulePack   *pack,
                      const RtkBackground *background,
                      GCancellable        *cancellable,
                      GError             **error)
{
  return rtk_photo_maker_make_timed (networks, still, pack, background, cancellable, NULL, error);
}

/**
 * rtk_photo_maker_matte:
 * @networks: the networks; used on this thread only
 * @picture: RGB24, upright
 * @plate: (nullable): RGB24, upright: the wall without the person, by the same camera
 * @out_plate_fits: (out) (optional): whether @plate shows this wall in this light, and was used
 * @error: return location for an #RtkError
 *
 * Cuts the person out of a whole frame; a face is used where there is one, and not needed.
 *
 * Blocking, about 0.15 s. Fails with %RTK_ERROR_NO_PERSON and %RTK_ERROR_BACKEND.
 *
 * Returns: (transfer full): GREY8 of the size of @picture, or %NULL
 */
RtkImage *
rtk_photo_maker_matte (RtkNetworks    *networks,
                       const RtkImage *picture,
                       const RtkImage *plate,
                       gboolean       *out_plate_fits,
                       GError        **error)
{
  g_autoptr (RtkAnalysis) analysis = rtk_vision_analyse_picture (networks, picture, error);
  RtkMatte matte = {0};

  if (analysis == NULL ||
      !rtk_cut_out_frame (networks, picture, analysis->n_faces > 0 ? &analysis->faces[0] : NULL,
                          plate, &matte, error))
    return NULL;
  if (out_plate_fits != NULL)
    *out_plate_fits = matte.plate_fits;
  return matte.alpha;
}
