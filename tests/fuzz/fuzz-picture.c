/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz.h"
#include "fuzz/samples.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-file-facts.h"
#include "vision/rtk-picture-header.h"

#include <string.h>

/* What a header says may be large, and taking that memory each time is slow, not interesting. */
#define MOST_PIXELS 200000

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  return 0;
}

static void
take_in (GBytes *bytes)
{
  g_auto (RtkPictureHeader) header = {0};
  g_autoptr (RtkFileFacts) facts = NULL;
  g_autoptr (RtkImage) image = NULL;
  g_autoptr (GError) error = NULL;
  RtkIntake intake;

  if (!rtk_picture_header_read (bytes, &header, &error)) {
    g_assert_nonnull (error);
    return;
  }
  facts = rtk_file_facts_read (bytes, "a.jpg", &error);
  g_assert_nonnull (facts);
  g_assert_cmpint ((gint64)header.width * header.height, <=, RTK_PICTURE_MAX_PIXELS);
  if ((gint64)header.width * header.height > MOST_PIXELS)
    return;
  image = rtk_codec_decode (bytes, &intake, &error);
  g_assert_true ((image == NULL) == (error != NULL));
  if (image != NULL)
    g_assert_cmpint (rtk_image_get_width (image) * rtk_image_get_height (image), ==,
                     header.width * header.height);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) bytes = g_bytes_new (data, size);
  g_autoptr (GBytes) mended = NULL;
  GByteArray *copy;

  take_in (bytes);
  if (size < 12 || memcmp (data, "\x89PNG", 4) != 0)
    return 0;
  copy = g_byte_array_new ();
  g_byte_array_append (copy, data, (guint)size);
  rtk_sample_mend_png (copy);
  mended = g_byte_array_free_to_bytes (copy);
  take_in (mended);
  return 0;
}
