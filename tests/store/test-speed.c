/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "store-fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define N_SUBMISSIONS 100
#define N_SUBMISSIONS_SHORT 10
#define N_ORDERS 60000
#define N_ORDERS_SHORT 2000
#define ORIGINAL_SIZE 1500000

static int
compare (const void *one, const void *two)
{
  double difference = *(const double *)one - *(const double *)two;

  return difference < 0 ? -1 : difference > 0;
}

static double
percentile (double *values, guint n, double which)
{
  qsort (values, n, sizeof *values, compare);
  return values[(guint)((n - 1) * which)];
}

/* The same bytes in as many files, each synced with its folder, and one more sync for the log: what
 * the disk itself asks for. */
static double
raw_ms (const char *folder, RtkPhoto *photo)
{
  static const gsize small[] = {1000, 2000, 1000, 500};
  const guint8      *data = g_bytes_get_data (photo->original.bytes, NULL);
  gint64             start = g_get_monotonic_time ();

  for (guint i = 0; i < 6; i++) {
    g_autofree char *path = g_strdup_printf ("%s/raw-%u", folder, i);
    gsize            size = i == 0 ? g_bytes_get_size (photo->original.bytes) : small[i % 4];
    int              fd = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int              dir = open (folder, O_RDONLY | O_DIRECTORY);

    g_assert_cmpint (write (fd, data, size), ==, (gssize)size);
    fsync (fd);
    if (i < 5)
      fsync (dir);
    close (fd);
    close (dir);
    unlink (path);
  }
  return (double)(g_get_monotonic_time () - start) / 1000.;
}

static void
test_submit (Fixture *self, gconstpointer unused)
{
  guint              n = g_test_perf () ? N_SUBMISSIONS : N_SUBMISSIONS_SHORT;
  g_autofree double *ours = g_new0 (double, n);
  g_autofree double *raw = g_new0 (double, n);
  double             mine;
  double             floor;

  for (guint i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkOrder) order = fixture_order (i, 1, "rejected");
    g_autoptr (RtkPhoto) photo = fixture_photo (i, ORIGINAL_SIZE);
    g_autoptr (RtkOperation) operation = NULL;
    gint64 start;

    raw[i] = raw_ms (self->folder, photo);
    start = g_get_monotonic_time ();
    operation = fixture_commit (self, order, photo, FIXTURE_NOW, &error);
    ours[i] = (double)(g_get_monotonic_time () - start) / 1000.;
    g_assert_no_error (error);
  }
  mine = percentile (ours, n, 0.95);
  floor = percentile (raw, n, 0.95);
  g_test_minimized_result (mine,
                           "submit p95 %.1f ms (median %.1f), bare files and fsync p95 %.1f "
                           "ms (median %.1f)",
                           mine, ours[n / 2], floor, raw[n / 2]);
  g_assert_cmpuint (rtk_store_get_outbox_length (RTK_STORE (self->store)), ==, n);
}

static void
test_open (Fixture *self, gconstpointer unused)
{
  guint  n = g_test_perf () ? N_ORDERS : N_ORDERS_SHORT;
  gint64 pulled = 0;
  gint64 start;
  double opened;
  double searched;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = NULL;
  RtkOrderFilter filter = {"ing 1999", NULL, FALSE, RTK_N_REASONS, 100};

  for (guint i = 0; i < n; i += 500) {
    g_autoptr (GPtrArray) orders = g_ptr_array_new_with_free_func (g_object_unref);
    RtkChangePage page = {(char *)"e1", (char *)"c1", orders, TRUE};
    Wait          wait = {0};

    for (guint j = 0; j < 500; j++)
      g_ptr_array_add (orders, fixture_order (i + j, 1, (i + j) % 7 == 0 ? "rejected" : NULL));
    start = g_get_monotonic_time ();
    rtk_store_apply_changes_async (RTK_STORE (self->store), &page, NULL, wait_cb, &wait);
    g_assert_true (rtk_store_done_finish (RTK_STORE (self->store), wait_for (&wait), &error));
    pulled += g_get_monotonic_time () - start;
    g_clear_object (&wait.result);
  }
  fixture_close (self);
  start = g_get_monotonic_time ();
  fixture_reopen (self);
  opened = (double)(g_get_monotonic_time () - start) / 1e6;
  start = g_get_monotonic_time ();
  found = fixture_list_orders (self->store, &filter, &error);
  searched = (double)(g_get_monotonic_time () - start) / 1000.;
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, >, 0);
  g_test_minimized_result (opened,
                           "%u orders: applied by pages in %.2f s, opened in %.3f s, "
                           "searched in %.1f ms (%u found)",
                           n, (double)pulled / 1e6, opened, searched, found->len);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/store/speed/submit", Fixture, NULL, fixture_set_up, test_submit, fixture_tear_down);
  g_test_add ("/store/speed/open", Fixture, NULL, fixture_set_up, test_open, fixture_tear_down);
  return g_test_run ();
}
