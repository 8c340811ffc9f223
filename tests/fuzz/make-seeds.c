/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Makes what fuzzing starts from, one folder a target:
 *   make-seeds FOLDER RULE-PACK.ini... */

#include "core/rtk-envelope.h"
#include "core/rtk-photo.h"
#include "fuzz/samples.h"
#include "fuzz/tiny-model.h"
#include "support/rtk-test-values.h"
#include "vision/rtk-codec.h"
#include "vision/rtk-png.h"
#include "vision/rtk-tflite.h"
#include "vision/rtk-xnn.h"

/* jpeglib.h needs FILE and does not include it. */
/* clang-format off */
#include <stdio.h>
#include <jpeglib.h>
/* clang-format on */
#include <stdlib.h>
#include <string.h>

#define SIDE 40

static void
save (const char *top, const char *target, const char *name, GBytes *bytes)
{
  g_autofree char *folder = g_build_filename (top, target, NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                                      (gssize)g_bytes_get_size (bytes), NULL));
}

/* For the target of messages: the first byte says which reader. */
static void
save_text (const char *top, const char *name, guint8 kind, const char *text)
{
  g_autoptr (GByteArray) array = g_byte_array_new ();
  g_autoptr (GBytes) bytes = NULL;

  g_byte_array_append (array, &kind, 1);
  g_byte_array_append (array, (const guint8 *)text, (guint)strlen (text));
  bytes = g_bytes_new (array->data, array->len);
  save (top, "message", name, bytes);
}

static void
save_json (const char *top, const char *name, guint8 kind, JsonNode *node)
{
  g_autofree char *text = json_to_string (node, FALSE);

  save_text (top, name, kind, text);
  json_node_unref (node);
}

/* Kinds of JPEG that our own encoder does not write. */
static GBytes *
make_jpeg (int n_channels, gboolean progressive, int restart)
{
  struct jpeg_compress_struct compress;
  struct jpeg_error_mgr       errors;
  unsigned char              *data = NULL;
  unsigned long               size = 0;
  guint8                      row[SIDE * 4];

  compress.err = jpeg_std_error (&errors);
  jpeg_create_compress (&compress);
  jpeg_mem_dest (&compress, &data, &size);
  compress.image_width = compress.image_height = SIDE;
  compress.input_components = n_channels;
  compress.in_color_space = n_channels == 1 ? JCS_GRAYSCALE : n_channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults (&compress);
  compress.restart_interval = (unsigned)restart;
  if (progressive)
    jpeg_simple_progression (&compress);
  jpeg_start_compress (&compress, TRUE);
  while (compress.next_scanline < compress.image_height) {
    JSAMPROW rows[] = {row};

    for (int i = 0; i < SIDE * n_channels; i++)
      row[i] = (guint8)(i * 3 + (int)compress.next_scanline * 5);
    jpeg_write_scanlines (&compress, rows, 1);
  }
  jpeg_finish_compress (&compress);
  jpeg_destroy_compress (&compress);
  return g_bytes_new_with_free_func (data, size, free, data);
}

static void
make_pictures (const char *top)
{
  static const struct {
    const char *name;
    int         n_channels;
    gboolean    progressive;
    int         restart;
  } kinds[] = {{"grey.jpg", 1, FALSE, 0},
               {"colour.jpg", 3, FALSE, 0},
               {"progressive.jpg", 3, TRUE, 0},
               {"restarts.jpg", 3, FALSE, 2},
               {"cmyk.jpg", 4, FALSE, 0}};
  g_autoptr (GBytes) laden = rtk_sample_laden_jpeg ();
  g_autoptr (GBytes) png = rtk_sample_png ();
  guint8 *pixels = g_malloc0 (SIDE * SIDE);
  g_autoptr (RtkImage) grey = rtk_image_new_take (RTK_PIXEL_GREY8, SIDE, SIDE, SIDE, pixels);
  g_autoptr (GBytes) grey_png = rtk_png_encode (grey, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autoptr (GBytes) file =
        make_jpeg (kinds[i].n_channels, kinds[i].progressive, kinds[i].restart);

    save (top, "picture", kinds[i].name, file);
  }
  save (top, "picture", "laden.jpg", laden);
  save (top, "picture", "colour.png", png);
  save (top, "picture", "grey.png", grey_png);
}

static void
make_messages (const char *top)
{
  static const guint8 secret[32] = {1, 2, 3};
  g_autoptr (RtkKey) key = rtk_key_new_from_bytes (secret);
  g_autoptr (GBytes) sealed = rtk_envelope_seal (key, "field", (const guint8 *)"plain", 5);
  g_autoptr (GByteArray) envelope = g_byte_array_new ();
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (RtkRulePack) pack = rtk_rule_pack_load ("chsi-diploma", NULL);
  g_autoptr (RtkAnalysis) analysis = rtk_test_analysis_new (pack);
  g_autoptr (RtkReport) report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  g_autoptr (RtkOperation) operation = rtk_test_operation_new (1, NULL);
  g_autoptr (RtkOrder) order = rtk_test_order_new (1, 3, "paid", "\"eyes-closed\"", NULL);
  JsonNode        *order_node = rtk_order_to_json (order);
  g_autofree char *order_text = json_to_string (order_node, FALSE);
  g_autofree char *page = g_strdup_printf (
      "{\"epoch\":\"e\",\"cursor\":\"5\",\"more\":false,\"orders\":[%s]}", order_text);

  save_json (top, "report", 0, rtk_report_to_json (report));
  save_json (top, "operation", 1, rtk_operation_to_json (operation));
  save_json (top, "order", 2, order_node);
  save_text (
      top, "result", 3,
      "{\"id\":\"018f0000-0000-7000-8000-000000000000\",\"outcome\":\"refused\",\"order\":null,"
      "\"problem\":{\"title\":\"x\"}}");
  save_text (top, "changes", 4, page);
  save_text (top, "override", 6, "mouth.closed: asked for by the test");
  g_byte_array_append (envelope, (const guint8 *)"\5", 1);
  g_byte_array_append (envelope, g_bytes_get_data (sealed, NULL), (guint)g_bytes_get_size (sealed));
  bytes = g_bytes_new (envelope->data, envelope->len);
  save (top, "message", "envelope", bytes);
}

static void
make_rules (const char *top, char **paths)
{
  for (; *paths != NULL; paths++) {
    g_autofree char *text = NULL;
    g_autofree char *name = g_path_get_basename (*paths);
    g_autoptr (GRegex) regex = g_regex_new ("^id=.*$", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *renamed = NULL;
    g_autoptr (GBytes) bytes = NULL;

    g_assert_true (g_file_get_contents (*paths, &text, NULL, NULL));
    renamed = g_regex_replace_literal (regex, text, -1, 0, "id=under-test", 0, NULL);
    bytes = g_bytes_new (renamed, strlen (renamed));
    save (top, "rules", name, bytes);
  }
}

/* A seed that is refused at once teaches nothing. */
static void
assert_runs (GBytes *bytes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkTflite) model = rtk_tflite_new (bytes, &error);
  g_autoptr (RtkXnn) network = NULL;
  guint      n;
  const int *inputs, *outputs;

  g_assert_no_error (error);
  inputs = rtk_tflite_get_inputs (model, &n);
  outputs = rtk_tflite_get_outputs (model, &n);
  network = rtk_xnn_new (model, inputs, 1, outputs, 1, 1, &error);
  g_assert_no_error (error);
  g_assert_true (rtk_xnn_run (network, &error));
}

int
main (int argc, char **argv)
{
  RtkSamplePhoto photo;
  g_autoptr (GBytes) model = NULL;

  if (argc < 3) {
    fprintf (stderr, "usage: make-seeds FOLDER RULE-PACK.ini...\n");
    return 2;
  }
  rtk_sample_photo_init (&photo);
  save (argv[1], "certificate", "plain.json", photo.certificate);
  rtk_sample_photo_clear (&photo);
  model = rtk_tiny_model_new ();
  assert_runs (model);
  save (argv[1], "model", "tiny.tflite", model);
  make_pictures (argv[1]);
  make_messages (argv[1]);
  make_rules (argv[1], argv + 2);
  return 0;
}
