/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "store/rtk-sqlite-store.h"
#include "support/rtk-test-clock.h"

/* The moment at which the clock of every test stands. */
#define FIXTURE_NOW G_GINT64_CONSTANT (1780300800000000)
#define FIXTURE_STAFF "li"
#define FIXTURE_PASSPHRASE "four quiet horses"
#define FIXTURE_SCHOOL "Harbour University"
#define FIXTURE_NAME "Zhang *ing"
#define FIXTURE_NUMBER_MASKED "3101**********1234"
#define FIXTURE_CODE "A7-fixture-code"

/* Waits for one asynchronous call on the default main context. */
typedef struct {
  GAsyncResult *result;
} Wait;

void          wait_cb (GObject *object, GAsyncResult *result, gpointer wait);
GAsyncResult *wait_for (Wait *wait);

/* A data folder of its own and the store on it. */
typedef struct {
  char           *folder;
  RtkTestClock   *clock;
  RtkSqliteStore *store;
  char           *recovery;
} Fixture;

char    *fixture_make_folder (void);
void     fixture_remove_folder (const char *folder);
void     fixture_set_up (Fixture *self, gconstpointer unused);
void     fixture_tear_down (Fixture *self, gconstpointer unused);
void     fixture_close (Fixture *self);
void     fixture_reopen (Fixture *self);
void     fixture_enrol (RtkSqliteStore *store);
gboolean fixture_unlock (RtkSqliteStore *store, const char *passphrase, GError **error);

/* The same number gives the same order; @state of its only submission, NULL = none. */
RtkOrder *fixture_order (guint number, gint64 revision, const char *state);
/* A photo whose parts are bytes made from @seed: a JPEG and PNG header, then noise. */
RtkPhoto *fixture_photo (guint seed, gsize size);

RtkOperation *
fixture_commit (Fixture *self, RtkOrder *order, RtkPhoto *photo, gint64 release_at, GError **error);
GPtrArray *fixture_list_outbox (RtkSqliteStore *store, gboolean ready_only);
gboolean   fixture_apply (Fixture *self, const char *epoch, const char *cursor, gboolean more, ...)
    G_GNUC_NULL_TERMINATED;
RtkOrder *fixture_get_order (RtkSqliteStore *store, const char *id, GError **error);
GPtrArray         *
fixture_list_orders (RtkSqliteStore *store, const RtkOrderFilter *filter, GError **error);
GBytes *fixture_read_blob (RtkSqliteStore *store, const char *sha256, GError **error);
gboolean
fixture_settle (Fixture *self, const char *id, RtkOutcome outcome, RtkOrder *order, GError **error);
gboolean fixture_set_outbox (
    Fixture *self, const char *id, RtkOperationState state, const char *problem, GError **error);
gboolean fixture_undo (Fixture *self, const char *id, GError **error);
guint    fixture_count_files (const char *folder);
void     fixture_sql (const char *folder, const char *sql);
