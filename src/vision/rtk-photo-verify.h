/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-photo.h"
#include "vision/rtk-networks.h"
#include "vision/rtk-photo-compare.h"

G_BEGIN_DECLS

/**
 * RtkPhotoProof:
 * @RTK_PHOTO_PROVED: made again from the original it is the same file, to the byte
 * @RTK_PHOTO_CONSISTENT: another encoder, or another kind of machine: everywhere near to what the
 *   original gives
 * @RTK_PHOTO_DIFFERS: somewhere it is not what the original gives
 *
 * What making a photo again says about it.
 */
typedef enum {
  RTK_PHOTO_PROVED,
  RTK_PHOTO_CONSISTENT,
  RTK_PHOTO_DIFFERS,
} RtkPhotoProof;

/**
 * RtkFinding:
 * @RTK_FINDING_PROVED: all fits, to the byte
 * @RTK_FINDING_CONSISTENT: all fits, but another encoder or kind of machine wrote the file
 * @RTK_FINDING_ORIGINAL_RESAVED: the picture of the original, but another file
 * @RTK_FINDING_ORIGINAL_MIRRORED: the original with left and right exchanged
 * @RTK_FINDING_ORIGINAL_OTHER: another picture than the original
 * @RTK_FINDING_ORIGINAL_UNREADABLE: another file than the original, and no picture
 * @RTK_FINDING_ALPHA_OTHER: another alpha than the one that was used
 * @RTK_FINDING_ALPHA_UNKNOWN: the face is as it should be, the outline is not; but without the
 * alpha that was used (made with a plate, or by another version) nothing more can be said
 * @RTK_FINDING_DELIVERED_RESAVED: the finished picture, but another file
 * @RTK_FINDING_DELIVERED_COARSE: likewise, saved so coarsely that a change could hide in it
 * @RTK_FINDING_DELIVERED_SIZE: of another size
 * @RTK_FINDING_DELIVERED_MIRRORED: left and right are exchanged
 * @RTK_FINDING_DELIVERED_CHANGED: changed in places
 * @RTK_FINDING_DELIVERED_REWORKED: changed all over: smoothed, sharpened, recoloured, moved
 * @RTK_FINDING_DELIVERED_OTHER: another picture
 * @RTK_FINDING_DELIVERED_UNREADABLE: another file than the finished photo, and no picture
 * @RTK_FINDING_CERTIFICATE_CHANGED: the files fit each other, but not the hashes
 * @RTK_FINDING_SIGNATURE_GONE: a station's key is named, but its signature was taken away
 * @RTK_FINDING_SIGNATURE_WRONG: the certificate was changed after it was signed
 * @RTK_FINDING_KEY_OTHER: signed, but not with the key that was asked for
 * @RTK_FINDING_KEY_UNKNOWN: a key was asked for, and nobody signed: provenance unknown
 * @RTK_FINDING_RULES_OTHER: the recipe is not one of the rule pack it names
 *
 * What looking at a photo with its papers says of it, in one word.
 */
typedef enum {
  RTK_FINDING_PROVED,
  RTK_FINDING_CONSISTENT,
  RTK_FINDING_ORIGINAL_RESAVED,
  RTK_FINDING_ORIGINAL_MIRRORED,
  RTK_FINDING_ORIGINAL_OTHER,
  RTK_FINDING_ORIGINAL_UNREADABLE,
  RTK_FINDING_ALPHA_OTHER,
  RTK_FINDING_ALPHA_UNKNOWN,
  RTK_FINDING_DELIVERED_RESAVED,
  RTK_FINDING_DELIVERED_COARSE,
  RTK_FINDING_DELIVERED_SIZE,
  RTK_FINDING_DELIVERED_MIRRORED,
  RTK_FINDING_DELIVERED_CHANGED,
  RTK_FINDING_DELIVERED_REWORKED,
  RTK_FINDING_DELIVERED_OTHER,
  RTK_FINDING_DELIVERED_UNREADABLE,
  RTK_FINDING_CERTIFICATE_CHANGED,
  RTK_FINDING_SIGNATURE_GONE,
  RTK_FINDING_SIGNATURE_WRONG,
  RTK_FINDING_KEY_OTHER,
  RTK_FINDING_KEY_UNKNOWN,
  RTK_FINDING_RULES_OTHER,
} RtkFinding;

/**
 * RtkPhotoExamination:
 * @finding: in one word; anything behind %RTK_FINDING_CONSISTENT is a "no"
 * @hashes: whether every file is the one that the certificate speaks of
 * @is_signed: whether a station's signature is there and fits; else the provenance is unknown
 * @proof: what making it again says; %RTK_PHOTO_DIFFERS also when that was not tried
 * @differences: of a changed picture: where, and how much of it
 * @is_alpha_known: whether the alpha that was used was there, or could be made again
 * @is_face_same: whether what differs lies outside of the face
 */
typedef struct {
  RtkFinding         finding;
  gboolean           hashes;
  gboolean           is_signed;
  RtkPhotoProof      proof;
  RtkPhotoComparison differences;
  gboolean           is_alpha_known;
  gboolean           is_face_same;
} RtkPhotoExamination;

/**
 * RtkPhotoPapers:
 * @certificate: what the photo claims of itself
 * @key: (nullable): the key that must have signed, as rtk_signer_get_key_id() names it
 * @original: the original file
 * @alpha: (nullable): the alpha of the vault; without one it is made again
 * @delivered: the finished file
 *
 * A photo and what belongs to it; nothing is owned.
 */
typedef struct {
  const RtkCertificate *certificate;
  const char           *key;
  GBytes               *original;
  GBytes               *alpha;
  GBytes               *delivered;
} RtkPhotoPapers;

const char *rtk_finding_to_string (RtkFinding finding);
gboolean    rtk_photo_examine (RtkNetworks          *networks,
                               const RtkPhotoPapers *papers,
                               RtkPhotoExamination  *out_examination,
                               GError              **error);
gboolean    rtk_photo_verify (RtkNetworks          *networks,
                              const RtkCertificate *certificate,
                              GBytes               *original,
                              GBytes               *alpha,
                              GBytes               *delivered,
                              RtkPhotoProof        *out_proof,
                              GError              **error);

G_END_DECLS
