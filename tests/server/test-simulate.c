/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/rtk-server-db.h"
#include "support/rtk-test-server.h"

#include <string.h>

/* A simulated campus holds every state that a desk can meet. So many graduates have all of them. */
#define WHOLE "60"

typedef struct {
  char        *folder;
  char        *pictures;
  RtkServerDb *db; /* of the campus, once it is there */
} Fixture;

static char *
new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("retake-simulate-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static void
put (const char *folder, const char *name, GBytes *bytes)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, g_bytes_get_data (bytes, NULL),
                                      (gssize)g_bytes_get_size (bytes), NULL));
}

static void
fixture_init (Fixture *f, gconstpointer data)
{
  g_autoptr (GBytes) original = rtk_test_make_blob ("image/png", 5000, 1);
  g_autoptr (GBytes) finished = rtk_test_make_blob ("image/jpeg", 2000, 2);
  g_autoptr (GBytes) other = rtk_test_make_blob ("image/jpeg", 5000, 3);
  g_autoptr (GBytes) report = g_bytes_new_static ("{\"verdict\":\"pass\"}", 18);
  g_autoptr (GBytes) warning = g_bytes_new_static ("{\"verdict\":\"warn\"}", 18);

  f->folder = new_folder ();
  f->pictures = new_folder ();
  put (f->pictures, "a.png", original);
  put (f->pictures, "a.finished.jpg", finished);
  put (f->pictures, "a.report.json", report);
  /* The same finished photo: what is there already is no obstacle. */
  put (f->pictures, "b.jpg", other);
  put (f->pictures, "b.finished.jpg", finished);
  put (f->pictures, "b.report.json", warning);
}

static void
fixture_clear (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->db, rtk_server_db_close);
  rtk_test_remove_folder (f->folder);
  rtk_test_remove_folder (f->pictures);
  g_free (f->folder);
  g_free (f->pictures);
}

static RtkServerDb *
open_database (const char *folder)
{
  g_autofree char *own = g_build_filename (folder, "server.db", NULL);
  g_autofree char *address = rtk_test_server_dup_database (folder);
  g_autoptr (GError) error = NULL;
  RtkServerDb *db = rtk_server_db_open (address != NULL ? address : own, &error);

  g_assert_no_error (error);
  return db;
}

static RtkServerDb *
simulate (const char *folder, const char *pictures, const char *graduates, const char *seed)
{
  g_autofree char *text = NULL;
  int code = rtk_test_server_command (folder, "a password of mine\n", &text, "simulate",
                                      "--graduates", graduates, "--photos", pictures, "--seed",
                                      seed, "--user", "chief", NULL);

  if (code != 0)
    g_test_message ("%s", text + strlen (text) - MIN (strlen (text), 500));
  g_assert_cmpint (code, ==, 0);
  g_assert_null (strstr (text, "\"warning\""));
  return open_database (folder);
}

/* What must be there at least once: a name, and a query that counts it. */
static const char *const states[][2] = {
#define ORDER(axis, state)                                                                         \
  {                                                                                                \
    axis " " state, "SELECT count (*) FROM orders WHERE " axis " = '" state "'"                    \
  }
    ORDER ("payment", "unpaid"),
    ORDER ("payment", "closed"),
    ORDER ("payment", "paid"),
    ORDER ("payment", "refund_due"),
    ORDER ("payment", "refunded"),
    ORDER ("payment", "waived"),
    ORDER ("delivery", "none"),
    ORDER ("delivery", "exported"),
    ORDER ("delivery", "received"),
    ORDER ("print", "none"),
    ORDER ("print", "requested"),
    ORDER ("print", "printed"),
    ORDER ("print", "shipped"),
#undef ORDER
#define SUBMISSION(name, where)                                                                    \
  {                                                                                                \
    name, "SELECT count (*) FROM submissions s WHERE " where                                       \
  }
    SUBMISSION ("submitted online", "state = 'submitted' AND origin = 'online'"),
    SUBMISSION ("submitted at the desk", "state = 'submitted' AND origin = 'desk'"),
    SUBMISSION ("unpaid photo", "waiting IS NULL AND state = 'submitted'"),
    SUBMISSION ("approved online", "state = 'approved' AND origin = 'online'"),
    SUBMISSION ("approved at the desk", "state = 'approved' AND origin = 'desk'"),
    SUBMISSION ("rejected online", "state = 'rejected' AND origin = 'online'"),
    SUBMISSION ("rejected at the desk", "state = 'rejected' AND origin = 'desk'"),
    SUBMISSION ("superseded", "state = 'superseded'"),
    SUBMISSION ("in review, held",
                "state = 'in_review' AND stage = 'first' AND lease_by IS NOT"
                " NULL AND waiting IS NULL"),
    SUBMISSION ("waits for a first look", "stage = 'first' AND waiting IS NOT NULL"),
    SUBMISSION ("waits for a second look", "stage = 'second' AND waiting IS NOT NULL"),
    SUBMISSION ("waits for an opinion", "stage = 'opinion' AND waiting IS NOT NULL"),
    SUBMISSION ("waits for arbitration", "stage = 'arbitration' AND waiting IS NOT NULL"),
    SUBMISSION ("agreed by two", "stage = 'second' AND state = 'approved'"),
    SUBMISSION ("arbitrated", "stage = 'arbitration' AND state = 'approved'"),
    SUBMISSION ("retake of a rejected one",
                "attempt > 1 AND origin = 'desk' AND waiting IS NOT NULL AND EXISTS (SELECT 1 FROM"
                " submissions x WHERE x.order_id = s.order_id AND x.state = 'rejected')"),
    SUBMISSION ("engine passes", "engine = 'pass' AND waiting IS NOT NULL"),
    SUBMISSION ("engine warns", "engine = 'warn' AND waiting IS NOT NULL"),
    SUBMISSION ("overrides by name", "overrides LIKE '%simulation%'"),
#undef SUBMISSION
#define ROWS(name, table, where)                                                                   \
  {                                                                                                \
    name, "SELECT count (*) FROM " table " WHERE " where                                           \
  }
    ROWS ("undone verdict", "reviews", "undone_at IS NOT NULL"),
    ROWS ("correction", "reviews", "stage = 'correction'"),
    ROWS ("pending payment", "payments", "state = 'pending'"),
    ROWS ("failed payment", "payments", "state = 'failed'"),
    ROWS ("cash", "payments", "provider = 'cash' AND state = 'settled'"),
    ROWS ("waiver", "payments", "provider = 'waiver'"),
    ROWS ("code at the desk",
          "payments p JOIN orders o ON o.id = p.order_id",
          "p.provider = 'sandbox' AND p.state = 'settled' AND o.account IS NULL"),
    ROWS ("walk-in", "orders", "account IS NULL"),
    ROWS ("held refund", "effects", "kind = 'refund' AND state = 'due'"),
    ROWS ("refused refund",
          "effects e JOIN orders o ON o.id = e.order_id",
          "e.kind = 'refund' AND e.state = 'failed' AND o.payment = 'refund_due'"),
    ROWS ("refund that is done", "effects", "kind = 'refund' AND state = 'done'"),
    ROWS ("cancelled message", "effects", "kind = 'sms' AND state = 'cancelled'"),
    ROWS ("courier", "effects", "kind = 'courier' AND state = 'done'"),
    ROWS ("print by post", "prints", "address_cipher IS NOT NULL AND state = 'shipped'"),
    ROWS ("print by hand", "prints", "address_cipher IS NULL AND state = 'shipped'"),
    ROWS ("consent", "roster", "consent_version IS NOT NULL"),
    ROWS ("withdrawn consent", "audit", "action = 'consent.withdraw'"),
    ROWS ("unproved code", "roster", "code_unproved = 1"),
    ROWS ("nobody seen of", "roster", "progress = 0 AND account IS NULL"),
    ROWS ("account without an order", "roster", "progress = 0 AND account IS NOT NULL"),
    ROWS ("note", "notes", "1 = 1"),
    ROWS ("gold that is good", "gold", "verdict = 'approved'"),
    ROWS ("gold that is bad", "gold", "verdict = 'rejected'"),
    ROWS ("delivery with a receipt", "exports", "received_at IS NOT NULL"),
    ROWS ("delivery without one", "exports", "received_at IS NULL"),
    ROWS ("station", "stations", "revoked_at IS NULL"),
    ROWS ("revoked station", "stations", "revoked_at IS NOT NULL"),
    ROWS ("the supervisor", "staff", "enabled = 1 AND name = 'chief'"),
    ROWS ("disabled operator", "staff", "enabled = 0 AND role = 'operator'"),
    ROWS ("disabled reviewer", "staff", "enabled = 0 AND role = 'reviewer'"),
#undef ROWS
};

static gint64
count (RtkServerDb *db, const char *sql)
{
  return rtk_server_db_get_int (db, -1, sql, "");
}

/* A verdict asks whether the same one was given before: not by reading all of the reviewer's. */
static void
assert_own_verdict_is_found (RtkServerDb *db)
{
  g_autoptr (GError) error = NULL;
  RtkServerRows *row;

  if (rtk_server_db_is_postgres (db))
    return;
  row = rtk_server_db_query (db, &error,
                             "EXPLAIN QUERY PLAN SELECT EXISTS (SELECT 1 FROM reviews WHERE"
                             " submission = ? AND reviewer = ? AND revision = ? AND verdict = ?"
                             " AND reasons = ? AND undone_at IS NULL)",
                             "ssiss", "", "", (gint64)0, "", "");
  while (rtk_server_db_next (db, row, &error)) {
    const char *step = rtk_server_db_text (row, 3);

    g_test_message ("%s", step);
    if (strstr (step, "reviews") != NULL)
      g_assert_nonnull (strstr (step, "submission=?"));
  }
  rtk_server_db_end (row);
  g_assert_no_error (error);
}

static void
test_every_state (Fixture *f, gconstpointer data)
{
  g_autofree char *verified = NULL;

  f->db = simulate (f->folder, f->pictures, WHOLE, "7");
  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    g_test_message ("%s", states[i][0]);
    g_assert_cmpint (count (f->db, states[i][1]), >, 0);
  }
  assert_own_verdict_is_found (f->db);
  /* Nobody who was made up can go on; nobody else can make themselves a supervisor. */
  g_assert_cmpint (count (f->db, "SELECT count (*) FROM staff WHERE enabled = 1"), ==, 1);
  g_assert_cmpint (count (f->db, "SELECT count (*) FROM sessions WHERE kind = 'staff'"), ==, 0);
  g_assert_cmpint (rtk_test_server_command (f->folder, NULL, &verified, "audit", "verify", NULL),
                   ==, 0);
}

/* Who has which fate, and nothing that depends on the time. */
static char *
describe (RtkServerDb *db)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  RtkServerRows *row = rtk_server_db_query (
      db, &error,
      "SELECT r.name_masked, r.number_masked, o.payment, o.delivery, o.print, s.state, s.stage,"
      " s.origin, s.attempt, s.reasons FROM roster r LEFT JOIN orders o ON o.roster = r.id"
      " LEFT JOIN submissions s ON s.order_id = o.id ORDER BY r.number_masked, s.attempt",
      "");

  while (rtk_server_db_next (db, row, &error)) {
    for (int i = 0; i < 8; i++) {
      const char *value = rtk_server_db_text (row, i);

      g_string_append_printf (text, "%s ", value != NULL ? value : "-");
    }
    g_string_append_printf (text, "%" G_GINT64_FORMAT " %s\n", rtk_server_db_int (row, 8),
                            rtk_server_db_text (row, 9) != NULL ? rtk_server_db_text (row, 9)
                                                                : "-");
  }
  rtk_server_db_end (row);
  g_assert_no_error (error);
  g_assert_cmpuint (text->len, >, 200);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_seed (Fixture *f, gconstpointer data)
{
  static const char *const seeds[] = {"3", "3", "4"};
  char                    *described[G_N_ELEMENTS (seeds)] = {NULL};

  for (guint i = 0; i < G_N_ELEMENTS (seeds); i++) {
    g_autofree char *folder = new_folder ();
    RtkServerDb     *db = simulate (folder, f->pictures, "8", seeds[i]);

    described[i] = describe (db);
    rtk_server_db_close (db);
    rtk_test_remove_folder (folder);
  }
  g_assert_cmpstr (described[0], ==, described[1]);
  g_assert_cmpstr (described[0], !=, described[2]);
  for (guint i = 0; i < G_N_ELEMENTS (seeds); i++)
    g_free (described[i]);
}

/* Without --user nobody can sign in, and `user add` makes who can. */
static void
test_without_user (Fixture *f, gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autofree char *added = NULL;
  g_autoptr (RtkTestServer) server = NULL;
  g_autoptr (RtkTestReply) session = NULL;

  g_assert_cmpint (rtk_test_server_command (f->folder, NULL, &text, "simulate", "--graduates", "5",
                                            "--photos", f->pictures, NULL),
                   ==, 0);
  g_assert_cmpint (rtk_test_server_command (f->folder, RTK_TEST_PASSWORD "\n", &added, "user",
                                            "add", "chief", "--role", "supervisor", NULL),
                   ==, 0);
  server = rtk_test_server_open (f->folder);
  session = rtk_test_call (server, NULL, "POST", "/v1/session",
                           "{\"user\":\"chief\",\"password\":\"" RTK_TEST_PASSWORD "\"}");
  g_assert_cmpuint (session->status, ==, 201);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add ("/server/simulate/" name, Fixture, NULL, fixture_init, func, fixture_clear)
  ADD ("every-state", test_every_state);
  ADD ("seed", test_seed);
  ADD ("without-user", test_without_user);
#undef ADD
  return g_test_run ();
}
