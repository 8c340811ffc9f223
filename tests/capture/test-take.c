/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "capture/rtk-pipeline-private.h"
#include "core/rtk-error.h"

#include <string.h>

/* A frame of one colour, given as its Y'CbCr values. */
static RtkTake *
make_take (const char *colorimetry, int y, int cb, int cr)
{
  g_autofree char *text = g_strdup_printf (
      "video/x-raw,format=I420,width=16,height=8,framerate=30/1,colorimetry=(string)%s",
      colorimetry);
  RtkTake      *take = g_new0 (RtkTake, 1);
  const int     values[3] = {y, cb, cr};
  GstVideoInfo  info;
  GstVideoFrame frame;

  take->caps = gst_caps_from_string (text);
  g_assert_true (gst_video_info_from_caps (&info, take->caps));
  take->raw = gst_buffer_new_allocate (NULL, GST_VIDEO_INFO_SIZE (&info), NULL);
  g_assert_true (gst_video_frame_map (&frame, &info, take->raw, GST_MAP_WRITE));
  for (guint i = 0; i < 3; i++)
    memset (GST_VIDEO_FRAME_PLANE_DATA (&frame, i), values[i],
            (gsize)GST_VIDEO_FRAME_PLANE_STRIDE (&frame, i) *
                (gsize)GST_VIDEO_FRAME_COMP_HEIGHT (&frame, i));
  gst_video_frame_unmap (&frame);
  return take;
}

/* Pure red and grey by the matrices of ITU-R BT.601 and BT.709, limited and full range:
 * Y' = Kr R, Cb = -Kr / (2 (1 - Kb)), Cr = 1/2, scaled to 16..235 and 16..240 or to 0..255.
 * GStreamer's matrices of 8 bits are exact to two levels on grey, three at the ends. */
static void
test_colour (void)
{
  static const struct {
    const char *colorimetry, *word;
    int         red[3];
    int         grey_y;
  } cases[] = {
      {"bt601", "bt601-limited", {81, 90, 240}, 126},
      {"bt709", "bt709-limited", {63, 102, 240}, 126},
      {"1:4:0:0", "bt601-full", {76, 85, 255}, 128},
      {"1:3:5:1", "bt709-full", {54, 99, 255}, 128},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (RtkTake) red =
        make_take (cases[i].colorimetry, cases[i].red[0], cases[i].red[1], cases[i].red[2]);
    g_autoptr (RtkTake) grey = make_take (cases[i].colorimetry, cases[i].grey_y, 128, 128);
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkStill) red_still = rtk_take_develop (red, &error);
    g_autoptr (RtkStill) grey_still = rtk_take_develop (grey, &error);
    const guint8 *pixel;

    g_assert_no_error (error);
    g_test_message ("%s", cases[i].word);
    g_assert_cmpstr (red_still->intake.colour, ==, cases[i].word);
    pixel = rtk_image_get_pixels (red_still->image);
    g_assert_cmpint (pixel[0], >=, 252);
    g_assert_cmpint (pixel[1], <=, 3);
    g_assert_cmpint (pixel[2], <=, 3);
    pixel = rtk_image_get_pixels (grey_still->image);
    for (int c = 0; c < 3; c++)
      g_assert_cmpint (ABS (pixel[c] - 128), <=, 2);
  }
}

/* Oblong pixels are made square, in width. */
static void
test_oblong (void)
{
  g_autoptr (RtkTake) take = make_take ("bt601", 126, 128, 128);
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;

  gst_caps_set_simple (take->caps, "pixel-aspect-ratio", GST_TYPE_FRACTION, 3, 2, NULL);
  still = rtk_take_develop (take, &error);
  g_assert_no_error (error);
  g_assert_cmpint (rtk_image_get_width (still->image), ==, 24);
  g_assert_cmpint (rtk_image_get_height (still->image), ==, 8);
}

static void
test_unknown_format (void)
{
  g_autoptr (RtkTake) take = make_take ("bt601", 126, 128, 128);
  g_autoptr (RtkStill) still = NULL;
  g_autoptr (GError) error = NULL;

  gst_caps_unref (take->caps);
  take->caps = gst_caps_new_empty_simple ("video/x-h264");
  still = rtk_take_develop (take, &error);
  g_assert_null (still);
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BACKEND);
}

/* All eight ways to turn and mirror, on a picture of 2x3 numbered pixels. */
static void
test_orientation (void)
{
  static const struct {
    const char *tag;
    const char *pixels; /* row by row; the source is AB CD EF */
  } cases[] = {
      {"rotate-0", "ABCDEF"},        {"rotate-90", "ECAFDB"},       {"rotate-180", "FEDCBA"},
      {"rotate-270", "BDFACE"},      {"flip-rotate-0", "BADCFE"},   {"flip-rotate-90", "FDBECA"},
      {"flip-rotate-180", "EFCDAB"}, {"flip-rotate-270", "ACEBDF"},
  };
  RtkImage      *source = rtk_image_new_take (RTK_PIXEL_GREY8, 2, 3, 2, g_memdup2 ("ABCDEF", 6));
  RtkOrientation untouched = {TRUE, 180};

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    RtkOrientation first = {FALSE, 0};
    g_autoptr (RtkImage) once = NULL;

    g_assert_true (rtk_orientation_from_tag (cases[i].tag, &first));
    once = rtk_orientation_apply (first, source);
    g_assert_cmpint (rtk_image_get_width (once), ==, rtk_orientation_swaps_sides (first) ? 3 : 2);
    g_assert_cmpmem (rtk_image_get_pixels (once), 6, cases[i].pixels, 6);

    /* One step of two is the two steps. */
    for (guint j = 0; j < G_N_ELEMENTS (cases); j++) {
      RtkOrientation second = {FALSE, 0};
      g_autoptr (RtkImage) twice = NULL;
      g_autoptr (RtkImage) both = NULL;

      rtk_orientation_from_tag (cases[j].tag, &second);
      twice = rtk_orientation_apply (second, once);
      both = rtk_orientation_apply (rtk_orientation_compose (first, second), source);
      g_assert_cmpmem (rtk_image_get_pixels (both), 6, rtk_image_get_pixels (twice), 6);
    }
  }
  g_assert_false (rtk_orientation_from_tag ("rotate-45", &untouched));
  g_assert_false (rtk_orientation_from_tag ("upside-down", &untouched));
  g_assert_true (untouched.mirrored && untouched.rotation == 180);
  rtk_image_unref (source);
}

static void
test_preview_size (void)
{
  static const int sizes[][4] = {
      {1920, 1080, 1280, 720}, {1920, 1440, 960, 720}, {1440, 1920, 720, 960},
      {1080, 1920, 720, 1280}, {640, 480, 640, 480},   {512, 512, 512, 512},
      {1280, 720, 1280, 720},  {4000, 10, 1280, 3},    {1, 1, 1, 1},
  };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    int width, height;

    rtk_pipeline_fit_preview (sizes[i][0], sizes[i][1], &width, &height);
    g_assert_cmpint (width, ==, sizes[i][2]);
    g_assert_cmpint (height, ==, sizes[i][3]);
  }
}

static void
test_choose_caps (void)
{
  static const struct {
    const char *offered, *chosen;
  } cases[] = {
      /* A USB camera: fluent at 1080p only as JPEG. */
      {"video/x-raw,format=YUY2,width=640,height=480,framerate=30/1;"
       "video/x-raw,format=YUY2,width=1920,height=1080,framerate=5/1;"
       "image/jpeg,width=640,height=480,framerate=30/1;"
       "image/jpeg,width=1920,height=1080,framerate={(fraction)30/1,(fraction)15/1}",
       "image/jpeg,width=1920,height=1080,framerate=30/1"},
      /* The same size both ways: uncompressed. */
      {"image/jpeg,width=1280,height=720,framerate=30/1;"
       "video/x-raw,format=I420,width=1280,height=720,framerate=30/1",
       "video/x-raw,width=1280,height=720,framerate=30/1"},
      /* Too large ones are left out; a slow one is better than none. */
      {"image/jpeg,width=3840,height=2160,framerate=30/1;"
       "video/x-raw,format=YUY2,width=1280,height=960,framerate=15/1",
       "video/x-raw,width=1280,height=960,framerate=15/1"},
      {"image/jpeg,width=[1,4000],height=[1,4000],framerate=[1/1,60/1]", "image/jpeg,width=800"},
      {"video/x-raw,width=[1,4000],height=[1,4000]", "video/x-raw,width=800"},
      {"video/x-bayer,width=640,height=480,framerate=30/1", "video/x-raw,width=800"},
  };
  g_autoptr (GstCaps) none = rtk_pipeline_choose_caps (NULL);

  g_assert_cmpuint (gst_caps_get_size (none), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GstCaps) offered = gst_caps_from_string (cases[i].offered);
    g_autoptr (GstCaps) expected = gst_caps_from_string (cases[i].chosen);
    g_autoptr (GstCaps) chosen = rtk_pipeline_choose_caps (offered);

    g_test_message ("%s", cases[i].offered);
    g_assert_cmpuint (gst_caps_get_size (chosen), ==, 1);
    g_assert_true (gst_caps_can_intersect (chosen, expected));
  }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  gst_init (NULL, NULL);
  g_test_add_func ("/capture/take/colour", test_colour);
  g_test_add_func ("/capture/take/oblong", test_oblong);
  g_test_add_func ("/capture/take/unknown-format", test_unknown_format);
  g_test_add_func ("/capture/take/orientation", test_orientation);
  g_test_add_func ("/capture/formats/preview-size", test_preview_size);
  g_test_add_func ("/capture/formats/choose-caps", test_choose_caps);
  return g_test_run ();
}
