/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-vision"
#include "config.h"

#include "vision/rtk-picture-header.h"

#include "core/rtk-error.h"
#include "vision/rtk-exif.h"

#include <string.h>

/* The two example tables of the JPEG standard (annex K), in zigzag order as DQT stores them: the
 * IJG library scales them by its quality factor, and so does almost every other encoder. */
static const guint8 standard_tables[2][64] = {
    {16, 11, 12,  14,  12,  10, 16, 14,  13,  14,  18,  17,  16, 19,  24,  40,
     26, 24, 22,  22,  24,  49, 35, 37,  29,  40,  58,  51,  61, 60,  57,  51,
     56, 55, 64,  72,  92,  78, 64, 68,  87,  69,  55,  56,  80, 109, 81,  87,
     95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99},
    {17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
     99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99},
};

typedef struct {
  const guint8 *data;
  gsize         size;
} Span;

/* Parts of a profile, which may come in any order; (owned) for all that are not NULL. */
typedef struct {
  GBytes *parts[256];
  guint   n_parts;
} ProfileParts;

static gboolean
fail_truncated (GError **error)
{
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                       "The picture file is cut off: copy it again from where it came");
  return FALSE;
}

static gboolean
fail_damaged (GError **error)
{
  g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                       "The picture file is damaged: copy it again, or take the picture again");
  return FALSE;
}

/* What a table of IJG quality q would hold (jcparam.c documents the scaling). */
static int
ijg_entry (int base, int quality)
{
  int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;

  return CLAMP ((base * scale + 50) / 100, 1, 255);
}

static int
estimate_quality (const guint16 tables[2][64], const gboolean has_table[2])
{
  int     best = 0;
  guint64 best_error = G_MAXUINT64;

  if (!has_table[0])
    return 0;
  for (int quality = 1; quality <= 100; quality++) {
    guint64 sum = 0;

    for (int t = 0; t < 2; t++) {
      for (int i = 0; has_table[t] && i < 64; i++)
        sum += (guint64)ABS ((int)tables[t][i] - ijg_entry (standard_tables[t][i], quality));
    }
    if (sum < best_error) {
      best_error = sum;
      best = quality;
    }
  }
  return best;
}

static gboolean
read_dqt (Span segment, guint16 tables[2][64], gboolean has_table[2])
{
  while (segment.size > 0) {
    guint    id = segment.data[0] & 15;
    gboolean wide = segment.data[0] >> 4 != 0;
    gsize    length = 1 + (wide ? 128 : 64);

    if (segment.size < length)
      return FALSE;
    for (gsize i = 0; i < 64 && id < 2; i++)
      tables[id][i] =
          wide ? segment.data[1 + 2 * i] << 8 | segment.data[2 + 2 * i] : segment.data[1 + i];
    if (id < 2)
      has_table[id] = TRUE;
    segment.data += length;
    segment.size -= length;
  }
  return TRUE;
}

static void
read_jfif (Span segment, RtkPictureHeader *header)
{
  double unit;

  if (segment.size < 12 || memcmp (segment.data, "JFIF", 5) != 0)
    return;
  unit = segment.data[7] == 1 ? 1 : segment.data[7] == 2 ? 2.54 : 0;
  header->dpi_x = unit * (segment.data[8] << 8 | segment.data[9]);
  header->dpi_y = unit * (segment.data[10] << 8 | segment.data[11]);
}

static void
apply_exif (Span tiff, RtkPictureHeader *header)
{
  RtkExif exif;

  if (!rtk_exif_parse (tiff.data, tiff.size, &exif))
    return;
  header->orientation = exif.orientation;
  /* The file's own field wins: it is what other programs show as the resolution. */
  if (header->dpi_x == 0 || header->dpi_y == 0) {
    header->dpi_x = exif.dpi_x;
    header->dpi_y = exif.dpi_y;
  }
}

static void
read_profile_part (Span segment, ProfileParts *profile)
{
  guint index;

  if (segment.size < 15 || memcmp (segment.data, "ICC_PROFILE", 12) != 0)
    return;
  index = segment.data[12];
  profile->n_parts = segment.data[13];
  if (index >= 1 && profile->parts[index] == NULL)
    profile->parts[index] = g_bytes_new (segment.data + 14, segment.size - 14);
}

/* Joins the parts, or gives NULL when one is missing, and frees them. */
static GBytes *
finish_profile (ProfileParts *profile)
{
  GByteArray *joined = g_byte_array_new ();
  gboolean    complete = profile->n_parts > 0;

  for (guint i = 1; i <= profile->n_parts && complete; i++) {
    complete = profile->parts[i] != NULL;
    if (complete)
      g_byte_array_append (joined, g_bytes_get_data (profile->parts[i], NULL),
                           (guint)g_bytes_get_size (profile->parts[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS (profile->parts); i++)
    g_clear_pointer (&profile->parts[i], g_bytes_unref);
  if (!complete) {
    g_byte_array_unref (joined);
    return NULL;
  }
  return g_byte_array_free_to_bytes (joined);
}

static gboolean
read_sof (Span segment, RtkPictureHeader *header)
{
  if (segment.size < 6)
    return FALSE;
  header->bit_depth = segment.data[0];
  header->height = segment.data[1] << 8 | segment.data[2];
  header->width = segment.data[3] << 8 | segment.data[4];
  header->channels = segment.data[5];
  return header->width > 0 && header->height > 0;
}

static gboolean
is_sof (guint marker)
{
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

typedef struct {
  guint16      tables[2][64];
  gboolean     has_table[2];
  ProfileParts profile;
  gsize        metadata_bytes;
  Span         exif; /* (unowned): into the file */
} JpegScan;

/* Takes one segment; FALSE when its content cannot be what it claims. */
static gboolean
read_segment (JpegScan *scan, guint marker, Span segment, RtkPictureHeader *header)
{
  if ((marker >= 0xe0 && marker <= 0xef) || marker == 0xfe)
    scan->metadata_bytes += segment.size + 4;
  if (is_sof (marker))
    return read_sof (segment, header);
  if (marker == 0xdb)
    return read_dqt (segment, scan->tables, scan->has_table);
  if (marker == 0xe0)
    read_jfif (segment, header);
  else if (marker == 0xe1 && segment.size > 6 && memcmp (segment.data, "Exif\0", 6) == 0 &&
           scan->exif.data == NULL)
    scan->exif = (Span){segment.data + 6, segment.size - 6};
  else if (marker == 0xe2)
    read_profile_part (segment, &scan->profile);
  return TRUE;
}

static gboolean
scan_jpeg (JpegScan *scan, Span file, RtkPictureHeader *header, GError **error)
{
  gsize at = 2;

  for (;;) {
    guint marker;
    gsize length;

    while (at < file.size && file.data[at] == 0xff && at + 1 < file.size &&
           file.data[at + 1] == 0xff)
      at++;
    if (file.size - at < 4)
      return fail_truncated (error);
    if (file.data[at] != 0xff)
      return fail_damaged (error);
    marker = file.data[at + 1];
    if (marker == 0xda)
      return header->width > 0 ? TRUE : fail_damaged (error);
    length = (gsize)file.data[at + 2] << 8 | file.data[at + 3];
    if (length < 2 || marker == 0xd9)
      return fail_damaged (error);
    if (file.size - at - 2 < length)
      return fail_truncated (error);
    if (!read_segment (scan, marker, (Span){file.data + at + 4, length - 2}, header))
      return fail_damaged (error);
    if (scan->metadata_bytes > RTK_PICTURE_MAX_METADATA) {
      g_set_error (
          error, RTK_ERROR, RTK_ERROR_TOO_LARGE,
          "The picture carries more than %d MiB of comments and attachments: save it again "
          "without them",
          RTK_PICTURE_MAX_METADATA / (1024 * 1024));
      return FALSE;
    }
    at += 2 + length;
  }
}

static gboolean
read_jpeg (Span file, RtkPictureHeader *header, GError **error)
{
  JpegScan scan = {0};
  gboolean ok = scan_jpeg (&scan, file, header, error);

  header->profile = finish_profile (&scan.profile);
  if (!ok)
    return FALSE;
  if (scan.exif.data != NULL)
    apply_exif (scan.exif, header);
  header->quality = estimate_quality (scan.tables, scan.has_table);
  return TRUE;
}

static guint32
png_u32 (const guint8 *data)
{
  return (guint32)data[0] << 24 | (guint32)data[1] << 16 | (guint32)data[2] << 8 | data[3];
}

static gboolean
read_ihdr (Span chunk, RtkPictureHeader *header)
{
  guint type;

  if (chunk.size != 13 || png_u32 (chunk.data) > G_MAXINT32 ||
      png_u32 (chunk.data + 4) > G_MAXINT32)
    return FALSE;
  header->width = (int)png_u32 (chunk.data);
  header->height = (int)png_u32 (chunk.data + 4);
  type = chunk.data[9];
  /* Fewer than 8 bits of grey and the entries of a palette are unpacked to 8. */
  header->bit_depth = MAX (8, chunk.data[8]);
  header->channels = type == 0 || type == 4 ? 1 : 3;
  header->has_alpha = type == 4 || type == 6;
  return header->width > 0 && header->height > 0;
}

static gboolean
read_png (Span file, RtkPictureHeader *header, GError **error)
{
  gsize at = 8;
  gsize metadata_bytes = 0;

  for (;;) {
    const guint8 *name;
    Span          chunk;

    if (file.size - at < 12)
      return fail_truncated (error);
    name = file.data + at + 4;
    chunk = (Span){file.data + at + 8, png_u32 (file.data + at)};
    if (chunk.size > file.size - at - 12)
      return fail_truncated (error);
    if ((header->width == 0) != (memcmp (name, "IHDR", 4) == 0))
      return fail_damaged (error);
    if (header->width == 0) {
      if (!read_ihdr (chunk, header))
        return fail_damaged (error);
    } else if (memcmp (name, "IEND", 4) == 0) {
      return TRUE;
    } else if (memcmp (name, "pHYs", 4) == 0 && chunk.size == 9 && chunk.data[8] == 1) {
      /* Dots a metre, whole numbers: 300 dpi is stored as 11811, which is 299.9994. */
      header->dpi_x = png_u32 (chunk.data) * 0.0254;
      header->dpi_y = png_u32 (chunk.data + 4) * 0.0254;
    } else if (memcmp (name, "eXIf", 4) == 0) {
      apply_exif (chunk, header);
    } else if (memcmp (name, "tRNS", 4) == 0) {
      header->has_alpha = TRUE;
    }
    if ((name[0] & 0x20) != 0)
      metadata_bytes += chunk.size;
    if (metadata_bytes > RTK_PICTURE_MAX_METADATA) {
      g_set_error (
          error, RTK_ERROR, RTK_ERROR_TOO_LARGE,
          "The picture carries more than %d MiB of comments and attachments: save it again "
          "without them",
          RTK_PICTURE_MAX_METADATA / (1024 * 1024));
      return FALSE;
    }
    at += 12 + chunk.size;
  }
}

static gboolean
check_limits (const RtkPictureHeader *header, GError **error)
{
  if ((gint64)header->width * header->height > RTK_PICTURE_MAX_PIXELS) {
    g_set_error (
        error, RTK_ERROR, RTK_ERROR_TOO_LARGE,
        "The picture has %d x %d pixels: at most %d megapixels are taken, so save it smaller",
        header->width, header->height, RTK_PICTURE_MAX_PIXELS / 1000000);
    return FALSE;
  }
  if (header->bit_depth != 8) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                 "The picture has %d bits a channel: save it with 8 bits a channel (24-bit colour)",
                 header->bit_depth);
    return FALSE;
  }
  if (header->channels == 4) {
    g_set_error_literal (
        error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
        "The picture is in CMYK, made for a printing press: save it in RGB colour");
    return FALSE;
  }
  return header->channels == 1 || header->channels == 3 ? TRUE : fail_damaged (error);
}

/**
 * rtk_picture_header_read:
 * @bytes: a whole file
 * @out_header: (out caller-allocates): cleared by rtk_picture_header_clear()
 * @error: return location for an #RtkError
 *
 * Reads what a picture file says about itself, without decoding a pixel.
 *
 * O(number of segments); allocates only the profile. Any thread. Fails with
 * %RTK_ERROR_BAD_PICTURE on what is empty, no JPEG or PNG, cut off before the pixels, damaged,
 * CMYK or not 8 bits a channel, and with %RTK_ERROR_TOO_LARGE above
 * %RTK_PICTURE_MAX_PIXELS or %RTK_PICTURE_MAX_METADATA: a file that passes can be decoded with
 * memory in proportion to its size in pixels.
 *
 * Returns: %TRUE on success; on %FALSE @out_header holds nothing to be freed
 */
gboolean
rtk_picture_header_read (GBytes *bytes, RtkPictureHeader *out_header, GError **error)
{
  static const guint8 png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Span                file;
  gboolean            ok;

  file.data = g_bytes_get_data (bytes, &file.size);
  *out_header = (RtkPictureHeader){.orientation = 1};
  if (file.size == 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                         "The file is empty: copy it again from where it came");
    return FALSE;
  }
  if (file.size >= 3 && file.data[0] == 0xff && file.data[1] == 0xd8 && file.data[2] == 0xff) {
    out_header->kind = RTK_PICTURE_JPEG;
    ok = read_jpeg (file, out_header, error);
  } else if (file.size >= 8 && memcmp (file.data, png_signature, 8) == 0) {
    out_header->kind = RTK_PICTURE_PNG;
    ok = read_png (file, out_header, error);
  } else {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_PICTURE,
                         "This is not a JPEG or PNG picture: choose a picture file");
    return FALSE;
  }
  ok = ok && check_limits (out_header, error);
  if (!ok)
    rtk_picture_header_clear (out_header);
  return ok;
}

/**
 * rtk_picture_header_clear:
 * @self: a header
 *
 * Frees what @self holds.
 */
void
rtk_picture_header_clear (RtkPictureHeader *self)
{
  g_clear_pointer (&self->profile, g_bytes_unref);
}

/**
 * rtk_picture_get_luma_step:
 * @quality: IJG quality, 1 to 100; 0: not saved as a JPEG at all
 * @index: vertical frequency times 8 plus horizontal frequency
 *
 * Tells how coarsely a JPEG of that quality keeps a coefficient of its luma.
 *
 * Returns: the step of the table; 0 when nothing is lost
 */
int
rtk_picture_get_luma_step (int quality, int index)
{
  static const guint8 zigzag[64] = {0,  1,  5,  6,  14, 15, 27, 28, 2,  4,  7,  13, 16, 26, 29, 42,
                                    3,  8,  12, 17, 25, 30, 41, 43, 9,  11, 18, 24, 31, 40, 44, 53,
                                    10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38, 46, 51, 55, 60,
                                    21, 34, 37, 47, 50, 56, 59, 61, 35, 36, 48, 49, 57, 58, 62, 63};

  g_return_val_if_fail (quality >= 0 && quality <= 100 && index >= 0 && index < 64, 0);
  return quality == 0 ? 0 : ijg_entry (standard_tables[0][zigzag[index]], quality);
}
