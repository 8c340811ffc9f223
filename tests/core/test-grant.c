/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "core/rtk-grant.h"
#include "core/rtk-json.h"
#include "support/rtk-test-signer.h"

#include <string.h>

#define ID "0190a6f0-0000-7000-8000-000000000001"
#define STATION "0190a6f0-0000-7000-8000-000000000002"
#define OTHER "0190a6f0-0000-7000-8000-000000000003"
#define ISSUED G_GINT64_CONSTANT (1780000000000000)
#define EXPIRES (ISSUED + (gint64)7 * 24 * 3600 * G_USEC_PER_SEC)

static RtkGrant *
make_grant (RtkSigner *signer, const char *station)
{
  g_autoptr (GError) error = NULL;
  RtkGrant *grant =
      rtk_grant_new (ID, "李雷", RTK_ROLE_SUPERVISOR, station, ISSUED, EXPIRES, &error);

  g_assert_no_error (error);
  g_assert_true (rtk_signer_sign (signer, g_bytes_get_data (grant->content, NULL),
                                  g_bytes_get_size (grant->content), grant->signature, &error));
  return grant;
}

/* Over the wire and back. */
static RtkGrant *
send_grant (const RtkGrant *grant, const char *from, const char *to)
{
  g_autoptr (JsonNode) node = rtk_grant_to_json (grant);
  g_autofree char *json = json_to_string (node, FALSE);
  g_autoptr (GString) text = g_string_new (json);
  g_autoptr (JsonNode) parsed = NULL;
  g_autoptr (GError) error = NULL;
  RtkGrant *read;

  if (from != NULL)
    g_assert_cmpuint (g_string_replace (text, from, to, 0), ==, 1);
  parsed = json_from_string (text->str, &error);
  g_assert_no_error (error);
  read = rtk_grant_from_json (parsed, &error);
  g_assert_no_error (error);
  return read;
}

static void
assert_check (
    const RtkGrant *grant, RtkSigner *signer, const char *station, gint64 now, int expected)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = rtk_grant_check (grant, rtk_signer_get_key_id (signer), station, now, &error);

  if (expected < 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, RTK_ERROR, expected);
  g_assert_cmpint (ok, ==, expected < 0);
}

static void
test_check (void)
{
  g_autoptr (RtkSigner) server = rtk_test_signer_new ("server");
  g_autoptr (RtkSigner) thief = rtk_test_signer_new ("thief");
  g_autoptr (RtkGrant) made = make_grant (server, STATION);
  g_autoptr (RtkGrant) grant = send_grant (made, NULL, NULL);
  g_autoptr (RtkGrant) unbound = make_grant (server, NULL);

  g_assert_cmpstr (grant->id, ==, ID);
  g_assert_cmpstr (grant->user, ==, "李雷");
  g_assert_cmpint (grant->role, ==, RTK_ROLE_SUPERVISOR);
  g_assert_cmpstr (grant->station, ==, STATION);
  g_assert_cmpint (grant->expires_at, ==, EXPIRES);
  assert_check (grant, server, STATION, ISSUED, -1);
  assert_check (grant, server, STATION, EXPIRES - 1, -1);
  assert_check (grant, server, STATION, EXPIRES, RTK_ERROR_UNAUTHORIZED);
  /* A clock that is a little behind is no harm; one that was set back is. */
  assert_check (grant, server, STATION, ISSUED - (gint64)5 * 60 * G_USEC_PER_SEC, -1);
  assert_check (grant, server, STATION, ISSUED - (gint64)11 * 60 * G_USEC_PER_SEC,
                RTK_ERROR_UNAUTHORIZED);
  assert_check (grant, server, OTHER, ISSUED, RTK_ERROR_FORBIDDEN);
  assert_check (grant, server, NULL, ISSUED, RTK_ERROR_FORBIDDEN);
  assert_check (unbound, server, STATION, ISSUED, RTK_ERROR_FORBIDDEN);
  assert_check (unbound, server, NULL, ISSUED, RTK_ERROR_FORBIDDEN);
  assert_check (grant, thief, STATION, ISSUED, RTK_ERROR_DAMAGED);
  g_assert_false (rtk_grant_check (grant, NULL, STATION, ISSUED, NULL));
}

/* Whatever is changed on the way, the signature shows it. */
static void
test_forged (void)
{
  static const char *const changes[][2] = {
      {"supervisor", "operator"},
      {"李雷", "韩梅梅"},
      {STATION, OTHER},
      {ID, OTHER},
      {"\"expires_at\":\"2026", "\"expires_at\":\"2029"},
      {"\"issued_at\":\"2026", "\"issued_at\":\"2016"},
      {"{\"id\"", "{\"extra\":true,\"id\""},
  };
  g_autoptr (RtkSigner) server = rtk_test_signer_new ("server");
  g_autoptr (RtkGrant) grant = make_grant (server, STATION);

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    g_autoptr (RtkGrant) forged = send_grant (grant, changes[i][0], changes[i][1]);

    assert_check (forged, server, forged->station, ISSUED, RTK_ERROR_DAMAGED);
  }
}

/* A newer server may say more: it is under the signature, too. */
static void
test_newer (void)
{
  static const char content[] =
      "{\"expires_at\":\"2026-06-05T20:26:40.000000Z\",\"id\":\"" ID
      "\",\"issued_at\":\"2026-05-28T20:26:40.000000Z\",\"more\":[1,2],\"role\":\"operator\","
      "\"station\":\"" STATION "\",\"user\":\"a\"}";
  g_autoptr (RtkSigner) server = rtk_test_signer_new ("server");
  g_autoptr (JsonNode) node = json_from_string (content, NULL);
  g_autoptr (GBytes) canonical = rtk_json_canonical (node, NULL);
  g_autoptr (RtkGrant) grant = NULL;
  g_autofree char *text = NULL;
  guint8           signature[64];

  g_assert_cmpmem (g_bytes_get_data (canonical, NULL), g_bytes_get_size (canonical), content,
                   strlen (content));
  g_assert_true (
      rtk_signer_sign (server, (const guint8 *)content, strlen (content), signature, NULL));
  text = g_base64_encode (signature, sizeof signature);
  json_object_set_string_member (json_node_get_object (node), "signature", text);
  grant = rtk_grant_from_json (node, NULL);
  g_assert_nonnull (grant);
  assert_check (grant, server, STATION, grant->issued_at, -1);
}

static void
test_bad (void)
{
  static const char *const texts[] = {
      "[]",
      "{}",
      "{\"id\":\"1\",\"user\":\"a\",\"role\":\"operator\",\"station\":null,\"issued_at\":"
      "\"2026-05-28T20:26:40.000000Z\",\"expires_at\":\"2026-06-05T20:26:40.000000Z\","
      "\"signature\":\"\"}",
      "{\"id\":\"" ID "\",\"user\":\"a\",\"role\":\"king\",\"station\":null,\"issued_at\":"
      "\"2026-05-28T20:26:40.000000Z\",\"expires_at\":\"2026-06-05T20:26:40.000000Z\","
      "\"signature\":"
      "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "AAAAAA==\"}",
      "{\"id\":\"" ID "\",\"user\":\"a\",\"role\":\"operator\",\"station\":7,\"issued_at\":"
      "\"2026-05-28T20:26:40.000000Z\",\"expires_at\":\"2026-06-05T20:26:40.000000Z\","
      "\"signature\":\"AA==\"}",
      "{\"id\":\"" ID "\",\"user\":\"a\",\"role\":\"operator\",\"station\":null,\"issued_at\":"
      "\"yesterday\",\"expires_at\":\"2026-06-05T20:26:40.000000Z\",\"signature\":\"AA==\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (JsonNode) node = json_from_string (texts[i], NULL);
    g_autoptr (GError) error = NULL;

    g_assert_nonnull (node);
    g_assert_null (rtk_grant_from_json (node, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_MESSAGE);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/core/grant/check", test_check);
  g_test_add_func ("/core/grant/forged", test_forged);
  g_test_add_func ("/core/grant/newer", test_newer);
  g_test_add_func ("/core/grant/bad", test_bad);
  return g_test_run ();
}
