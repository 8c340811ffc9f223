/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-geometry.h"
#include "core/rtk-rule-pack.h"

#include <math.h>

/* Head of a picture of 1350x1350 whose ideal crop (scale 1.5) fits easily. */
static const RtkHead easy = {
    .eye_mid = {675., 600.},
    .hair_top = 345.,
    .cheek_left = 495.,
    .cheek_right = 855.,
    .chin = {675., 900.},
};

static double
zone_distance (double value, double target, double width)
{
  return (value - target) * (value - target) / (width * width);
}

static gboolean
in_zone (double value, double min, double max, double loose)
{
  return value >= min - loose && value <= max + loose;
}

/* The best crop by trying them all: scales, and for each scale rows and columns one by one. Lines
 * stay @reserve of their zone's width inside it. */
static double
brute_force (const RtkHead *head, int width, int height, double reserve)
{
  double best = INFINITY;
  double face = head->cheek_right - head->cheek_left;

  for (int i = 0; i <= 1500; i++) {
    double u = (180. + i * 0.08) / face;
    double scale = 1. / u;
    double best_x = INFINITY;
    double best_y = INFINITY;

    if (u > 2.)
      break;
    if (!in_zone (face * u, 180., 300., -120. * reserve))
      continue;
    for (int j = 0; j <= 400; j++) {
      double eye = 200. + j * 0.25;
      double hair = eye - (head->eye_mid.y - head->hair_top) * u;
      double y = head->eye_mid.y - eye * scale;

      if (y >= 0. && y + 640. * scale <= height && in_zone (eye, 200., 300., -100. * reserve) &&
          in_zone (hair, 50., 110., -60. * reserve))
        best_y = MIN (best_y, zone_distance (eye, 250., 100.) + zone_distance (hair, 80., 60.));
    }
    for (int j = 0; j <= 480; j++) {
      double x = head->eye_mid.x - (216. + j * 0.1) * scale;

      if (x >= 0. && x + 480. * scale <= width &&
          in_zone (216. + j * 0.1, 216., 264., -48. * reserve))
        best_x = MIN (best_x, zone_distance (216. + j * 0.1, 240., 48.));
    }
    best = MIN (best, best_x + best_y + zone_distance (face * u, 240., 120.));
  }
  return best;
}

/* What the crop costs, read from the crop alone; INFINITY when it is not legal. */
static double
cost_of (const RtkCrop *crop, const RtkHead *head, double loose)
{
  RtkPoint eye = rtk_crop_to_finished (crop, head->eye_mid);
  RtkPoint hair = rtk_crop_to_finished (crop, (RtkPoint){head->eye_mid.x, head->hair_top});
  double   face = (head->cheek_right - head->cheek_left) / crop->scale;

  if (!in_zone (eye.y, 200., 300., loose) || !in_zone (hair.y, 50., 110., loose) ||
      !in_zone (face, 180., 300., loose) || !in_zone (eye.x, 216., 264., loose))
    return INFINITY;
  return zone_distance (eye.x, 240., 48.) + zone_distance (eye.y, 250., 100.) +
         zone_distance (hair.y, 80., 60.) + zone_distance (face, 240., 120.);
}

/* One pack of the test's own over those that come with the program. */
static GBytes *
one_source (const char *id, gpointer user_data, GError **error)
{
  return g_str_equal (id, "a") ? g_bytes_ref (user_data)
                               : rtk_rule_pack_built_in_source (id, NULL, error);
}

static void
assert_sound (const RtkCrop *crop, int width, int height)
{
  RtkRect rect = rtk_crop_get_source_rect (crop);

  g_assert_cmpint (crop->out_width, ==, 480);
  g_assert_cmpint (crop->out_height, ==, 640);
  g_assert_cmpfloat (crop->x * 65536., ==, rint (crop->x * 65536.));
  g_assert_cmpfloat (crop->y * 65536., ==, rint (crop->y * 65536.));
  g_assert_cmpfloat (crop->scale * 65536., ==, rint (crop->scale * 65536.));
  g_assert_cmpfloat (rect.x, >=, 0.);
  g_assert_cmpfloat (rect.y, >=, 0.);
  g_assert_cmpfloat (rect.x + rect.width, <=, width);
  g_assert_cmpfloat (rect.y + rect.height, <=, height);
}

static void
test_ideal (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (GError) error = NULL;
  RtkCrop crop;

  g_assert_true (rtk_geometry_find_crop (pack, &easy, 1350, 1350, &crop, &error));
  g_assert_no_error (error);
  assert_sound (&crop, 1350, 1350);
  /* Eyes, hair and face ask for the same scale here, so the target is met. */
  g_assert_cmpfloat_with_epsilon (crop.scale, 1.5, 1e-4);
  g_assert_cmpfloat_with_epsilon (crop.x, 675. - 240. * 1.5, 0.02);
  g_assert_cmpfloat_with_epsilon (crop.y, 600. - 250. * 1.5, 0.02);
}

/* Random heads in random pictures: as good as trying everything, and legal when that is. */
static void
test_brute_force (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  int n_legal = 0;
  int n_not = 0;

  for (int i = 0; i < 120; i++) {
    int     width = g_rand_int_range (rand, 500, 2000);
    int     height = g_rand_int_range (rand, 600, 2000);
    double  face = g_rand_double_range (rand, 0.12, 0.6) * width;
    RtkHead head = easy;
    RtkCrop crop;
    double  wanted;

    head.eye_mid.x = g_rand_double_range (rand, 0.3, 0.7) * width;
    head.eye_mid.y = g_rand_double_range (rand, 0.2, 0.6) * height;
    head.hair_top = MAX (0., head.eye_mid.y - face * g_rand_double_range (rand, 0.55, 0.95));
    head.cheek_left = head.eye_mid.x - face / 2.;
    head.cheek_right = head.eye_mid.x + face / 2.;
    if (!rtk_geometry_find_crop (pack, &head, width, height, &crop, NULL)) {
      g_assert_true (isinf (brute_force (&head, width, height, 0.)));
      continue;
    }
    assert_sound (&crop, width, height);
    /* A reserve is kept where there is room for it. */
    wanted = brute_force (&head, width, height, 0.04);
    if (isinf (wanted))
      wanted = brute_force (&head, width, height, 0.);
    if (isfinite (wanted)) {
      n_legal++;
      g_assert_cmpfloat (cost_of (&crop, &head, 0.005), <=, wanted + 0.002);
    } else {
      n_not++;
      /* A corner that the grid steps over may be legal; then it must cost what it costs. */
      g_assert_false (cost_of (&crop, &head, -0.3) < INFINITY);
    }
  }
  /* The cases are only worth something when there are many of both kinds. */
  g_assert_cmpint (n_legal, >, 25);
  g_assert_cmpint (n_not, >, 25);
}

/* How far @value lies outside its zone, in widths of the zone; 0 inside. */
static double
violation (double value, double min, double max)
{
  return MAX (0., MAX (min - value, value - max)) / (max - min);
}

/* least[n]: the least worst violation with n failing zones. */
enum { N_COUNTS = 5 };

static void
add_value (double least[N_COUNTS], int n, double worst)
{
  least[n] = MIN (least[n], worst);
}

/* A value @reserve of the width inside its zone is kept; every other one fails, be it by nothing.
 */
static gboolean
fails (double value, double min, double max, double reserve)
{
  return !in_zone (value, min, max, -(max - min) * reserve);
}

/* All crops of a grid that lie in the picture: how few zones can fail, and how little. */
static void
brute_force_failing (
    const RtkHead *head, int width, int height, double reserve, double least[N_COUNTS])
{
  double face = head->cheek_right - head->cheek_left;
  double u_min = MAX (480. / width, 640. / height);

  for (int i = 0; i < N_COUNTS; i++)
    least[i] = INFINITY;
  for (int i = 0; i <= 500; i++) {
    double u = u_min + (2. - u_min) * i / 500.;
    double along[N_COUNTS] = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    double across[N_COUNTS] = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    double face_worst = violation (face * u, 180., 300.);
    int    face_fails = fails (face * u, 180., 300., reserve);

    for (int j = 0; j <= 300; j++) {
      double eye = (head->eye_mid.y - (height - 640. / u) * j / 300.) * u;
      double hair = eye - (head->eye_mid.y - head->hair_top) * u;
      double x = (head->eye_mid.x - (width - 480. / u) * j / 300.) * u;

      add_value (along, fails (eye, 200., 300., reserve) + fails (hair, 50., 110., reserve),
                 MAX (violation (eye, 200., 300.), violation (hair, 50., 110.)));
      add_value (across, fails (x, 216., 264., reserve), violation (x, 216., 264.));
    }
    for (int y = 0; y <= 2; y++)
      for (int x = 0; x <= 1; x++)
        add_value (least, y + x + face_fails, MAX (MAX (along[y], across[x]), face_worst));
  }
}

static int
count_failing (const RtkCrop *crop, const RtkHead *head, double *out_worst)
{
  RtkPoint     eye = rtk_crop_to_finished (crop, head->eye_mid);
  RtkPoint     hair = rtk_crop_to_finished (crop, (RtkPoint){head->eye_mid.x, head->hair_top});
  const double zones[4][3] = {
      {eye.x, 216., 264.},
      {eye.y, 200., 300.},
      {hair.y, 50., 110.},
      {(head->cheek_right - head->cheek_left) / crop->scale, 180., 300.},
  };
  int n = 0;

  *out_worst = 0.;
  for (int i = 0; i < 4; i++) {
    n += !in_zone (zones[i][0], zones[i][1], zones[i][2], 0.005);
    *out_worst = MAX (*out_worst, violation (zones[i][0], zones[i][1], zones[i][2]));
  }
  return n;
}

/* Where no crop is legal: no more zones fail than must, and by no more than must be. */
static void
test_fewest_failing (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  int n_cases[N_COUNTS] = {0};

  for (int i = 0; i < 150; i++) {
    int     width = g_rand_int_range (rand, 500, 2000);
    int     height = g_rand_int_range (rand, 650, 2000);
    double  face = g_rand_double_range (rand, 0.12, 0.6) * width;
    RtkHead head = easy;
    RtkCrop crop, again;
    double  least[N_COUNTS], with_reserve[N_COUNTS], worst;
    int     n, fewest = 0;

    head.eye_mid.x = g_rand_double_range (rand, 0.1, 0.9) * width;
    head.eye_mid.y = g_rand_double_range (rand, 0.1, 0.8) * height;
    head.hair_top = MAX (0., head.eye_mid.y - face * g_rand_double_range (rand, 0.4, 1.6));
    head.cheek_left = head.eye_mid.x - face / 2.;
    head.cheek_right = head.eye_mid.x + face / 2.;
    if (!rtk_geometry_find_crop (pack, &head, width, height, &crop, NULL))
      continue;
    assert_sound (&crop, width, height);
    n = count_failing (&crop, &head, &worst);
    brute_force_failing (&head, width, height, 0., least);
    while (isinf (least[fewest]))
      fewest++;
    g_assert_cmpint (n, <=, fewest);
    n_cases[n]++;
    if (n == 0 || n < fewest) /* legal, or in a corner that the grid steps over */
      continue;
    brute_force_failing (&head, width, height, 0.04, with_reserve);
    g_assert_cmpfloat (worst, <=,
                       MAX (least[n], isinf (with_reserve[n]) ? 0. : with_reserve[n]) + 0.001);
    g_assert_true (rtk_geometry_find_crop (pack, &head, width, height, &again, NULL));
    g_assert_cmpfloat (crop.x, ==, again.x);
    g_assert_cmpfloat (crop.y, ==, again.y);
    g_assert_cmpfloat (crop.scale, ==, again.scale);
  }
  g_test_message ("failing zones: %d none, %d one, %d two, %d three, %d four", n_cases[0],
                  n_cases[1], n_cases[2], n_cases[3], n_cases[4]);
  /* The cases are only worth something when there are many of each kind. */
  g_assert_cmpint (n_cases[1], >, 25);
  g_assert_cmpint (n_cases[2], >, 10);
}

/* Hair so high that no scale fits eyes, hair and face: one of them fails, and it is the one that
 * has the least way to go. */
static void
test_contradiction (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  RtkHead head = easy;
  RtkCrop crop;
  double  worst;

  /* Hair of two face widths over the eyes: with a face of 180 the eyes would be at 410. */
  head.eye_mid.y = 1600.;
  head.hair_top = head.eye_mid.y - 2. * 360.;
  head.eye_mid.x = 2000.;
  head.cheek_left = 1820.;
  head.cheek_right = 2180.;
  g_assert_true (rtk_geometry_find_crop (pack, &head, 4000, 4000, &crop, NULL));
  assert_sound (&crop, 4000, 4000);
  g_assert_cmpint (count_failing (&crop, &head, &worst), ==, 1);
  /* Eyes and hair keep 4 % of their zones as a reserve: (296 - 52.4) / 2 are left for the face. */
  g_assert_cmpfloat_with_epsilon ((head.eye_mid.y - crop.y) / crop.scale, 296., 0.05);
  g_assert_cmpfloat_with_epsilon ((head.hair_top - crop.y) / crop.scale, 52.4, 0.05);
  g_assert_cmpfloat_with_epsilon (360. / crop.scale, 121.8, 0.05);
  g_assert_cmpfloat_with_epsilon ((2000. - crop.x) / crop.scale, 240., 0.01);
}

/* A bun at the top edge of the picture: the hair cannot come down to its zone, but the eyes can
 * stay in theirs. */
static void
test_bun_at_edge (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  RtkHead head = easy;
  RtkCrop crop;
  double  worst;

  head.hair_top = 12.;
  head.eye_mid.y = 500.;
  head.cheek_left = 535.;
  head.cheek_right = 815.;
  g_assert_true (rtk_geometry_find_crop (pack, &head, 1350, 1350, &crop, NULL));
  assert_sound (&crop, 1350, 1350);
  g_assert_cmpint (count_failing (&crop, &head, &worst), ==, 1);
  g_assert_cmpfloat ((head.hair_top - crop.y) / crop.scale, <, 50.);
}

/* A rule that blocks is kept before two that only advise. */
static void
test_advice_gives_way (void)
{
  static const char text[] =
      "[pack]\nid=a\ninherits=chsi-diploma\nversion=1\n"
      "[check geometry.hair-top]\nmode=advise\n[check geometry.face-width]\nmode=advise\n";
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, sizeof text - 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkRulePack) advising = rtk_rule_pack_parse ("a", one_source, bytes, &error);
  g_autoptr (RtkRulePack) blocking = rtk_rule_pack_load ("chsi-diploma", NULL);
  RtkHead head = easy;
  RtkCrop crop;
  double  worst;

  g_assert_no_error (error);
  /* Near the top edge, with little hair over a wide face: either the eyes are too high, or the face
   * is too wide and the hair too low. */
  head.eye_mid.y = 150.;
  head.hair_top = 110.;
  head.cheek_left = 545.;
  head.cheek_right = 805.;
  g_assert_true (rtk_geometry_find_crop (blocking, &head, 1350, 1350, &crop, NULL));
  assert_sound (&crop, 1350, 1350);
  g_assert_cmpint (count_failing (&crop, &head, &worst), ==, 1);
  g_assert_cmpfloat ((head.eye_mid.y - crop.y) / crop.scale, <, 200.);

  g_assert_true (rtk_geometry_find_crop (advising, &head, 1350, 1350, &crop, NULL));
  assert_sound (&crop, 1350, 1350);
  g_assert_cmpint (count_failing (&crop, &head, &worst), ==, 2);
  g_assert_cmpfloat ((head.eye_mid.y - crop.y) / crop.scale, >=, 200.);
}

/* Shoulders two and a quarter faces apart: the target would cut them, a smaller face keeps them.
 * With shoulders that no legal crop can hold, or that are hidden, the target is taken as it is. */
static void
test_shoulders (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  RtkHead head = easy;
  RtkCrop crop;

  head.shoulders[0] = (RtkPoint){260., 1000.};
  head.shoulders[1] = (RtkPoint){1070., 1010.};
  head.shoulder_visible[0] = head.shoulder_visible[1] = 0.9;
  g_assert_true (rtk_geometry_find_crop (pack, &head, 1350, 1350, &crop, NULL));
  assert_sound (&crop, 1350, 1350);
  g_assert_cmpfloat (rtk_crop_to_finished (&crop, head.shoulders[0]).x, >=, 0.);
  g_assert_cmpfloat (rtk_crop_to_finished (&crop, head.shoulders[1]).x, <=, 480.);
  /* No smaller than that: 810 pixels between the shoulders fill the width. */
  g_assert_cmpfloat (crop.scale, <, 820. / 460. * 1.02);
  g_assert_true (isfinite (cost_of (&crop, &head, 0.005)));

  head.shoulder_visible[1] = 0.3;
  g_assert_true (rtk_geometry_find_crop (pack, &head, 1350, 1350, &crop, NULL));
  g_assert_cmpfloat_with_epsilon (crop.scale, 1.5, 1e-4);

  head.shoulder_visible[1] = 0.9;
  head.shoulders[0].x = 60.;
  head.shoulders[1].x = 1300.;
  g_assert_true (rtk_geometry_find_crop (pack, &head, 1350, 1350, &crop, NULL));
  g_assert_cmpfloat_with_epsilon (crop.scale, 1.5, 1e-4);
}

/* Hair near the top edge: the crop begins at the edge and the rest stays legal. */
static void
test_near_top (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  RtkHead head = easy;
  RtkCrop crop;

  head.eye_mid.y = 350.;
  head.hair_top = 95.;
  g_assert_true (rtk_geometry_find_crop (pack, &head, 1350, 1350, &crop, NULL));
  assert_sound (&crop, 1350, 1350);
  g_assert_cmpfloat (crop.y, <, 1.);
  g_assert_true (isfinite (cost_of (&crop, &head, 0.005)));
}

static void
test_no_crop (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  const RtkCrop untouched = {1., 2., 3., 4, 5};
  const struct {
    double face;
    int    width;
    int    height;
  } cases[] = {
      {85., 1280, 720},  /* 180 px wide only when enlarged more than twice */
      {100., 200, 1000}, /* 480 px of output from 200 px of picture */
      {100., 1000, 310}, /* 640 px of output from 310 px of picture */
      {0., 1000, 1000},  {NAN, 1000, 1000},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    RtkHead head = easy;
    RtkCrop crop = untouched;

    head.eye_mid = (RtkPoint){cases[i].width / 2., 150.};
    head.hair_top = 60.;
    head.cheek_left = cases[i].width / 2. - cases[i].face / 2.;
    head.cheek_right = head.cheek_left + cases[i].face;
    g_assert_false (
        rtk_geometry_find_crop (pack, &head, cases[i].width, cases[i].height, &crop, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_NO_CROP);
    g_assert_cmpfloat (crop.x, ==, untouched.x);
    g_assert_cmpint (crop.out_height, ==, untouched.out_height);
  }
}

/* A picture that is a finished file already: the crop is the whole of it. */
static void
test_whole_picture (void)
{
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  RtkHead head = {
      .eye_mid = {240., 250.}, .hair_top = 80., .cheek_left = 120., .cheek_right = 360.};
  RtkCrop crop;

  g_assert_true (rtk_geometry_find_crop (pack, &head, 480, 640, &crop, NULL));
  g_assert_cmpfloat (crop.x, ==, 0.);
  g_assert_cmpfloat (crop.y, ==, 0.);
  g_assert_cmpfloat (crop.scale, ==, 1.);
}

static void
test_there_and_back (void)
{
  const RtkCrop crop = {10.5, 20.25, 1.5, 480, 640};
  RtkPoint      point = rtk_crop_to_finished (&crop, (RtkPoint){40.5, 50.25});
  RtkPoint      back = rtk_crop_to_source (&crop, point);

  g_assert_cmpfloat (point.x, ==, 20.);
  g_assert_cmpfloat (point.y, ==, 20.);
  g_assert_cmpfloat (back.x, ==, 40.5);
  g_assert_cmpfloat (back.y, ==, 50.25);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/geometry/ideal", test_ideal);
  g_test_add_func ("/core/geometry/brute-force", test_brute_force);
  g_test_add_func ("/core/geometry/fewest-failing", test_fewest_failing);
  g_test_add_func ("/core/geometry/contradiction", test_contradiction);
  g_test_add_func ("/core/geometry/bun-at-edge", test_bun_at_edge);
  g_test_add_func ("/core/geometry/advice-gives-way", test_advice_gives_way);
  g_test_add_func ("/core/geometry/shoulders", test_shoulders);
  g_test_add_func ("/core/geometry/near-top", test_near_top);
  g_test_add_func ("/core/geometry/no-crop", test_no_crop);
  g_test_add_func ("/core/geometry/whole-picture", test_whole_picture);
  g_test_add_func ("/core/geometry/there-and-back", test_there_and_back);
  return g_test_run ();
}
