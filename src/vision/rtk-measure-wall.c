/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "core/rtk-colour.h"
#include "core/rtk-why.h"
#include "vision/rtk-measure-private.h"

#include <math.h>
#include <string.h>

/* The wall is looked at in a grid over the part of the picture that a finished photo can show. */
#define GRID 48
#define SAMPLES 4 /* places of the picture a cell, along each side */
#define N_TERMS 6 /* of a quadratic surface */

/* How far around the person nothing counts as wall, cells. A finished picture shows single hairs on
 * a colour that they differ from more than from any wall, and is seen closer. */
#define REACH 2
#define REACH_FINISHED 3
/* Cells without which nothing can be said of a wall. */
#define ENOUGH_WALL (GRID * GRID / 25)

/* A cell that the mask gives more than this is not surely wall, one with more than that surely
 * person. */
#define SURE_WALL 0.05
#define SURE_PERSON 0.9

/* Near and far of the head, in widths of the face. */
#define SHADOW_NEAR 0.12
#define SHADOW_FAR 0.35
#define N_ZONES 3

typedef struct {
  double   rgb[3];
  double   luma;
  double   spread; /* variance of the luma inside the cell */
  float    person;
  gboolean wall; /* and all cells around it */
  gboolean bare; /* the same with the least reach: for what lies close to the head */
} Cell;

typedef struct {
  Cell    cells[GRID][GRID];
  RtkRect area; /* of the picture */
  guint   n_wall;
} Grid;

static RtkRect
get_area (const RtkMeasureContext *context)
{
  const RtkHead *head = &context->analysis->head;
  double         width = context->pixels.width;
  double         height = context->pixels.height;
  double         face = head->cheek_right - head->cheek_left;
  double         left;
  double         top;
  double         right;
  double         bottom;

  if (!context->analysis->has_head || context->wanted_background != NULL)
    return (RtkRect){0., 0., width, height};
  /* A finished photo is at most 2.7 faces wide (480 / 180). */
  left = MAX (0., head->eye_mid.x - 1.35 * face);
  right = MIN (width, head->eye_mid.x + 1.35 * face);
  top = MAX (0., head->hair_top - 0.5 * face);
  bottom = MIN (height, head->chin.y + 1.2 * face);
  return (RtkRect){left, top, MAX (1., right - left), MAX (1., bottom - top)};
}

/* The rows or columns of the picture that the cells' places lie on along one side of the grid. */
static void
find_places (double first, double cell, int length, int places[GRID * SAMPLES])
{
  for (int i = 0; i < GRID * SAMPLES; i++) {
    int at = (int)(first + i / SAMPLES * cell + cell * (i % SAMPLES + 0.5) / SAMPLES);

    places[i] = CLAMP (at, 0, length - 1);
  }
}

static void
fill_cell (const RtkMeasureContext *context,
           Cell                    *cell,
           const int                columns[SAMPLES],
           const int                rows[SAMPLES])
{
  const RtkPixels *pixels = &context->pixels;
  double           sum[3] = {0.};
  double           square = 0.;
  double           n = SAMPLES * SAMPLES;

  for (int i = 0; i < SAMPLES * SAMPLES; i++) {
    const guint8 *pixel = pixels->data + (gsize)rows[i / SAMPLES] * pixels->stride +
                          (gsize)columns[i % SAMPLES] * (gsize)pixels->step;
    double rgb[3] = {pixel[pixels->red], pixel[pixels->green], pixel[pixels->blue]};
    double luma = rtk_measure_luma (rgb[0], rgb[1], rgb[2]);

    for (int j = 0; j < 3; j++)
      sum[j] += rgb[j];
    square += luma * luma;
  }
  for (int j = 0; j < 3; j++)
    cell->rgb[j] = sum[j] / n;
  cell->luma = rtk_measure_luma (cell->rgb[0], cell->rgb[1], cell->rgb[2]);
  cell->spread = MAX (0., square / n - cell->luma * cell->luma);
  cell->wall = cell->bare = FALSE;
}

/* Wall are the cells that with all their neighbours, @reach cells far, are surely not person: hair
 * that the mask misses lies next to hair that it sees. */
static void
mark_wall (Grid *grid, int reach)
{
  guint8 sure[GRID][GRID];

  grid->n_wall = 0;
  /* Along the rows, then along the columns. */
  for (int row = 0; row < GRID; row++) {
    for (int column = 0; column < GRID; column++) {
      gboolean wall = TRUE;

      for (int i = MAX (0, column - reach); wall && i <= MIN (GRID - 1, column + reach); i++)
        wall = grid->cells[row][i].person < SURE_WALL;
      sure[row][column] = wall;
    }
  }
  for (int row = 0; row < GRID; row++) {
    for (int column = 0; column < GRID; column++) {
      gboolean wall = TRUE;

      for (int j = MAX (0, row - reach); wall && j <= MIN (GRID - 1, row + reach); j++)
        wall = sure[j][column];
      grid->cells[row][column].wall = wall;
      grid->cells[row][column].bare |= wall;
      grid->n_wall += wall;
    }
  }
}

static void
grid_fill (Grid *grid, const RtkMeasureContext *context)
{
  int    columns[GRID * SAMPLES];
  int    rows[GRID * SAMPLES];
  double w;
  double h;

  grid->area = get_area (context);
  w = grid->area.width / GRID;
  h = grid->area.height / GRID;
  find_places (grid->area.x, w, context->pixels.width, columns);
  find_places (grid->area.y, h, context->pixels.height, rows);
  for (int row = 0; row < GRID; row++) {
    for (int column = 0; column < GRID; column++) {
      double x = (grid->area.x + column * w + w / 2.) / context->pixels.width;
      double y = (grid->area.y + row * h + h / 2.) / context->pixels.height;
      Cell  *cell = &grid->cells[row][column];

      fill_cell (context, cell, columns + column * SAMPLES, rows + row * SAMPLES);
      cell->person = (float)rtk_measure_sample_mask (context->mask, context->mask_size, x, y);
    }
  }
  if (context->wanted_background != NULL) {
    mark_wall (grid, REACH_FINISHED);
    return;
  }
  mark_wall (grid, 1);
  /* Single hairs are no part of the wall, unless so little of it is seen that one cannot choose. */
  mark_wall (grid, REACH);
  if (grid->n_wall < ENOUGH_WALL)
    mark_wall (grid, 1);
}

static void
get_terms (int row, int column, double terms[N_TERMS])
{
  double x = 2. * (column + 0.5) / GRID - 1.;
  double y = 2. * (row + 0.5) / GRID - 1.;

  terms[0] = 1.;
  terms[1] = x;
  terms[2] = y;
  terms[3] = x * x;
  terms[4] = x * y;
  terms[5] = y * y;
}

/* Solves the symmetric positive system in place (Cholesky); a little on the diagonal keeps it
 * solvable when the wall is one narrow strip. */
static void
solve (double matrix[N_TERMS][N_TERMS], double right[3][N_TERMS])
{
  for (int i = 0; i < N_TERMS; i++)
    matrix[i][i] += 1e-3;
  for (int j = 0; j < N_TERMS; j++) {
    for (int k = 0; k < j; k++)
      matrix[j][j] -= matrix[j][k] * matrix[j][k];
    matrix[j][j] = sqrt (MAX (matrix[j][j], 1e-12));
    for (int i = j + 1; i < N_TERMS; i++) {
      for (int k = 0; k < j; k++)
        matrix[i][j] -= matrix[i][k] * matrix[j][k];
      matrix[i][j] /= matrix[j][j];
    }
  }
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < N_TERMS; i++) {
      for (int k = 0; k < i; k++)
        right[c][i] -= matrix[i][k] * right[c][k];
      right[c][i] /= matrix[i][i];
    }
    for (int i = N_TERMS - 1; i >= 0; i--) {
      for (int k = i + 1; k < N_TERMS; k++)
        right[c][i] -= matrix[k][i] * right[c][k];
      right[c][i] /= matrix[i][i];
    }
  }
}

/* The smooth surface (light falls off smoothly on a plain wall) nearest to the wall's colours. */
static void
fit_wall (const Grid *grid, double surface[3][N_TERMS])
{
  double matrix[N_TERMS][N_TERMS] = {0};
  double terms[N_TERMS];

  memset (surface, 0, 3 * sizeof *surface);
  for (int row = 0; row < GRID; row++) {
    for (int column = 0; column < GRID; column++) {
      const Cell *cell = &grid->cells[row][column];

      if (!cell->wall)
        continue;
      get_terms (row, column, terms);
      for (int i = 0; i < N_TERMS; i++) {
        for (int j = 0; j < N_TERMS; j++)
          matrix[i][j] += terms[i] * terms[j];
        for (int c = 0; c < 3; c++)
          surface[c][i] += terms[i] * cell->rgb[c];
      }
    }
  }
  solve (matrix, surface);
}

/* Root mean square of what the smooth surface (or the wanted colour) does not explain, levels. */
static double
get_unevenness (const Grid *grid, const guint8 *wanted)
{
  double surface[3][N_TERMS];
  double terms[N_TERMS];
  double sum = 0.;

  if (wanted == NULL)
    fit_wall (grid, surface);
  for (int row = 0; row < GRID; row++) {
    for (int column = 0; column < GRID; column++) {
      const Cell *cell = &grid->cells[row][column];

      if (!cell->wall)
        continue;
      get_terms (row, column, terms);
      for (int c = 0; c < 3; c++) {
        double model = wanted != NULL ? wanted[c] : 0.;

        for (int i = 0; wanted == NULL && i < N_TERMS; i++)
          model += surface[c][i] * terms[i];
        sum += (cell->rgb[c] - model) * (cell->rgb[c] - model) / 3.;
      }
      sum += cell->spread;
    }
  }
  return sqrt (sum / grid->n_wall);
}

/* How much darker the wall is beside the head than further out on that side, in the rows @from to
 * @to, levels; 0 when too little of it is seen. */
static double
get_side_shadow (const Grid *grid, int from, int to, int middle, int side, double face)
{
  double sum[2] = {0.};
  double n[2] = {0.};

  for (int row = from; row < to; row++) {
    int edge = -1;

    for (int i = middle; i >= 0 && i < GRID; i += side) {
      const Cell *cell = &grid->cells[row][i];
      double      out;

      if (!cell->bare)
        continue;
      edge = edge < 0 ? i : edge;
      out = abs (i - edge) / MAX (face, 1.);
      if (out < SHADOW_NEAR || out > SHADOW_FAR) {
        sum[out > SHADOW_FAR] += cell->luma;
        n[out > SHADOW_FAR] += 1.;
      }
    }
  }
  return n[0] >= 6. && n[1] >= 6. ? MAX (0., sum[1] / n[1] - sum[0] / n[0]) : 0.;
}

/* The deepest shadow beside the head: of both sides and of N_ZONES heights between hair and chin,
 * for a shadow falls to one side and down. */
static double
get_shadow (const Grid *grid, const RtkHead *head)
{
  double cell_width = grid->area.width / GRID;
  double cell_height = grid->area.height / GRID;
  double face = (head->cheek_right - head->cheek_left) / cell_width;
  int    top = CLAMP ((int)((head->hair_top - grid->area.y) / cell_height), 0, GRID);
  int    bottom = CLAMP ((int)((head->chin.y - grid->area.y) / cell_height), top, GRID);
  int    middle = CLAMP ((int)((head->eye_mid.x - grid->area.x) / cell_width), 0, GRID - 1);
  double deepest = 0.;

  for (int zone = 0; zone < N_ZONES; zone++) {
    int from = top + (bottom - top) * zone / N_ZONES;
    int to = top + (bottom - top) * (zone + 1) / N_ZONES;

    for (int side = -1; side <= 1; side += 2)
      deepest = MAX (deepest, get_side_shadow (grid, from, to, middle, side, face));
  }
  return deepest;
}

/* Mean colour of the cells inside @box that are surely person, but for those nearer to the middle
 * than @beside. */
static void
measure_part (const Grid *grid, RtkRect box, double middle, double beside, RtkPart *part)
{
  double rgb[3] = {0.};
  double n = 0.;

  for (int i = 0; i < GRID * GRID; i++) {
    const Cell *cell = &grid->cells[i / GRID][i % GRID];
    double      x = grid->area.x + (i % GRID + 0.5) * grid->area.width / GRID;
    double      y = grid->area.y + (i / GRID + 0.5) * grid->area.height / GRID;

    if (cell->person < SURE_PERSON || x < box.x || x > box.x + box.width || y < box.y ||
        y > box.y + box.height || fabs (x - middle) < beside)
      continue;
    for (int c = 0; c < 3; c++)
      rgb[c] += cell->rgb[c];
    n += 1.;
  }
  part->known = n >= 12.;
  part->place = box;
  for (int c = 0; c < 3; c++)
    rgb[c] /= MAX (n, 1.);
  rtk_colour_to_lab (rgb, part->lab);
}

/* Colour distance of clothes and hair to the wall behind them: the less it is, the more of a dark
 * or light rim the cut leaves. The coming background is the pack's: the engine looks at that. */
static void
measure_clothes (const Grid *grid, const double wall[3], RtkMeasureContext *self)
{
  RtkAnalysis   *analysis = self->analysis;
  const RtkHead *head = &analysis->head;
  double         face = head->cheek_right - head->cheek_left;
  double         bottom = grid->area.y + grid->area.height;
  double         wall_lab[3];
  const RtkPart *part = &analysis->clothes;

  analysis->hair.known = analysis->clothes.known = FALSE;
  if (analysis->has_head) {
    /* Off the middle, where neck, collar and long hair are. */
    measure_part (grid,
                  (RtkRect){grid->area.x, head->chin.y + 0.45 * face, grid->area.width,
                            MAX (0., bottom - head->chin.y - 0.45 * face)},
                  head->chin.x, 0.45 * face, &analysis->clothes);
    measure_part (grid,
                  (RtkRect){head->eye_mid.x - 0.4 * face, head->hair_top, 0.8 * face, 0.25 * face},
                  head->eye_mid.x, 0., &analysis->hair);
  }
  if (!analysis->clothes.known) {
    rtk_analysis_set_unknown (analysis, RTK_CHECK_BACKGROUND_CLOTHES, RTK_WHY_TOO_LITTLE_CLOTHES);
    return;
  }
  rtk_colour_to_lab (wall, wall_lab);
  if (analysis->hair.known && rtk_colour_difference (analysis->hair.lab, wall_lab) <
                                  rtk_colour_difference (analysis->clothes.lab, wall_lab))
    part = &analysis->hair;
  rtk_analysis_set (analysis, RTK_CHECK_BACKGROUND_CLOTHES,
                    rtk_colour_difference (part->lab, wall_lab));
  rtk_analysis_set_place (analysis, RTK_CHECK_BACKGROUND_CLOTHES, part->place);
}

/* Measures the wall behind the person, and the clothes against it. */
void
rtk_measure_wall (RtkMeasureContext *self)
{
  g_autofree Grid *grid = NULL;
  double           mean[3] = {0.};

  for (int id = RTK_CHECK_BACKGROUND_PLAIN; id <= RTK_CHECK_BACKGROUND_CLOTHES; id++)
    rtk_analysis_set_unknown (self->analysis, (RtkCheckId)id, RTK_WHY_TOO_LITTLE_WALL);
  if (self->mask == NULL)
    return;
  grid = g_new (Grid, 1);
  grid_fill (grid, self);
  if (grid->n_wall < (self->wanted_background != NULL ? ENOUGH_WALL / 4 : ENOUGH_WALL))
    return;
  for (int i = 0; i < GRID * GRID; i++) {
    const Cell *cell = &grid->cells[i / GRID][i % GRID];

    for (int c = 0; cell->wall && c < 3; c++)
      mean[c] += cell->rgb[c] / grid->n_wall;
  }
  rtk_analysis_set (self->analysis, RTK_CHECK_BACKGROUND_PLAIN,
                    get_unevenness (grid, self->wanted_background));
  rtk_analysis_set (self->analysis, RTK_CHECK_BACKGROUND_DARK,
                    rtk_measure_luma (mean[0], mean[1], mean[2]) / 255.);
  if (self->analysis->has_head)
    rtk_analysis_set (self->analysis, RTK_CHECK_BACKGROUND_SHADOW,
                      get_shadow (grid, &self->analysis->head));
  for (int id = RTK_CHECK_BACKGROUND_PLAIN; id <= RTK_CHECK_BACKGROUND_DARK; id++)
    rtk_analysis_set_place (self->analysis, (RtkCheckId)id, grid->area);
  measure_clothes (grid, mean, self);
}

/* Fills the area around @start that is person; returns its number of cells, and its box in them. */
static guint
flood (guint8 *person, int size, int start, RtkRect *out_box)
{
  g_autofree int *stack = g_new (int, size *size);
  int             from[2] = {size, size};
  int             to[2] = {0, 0};
  int             n = 0;
  guint           count = 0;

  stack[n++] = start;
  person[start] = 0;
  while (n > 0) {
    int       at = stack[--n];
    const int next[4] = {at - size, at + size, at % size > 0 ? at - 1 : -1,
                         at % size < size - 1 ? at + 1 : -1};

    count++;
    from[0] = MIN (from[0], at % size);
    from[1] = MIN (from[1], at / size);
    to[0] = MAX (to[0], at % size + 1);
    to[1] = MAX (to[1], at / size + 1);
    for (int i = 0; i < 4; i++) {
      if (next[i] >= 0 && next[i] < size * size && person[next[i]]) {
        person[next[i]] = 0;
        stack[n++] = next[i];
      }
    }
  }
  *out_box = (RtkRect){from[0], from[1], to[0] - from[0], to[1] - from[1]};
  return count;
}

/* Counts the separate people (or parts of people) that the mask shows. The place is that of the
 * second largest, or of the only one. */
void
rtk_measure_people (RtkMeasureContext *self)
{
  enum { SIZE = 64 };
  guint8  person[SIZE * SIZE];
  guint   sizes[2] = {0, 0};
  RtkRect boxes[2] = {{0}};
  double  x = self->pixels.width / (double)SIZE;
  double  y = self->pixels.height / (double)SIZE;
  guint   n = 0;

  if (self->mask == NULL) {
    rtk_analysis_set_unknown (self->analysis, RTK_CHECK_PERSON_SINGLE, RTK_WHY_NOT_MEASURED);
    return;
  }
  for (int i = 0; i < SIZE * SIZE; i++)
    person[i] = rtk_measure_sample_mask (self->mask, self->mask_size, (i % SIZE + 0.5) / SIZE,
                                         (i / SIZE + 0.5) / SIZE) > 0.5;
  for (int i = 0; i < SIZE * SIZE; i++) {
    RtkRect box;
    guint   size = person[i] ? flood (person, SIZE, i, &box) : 0;
    int     rank = size > sizes[0] ? 0 : 1;

    /* An arm's worth: less than a hundredth of the picture is a fault of the mask. */
    if (size < SIZE * SIZE / 100)
      continue;
    n++;
    if (rank == 0) {
      sizes[1] = sizes[0];
      boxes[1] = boxes[0];
    }
    if (size > sizes[rank]) {
      sizes[rank] = size;
      boxes[rank] = box;
    }
  }
  rtk_analysis_set (self->analysis, RTK_CHECK_PERSON_SINGLE, n);
  if (n > 0) {
    RtkRect box = boxes[n > 1 ? 1 : 0];

    rtk_analysis_set_place (self->analysis, RTK_CHECK_PERSON_SINGLE,
                            (RtkRect){box.x * x, box.y * y, box.width * x, box.height * y});
  }
}
