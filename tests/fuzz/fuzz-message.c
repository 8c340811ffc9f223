/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-envelope.h"
#include "core/rtk-json.h"
#include "core/rtk-operation.h"
#include "core/rtk-order.h"
#include "core/rtk-photo.h"
#include "core/rtk-report.h"
#include "core/rtk-store.h"
#include "fuzz/fuzz.h"

/* What comes over the wire or lies on a disk: the first byte says what the rest is taken for. */

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  return 0;
}

/* What could be read can be written, and what was written can be read. */
static void
read_report (JsonNode *node, GError **error)
{
  g_autoptr (RtkReport) report = rtk_report_from_json (node, error);
  g_autoptr (RtkReport) again = NULL;
  g_autoptr (JsonNode) written = NULL;

  if (report == NULL)
    return;
  written = rtk_report_to_json (report);
  again = rtk_report_from_json (written, NULL);
  g_assert_nonnull (again);
}

static void
read_operation (JsonNode *node, GError **error)
{
  g_autoptr (RtkOperation) operation = rtk_operation_from_json (node, error);

  if (operation != NULL)
    g_assert_false (rtk_operation_check_signature (operation, "no key"));
}

static void
read_order (JsonNode *node, GError **error)
{
  g_autoptr (RtkOrder) order = rtk_order_from_json (node, error);

  g_assert_true ((order == NULL) == (*error != NULL));
}

static void
read_result (JsonNode *node, GError **error)
{
  g_autoptr (RtkResult) result = rtk_result_from_json (node, error);

  g_assert_true ((result == NULL) == (*error != NULL));
}

static void
read_changes (JsonNode *node, GError **error)
{
  g_autoptr (RtkChangePage) page = rtk_change_page_from_json (node, error);

  g_assert_true ((page == NULL) == (*error != NULL));
}

static void
open_envelope (const uint8_t *data, size_t size)
{
  static const guint8 secret[RTK_KEY_SIZE] = {1, 2, 3};
  g_autoptr (RtkKey) key = rtk_key_new_from_bytes (secret);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) plain = rtk_envelope_open (key, "field", data, size, &error);

  g_assert_true ((plain == NULL) == (error != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const readers[]) (JsonNode *, GError **) = {read_report, read_operation, read_order,
                                                            read_result, read_changes};
  g_autoptr (JsonObject) object = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GBytes) canonical = NULL;
  g_autoptr (GError) error = NULL;
  guint kind;

  if (size < 1)
    return 0;
  kind = data[0] % (G_N_ELEMENTS (readers) + 2);
  if (kind == G_N_ELEMENTS (readers)) {
    open_envelope (data + 1, size - 1);
    return 0;
  }
  if (kind == G_N_ELEMENTS (readers) + 1) {
    g_autofree char *text = g_strndup ((const char *)data + 1, size - 1);
    g_autoptr (RtkOverride) override = rtk_override_parse (text, "fuzz", &error);

    g_assert_true ((override == NULL) == (error != NULL));
    return 0;
  }
  object = rtk_json_parse_object ((const char *)data + 1, (gssize)size - 1, &error);
  g_assert_true ((object == NULL) == (error != NULL));
  if (object == NULL)
    return 0;
  node = json_node_new (JSON_NODE_OBJECT);
  json_node_set_object (node, object);
  readers[kind](node, &error);
  canonical = rtk_json_canonical (node, NULL);
  return 0;
}
