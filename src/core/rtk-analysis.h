/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-check.h"
#include "core/rtk-geometry.h"
#include "core/rtk-image.h"

G_BEGIN_DECLS

#define RTK_N_FACE_POINTS 478
#define RTK_N_PLACE_POINTS 16

/**
 * RtkFace:
 * @box: face box of the detector, pixels of the picture
 * @score: the detector's, 0..1
 * @points: attention mesh with iris, pixels; z in the same scale, smaller is nearer
 * @has_points: whether @points, the angles and what follows were measured (the subject only)
 * @yaw: degrees, > 0 when the face is turned towards the right edge of the picture
 * @pitch: degrees, > 0 when the face looks up
 * @roll: degrees, > 0 when the head leans clockwise as seen in the picture
 * @eye_open: lid gap / eye width, of the eye on the left and on the right of the picture
 * @mouth_open: largest inner lip gap / distance from eye midpoint to chin
 *
 * One face that was found.
 */
typedef struct {
  RtkRect  box;
  double   score;
  gboolean has_points;
  struct {
    float x;
    float y;
    float z;
  } points[RTK_N_FACE_POINTS];
  double yaw;
  double pitch;
  double roll;
  double eye_open[2];
  double mouth_open;
} RtkFace;

/**
 * RtkMeasure:
 * @known: whether @value was measured
 * @value: in the unit of rtk_check_id_get_unit()
 * @unknown_why: (nullable): a static English sentence, when not known
 * @place: polygon in pixels of the picture where it was measured, for the overlay
 * @n_place: corners of @place; 0 = the whole picture
 *
 * What was measured for one check.
 */
typedef struct {
  gboolean    known;
  double      value;
  const char *unknown_why;
  RtkPoint    place[RTK_N_PLACE_POINTS];
  guint       n_place;
} RtkMeasure;

/**
 * RtkPart:
 * @known: whether the picture shows enough of it
 * @lab: its mean colour, CIELAB
 * @place: where it was looked at, pixels of the picture
 *
 * What of the person, or behind, meets the background.
 */
typedef struct {
  gboolean known;
  double   lab[3];
  RtkRect  place;
} RtkPart;

/**
 * RtkFileFacts:
 * @format: "JPEG", "PNG", or "" when there is no file (a frame)
 * @name: base name of the file, or ""
 * @width: pixels, as stored
 * @height: pixels, as stored
 * @dpi_x: dots an inch, 0 when the file does not say
 * @dpi_y: dots an inch, 0 when the file does not say
 * @depth: bits a pixel (24 for true colour, 8 for grey)
 * @bytes: size of the file
 * @quality: IJG quality estimated from the quantisation tables, 0 when not a JPEG
 *
 * What a file says of itself, for the file.* rules.
 */
typedef struct {
  char   format[8];
  char  *name;
  int    width;
  int    height;
  double dpi_x;
  double dpi_y;
  int    depth;
  gsize  bytes;
  int    quality;
} RtkFileFacts;

/**
 * RtkAnalysis:
 * @serial: of the frame it belongs to; 0 for a file
 * @width: of the picture in pixels
 * @height: of the picture in pixels
 * @n_faces: faces found, all sizes
 * @faces: (array length=n_faces): the subject (the largest) first
 * @has_head: whether @head could be measured
 * @head: see #RtkHead
 * @has_shoulders: whether the shoulders in @head were measured
 * @hair: what lies at the top of the head
 * @clothes: what lies on the shoulders
 * @measures: one a check; geometry.* and file.* are left unknown: the engine computes them
 * @networks_ms: time in the bare networks
 * @total_ms: time of the whole analysis
 *
 * Everything that was measured in one picture. Filled by vision/, judged by rtk_rules_judge().
 * Counted; written only by its maker before it is handed on.
 */
typedef struct {
  guint64    serial;
  int        width;
  int        height;
  guint      n_faces;
  RtkFace   *faces;
  gboolean   has_head;
  gboolean   has_shoulders;
  RtkHead    head;
  RtkPart    hair;
  RtkPart    clothes;
  RtkMeasure measures[RTK_N_CHECKS];
  double     networks_ms;
  double     total_ms;
} RtkAnalysis;

#define RTK_TYPE_ANALYSIS (rtk_analysis_get_type ())

GType        rtk_analysis_get_type (void) G_GNUC_CONST;
RtkAnalysis *rtk_analysis_new (int width, int height, guint n_faces) G_GNUC_WARN_UNUSED_RESULT;
RtkAnalysis *rtk_analysis_ref (RtkAnalysis *self);
void         rtk_analysis_unref (RtkAnalysis *self);
void         rtk_analysis_set (RtkAnalysis *self, RtkCheckId id, double value);
void         rtk_analysis_set_unknown (RtkAnalysis *self, RtkCheckId id, const char *why);
void         rtk_analysis_set_place (RtkAnalysis *self, RtkCheckId id, RtkRect box);

RtkFileFacts *rtk_file_facts_new (void) G_GNUC_WARN_UNUSED_RESULT;
void          rtk_file_facts_free (RtkFileFacts *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkAnalysis, rtk_analysis_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkFileFacts, rtk_file_facts_free)

G_END_DECLS
