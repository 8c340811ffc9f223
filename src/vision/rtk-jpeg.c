/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-jpeg.h"

#include "core/rtk-error.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* jpeglib.h needs FILE and jerror.h needs jpeglib.h: neither includes what it needs. */
/* clang-format off */
#include <stdio.h>
#include <jpeglib.h>
#include <jerror.h>
/* clang-format on */

/* A progressive file may repeat tiny scans over a huge picture for ever; cameras write about 10. */
#define MAX_SCANS 64

/* The library calls back into this on every error: control leaves through the jump, so that
 * nothing of ours that must be freed may live in the function that sets it. */
typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf               jump;
  gboolean              truncated;
  gboolean              damaged;
  char                  message[JMSG_LENGTH_MAX];
} ErrorManager;

static void
error_exit_cb (j_common_ptr jpeg)
{
  ErrorManager *manager = (ErrorManager *)jpeg->err;

  jpeg->err->format_message (jpeg, manager->message);
  longjmp (manager->jump, 1);
}

/* Warnings mean that the library goes on with made-up pixels: grey halves and smeared blocks. A
 * picture of which a part is made up is no original, so these are errors, but for four kinds that
 * leave every pixel as the camera wrote it. */
static void
emit_message_cb (j_common_ptr jpeg, int level)
{
  ErrorManager *manager = (ErrorManager *)jpeg->err;

  if (level >= 0)
    return;
  switch (jpeg->err->msg_code) {
  case JWRN_ADOBE_XFORM:
  case JWRN_BOGUS_ICC:
  case JWRN_EXTRANEOUS_DATA:
  case JWRN_JFIF_MAJOR:
    return;
  case JWRN_JPEG_EOF:
  case JWRN_HIT_MARKER:
    manager->truncated = TRUE;
    break;
  default:
    manager->damaged = TRUE;
    break;
  }
  jpeg->err->format_message (jpeg, manager->message);
  longjmp (manager->jump, 1);
}

static void
output_message_cb (j_common_ptr jpeg)
{
}

static struct jpeg_error_mgr *
error_manager_init (ErrorManager *manager)
{
  jpeg_std_error (&manager->base);
  manager->base.error_exit = error_exit_cb;
  manager->base.emit_message = emit_message_cb;
  manager->base.output_message = output_message_cb;
  return &manager->base;
}

static void
limit_scans_cb (j_common_ptr jpeg)
{
  j_decompress_ptr decoder = (j_decompress_ptr)jpeg;

  if (decoder->input_scan_number > MAX_SCANS)
    ERREXIT (jpeg, JERR_BAD_PROGRESSION);
}

static gboolean
decode_into (struct jpeg_decompress_struct *jpeg,
             ErrorManager                  *manager,
             GBytes                        *bytes,
             int                            width,
             int                            height,
             guint8                        *pixels)
{
  struct jpeg_progress_mgr progress = {.progress_monitor = limit_scans_cb};

  if (setjmp (manager->jump) != 0)
    return FALSE;
  jpeg_create_decompress (jpeg);
  jpeg->progress = &progress;
  jpeg_mem_src (jpeg, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  jpeg_read_header (jpeg, TRUE);
  jpeg->out_color_space = JCS_RGB;
  jpeg->dct_method = JDCT_ISLOW;
  jpeg_start_decompress (jpeg);
  if ((int)jpeg->output_width != width || (int)jpeg->output_height != height ||
      jpeg->output_components != 3)
    ERREXIT (jpeg, JERR_BAD_LENGTH);
  while (jpeg->output_scanline < jpeg->output_height) {
    JSAMPROW row = pixels + (gsize)jpeg->output_scanline * width * 3;

    jpeg_read_scanlines (jpeg, &row, 1);
  }
  jpeg_finish_decompress (jpeg);
  return TRUE;
}

/**
 * rtk_jpeg_decode_rgb:
 * @bytes: a whole JPEG file whose header has passed rtk_picture_header_read()
 * @width: width as that header said, > 0
 * @height: height as that header said, > 0
 * @error: return location for an #RtkError
 *
 * Decodes a grey or colour JPEG, baseline or progressive, as it is stored: neither turned nor
 * colour managed. Grey is repeated into three channels.
 *
 * The accurate integer transform is used, whose results are the same on every CPU. A file that is
 * cut off or damaged is an error (%RTK_ERROR_BAD_PICTURE), not a picture with a grey rest.
 * Any thread, blocking.
 *
 * Returns: (transfer full): `width * height * 3` bytes RGB, or %NULL
 */
guint8 *
rtk_jpeg_decode_rgb (GBytes *bytes, int width, int height, GError **error)
{
  struct jpeg_decompress_struct jpeg = {0};
  ErrorManager                  manager = {0};
  guint8                       *pixels = g_try_malloc ((gsize)width * height * 3);
  gboolean                      ok;

  if (pixels == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_TOO_LARGE,
                         "There is not enough memory for this picture: close other programs");
    return NULL;
  }
  jpeg.err = error_manager_init (&manager);
  ok = decode_into (&jpeg, &manager, bytes, width, height, pixels);
  jpeg_destroy_decompress (&jpeg);
  if (ok)
    return pixels;
  g_free (pixels);
  if (manager.truncated)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                         "The picture file is cut off: copy it again from where it came");
  else
    g_set_error (
        error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
        "The JPEG picture cannot be decoded: copy it again, or take the picture again (%s)",
        manager.message);
  return NULL;
}

static gboolean
encode_into (struct jpeg_compress_struct *jpeg,
             ErrorManager                *manager,
             const RtkImage              *image,
             int                          quality,
             RtkJpegChroma                chroma,
             int                          dpi,
             guint8                     **out_data,
             unsigned long               *out_size)
{
  if (setjmp (manager->jump) != 0)
    return FALSE;
  jpeg_create_compress (jpeg);
  jpeg_mem_dest (jpeg, out_data, out_size);
  jpeg->image_width = (JDIMENSION)rtk_image_get_width (image);
  jpeg->image_height = (JDIMENSION)rtk_image_get_height (image);
  jpeg->input_components = 3;
  jpeg->in_color_space = JCS_RGB;
  jpeg_set_defaults (jpeg);
  jpeg_set_quality (jpeg, quality, TRUE);
  jpeg->dct_method = JDCT_ISLOW;
  jpeg->optimize_coding = TRUE;
  jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor =
      chroma == RTK_JPEG_CHROMA_FULL ? 1 : 2;
  jpeg->density_unit = 1;
  jpeg->X_density = jpeg->Y_density = (UINT16)dpi;
  jpeg_start_compress (jpeg, TRUE);
  while (jpeg->next_scanline < jpeg->image_height) {
    JSAMPROW row =
        (JSAMPROW)rtk_image_get_pixels (image) + jpeg->next_scanline * rtk_image_get_stride (image);

    jpeg_write_scanlines (jpeg, &row, 1);
  }
  jpeg_finish_compress (jpeg);
  return TRUE;
}

/**
 * rtk_jpeg_encode:
 * @image: RGB24
 * @quality: IJG quality, 1 to 100
 * @chroma: how finely colour is kept
 * @dpi: resolution written into the JFIF header, dots an inch, 1 to 65535
 * @error: return location for an #RtkError
 *
 * Encodes a baseline JPEG with a JFIF header, optimised Huffman tables and no metadata.
 *
 * The same library gives the same bytes on every CPU. Any thread, blocking. Fails with
 * %RTK_ERROR_BACKEND if the library refuses.
 *
 * Returns: (transfer full): the file, or %NULL
 */
GBytes *
rtk_jpeg_encode (const RtkImage *image, int quality, RtkJpegChroma chroma, int dpi, GError **error)
{
  struct jpeg_compress_struct jpeg = {0};
  ErrorManager                manager = {0};
  guint8                     *data = NULL;
  unsigned long               size = 0;
  gboolean                    ok;

  g_return_val_if_fail (rtk_image_get_format (image) == RTK_PIXEL_RGB24, NULL);
  g_return_val_if_fail (quality >= 1 && quality <= 100 && dpi >= 1 && dpi <= 65535, NULL);

  jpeg.err = error_manager_init (&manager);
  ok = rtk_image_get_width (image) <= JPEG_MAX_DIMENSION &&
       rtk_image_get_height (image) <= JPEG_MAX_DIMENSION &&
       encode_into (&jpeg, &manager, image, quality, chroma, dpi, &data, &size);
  jpeg_destroy_compress (&jpeg);
  if (!ok) {
    /* The library allocates with malloc(). */
    free (data);
    g_set_error (error, RTK_ERROR, RTK_ERROR_BACKEND, "The JPEG file could not be written (%s)",
                 manager.message);
    return NULL;
  }
  return g_bytes_new_with_free_func (data, size, free, data);
}

#ifdef LIBJPEG_TURBO_VERSION
#define ENCODER "libjpeg-turbo " G_STRINGIFY (LIBJPEG_TURBO_VERSION)
#else
#define ENCODER "libjpeg " G_STRINGIFY (JPEG_LIB_VERSION)
#endif

/**
 * rtk_jpeg_get_encoder:
 * @chroma: how finely colour was kept
 *
 * Names what writes JPEG files, for the certificate: the same name means the same bytes.
 *
 * Returns: (transfer none): library, version and sampling
 */
const char *
rtk_jpeg_get_encoder (RtkJpegChroma chroma)
{
  return chroma == RTK_JPEG_CHROMA_FULL ? ENCODER " 4:4:4" : ENCODER " 4:2:0";
}
