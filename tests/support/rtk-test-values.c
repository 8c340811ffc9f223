/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-values.h"

#include "core/rtk-id.h"
#include "support/rtk-test-signer.h"

#include <math.h>

const char *
rtk_test_order_id (guint n)
{
  static char id[37];

  g_snprintf (id, sizeof id, "019f1c2a-1111-7222-8333-%012u", n);
  return id;
}

RtkOrder *
rtk_test_order_new (
    guint n, gint64 revision, const char *payment, const char *reasons, const char *delivered)
{
  g_autofree char *sha =
      delivered == NULL ? g_strdup ("null") : g_strdup_printf ("\"%s\"", delivered);
  g_autofree char *submission = g_strdup_printf (
      "{\"id\":\"019f1c2a-2222-7222-8333-%012u\",\"state\":\"%s\",\"origin\":\"online\","
      "\"created_at\":\"2026-05-01T09:00:00.000000Z\",\"original\":null,\"delivered\":%s,"
      "\"certificate\":null,\"reasons\":[%s],\"note\":null}",
      n, *reasons == '\0' ? "submitted" : "rejected", sha, reasons);
  g_autofree char *text = g_strdup_printf (
      "{\"id\":\"%s\",\"number\":\"RT-%06u\",\"revision\":%" G_GINT64_FORMAT
      ",\"school\":\"示例大学\",\"batch\":\"2026\",\"subject\":{\"name_masked\":\"王*明\","
      "\"number_masked\":\"2022****01\"},\"code_digest\":null,\"payment\":\"%s\","
      "\"delivery\":\"none\",\"print\":\"none\",\"created_at\":\"2026-05-01T08:00:00.000000Z\","
      "\"updated_at\":\"2026-05-02T08:00:00.000000Z\",\"submissions\":[%s]}",
      rtk_test_order_id (n), n, revision, payment, submission);
  g_autoptr (JsonNode) node = json_from_string (text, NULL);
  g_autoptr (GError) error = NULL;
  RtkOrder *order = rtk_order_from_json (node, &error);

  g_assert_no_error (error);
  return order;
}

RtkAnalysis *
rtk_test_analysis_new (RtkRulePack *pack)
{
  RtkAnalysis          *analysis = rtk_analysis_new (1350, 1350, 1);
  guint                 n = 0;
  const RtkRule *const *rules = pack != NULL ? rtk_rule_pack_get_rules (pack, &n) : NULL;

  analysis->has_head = TRUE;
  analysis->has_shoulders = TRUE;
  analysis->head = (RtkHead){
      .eye_mid = {675., 600.},
      .hair_top = 345.,
      .cheek_left = 495.,
      .cheek_right = 855.,
      .chin = {675., 900.},
      .shoulders = {{400., 1100.}, {950., 1100.}},
      .shoulder_visible = {1., 1.},
  };
  for (guint i = 0; i < n; i++) {
    double low = isnan (rules[i]->warn_min) ? rules[i]->min : rules[i]->warn_min;
    double high = isnan (rules[i]->warn_max) ? rules[i]->max : rules[i]->warn_max;

    if (rules[i]->mode != RTK_RULE_CONFIRM && rules[i]->text == NULL)
      rtk_analysis_set (analysis, rules[i]->id,
                        isnan (low) ? high : (isnan (high) ? low : (low + high) / 2.));
  }
  return analysis;
}

void
rtk_test_analysis_spoil (RtkAnalysis *analysis, RtkRulePack *pack, RtkCheckId id)
{
  const RtkRule *rule = rtk_rule_pack_get_rule (pack, id);

  g_assert_nonnull (rule);
  if (!isnan (rule->max))
    rtk_analysis_set (analysis, id, rule->max * 2. + 1.);
  else
    rtk_analysis_set (analysis, id, rule->min / 2. - 1.);
}

static void
blob_init (RtkBlob *blob, const char *part, const char *seed, const char *media_type)
{
  char *text = g_strdup_printf ("%s of %s", part, seed);
  g_autoptr (GBytes) bytes = g_bytes_new_take (text, strlen (text));

  rtk_blob_init (blob, bytes, media_type);
}

static RtkImage *
image_new (int width, int height)
{
  return rtk_image_new_take (RTK_PIXEL_RGB24, width, height, (gsize)width * 3,
                             g_malloc0 ((gsize)width * (gsize)height * 3));
}

RtkPhoto *
rtk_test_photo_new (RtkRulePack *pack, const RtkAnalysis *analysis, const char *seed)
{
  const RtkIntake intake = {0, FALSE, "srgb"};
  const guint8    blue[] = {100, 197, 255};
  RtkPhoto       *photo = rtk_photo_new ();

  blob_init (&photo->original, "original", seed, "image/jpeg");
  blob_init (&photo->alpha, "alpha", seed, "image/png");
  blob_init (&photo->delivered, "delivered", seed, "image/jpeg");
  photo->original_image = image_new (27, 36);
  photo->delivered_image = image_new (12, 16);
  photo->report = rtk_rules_judge (pack, analysis, NULL, FALSE);
  photo->finished_report = rtk_report_ref (photo->report);
  rtk_report_get_crop (photo->report, &photo->crop);
  photo->certificate =
      rtk_certificate_new (&intake, &photo->crop, pack, blue, 85, "test", photo->original.sha256,
                           photo->alpha.sha256, photo->delivered.sha256, 1780300800000000);
  return photo;
}

RtkOperation *
rtk_test_operation_new (guint order, const char *const *blobs)
{
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("station");
  g_autofree char *id = rtk_id_new (g_get_real_time ());
  g_autoptr (JsonNode) body = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  JsonArray  *array = json_array_new ();
  g_autoptr (GError) error = NULL;
  RtkOperation *operation;

  for (guint i = 0; blobs != NULL && blobs[i] != NULL; i++)
    json_array_add_string_element (array, blobs[i]);
  json_object_set_array_member (object, "photos", array);
  json_node_take_object (body, object);
  operation =
      rtk_operation_new (id, RTK_OPERATION_SUBMIT, rtk_test_order_id (order), 1, 1780300800000000,
                         "019f1c2a-3333-7222-8333-000000000001", "operator", body, signer, &error);
  g_assert_no_error (error);
  return operation;
}
