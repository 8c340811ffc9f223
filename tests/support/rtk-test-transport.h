/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-transport.h"

#define RTK_TYPE_TEST_TRANSPORT (rtk_test_transport_get_type ())
G_DECLARE_FINAL_TYPE (RtkTestTransport, rtk_test_transport, RTK, TEST_TRANSPORT, GObject)

/**
 * RtkTestTransport:
 * @state: see rtk_test_transport_set_state()
 * @offline: nothing gets through
 * @lose_answers: so many pushes are done, but their answer is lost
 * @poison: (nullable): id of an operation that makes the whole push fail
 * @silent: (nullable): id of an operation whose answer is left out
 * @outcomes: (owned) (element-type char* gint): what becomes of an operation, else it is applied
 * @applied: (owned) (element-type char*): ids of the operations that the server has done
 * @photos: (owned) (element-type char*): names of the photos the server has
 * @require_photos: operations whose photos are missing are to be sent again
 * @pages: (element-type RtkChangePage): what the next pulls give
 * @cursors: (owned) (element-type char*): what was asked for
 *
 * A way to a server that lives in the test.
 */
struct _RtkTestTransport {
  GObject        parent_instance;
  RtkServerState state;
  gboolean       offline;
  guint          lose_answers;
  char          *poison;
  char          *silent;
  GHashTable    *outcomes;
  GHashTable    *applied;
  GHashTable    *photos;
  gboolean       require_photos;
  GQueue         pages;
  GPtrArray     *cursors;
  char          *user;
  char          *epoch;
  guint          n_pushes;
  guint          n_uploads;
  guint          n_fetches;
  gboolean       hold;    /* fetches and pushes wait for rtk_test_transport_answer() */
  GQueue         pending; /* (element-type GTask) */
};

RtkTestTransport *rtk_test_transport_new (void) G_GNUC_WARN_UNUSED_RESULT;
void              rtk_test_transport_set_state (RtkTestTransport *self, RtkServerState state);
/* Queues a page with order number @n (0 = none). */
void rtk_test_transport_add_page (RtkTestTransport *self,
                                  const char       *epoch,
                                  const char       *cursor,
                                  guint             n,
                                  gint64            revision,
                                  gboolean          more);
void rtk_test_transport_answer (RtkTestTransport *self);
