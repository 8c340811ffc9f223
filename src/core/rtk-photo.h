/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-report.h"
#include "core/rtk-signer.h"

G_BEGIN_DECLS

/**
 * RtkIntake:
 * @rotated: degrees clockwise undone at decoding: 0, 90, 180 or 270
 * @unmirrored: whether a mirrored source was mirrored back
 * @colour: where the colours came from: "srgb", "icc" (converted), "bt601-limited", ... static
 *
 * What decoding undid. After decoding nothing can rotate or mirror.
 */
typedef struct {
  int         rotated;
  gboolean    unmirrored;
  const char *colour;
} RtkIntake;

/**
 * RtkStill:
 * @original: (nullable): the camera's own file, byte for byte, where it gives one
 * @media_type: "image/jpeg" or "image/png" of @original, NULL without
 * @image: (nullable): the upright full-resolution picture (RGB24), where there is no @original
 * @plate: (owned) (nullable): the wall without the person (RGB24, upright), by the same camera in
 *   the same place; may be set by whoever made the still, before anybody else has it
 * @intake: what the camera undid already
 * @serial: of the frame at the shutter
 * @taken_at: wall clock, microseconds since 1970 UTC
 *
 * What the shutter gives. Either @original or @image is there. Counted, immutable.
 */
typedef struct {
  GBytes     *original;
  const char *media_type;
  RtkImage   *image;
  RtkImage   *plate;
  RtkIntake   intake;
  guint64     serial;
  gint64      taken_at;
} RtkStill;

#define RTK_TYPE_STILL (rtk_still_get_type ())

GType     rtk_still_get_type (void) G_GNUC_CONST;
RtkStill *rtk_still_new (GBytes *original, const char *media_type, RtkImage *image, gint64 taken_at)
    G_GNUC_WARN_UNUSED_RESULT;
RtkStill *rtk_still_ref (RtkStill *self);
void      rtk_still_unref (RtkStill *self);

/**
 * RtkBlob:
 * @bytes: content
 * @sha256: lower-case hexadecimal SHA-256 of @bytes, its name on the wire
 * @media_type: "image/jpeg", "image/png" or "application/json"; static
 *
 * Bytes with their name.
 */
typedef struct {
  GBytes     *bytes;
  char        sha256[65];
  const char *media_type;
} RtkBlob;

void rtk_blob_init (RtkBlob *self, GBytes *bytes, const char *media_type);
void rtk_blob_clear (RtkBlob *self);

/* The signed statement that only background pixels were changed: see rtk-certificate.c. */
typedef struct _RtkCertificate RtkCertificate;

#define RTK_TYPE_CERTIFICATE (rtk_certificate_get_type ())

GType           rtk_certificate_get_type (void) G_GNUC_CONST;
RtkCertificate *rtk_certificate_new (const RtkIntake   *intake,
                                     const RtkCrop     *crop,
                                     const RtkRulePack *pack,
                                     const guint8       background[3],
                                     int                quality,
                                     const char        *encoder,
                                     const char        *original_sha256,
                                     const char        *alpha_sha256,
                                     const char        *delivered_sha256,
                                     gint64             taken_at) G_GNUC_WARN_UNUSED_RESULT;
RtkCertificate *rtk_certificate_ref (RtkCertificate *self);
void            rtk_certificate_unref (RtkCertificate *self);
gboolean        rtk_certificate_sign (RtkCertificate *self, RtkSigner *signer, GError **error);
gboolean        rtk_certificate_is_signed (const RtkCertificate *self);
gboolean        rtk_certificate_check_signature (const RtkCertificate *self, GError **error);
const char     *rtk_certificate_get_string (const RtkCertificate *self, const char *member);
JsonObject     *rtk_certificate_dup_object (const RtkCertificate *self) G_GNUC_WARN_UNUSED_RESULT;
GBytes         *rtk_certificate_to_bytes (const RtkCertificate *self) G_GNUC_WARN_UNUSED_RESULT;
RtkCertificate *rtk_certificate_from_bytes (GBytes  *bytes,
                                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * RtkPhoto:
 * @original: the camera's own file or a lossless PNG of the frame
 * @alpha: 8-bit grey PNG, of the crop at working resolution
 * @delivered: the finished JPEG
 * @original_image: the upright original for the screen
 * @delivered_image: the finished picture as it decodes, RGB24
 * @report: the verdicts on the original frame
 * @finished_report: the verdicts on the finished file
 * @crop: where the finished picture lies in the original
 * @certificate: unsigned until rtk_certificate_sign()
 * @plate_misfit: whether the still had a plate that does not show this wall in this light any more
 *
 * One finished photo with all that proves it. Counted; immutable but for the signature.
 */
typedef struct {
  RtkBlob         original;
  RtkBlob         alpha;
  RtkBlob         delivered;
  RtkImage       *original_image;
  RtkImage       *delivered_image;
  RtkReport      *report;
  RtkReport      *finished_report;
  RtkCrop         crop;
  RtkCertificate *certificate;
  gboolean        plate_misfit;
} RtkPhoto;

#define RTK_TYPE_PHOTO (rtk_photo_get_type ())

GType     rtk_photo_get_type (void) G_GNUC_CONST;
RtkPhoto *rtk_photo_new (void) G_GNUC_WARN_UNUSED_RESULT;
RtkPhoto *rtk_photo_ref (RtkPhoto *self);
void      rtk_photo_unref (RtkPhoto *self);

/**
 * RtkOverride:
 * @check: the failed check that is accepted
 * @reason: why, in the person's words
 * @by: who accepts it (name of the staff member)
 *
 * A failed rule that a named person accepts.
 */
typedef struct {
  RtkCheckId check;
  char      *reason;
  char      *by;
} RtkOverride;

RtkOverride *
rtk_override_new (RtkCheckId check, const char *reason, const char *by) G_GNUC_WARN_UNUSED_RESULT;
RtkOverride *rtk_override_copy (const RtkOverride *self) G_GNUC_WARN_UNUSED_RESULT;
void         rtk_override_free (RtkOverride *self);
RtkOverride *
rtk_override_parse (const char *text, const char *by, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkStill, rtk_still_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkCertificate, rtk_certificate_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkPhoto, rtk_photo_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkOverride, rtk_override_free)

G_END_DECLS
