/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-error.h"
#include "vision/rtk-networks-private.h"

#include <string.h>

typedef gboolean (*OpenFunc) (RtkNetworks *self, const RtkTflite *model, GError **error);

/* Place of the body's model in the list. */
#define POSE 2

/* The same sums as in subprojects/mediapipe-models/SHA256SUMS: a model that is not byte by byte
 * the one that was measured and tested is not used. */
static const struct {
  const char *name;
  const char *sha256;
  OpenFunc    open;
} models[] = {
    {"face_detection_short_range.tflite",
     "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
     rtk_networks_open_detector},
    {"face_landmark_with_attention.tflite",
     "883b7411747bac657c30c462d305d312e9dec6adbf8b85e2f5d8d722fca9455d", rtk_networks_open_mesh},
    {"pose_landmark_lite.tflite",
     "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61", rtk_networks_open_pose},
    {"selfie_segmentation.tflite",
     "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27", rtk_networks_open_selfie},
};

static RtkTflite *
load_model (const char *models_dir, const char *name, const char *sha256, GError **error)
{
  g_autofree char *path = g_build_filename (models_dir, name, NULL);
  g_autofree char *sum = NULL;
  g_autoptr (GBytes) bytes = NULL;
  RtkTflite *model;
  char      *data;
  gsize      size;

  if (!g_file_get_contents (path, &data, &size, NULL)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_MODEL_MISSING, "Model %s is missing or not readable",
                 name);
    return NULL;
  }
  bytes = g_bytes_new_take (data, size);
  sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  if (strcmp (sum, sha256) != 0) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_MODEL_DAMAGED,
                 "Model %s is damaged: its SHA-256 is not the expected one", name);
    return NULL;
  }
  model = rtk_tflite_new (bytes, error);
  if (model == NULL)
    g_prefix_error (error, "Model %s: ", name);
  return model;
}

/**
 * rtk_networks_load_pose:
 * @self: the networks
 * @error: return location for a #RtkError
 *
 * Returns: (transfer full): the model of the body once more, or %NULL
 */
RtkTflite *
rtk_networks_load_pose (const RtkNetworks *self, GError **error)
{
  return load_model (self->models_dir, models[POSE].name, models[POSE].sha256, error);
}

/**
 * rtk_networks_new:
 * @models_dir: folder with the four model files
 * @error: return location for a #RtkError
 *
 * Loads the networks and prepares to run them.
 *
 * Blocking, about 60 ms. Any thread. Fails with `MODEL_MISSING` or `MODEL_DAMAGED`, naming the
 * file, and with `BACKEND` if XNNPACK does not run on this processor.
 *
 * Returns: (transfer full) (nullable): the networks, to be freed with rtk_networks_free()
 */
RtkNetworks *
rtk_networks_new (const char *models_dir, GError **error)
{
  g_autoptr (RtkNetworks) self = g_new0 (RtkNetworks, 1);

  g_return_val_if_fail (models_dir != NULL, NULL);

  self->models_dir = g_strdup (models_dir);
  for (gsize i = 0; i < G_N_ELEMENTS (models); i++) {
    g_autoptr (RtkTflite) model = load_model (models_dir, models[i].name, models[i].sha256, error);

    if (model == NULL)
      return NULL;
    if (!models[i].open (self, model, error)) {
      g_prefix_error (error, "Model %s: ", models[i].name);
      return NULL;
    }
  }
  return g_steal_pointer (&self);
}

/**
 * rtk_networks_free:
 * @self: (transfer full): networks
 *
 * Frees the networks.
 */
void
rtk_networks_free (RtkNetworks *self)
{
  g_clear_pointer (&self->selfie, rtk_xnn_free);
  g_clear_pointer (&self->detector, rtk_xnn_free);
  g_clear_pointer (&self->mesh, rtk_xnn_free);
  for (int i = 0; i < RTK_N_MESH_REGIONS; i++)
    g_clear_pointer (&self->mesh_regions[i], rtk_xnn_free);
  g_clear_pointer (&self->pose, rtk_xnn_free);
  g_clear_pointer (&self->body, rtk_xnn_free);
  g_free (self->models_dir);
  g_free (self);
}

/**
 * rtk_networks_time_bare:
 * @networks: networks
 * @out_ms: (out): milliseconds
 * @error: return location for a #RtkError
 *
 * Times the networks of a live frame without anything around them: selfie, mesh with its heads and
 * pose, once each, on whatever is in their buffers. It is what live analysis is compared with.
 *
 * Blocking, about 6 ms; the thread of @networks.
 *
 * Returns: whether they ran
 */
gboolean
rtk_networks_time_bare (RtkNetworks *networks, double *out_ms, GError **error)
{
  RtkXnn *const all[] = {networks->selfie,          networks->mesh,
                         networks->mesh_regions[0], networks->mesh_regions[1],
                         networks->mesh_regions[2], networks->pose};
  gint64        start = g_get_monotonic_time ();

  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (!rtk_xnn_run (all[i], error))
      return FALSE;
  *out_ms = (double)(g_get_monotonic_time () - start) / 1000.;
  return TRUE;
}
