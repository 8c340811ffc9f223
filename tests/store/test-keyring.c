/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "store-fixture.h"
#include "store/rtk-db-private.h"
#include "store/rtk-keyring.h"
#include "store/rtk-store-schema-private.h"

#include <string.h>

typedef struct {
  RtkDb  *db;
  RtkKey *master;
  char   *recovery;
} Ring;

static void
set_up (Ring *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  guint              n;
  const char *const *migrations = rtk_schema_get_migrations (&n);

  self->db = rtk_db_open (":memory:", FALSE, &error);
  g_assert_no_error (error);
  g_assert_true (rtk_schema_migrate (self->db, migrations, n, &error));
  self->master = rtk_keyring_create (self->db, "li", "four quiet horses", &rtk_key_cost_least,
                                     &self->recovery, &error);
  g_assert_no_error (error);
}

static void
tear_down (Ring *self, gconstpointer unused)
{
  rtk_key_free (self->master);
  rtk_db_close (self->db);
  g_free (self->recovery);
}

static void
assert_opens (Ring *self, const char *staff, const char *passphrase)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (RtkKey) key = rtk_keyring_unlock (self->db, staff, passphrase, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (rtk_key_get_bytes (key), RTK_KEY_SIZE, rtk_key_get_bytes (self->master),
                   RTK_KEY_SIZE);
}

static void
assert_fails (Ring *self, const char *staff, const char *passphrase, RtkError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (rtk_keyring_unlock (self->db, staff, passphrase, &error));
  g_assert_error (error, RTK_ERROR, (int)code);
}

static void
test_unlock (Ring *self, gconstpointer unused)
{
  assert_opens (self, NULL, "four quiet horses");
  assert_opens (self, "li", "four quiet horses");
  assert_fails (self, NULL, "four quiet horse", RTK_ERROR_BAD_PASSPHRASE);
  assert_fails (self, NULL, "", RTK_ERROR_BAD_PASSPHRASE);
  assert_fails (self, "wang", "four quiet horses", RTK_ERROR_BAD_PASSPHRASE);
}

/* An input method may give the same passphrase in full width. */
static void
test_full_width (Ring *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_keyring_add (self->db, self->master, "wang", "abc 123 四匹马",
                                  &rtk_key_cost_least, &error));
  assert_opens (self, "wang", "ａｂｃ　１２３　四匹马");
}

static void
test_recovery (Ring *self, gconstpointer unused)
{
  g_autofree char *lower = g_ascii_strdown (self->recovery, -1);
  g_autofree char *spaced = g_strdelimit (g_strdup (self->recovery), "-", ' ');
  g_autofree char *bare = g_strdup (self->recovery);
  g_autofree char *wrong = g_strdup (self->recovery);
  char            *out = bare;

  g_assert_cmpuint (strlen (self->recovery), ==, 41);
  for (const char *c = self->recovery; *c != '\0'; c++)
    if (*c != '-')
      *out++ = *c;
  *out = '\0';
  wrong[3] = wrong[3] == 'A' ? 'B' : 'A';
  assert_opens (self, NULL, self->recovery);
  assert_opens (self, "li", lower);
  assert_opens (self, NULL, spaced);
  assert_opens (self, NULL, bare);
  assert_fails (self, NULL, wrong, RTK_ERROR_BAD_PASSPHRASE);
}

/* The checksum finds every single wrong letter and every swap of neighbours. */
static void
test_recovery_slips (void)
{
  g_autofree char *key = rtk_recovery_key_new ();
  g_autofree char *letters = NULL;

  g_assert_true (rtk_recovery_key_parse (key, &letters));
  for (guint i = 0; key[i] != '\0'; i++) {
    char kept = key[i];

    if (kept == '-')
      continue;
    key[i] = kept == 'Z' ? 'Y' : 'Z';
    g_assert_false (rtk_recovery_key_parse (key, &letters));
    key[i] = kept;
    if (key[i + 1] != '-' && key[i + 1] != '\0' && key[i + 1] != kept) {
      key[i] = key[i + 1];
      key[i + 1] = kept;
      g_assert_false (rtk_recovery_key_parse (key, &letters));
      key[i + 1] = key[i];
      key[i] = kept;
    }
  }
}

static void
test_change (Ring *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (
      rtk_keyring_change (self->db, "li", "wrong", "new words", &rtk_key_cost_least, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_PASSPHRASE);
  g_clear_error (&error);
  g_assert_false (
      rtk_keyring_change (self->db, "li", "four quiet horses", "", &rtk_key_cost_least, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_USAGE);
  g_clear_error (&error);
  assert_opens (self, "li", "four quiet horses");
  g_assert_true (rtk_keyring_change (self->db, "li", "four quiet horses", "new words",
                                     &rtk_key_cost_least, &error));
  assert_opens (self, "li", "new words");
  assert_fails (self, NULL, "four quiet horses", RTK_ERROR_BAD_PASSPHRASE);
  /* Forgotten: the recovery key sets another. */
  g_assert_true (rtk_keyring_change (self->db, "li", self->recovery, "third words",
                                     &rtk_key_cost_least, &error));
  assert_opens (self, "li", "third words");
  assert_opens (self, NULL, self->recovery);
}

static void
test_staff (Ring *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  g_assert_false (rtk_keyring_remove (self->db, "li", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_BAD_STATE);
  g_clear_error (&error);
  g_assert_true (rtk_keyring_add (self->db, self->master, "wang", "seven slow boats",
                                  &rtk_key_cost_least, &error));
  g_assert_false (
      rtk_keyring_add (self->db, self->master, "wang", "again", &rtk_key_cost_least, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_EXISTS);
  g_clear_error (&error);
  names = rtk_keyring_list (self->db, &error);
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  assert_opens (self, NULL, "seven slow boats");
  g_assert_true (rtk_keyring_remove (self->db, "li", &error));
  assert_fails (self, NULL, "four quiet horses", RTK_ERROR_BAD_PASSPHRASE);
  assert_opens (self, NULL, "seven slow boats");
  g_assert_false (rtk_keyring_remove (self->db, "li", &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_NOT_FOUND);
}

static void
test_twice (Ring *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  char *recovery = NULL;

  g_assert_null (rtk_keyring_create (self->db, "wang", "seven slow boats", &rtk_key_cost_least,
                                     &recovery, &error));
  g_assert_error (error, RTK_ERROR, RTK_ERROR_EXISTS);
  g_assert_null (recovery);
}

/* Every column of a wrap, changed: damaged, not "wrong passphrase". A wrap that is damaged does not
 * keep the others out. */
static void
test_tampered (Ring *self, gconstpointer change)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *sql =
      g_strdup_printf ("UPDATE wraps SET %s WHERE kind = 'staff'", (const char *)change);

  g_assert_true (rtk_db_exec (self->db, sql, &error));
  g_assert_no_error (error);
  assert_fails (self, NULL, "four quiet horses", RTK_ERROR_DAMAGED);
  assert_opens (self, NULL, self->recovery);
}

/* A table that somebody made without its limits: nothing in it is believed. */
static void
test_holes (Ring *self, gconstpointer column)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *sql = g_strdup_printf ("CREATE TABLE copy AS SELECT * FROM wraps;"
                                          "DROP TABLE wraps; ALTER TABLE copy RENAME TO wraps;"
                                          "UPDATE wraps SET %s = NULL WHERE kind = 'staff'",
                                          (const char *)column);

  g_assert_true (rtk_db_exec (self->db, sql, &error));
  g_assert_no_error (error);
  assert_fails (self, NULL, "four quiet horses", RTK_ERROR_DAMAGED);
  assert_opens (self, NULL, self->recovery);
}

/* The parameters are stored with the wrap: a ring of today's cost opens beside a cheaper one. */
static void
test_costs (Ring *self, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  gint64 memory;

  g_assert_true (
      rtk_keyring_add (self->db, self->master, "wang", "slow", &rtk_key_cost_light, &error));
  g_assert_true (rtk_db_get_int (self->db, &memory, &error,
                                 "SELECT memory FROM wraps WHERE name = 'wang'", ""));
  g_assert_cmpint (memory, ==, 64 * 1024 * 1024);
  assert_opens (self, "wang", "slow");
  assert_opens (self, "li", "four quiet horses");
}

static void
test_derive (void)
{
  g_autoptr (RtkKey) master = rtk_key_new_random ();
  RtkKey *keys[4];

  for (int i = 0; i < 4; i++)
    keys[i] = rtk_key_derive (master, (RtkKeyPurpose)(i + 1));
  for (int i = 0; i < 4; i++) {
    g_autoptr (RtkKey) again = rtk_key_derive (master, (RtkKeyPurpose)(i + 1));

    g_assert_cmpmem (rtk_key_get_bytes (again), RTK_KEY_SIZE, rtk_key_get_bytes (keys[i]),
                     RTK_KEY_SIZE);
    g_assert_cmpint (memcmp (rtk_key_get_bytes (master), rtk_key_get_bytes (keys[i]), RTK_KEY_SIZE),
                     !=, 0);
    for (int j = 0; j < i; j++)
      g_assert_cmpint (
          memcmp (rtk_key_get_bytes (keys[j]), rtk_key_get_bytes (keys[i]), RTK_KEY_SIZE), !=, 0);
  }
  for (int i = 0; i < 4; i++)
    rtk_key_free (keys[i]);
}

static void
test_envelope (void)
{
  static const char text[] = "a field";
  g_autoptr (RtkKey) key = rtk_key_new_random ();
  g_autoptr (RtkKey) other = rtk_key_new_random ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) sealed =
      rtk_envelope_seal (key, "table/1/column", (const guint8 *)text, sizeof text);
  g_autoptr (GBytes) twin =
      rtk_envelope_seal (key, "table/1/column", (const guint8 *)text, sizeof text);
  g_autoptr (GBytes) opened = NULL;
  gsize              size;
  const guint8      *data = g_bytes_get_data (sealed, &size);
  g_autofree guint8 *changed = g_memdup2 (data, size);

  g_assert_cmpuint (size, ==, sizeof text + 41);
  g_assert_false (g_bytes_equal (sealed, twin));
  opened = rtk_envelope_open (key, "table/1/column", data, size, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (opened, NULL), g_bytes_get_size (opened), text, sizeof text);
  g_assert_null (rtk_envelope_open (other, "table/1/column", data, size, NULL));
  g_assert_null (rtk_envelope_open (key, "table/2/column", data, size, NULL));
  for (gsize i = 0; i < size; i++) {
    changed[i] ^= 1;
    g_assert_null (rtk_envelope_open (key, "table/1/column", changed, size, &error));
    g_assert_error (error, RTK_ERROR, RTK_ERROR_DAMAGED);
    g_clear_error (&error);
    changed[i] ^= 1;
    g_assert_null (rtk_envelope_open (key, "table/1/column", data, i, NULL));
  }
}

static void
test_hmac (void)
{
  /* RFC 4231, test case 2. */
  g_autofree char *hex =
      rtk_hmac_sha256_hex ((const guint8 *)"Jefe", 4, "what do ya want for nothing?");

  g_assert_cmpstr (hex, ==, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#define ADD(path, data, func)                                                                      \
  g_test_add ("/store/keyring/" path, Ring, data, set_up, func, tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("unlock", NULL, test_unlock);
  ADD ("full-width", NULL, test_full_width);
  ADD ("recovery", NULL, test_recovery);
  ADD ("change", NULL, test_change);
  ADD ("staff", NULL, test_staff);
  ADD ("twice", NULL, test_twice);
  ADD ("costs", NULL, test_costs);
  ADD ("tampered/salt", "salt = randomblob(16)", test_tampered);
  ADD ("tampered/sealed", "sealed = randomblob(73)", test_tampered);
  ADD ("tampered/cost", "memory = memory * 2", test_tampered);
  ADD ("tampered/huge-cost", "memory = 1 << 50", test_tampered);
  ADD ("tampered/name", "name = 'wang'", test_tampered);
  ADD ("holes/id", "id", test_holes);
  ADD ("holes/name", "name", test_holes);
  ADD ("holes/salt", "salt", test_holes);
  ADD ("holes/sealed", "sealed", test_holes);
  ADD ("holes/checksum", "checksum", test_holes);
  ADD ("tampered/checksum", "checksum = randomblob(16)", test_tampered);
  g_test_add_func ("/store/keyring/recovery-slips", test_recovery_slips);
  g_test_add_func ("/store/keyring/derive", test_derive);
  g_test_add_func ("/store/envelope/seal", test_envelope);
  g_test_add_func ("/store/envelope/hmac", test_hmac);
  return g_test_run ();
}
