/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-clock.h"
#include "core/rtk-store.h"
#include "support/rtk-test-vault.h"

#define RTK_TYPE_TEST_STORE (rtk_test_store_get_type ())
G_DECLARE_FINAL_TYPE (RtkTestStore, rtk_test_store, RTK, TEST_STORE, GObject)

/**
 * RtkTestStore:
 * @orders: (owned) (element-type RtkOrder)
 * @codes: (owned) (element-type char* char*): code to order id
 * @outbox: (owned) (element-type RtkOutboxItem)
 * @cursor: (owned): of the last page that was applied
 * @hold: look-ups, commits and undos wait for rtk_test_store_answer()
 * @fail_next: (owned) (nullable): the next commit, undo or outbox write fails with it
 * @last_overrides: (owned) (nullable) (element-type RtkOverride): of the last commit
 * @last_original: name of the original of the last commit
 *
 * A station's memory that forgets everything at the end of the test.
 */
struct _RtkTestStore {
  GObject       parent_instance;
  RtkTestVault *vault; /* (owned) */
  RtkClock     *clock; /* (owned) */
  GPtrArray    *orders;
  GHashTable   *codes;
  GPtrArray    *outbox;
  char         *cursor;
  char         *epoch; /* (owned) (nullable): of the last page */
  char         *station_id;
  GBytes       *code_key;
  gboolean      hold;
  GError       *fail_next;
  GPtrArray    *last_overrides;
  char          last_original[65];
  char         *last_actor;
  guint         n_commits;
  guint         n_releases;
  guint         n_pages;
  GQueue        pending; /* (element-type GTask) */
};

RtkTestStore *rtk_test_store_new (RtkTestVault *vault, RtkClock *clock) G_GNUC_WARN_UNUSED_RESULT;
/* Adds an order (transfer full), or replaces the one of the same id. */
void rtk_test_store_add_order (RtkTestStore *self, RtkOrder *order, const char *code);
/* Puts an operation (transfer full) into the outbox; @blobs are still to be uploaded. */
RtkOutboxItem *rtk_test_store_add_operation (RtkTestStore      *self,
                                             RtkOperation      *operation,
                                             const char *const *blobs);
RtkOutboxItem *rtk_test_store_find (RtkTestStore *self, const char *operation_id);
/* Answers the oldest call that waits. */
void rtk_test_store_answer (RtkTestStore *self);
