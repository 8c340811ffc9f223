/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-id.h"
#include "core/rtk-json.h"
#include "server/rtk-server-audit.h"
#include "server/rtk-server-db-private.h"
#include "support/rtk-test-database.h"
#include "support/rtk-test-server.h"

#include <string.h>

/* What the first entry is chained to. */
#define FIRST "0000000000000000000000000000000000000000000000000000000000000000"

/* Computes the chain, with the anchor when there is one; what the command says has the word. */
static void
assert_verify (const char *folder, const char *anchor, int code, const char *word)
{
  g_autofree char *option = anchor != NULL ? g_strconcat ("--anchor=", anchor, NULL) : NULL;
  g_autofree char *text = NULL;
  int got = rtk_test_server_command (folder, NULL, &text, "audit", "verify", option, NULL);

  g_test_message ("%s", text);
  g_assert_cmpint (got, ==, code);
  g_assert_nonnull (strstr (text, word));
}

/* How the log is now, as the command says it. */
static char *
dup_anchor (const char *folder)
{
  g_autofree char *text = NULL;
  const char      *anchor;

  g_assert_cmpint (rtk_test_server_command (folder, NULL, &text, "audit", "verify", NULL), ==, 0);
  anchor = strstr (text, "anchor is ");
  g_assert_nonnull (anchor);
  return g_strstrip (g_strdup (anchor + strlen ("anchor is ")));
}

static void
run (RtkServerDb *db, const char *sql)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_server_db_exec (db, sql, &error));
  g_assert_no_error (error);
}

/* Whoever has the database can take away what guards the table. */
static void
drop_guards (RtkServerDb *db)
{
  if (rtk_server_db_is_postgres (db)) {
    run (db, "DROP TRIGGER audit_keep ON audit");
    run (db, "DROP TRIGGER audit_stay ON audit");
  } else {
    run (db, "DROP TRIGGER audit_keep");
    run (db, "DROP TRIGGER audit_stay");
  }
}

/* Writes all hashes from entry @first on anew as one can who does not have the key. */
static void
chain_anew (RtkServerDb *db, gint64 first)
{
  gint64 last = rtk_server_db_get_int (db, 0, "SELECT max (seq) FROM audit", "");

  for (gint64 seq = first; seq <= last; seq++) {
    g_autofree char *before =
        rtk_server_db_dup_text (db, "SELECT hash FROM audit WHERE seq = ? - 1", "i", seq);
    g_autofree char *rest = rtk_server_db_dup_text (
        db,
        "SELECT seq || '\n' || at || '\n' || length (actor) || ':' || actor || '\n'"
        " || length (action) || ':' || action || '\n' || length (target) || ':' || target || '\n'"
        " || length (detail) || ':' || detail || '\n' FROM audit WHERE seq = ?",
        "i", seq);
    g_autofree char *text = g_strconcat (before != NULL ? before : FIRST, "\n", rest, NULL);
    char             hash[65];
    g_autoptr (GError) error = NULL;

    rtk_sha256_hex ((const guint8 *)text, strlen (text), hash);
    g_assert_true (
        rtk_server_db_run (db, &error, "UPDATE audit SET hash = ? WHERE seq = ?", "si", hash, seq));
    g_assert_no_error (error);
  }
}

static void
test_is_kept (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autoptr (RtkServerDb) db = NULL;

  rtk_test_server_stop (server);
  assert_verify (server->folder, NULL, 0, "holds");
  db = rtk_test_open_database (server->folder);
  g_assert_false (rtk_server_db_exec (db, "UPDATE audit SET actor = 'x'", NULL));
  g_assert_false (rtk_server_db_exec (db, "DELETE FROM audit", NULL));
  if (rtk_server_db_is_postgres (db))
    g_assert_false (rtk_server_db_exec (db, "TRUNCATE audit", NULL));
  drop_guards (db);
  run (db, "UPDATE audit SET actor = 'x' WHERE seq = 2");
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (server->folder, NULL, 1, "entry 2");
}

/* A chain that fits together without the key is none. */
static void
test_rewritten (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autoptr (RtkServerDb) db = NULL;

  rtk_test_server_stop (server);
  db = rtk_test_open_database (server->folder);
  drop_guards (db);
  run (db, "UPDATE audit SET actor = 'x' WHERE seq = 2");
  chain_anew (db, 2);
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (server->folder, NULL, 1, "entry 2");
  db = rtk_test_open_database (server->folder);
  chain_anew (db, 1);
  /* Nor can the database say by itself that these entries need none. */
  run (db, "INSERT INTO meta (key, value) SELECT 'audit-plain', max (seq) || ':' || max (CASE WHEN"
           " seq = 3 THEN hash END) FROM audit");
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (server->folder, NULL, 1, "changed");
  db = rtk_test_open_database (server->folder);
  run (db, "UPDATE meta SET value = 'all' WHERE key = 'audit-plain'");
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (server->folder, NULL, 1, "changed");
}

/* Without its end a chain still holds: only who knows how it was can tell. */
static void
test_cut_off (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autoptr (RtkServerDb) db = NULL;
  g_autofree char *start = g_strconcat ("0:", FIRST, NULL);
  g_autofree char *other = g_strconcat ("2:", FIRST, NULL);
  g_autofree char *anchor = NULL;
  g_autofree char *line = NULL;

  rtk_test_server_stop (server);
  anchor = dup_anchor (server->folder);
  /* The log said so at the end. */
  line = g_strdup_printf ("\"anchor\":\"%s\"", anchor);
  g_assert_nonnull (strstr (server->log->str, line));
  assert_verify (server->folder, anchor, 0, "holds");
  assert_verify (server->folder, start, 0, "holds");
  assert_verify (server->folder, other, 1, "entry 2");
  assert_verify (server->folder, "3", 2, "COUNT:HASH");
  assert_verify (server->folder, "-1:00", 2, "COUNT:HASH");
  /* What comes later does not matter. */
  g_assert_cmpint (
      rtk_test_server_command (server->folder, NULL, NULL, "user", "disable", "operator", NULL), ==,
      0);
  assert_verify (server->folder, anchor, 0, "holds");
  db = rtk_test_open_database (server->folder);
  drop_guards (db);
  run (db, "DELETE FROM audit WHERE seq > 2");
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (server->folder, NULL, 0, "2 entries");
  assert_verify (server->folder, anchor, 1, "cut off");
}

/* The key goes with a backup, and so does what was known of the log. */
static void
test_backup (void)
{
  g_autoptr (RtkTestServer) server = rtk_test_server_new (2, NULL);
  g_autofree char *yard = g_dir_make_tmp ("retake-audit-XXXXXX", NULL);
  g_autofree char *backup = g_build_filename (yard, "backup", NULL);
  g_autofree char *data = g_build_filename (yard, "data", NULL);
  g_autofree char *path = g_build_filename (backup, "backup.json", NULL);
  g_autofree char *manifest = NULL;
  g_autoptr (JsonObject) object = NULL;
  const char *anchor;

  g_assert_cmpint (rtk_test_server_command (server->folder, NULL, NULL, "backup", backup, NULL), ==,
                   0);
  g_assert_true (g_file_get_contents (path, &manifest, NULL, NULL));
  object = rtk_json_parse_object (manifest, -1, NULL);
  anchor = rtk_json_get_string (object, "anchor", NULL);
  g_assert_nonnull (anchor);
  assert_verify (server->folder, anchor, 0, "holds");
  g_assert_cmpint (rtk_test_server_command (data, NULL, NULL, "restore", backup, NULL), ==, 0);
  assert_verify (data, anchor, 0, "holds");
  rtk_test_remove_folder (yard);
}

/* Entries that version 1 wrote had no key. They hold as they are, and later ones cannot pass for
 * such. */
static void
test_version_1 (void)
{
  static const char insert[] = "INSERT INTO audit (seq, at, actor, action, target, detail, hash)"
                               " VALUES (1, 1, 'server', 'a', 'b', '{}', ''),"
                               " (2, 2, 'server', 'c', 'd', '{}', '')";
  g_autofree char  *folder = g_dir_make_tmp ("retake-audit-XXXXXX", NULL);
  g_autofree char  *id = NULL;
  g_autoptr (RtkServerDb) db = rtk_test_open_database (folder);
  g_autoptr (RtkServerKeys) keys = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (rtk_server_schema_migrate_to (db, 1, &error));
  g_assert_no_error (error);
  keys = rtk_server_keys_open (folder, TRUE, &error);
  g_assert_no_error (error);
  id = rtk_server_keys_get_id (keys);
  g_assert_true (rtk_server_db_run (
      db, &error, "INSERT INTO meta (key, value) VALUES ('keys-id', ?), ('epoch', 'e')", "s", id));
  drop_guards (db);
  run (db, insert);
  chain_anew (db, 1);
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (folder, NULL, 0, "2 entries");
  g_assert_cmpint (rtk_test_server_command (folder, RTK_TEST_PASSWORD "\n", NULL, "user", "add",
                                            "operator", "--role", "operator", NULL),
                   ==, 0);
  assert_verify (folder, NULL, 0, "3 entries");
  db = rtk_test_open_database (folder);
  chain_anew (db, 3);
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (folder, NULL, 1, "entry 3");
  /* The old ones cannot be written anew, even when nothing comes after them. */
  db = rtk_test_open_database (folder);
  run (db, "DELETE FROM audit WHERE seq = 3");
  run (db, "UPDATE audit SET actor = 'x' WHERE seq = 1");
  chain_anew (db, 1);
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (folder, NULL, 1, "changed");
  db = rtk_test_open_database (folder);
  run (db, "DELETE FROM audit");
  g_clear_pointer (&db, rtk_server_db_close);
  assert_verify (folder, NULL, 1, "cut off");
  rtk_test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/server/audit/is-kept", test_is_kept);
  g_test_add_func ("/server/audit/rewritten", test_rewritten);
  g_test_add_func ("/server/audit/cut-off", test_cut_off);
  g_test_add_func ("/server/audit/backup", test_backup);
  g_test_add_func ("/server/audit/version-1", test_version_1);
  return g_test_run ();
}
