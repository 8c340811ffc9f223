/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-photo.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"

#include <string.h>

G_DEFINE_BOXED_TYPE (RtkStill, rtk_still, rtk_still_ref, rtk_still_unref)
G_DEFINE_BOXED_TYPE (RtkPhoto, rtk_photo, rtk_photo_ref, rtk_photo_unref)

static void
still_clear (RtkStill *self)
{
  g_clear_pointer (&self->original, g_bytes_unref);
  g_clear_pointer (&self->image, rtk_image_unref);
  g_clear_pointer (&self->plate, rtk_image_unref);
}

/**
 * rtk_still_new:
 * @original: (nullable): the camera's own file; a reference is taken
 * @media_type: (nullable): static; "image/jpeg" or "image/png" of @original
 * @image: (nullable): the upright picture, where there is no @original; a reference is taken
 * @taken_at: wall clock, microseconds since 1970 UTC
 *
 * Makes a still. Its intake says that nothing was undone and the colours are sRGB: the camera
 * writes what it did before handing the still on.
 *
 * Returns: (transfer full): a new still
 */
RtkStill *
rtk_still_new (GBytes *original, const char *media_type, RtkImage *image, gint64 taken_at)
{
  RtkStill *self;

  g_return_val_if_fail (original != NULL || image != NULL, NULL);
  g_return_val_if_fail (original == NULL || media_type != NULL, NULL);

  self = g_atomic_rc_box_new0 (RtkStill);
  self->original = original != NULL ? g_bytes_ref (original) : NULL;
  self->media_type = media_type;
  self->image = image != NULL ? rtk_image_ref (image) : NULL;
  self->intake.colour = "srgb";
  self->taken_at = taken_at;
  return self;
}

/**
 * rtk_still_ref:
 * @self: a still
 *
 * Returns: (transfer full): @self with one more reference; any thread
 */
RtkStill *
rtk_still_ref (RtkStill *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_still_unref:
 * @self: (transfer full): a still
 *
 * Gives a reference back. Any thread.
 */
void
rtk_still_unref (RtkStill *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)still_clear);
}

/**
 * rtk_blob_init:
 * @self: a blob that holds nothing
 * @bytes: content; a reference is taken
 * @media_type: static
 *
 * Names @bytes by hashing them (300 MB/s: not on the main thread for photos).
 */
void
rtk_blob_init (RtkBlob *self, GBytes *bytes, const char *media_type)
{
  gsize         size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  self->bytes = g_bytes_ref (bytes);
  self->media_type = media_type;
  rtk_sha256_hex (data, size, self->sha256);
}

/**
 * rtk_blob_clear:
 * @self: a blob
 *
 * Lets the content go. A blob that holds nothing is left as it is.
 */
void
rtk_blob_clear (RtkBlob *self)
{
  g_clear_pointer (&self->bytes, g_bytes_unref);
  memset (self->sha256, 0, sizeof self->sha256);
}

static void
photo_clear (RtkPhoto *self)
{
  rtk_blob_clear (&self->original);
  rtk_blob_clear (&self->alpha);
  rtk_blob_clear (&self->delivered);
  g_clear_pointer (&self->original_image, rtk_image_unref);
  g_clear_pointer (&self->delivered_image, rtk_image_unref);
  g_clear_pointer (&self->report, rtk_report_unref);
  g_clear_pointer (&self->finished_report, rtk_report_unref);
  g_clear_pointer (&self->certificate, rtk_certificate_unref);
}

/**
 * rtk_photo_new:
 *
 * Makes an empty photo, to be filled by the one that makes it.
 *
 * Returns: (transfer full): a new photo
 */
RtkPhoto *
rtk_photo_new (void)
{
  return g_atomic_rc_box_new0 (RtkPhoto);
}

/**
 * rtk_photo_ref:
 * @self: a photo
 *
 * Returns: (transfer full): @self with one more reference; any thread
 */
RtkPhoto *
rtk_photo_ref (RtkPhoto *self)
{
  return g_atomic_rc_box_acquire (self);
}

/**
 * rtk_photo_unref:
 * @self: (transfer full): a photo
 *
 * Gives a reference back. Any thread.
 */
void
rtk_photo_unref (RtkPhoto *self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify)photo_clear);
}

/**
 * rtk_override_new:
 * @check: the failed check that is accepted
 * @reason: why, in the person's words
 * @by: name of the member of staff
 *
 * Returns: (transfer full): a new override
 */
RtkOverride *
rtk_override_new (RtkCheckId check, const char *reason, const char *by)
{
  RtkOverride *self = g_new0 (RtkOverride, 1);

  self->check = check;
  self->reason = g_strdup (reason);
  self->by = g_strdup (by);
  return self;
}

/**
 * rtk_override_copy:
 * @self: an override
 *
 * Returns: (transfer full): a copy
 */
RtkOverride *
rtk_override_copy (const RtkOverride *self)
{
  return rtk_override_new (self->check, self->reason, self->by);
}

/**
 * rtk_override_free:
 * @self: (transfer full): an override
 *
 * Frees @self.
 */
void
rtk_override_free (RtkOverride *self)
{
  g_free (self->reason);
  g_free (self->by);
  g_free (self);
}

/**
 * rtk_override_parse:
 * @text: "CHECK: reason", such as "mouth.closed: cannot close the lips"
 * @by: name of the member of staff
 * @error: return location for %RTK_ERROR_USAGE
 *
 * Reads an override as it is written on a command line. The reason must not be empty.
 *
 * Returns: (transfer full): the override
 */
RtkOverride *
rtk_override_parse (const char *text, const char *by, GError **error)
{
  const char      *colon = strchr (text, ':');
  g_autofree char *name = NULL;
  g_autofree char *reason = NULL;
  RtkCheckId       check;

  if (colon != NULL) {
    name = g_strstrip (g_strndup (text, (gsize)(colon - text)));
    reason = g_strstrip (g_strdup (colon + 1));
  }
  if (colon == NULL || reason[0] == '\0') {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "“%s” is not an override: write it as “CHECK: reason”.", text);
    return NULL;
  }
  if (!rtk_check_id_from_string (name, &check)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "There is no check “%s”: “rules show” lists them.", name);
    return NULL;
  }
  return rtk_override_new (check, reason, by);
}
