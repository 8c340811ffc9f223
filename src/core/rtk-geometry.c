/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-geometry.h"

#include "core/rtk-error.h"
#include "core/rtk-report-private.h"
#include "core/rtk-rule-pack.h"

#include <math.h>

/* Finished pixels for one source pixel. Above 2 an area of four finished pixels shows one measured
 * one: the picture has the asked size but not its detail, and the fault belongs to the framing. */
#define MAX_ENLARGEMENT 2.0

/* Zones are aimed at this much inside their limits, finished pixels: more than what rounding of the
 * crop to 1/65536 moves a line of the picture (0.5/65536 * 640 / scale < 0.01). */
#define ZONE_MARGIN 0.02

/* Where there is room, lines keep this share of their zone's width away from its limits, so that a
 * finished file that is measured again does not fail by the trembling of a network. */
#define RESERVE 0.04

/* To keep both shoulders the head may leave the middle by this share of the width, and they lie
 * this share inside. */
#define SHOULDER_SHIFT 0.02
#define SHOULDER_MARGIN 0.01

#define QUANTUM 65536.0

/* The search runs in u = 1/scale (finished pixels a source pixel), e = eye line and c = eye
 * midpoint's x, both in finished pixels. In these every zone and every edge of the picture is a
 * linear inequality, and the distance to the target a convex quadratic. */
typedef struct {
  double at_u; /* bound = constant + at_u * u */
  double constant;
} Bound;

typedef struct {
  double min;
  double max;
  double target;
  double width;    /* the unit in which distance and violation count */
  double loose;    /* widths by which the limits give way now; negative: they close in */
  guint  if_fails; /* what a failure costs: one of a blocking rule more than all that advise */
} Zone;

enum { N_BOUNDS_E = 4, N_BOUNDS_C = 4 };

enum { ZONE_FACE, ZONE_EYE, ZONE_HAIR, ZONE_CENTRE, N_ZONES };

typedef struct {
  Zone     zones[N_ZONES];
  double   face;  /* cheek to cheek, source pixels */
  double   drop;  /* hair top to eyes, source pixels */
  double   eye_x; /* source pixels */
  double   eye_y;
  double   width; /* of the source */
  double   height;
  int      out_width;
  int      out_height;
  gboolean keep_shoulders;
  RtkPoint shoulders[2];
} Problem;

static void
zone_init (Zone *zone, const RtkRulePack *pack, RtkCheckId id, double target, double free_width)
{
  const RtkRule *rule = rtk_rule_pack_get_rule (pack, id);
  double         min = rule != NULL && !isnan (rule->min) ? rule->min : -INFINITY;
  double         max = rule != NULL && !isnan (rule->max) ? rule->max : INFINITY;

  zone->width = isfinite (max - min) && max > min ? max - min : free_width;
  if (max - min > 4 * ZONE_MARGIN) {
    min += ZONE_MARGIN;
    max -= ZONE_MARGIN;
  }
  zone->min = min;
  zone->max = max;
  zone->target = target;
  zone->if_fails = rule != NULL && rule->mode == RTK_RULE_BLOCK ? N_ZONES + 1 : 1;
}

/* Face width, head width and height and eye distance grow with the scale alone: where a pack limits
 * the others, the face is aimed at what suits them too, unless no face can. */
static void
narrow_face_zone (Zone *zone, const RtkRulePack *pack, RtkCheckId id, double face, double length)
{
  const RtkRule *rule = rtk_rule_pack_get_rule (pack, id);
  double         min;
  double         max;

  if (rule == NULL || rule->mode == RTK_RULE_CONFIRM || !(length > 0.))
    return;
  min = isnan (rule->min) ? zone->min : MAX (zone->min, (rule->min + ZONE_MARGIN) * face / length);
  max = isnan (rule->max) ? zone->max : MIN (zone->max, (rule->max - ZONE_MARGIN) * face / length);
  if (min > max)
    return;
  zone->min = min;
  zone->max = max;
}

static void
problem_init (Problem           *self,
              const RtkRulePack *pack,
              const RtkHead     *head,
              int                picture_width,
              int                picture_height)
{
  self->out_width = rtk_rule_pack_get_width (pack);
  self->out_height = rtk_rule_pack_get_height (pack);
  self->width = picture_width;
  self->height = picture_height;
  self->face = head->cheek_right - head->cheek_left;
  self->drop = head->eye_mid.y - head->hair_top;
  self->eye_x = head->eye_mid.x;
  self->eye_y = head->eye_mid.y;
  self->keep_shoulders =
      rtk_rule_pack_get_rule (pack, RTK_CHECK_GEOMETRY_SHOULDERS_WHOLE) != NULL &&
      head->shoulder_visible[0] >= RTK_SHOULDER_SEEN &&
      head->shoulder_visible[1] >= RTK_SHOULDER_SEEN;
  self->shoulders[0] = head->shoulders[0];
  self->shoulders[1] = head->shoulders[1];
  zone_init (&self->zones[ZONE_FACE], pack, RTK_CHECK_GEOMETRY_FACE_WIDTH,
             rtk_rule_pack_get_target_face_width (pack), self->out_width / 4.);
  narrow_face_zone (&self->zones[ZONE_FACE], pack, RTK_CHECK_GEOMETRY_HEAD_HEIGHT, self->face,
                    head->chin.y - head->hair_top);
  narrow_face_zone (&self->zones[ZONE_FACE], pack, RTK_CHECK_GEOMETRY_EYE_DISTANCE, self->face,
                    head->eye_gap);
  narrow_face_zone (&self->zones[ZONE_FACE], pack, RTK_CHECK_GEOMETRY_HEAD_WIDTH, self->face,
                    head->right - head->left);
  zone_init (&self->zones[ZONE_EYE], pack, RTK_CHECK_GEOMETRY_EYE_LINE,
             rtk_rule_pack_get_target_eye_line (pack), self->out_height / 6.);
  zone_init (&self->zones[ZONE_HAIR], pack, RTK_CHECK_GEOMETRY_HAIR_TOP,
             rtk_rule_pack_get_target_hair_top (pack), self->out_height / 10.);
  zone_init (&self->zones[ZONE_CENTRE], pack, RTK_CHECK_GEOMETRY_CENTRE, self->out_width / 2.,
             self->out_width / 10.);
}

/* Zones whose bit is in @failing give way by @violation widths, the others by @kept. */
static void
set_loose (Problem *self, guint failing, double violation, double kept)
{
  for (guint i = 0; i < N_ZONES; i++)
    self->zones[i].loose = failing & (1u << i) ? violation : kept;
}

static double
zone_min (const Problem *self, guint zone)
{
  return self->zones[zone].min - self->zones[zone].loose * self->zones[zone].width;
}

static double
zone_max (const Problem *self, guint zone)
{
  return self->zones[zone].max + self->zones[zone].loose * self->zones[zone].width;
}

/* Narrows [*low, *high] to the u with lower(u) <= upper(u). */
static void
clip_u (Bound lower, Bound upper, double *low, double *high)
{
  double slope = lower.at_u - upper.at_u;
  double rest = upper.constant - lower.constant;

  if (isinf (rest))
    return;
  if (slope > 0.)
    *high = MIN (*high, rest / slope);
  else if (slope < 0.)
    *low = MAX (*low, rest / slope);
  else if (rest < 0.)
    *high = -INFINITY;
}

/* The bounds of e (eye line) and c (centre): zones as loose as they are now, and the edges of the
 * picture, which never give way. */
static void
get_bounds (const Problem *self,
            Bound          lower_e[N_BOUNDS_E],
            Bound          upper_e[N_BOUNDS_E],
            Bound          lower_c[N_BOUNDS_C],
            Bound          upper_c[N_BOUNDS_C])
{
  lower_e[0] = (Bound){0., zone_min (self, ZONE_EYE)};
  upper_e[0] = (Bound){0., zone_max (self, ZONE_EYE)};
  lower_e[1] = (Bound){self->drop, zone_min (self, ZONE_HAIR)};
  upper_e[1] = (Bound){self->drop, zone_max (self, ZONE_HAIR)};
  lower_e[2] = (Bound){self->eye_y - self->height, self->out_height};
  upper_e[2] = (Bound){self->eye_y, 0.};
  lower_c[0] = (Bound){0., zone_min (self, ZONE_CENTRE)};
  upper_c[0] = (Bound){0., zone_max (self, ZONE_CENTRE)};
  lower_c[1] = (Bound){self->eye_x - self->width, self->out_width};
  upper_c[1] = (Bound){self->eye_x, 0.};
  /* Both shoulders right of the left edge, left of the right one and above the lower one. */
  lower_e[3] = lower_e[2];
  upper_e[3] = upper_e[2];
  lower_c[2] = lower_c[1];
  upper_c[2] = upper_c[1];
  lower_c[3] = lower_c[1];
  upper_c[3] = upper_c[1];
  if (self->keep_shoulders) {
    double middle = self->zones[ZONE_CENTRE].target;
    double lowest = MAX (self->shoulders[0].y, self->shoulders[1].y);
    double margin = SHOULDER_MARGIN * self->out_width;
    double shift = SHOULDER_SHIFT * self->out_width;

    upper_e[3] = (Bound){self->eye_y - lowest, self->out_height - margin};
    lower_c[2] = (Bound){self->eye_x - self->shoulders[0].x, margin};
    upper_c[2] = (Bound){self->eye_x - self->shoulders[1].x, self->out_width - margin};
    lower_c[3] = (Bound){0., middle - shift};
    upper_c[3] = (Bound){0., middle + shift};
  }
}

static gboolean
find_u_range (const Problem *self, double *out_low, double *out_high)
{
  Bound  lower_e[N_BOUNDS_E];
  Bound  upper_e[N_BOUNDS_E];
  Bound  lower_c[N_BOUNDS_C];
  Bound  upper_c[N_BOUNDS_C];
  double low = MAX (1e-6, zone_min (self, ZONE_FACE) / self->face);
  double high = MIN (MAX_ENLARGEMENT, zone_max (self, ZONE_FACE) / self->face);

  get_bounds (self, lower_e, upper_e, lower_c, upper_c);
  for (int i = 0; i < N_BOUNDS_E; i++) {
    for (int j = 0; j < N_BOUNDS_E; j++)
      clip_u (lower_e[i], upper_e[j], &low, &high);
  }
  for (int i = 0; i < N_BOUNDS_C; i++) {
    for (int j = 0; j < N_BOUNDS_C; j++)
      clip_u (lower_c[i], upper_c[j], &low, &high);
  }
  *out_low = low;
  *out_high = high;
  return low <= high;
}

static double
bound_at (const Bound *bounds, int n, double u, gboolean upper)
{
  double value = bounds[0].constant + bounds[0].at_u * u;

  for (int i = 1; i < n; i++) {
    double other = bounds[i].constant + bounds[i].at_u * u;

    value = upper ? MIN (value, other) : MAX (value, other);
  }
  return value;
}

static double
square (double value)
{
  return value * value;
}

/* The best e and c for one scale, in closed form, and the squared distance to the target. */
static double
solve_at (const Problem *self, double u, double *out_e, double *out_c)
{
  const Zone *eye = &self->zones[ZONE_EYE];
  const Zone *hair = &self->zones[ZONE_HAIR];
  const Zone *centre = &self->zones[ZONE_CENTRE];
  const Zone *face = &self->zones[ZONE_FACE];
  double      weight_eye = 1. / square (eye->width);
  double      weight_hair = 1. / square (hair->width);
  Bound       lower_e[N_BOUNDS_E];
  Bound       upper_e[N_BOUNDS_E];
  Bound       lower_c[N_BOUNDS_C];
  Bound       upper_c[N_BOUNDS_C];
  double      e;
  double      c;

  get_bounds (self, lower_e, upper_e, lower_c, upper_c);
  e = (weight_eye * eye->target + weight_hair * (hair->target + self->drop * u)) /
      (weight_eye + weight_hair);
  e = MIN (MAX (e, bound_at (lower_e, N_BOUNDS_E, u, FALSE)),
           bound_at (upper_e, N_BOUNDS_E, u, TRUE));
  c = MIN (MAX (centre->target, bound_at (lower_c, N_BOUNDS_C, u, FALSE)),
           bound_at (upper_c, N_BOUNDS_C, u, TRUE));
  *out_e = e;
  *out_c = c;
  return square ((self->face * u - face->target) / face->width) +
         weight_eye * square (e - eye->target) +
         weight_hair * square (e - self->drop * u - hair->target) +
         square ((c - centre->target) / centre->width);
}

/* The least violation, in widths, of the zones in @failing for which a crop exists while the others
 * keep to @kept; INFINITY when none does. */
static double
find_violation (Problem *self, guint failing, double kept)
{
  double low;
  double high;
  double none = 0.;
  double enough = 1.;

  set_loose (self, failing, enough, kept);
  while (!find_u_range (self, &low, &high)) {
    enough *= 2.;
    if (enough > 1024.)
      return INFINITY;
    set_loose (self, failing, enough, kept);
  }
  for (int i = 0; i < 40; i++) {
    double middle = (none + enough) / 2.;

    set_loose (self, failing, middle, kept);
    if (find_u_range (self, &low, &high))
      enough = middle;
    else
      none = middle;
  }
  return enough;
}

/* No crop fits all zones. As few as possible fail, those of blocking rules counting first; the
 * others keep a reserve where they can; then the worst violation is as small as it can be. Equal
 * ones are told apart by the order of the zones. */
static gboolean
loosen_fewest (Problem *self)
{
  const guint most = N_ZONES * (N_ZONES + 1);

  for (guint cost = 1; cost <= most; cost++) {
    for (int reserve = 1; reserve >= 0; reserve--) {
      const double kept = reserve ? -RESERVE : 0.;
      double       least = INFINITY;
      guint        best = 0;

      for (guint failing = 1; failing < 1u << N_ZONES; failing++) {
        double violation = INFINITY;
        guint  sum = 0;

        for (guint i = 0; i < N_ZONES; i++)
          sum += failing & (1u << i) ? self->zones[i].if_fails : 0;
        if (sum == cost)
          violation = find_violation (self, failing, kept);
        if (violation < least) {
          least = violation;
          best = failing;
        }
      }
      if (best != 0) {
        set_loose (self, best, least, kept);
        return TRUE;
      }
    }
  }
  return FALSE;
}

/* Leaves the zones as loose as they must be for a crop to exist: with a reserve and the shoulders,
 * without one, without the other, with neither; else some zones fail. */
static gboolean
find_loosening (Problem *self)
{
  const gboolean wants_shoulders = self->keep_shoulders;
  double         low;
  double         high;

  for (int i = wants_shoulders ? 0 : 2; i < 4; i++) {
    /* Shoulders give way before the size of the head does: whole ones seldom fit beside it. */
    self->keep_shoulders = i < 2;
    set_loose (self, 0, 0., i % 2 == 0 ? -RESERVE : 0.);
    if (find_u_range (self, &low, &high))
      return TRUE;
  }
  return loosen_fewest (self);
}

static double
find_best_u (const Problem *self, double low, double high)
{
  const double golden = 0.6180339887498949;
  double       e;
  double       c;
  double       a = high - golden * (high - low);
  double       b = low + golden * (high - low);
  double       cost_a = solve_at (self, a, &e, &c);
  double       cost_b = solve_at (self, b, &e, &c);

  for (int i = 0; i < 60; i++) {
    if (cost_a <= cost_b) {
      high = b;
      b = a;
      cost_b = cost_a;
      a = high - golden * (high - low);
      cost_a = solve_at (self, a, &e, &c);
    } else {
      low = a;
      a = b;
      cost_a = cost_b;
      b = low + golden * (high - low);
      cost_b = solve_at (self, b, &e, &c);
    }
  }
  return (low + high) / 2.;
}

static void
quantise (const Problem *self, double u, RtkCrop *crop)
{
  double e;
  double c;
  double scale = round (QUANTUM / u) / QUANTUM;

  /* A crop as large as the picture must not grow over its edge by rounding. */
  while (scale * self->out_width > self->width || scale * self->out_height > self->height)
    scale -= 1. / QUANTUM;
  solve_at (self, 1. / scale, &e, &c);
  crop->scale = scale;
  crop->x = round ((self->eye_x - c * scale) * QUANTUM) / QUANTUM;
  crop->y = round ((self->eye_y - e * scale) * QUANTUM) / QUANTUM;
  crop->x = MAX (0., MIN (crop->x, self->width - scale * self->out_width));
  crop->y = MAX (0., MIN (crop->y, self->height - scale * self->out_height));
  crop->out_width = self->out_width;
  crop->out_height = self->out_height;
}

/**
 * rtk_geometry_find_crop:
 * @pack: the rules: size, zones and target
 * @head: where head and eyes are, in pixels of the picture
 * @picture_width: of the picture, > 0
 * @picture_height: of the picture, > 0
 * @out_crop: (out): the crop
 * @error: return location for an #RtkError
 *
 * Finds the legal crop nearest to the pack's target.
 *
 * Distance counts hair top, eye line, face width and centre, each in units of its zone's width. The
 * crop always lies inside the picture. When no crop fits all zones at once, the one is taken in
 * which the fewest fail (blocking rules count first), and of those the one whose worst violation,
 * in the same units, is least: the rules fail with honest values, and no more of them than must.
 * Both shoulders lie inside when a legal crop has room for them and the pack asks for it. Position
 * and scale are multiples of 1/65536. Any thread; some thousand multiplications, some hundred
 * thousand when no crop is legal. Fails with %RTK_ERROR_NO_CROP when the head is so small that the
 * picture would have to be enlarged more than twice, and when the crop does not fit into the
 * picture at all.
 *
 * Returns: %TRUE on success; on %FALSE, @out_crop is left as it was
 */
gboolean
rtk_geometry_find_crop (const RtkRulePack *pack,
                        const RtkHead     *head,
                        int                picture_width,
                        int                picture_height,
                        RtkCrop           *out_crop,
                        GError           **error)
{
  Problem problem;
  double  low;
  double  high;

  g_return_val_if_fail (pack != NULL && head != NULL && out_crop != NULL, FALSE);
  g_return_val_if_fail (picture_width > 0 && picture_height > 0, FALSE);

  problem_init (&problem, pack, head, picture_width, picture_height);
  if (!(problem.face > 0.) || !(problem.drop > 0.) || !isfinite (problem.face + problem.drop) ||
      !isfinite (problem.eye_x + problem.eye_y)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NO_CROP, "The outline of the head was not found");
    return FALSE;
  }
  if (problem.face * MAX_ENLARGEMENT < problem.zones[ZONE_FACE].min) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NO_CROP,
                 "The face is only %.0f pixels wide; at least %.0f are needed: step nearer",
                 problem.face, ceil (problem.zones[ZONE_FACE].min / MAX_ENLARGEMENT));
    return FALSE;
  }
  if (!find_loosening (&problem)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_NO_CROP,
                 "No crop of %dx%d lies inside a picture of %dx%d around this head",
                 problem.out_width, problem.out_height, picture_width, picture_height);
    return FALSE;
  }
  find_u_range (&problem, &low, &high);
  quantise (&problem, find_best_u (&problem, low, high), out_crop);
  return TRUE;
}

/**
 * rtk_crop_to_finished:
 * @crop: a crop
 * @source: a point in pixels of the source
 *
 * Returns: where @source lies in the finished picture
 */
RtkPoint
rtk_crop_to_finished (const RtkCrop *crop, RtkPoint source)
{
  return (RtkPoint){(source.x - crop->x) / crop->scale, (source.y - crop->y) / crop->scale};
}

/**
 * rtk_crop_to_source:
 * @crop: a crop
 * @finished: a point in pixels of the finished picture
 *
 * Returns: where @finished lies in the source
 */
RtkPoint
rtk_crop_to_source (const RtkCrop *crop, RtkPoint finished)
{
  return (RtkPoint){crop->x + finished.x * crop->scale, crop->y + finished.y * crop->scale};
}

/**
 * rtk_crop_get_source_rect:
 * @crop: a crop
 *
 * Returns: what of the source the finished picture shows
 */
RtkRect
rtk_crop_get_source_rect (const RtkCrop *crop)
{
  return (RtkRect){crop->x, crop->y, crop->out_width * crop->scale, crop->out_height * crop->scale};
}

/**
 * rtk_crop_lies_in:
 * @crop: a crop that a file or a message speaks of
 * @picture_width: of the source
 * @picture_height: of the source
 *
 * Checks numbers of strangers before anything is made with them.
 *
 * Returns: whether @crop is one that can be made: not empty, its scale above 0 and at most
 *   %RTK_CROP_MAX_SCALE, inside of the source
 */
gboolean
rtk_crop_lies_in (const RtkCrop *crop, int picture_width, int picture_height)
{
  return crop->out_width > 0 && crop->out_height > 0 && crop->scale > 0 &&
         crop->scale <= RTK_CROP_MAX_SCALE && crop->x >= 0 && crop->y >= 0 &&
         crop->x + crop->scale * crop->out_width <= picture_width &&
         crop->y + crop->scale * crop->out_height <= picture_height;
}
