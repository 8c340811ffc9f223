/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vision/rtk-compose.h"

#include <math.h>
#include <string.h>

/* Every alpha with every foreground value, over three backgrounds at once. */
static void
test_exact (void)
{
  const guint8 background[3] = {100, 197, 255};
  guint8      *original = g_malloc (256 * 256 * 3);
  guint8      *foreground = g_malloc (256 * 256 * 3);
  guint8      *alpha = g_malloc (256 * 256);
  g_autoptr (RtkImage) original_image = NULL;
  g_autoptr (RtkImage) foreground_image = NULL;
  g_autoptr (RtkImage) alpha_image = NULL;
  g_autoptr (RtkImage) result = NULL;

  for (int y = 0; y < 256; y++) {
    for (int x = 0; x < 256; x++) {
      alpha[y * 256 + x] = (guint8)y;
      memset (foreground + 3 * (y * 256 + x), x, 3);
      memset (original + 3 * (y * 256 + x), 255 - x, 3);
    }
  }
  original_image = rtk_image_new_take (RTK_PIXEL_RGB24, 256, 256, 768, original);
  foreground_image = rtk_image_new_take (RTK_PIXEL_RGB24, 256, 256, 768, foreground);
  alpha_image = rtk_image_new_take (RTK_PIXEL_GREY8, 256, 256, 256, alpha);
  result = rtk_compose_over_flat (original_image, foreground_image, alpha_image, background);

  for (int y = 0; y < 256; y++) {
    for (int x = 0; x < 256; x++) {
      for (int c = 0; c < 3; c++) {
        int    value = rtk_image_get_pixels (result)[3 * (y * 256 + x) + c];
        double wanted = floor ((y * x + (255 - y) * background[c]) / 255. + .5);

        if (y == 255)
          wanted = 255 - x;
        g_assert_cmpint (value, ==, (int)wanted);
        if (y == 0)
          g_assert_cmpint (value, ==, background[c]);
      }
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/vision/compose/exact", test_exact);
  return g_test_run ();
}
