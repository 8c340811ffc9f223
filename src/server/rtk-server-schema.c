/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "server/rtk-server-db.h"

/* Numbered migrations: number n takes a database of version n - 1 to n. A migration that has been
 * released is never edited. Times are microseconds since 1970 UTC; `_cipher` columns are sealed
 * with the key file's key, `_digest` columns are HMACs with it. */
static const char *const migrations[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE staff (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " role TEXT NOT NULL, password TEXT NOT NULL, enabled INTEGER NOT NULL DEFAULT 1,"
    " created_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE stations (id TEXT PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE,"
    " created_by TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE accounts (id TEXT PRIMARY KEY, phone_digest TEXT NOT NULL UNIQUE,"
    " phone_cipher BLOB NOT NULL, password TEXT NOT NULL, created_at INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE sessions (id TEXT PRIMARY KEY, kind TEXT NOT NULL, principal TEXT NOT NULL,"
    " station TEXT REFERENCES stations (id), access_hash TEXT NOT NULL UNIQUE,"
    " access_until INTEGER NOT NULL, refresh_hash TEXT NOT NULL UNIQUE,"
    " refresh_until INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX sessions_until ON sessions (refresh_until);"
    "CREATE TABLE schools (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;"
    "CREATE TABLE batches (id TEXT PRIMARY KEY, school TEXT NOT NULL REFERENCES schools (id),"
    " name TEXT NOT NULL, UNIQUE (school, name)) WITHOUT ROWID;"
    "CREATE TABLE roster (id TEXT PRIMARY KEY, batch TEXT NOT NULL REFERENCES batches (id),"
    " name_masked TEXT NOT NULL, number_masked TEXT NOT NULL, name_cipher BLOB NOT NULL,"
    " number_cipher BLOB NOT NULL, number_digest TEXT NOT NULL UNIQUE, code_digest TEXT UNIQUE,"
    " code_cipher BLOB, account TEXT REFERENCES accounts (id), created_at INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX roster_account ON roster (account);"
    "CREATE TABLE orders (id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE,"
    " revision INTEGER NOT NULL DEFAULT 1, roster TEXT NOT NULL REFERENCES roster (id),"
    " account TEXT REFERENCES accounts (id), payment TEXT NOT NULL, delivery TEXT NOT NULL,"
    " print TEXT NOT NULL, refund_after INTEGER, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX orders_payment ON orders (payment, created_at);"
    "CREATE INDEX orders_roster ON orders (roster);"
    "CREATE TABLE photos (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL,"
    " media_type TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE photo_owners (sha256 TEXT NOT NULL REFERENCES photos (sha256),"
    " owner TEXT NOT NULL, PRIMARY KEY (sha256, owner)) WITHOUT ROWID;"
    "CREATE TABLE uploads (id TEXT PRIMARY KEY, owner TEXT NOT NULL, sha256 TEXT NOT NULL,"
    " length INTEGER NOT NULL, media_type TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0,"
    " created_at INTEGER NOT NULL, UNIQUE (owner, sha256)) WITHOUT ROWID;"
    "CREATE TABLE submissions (serial INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " order_id TEXT NOT NULL REFERENCES orders (id), state TEXT NOT NULL, origin TEXT NOT NULL,"
    " original TEXT REFERENCES photos (sha256), alpha TEXT REFERENCES photos (sha256),"
    " delivered TEXT REFERENCES photos (sha256), certificate TEXT REFERENCES photos (sha256),"
    " report TEXT REFERENCES photos (sha256), overrides TEXT NOT NULL DEFAULT '[]',"
    " operation TEXT, actor TEXT NOT NULL, lease_by TEXT, lease_until INTEGER,"
    " reasons TEXT NOT NULL DEFAULT '', note TEXT, created_at INTEGER NOT NULL);"
    "CREATE INDEX submissions_order ON submissions (order_id, serial);"
    "CREATE INDEX submissions_state ON submissions (state, serial);"
    "CREATE INDEX submissions_lease ON submissions (lease_by) WHERE lease_by IS NOT NULL;"
    "CREATE TABLE operations (id TEXT PRIMARY KEY, order_id TEXT NOT NULL, kind TEXT NOT NULL,"
    " station TEXT NOT NULL, digest TEXT NOT NULL, outcome TEXT NOT NULL, problem TEXT,"
    " content TEXT NOT NULL, received_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE reviews (id TEXT PRIMARY KEY, submission TEXT NOT NULL REFERENCES submissions"
    " (id), reviewer TEXT NOT NULL, verdict TEXT NOT NULL, reasons TEXT NOT NULL, note TEXT,"
    " revision INTEGER NOT NULL, created_at INTEGER NOT NULL, UNIQUE (submission, revision))"
    " WITHOUT ROWID;"
    "CREATE TABLE payments (id TEXT PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders (id),"
    " provider TEXT NOT NULL, reference TEXT, state TEXT NOT NULL,"
    " amount_fen INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) "
    "WITHOUT ROWID;"
    "CREATE INDEX payments_order ON payments (order_id);"
    /* One row an order, with the number of its newest change: replacing the row takes the next
       number in the same transaction, so a reader of the feed can neither skip nor repeat. */
    "CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " order_id TEXT NOT NULL UNIQUE REFERENCES orders (id));"
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,"
    " action TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL);"
    "CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN"
    " SELECT RAISE (ABORT, 'the audit log is append-only'); END;"
    "CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN"
    " SELECT RAISE (ABORT, 'the audit log is append-only'); END;",
};

/**
 * rtk_server_schema_migrate:
 * @self: a connection
 * @error: return location; %RTK_ERROR_STORAGE when a newer program wrote the database
 *
 * Brings the schema up to date, each step in a transaction of its own.
 *
 * Returns: whether the schema is the present one
 */
gboolean
rtk_server_schema_migrate (RtkServerDb *self, GError **error)
{
  gint64 version = rtk_server_db_get_int (self, 0, "PRAGMA user_version", "");

  if (version > (gint64)G_N_ELEMENTS (migrations)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE,
                 "The database is of version %" G_GINT64_FORMAT
                 ", this program knows %u: update the program",
                 version, (guint)G_N_ELEMENTS (migrations));
    return FALSE;
  }
  for (gsize i = (gsize)version; i < G_N_ELEMENTS (migrations); i++) {
    g_autofree char *mark = g_strdup_printf ("PRAGMA user_version=%u", (guint)i + 1);

    if (!rtk_server_db_begin (self, TRUE, error))
      return FALSE;
    if (!rtk_server_db_exec (self, migrations[i], error) ||
        !rtk_server_db_exec (self, mark, error)) {
      rtk_server_db_rollback (self);
      return FALSE;
    }
    if (!rtk_server_db_commit (self, error))
      return FALSE;
  }
  return TRUE;
}
