/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-cv.h"

static void
test_area (void)
{
  guint8      from[4 * 4] = {0, 10, 100, 100, 20, 30, 100, 100, 7, 7, 1, 2, 7, 7, 3, 4};
  guint8      to[2 * 2] = {0};
  RtkCvBuffer source = rtk_cv_buffer_u8 (from, 4, 4, 1, 4);
  RtkCvBuffer target = rtk_cv_buffer_u8 (to, 2, 2, 1, 2);
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_cv_resize (&source, &target, RTK_CV_FILTER_AREA, &error));
  g_assert_no_error (error);
  g_assert_cmpint (to[0], ==, 15);
  g_assert_cmpint (to[1], ==, 100);
  g_assert_cmpint (to[2], ==, 7);
  g_assert_cmpint (to[3], >=, 2);
  g_assert_cmpint (to[3], <=, 3);
}

/* A ramp keeps its slope: bilinear sampling works from pixel centres. */
static void
test_bilinear (void)
{
  float       from[4] = {0.f, 2.f, 4.f, 6.f};
  float       to[8] = {0};
  RtkCvBuffer source = rtk_cv_buffer_f32 (from, 4, 1, 1);
  RtkCvBuffer target = rtk_cv_buffer_f32 (to, 8, 1, 1);
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_cv_resize (&source, &target, RTK_CV_FILTER_BILINEAR, &error));
  g_assert_no_error (error);
  for (int i = 1; i < 7; i++)
    g_assert_cmpfloat_with_epsilon (to[i], (i + .5) - 1., 1e-5);
  g_assert_cmpfloat (to[0], ==, 0.f);
  g_assert_cmpfloat (to[7], ==, 6.f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/cv/area", test_area);
  g_test_add_func ("/vision/cv/bilinear", test_bilinear);
  return g_test_run ();
}
