/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-check-pane.h"

#include "widgets/rtk-check-row.h"
#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

struct _RtkCheckPane {
  GtkBox parent_instance;

  RtkCheckList       *checks; /* (owned) (nullable) */
  GtkFilterListModel *shown;  /* (owned) */
  GtkSortListModel   *sorted; /* (owned) */
  gboolean            worst_first;

  GtkLabel   *summary; /* (template) */
  GtkFlowBox *chips;   /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkCheckPane, rtk_check_pane, GTK_TYPE_BOX)

/* Rules on the file say nothing while there is no file. */
static gboolean
is_shown (gpointer object, gpointer user_data)
{
  RtkCheckPane *self = user_data;
  RtkCheckId    id = rtk_check_item_get_id (object);

  return self->worst_first || id > RTK_CHECK_FILE_NAME;
}

static int
urgency (RtkCheckItem *item)
{
  switch (rtk_check_item_get_verdict (item)) {
  case RTK_VERDICT_FAIL:
    return rtk_check_item_is_blocking (item) ? 0 : 1;
  case RTK_VERDICT_WARN:
    return 2;
  case RTK_VERDICT_CONFIRM:
    return 3;
  case RTK_VERDICT_UNKNOWN:
    return 4;
  case RTK_VERDICT_PASS:
  default:
    return 5;
  }
}

static int
compare (gconstpointer a, gconstpointer b, gpointer user_data)
{
  RtkCheckPane *self = user_data;

  return self->worst_first ? urgency ((gpointer)a) - urgency ((gpointer)b) : 0;
}

static void
update_summary (RtkCheckPane *self)
{
  guint            n[RTK_VERDICT_UNKNOWN + 1] = {0};
  guint            n_items = g_list_model_get_n_items (G_LIST_MODEL (self->shown));
  g_autofree char *text = NULL;

  for (guint i = 0; i < n_items; i++) {
    g_autoptr (RtkCheckItem) item = g_list_model_get_item (G_LIST_MODEL (self->shown), i);

    n[rtk_check_item_get_verdict (item)]++;
  }
  /* Translators: counts of rules by verdict. */
  text = g_strdup_printf (_ ("%u pass · %u to look at · %u fail"), n[RTK_VERDICT_PASS],
                          n[RTK_VERDICT_WARN] + n[RTK_VERDICT_CONFIRM], n[RTK_VERDICT_FAIL]);
  gtk_label_set_text (self->summary, text);
}

static GtkWidget *
create_chip (gpointer item, gpointer user_data)
{
  RtkCheckPane *self = user_data;
  GtkWidget    *child = gtk_flow_box_child_new ();

  gtk_flow_box_child_set_child (GTK_FLOW_BOX_CHILD (child), rtk_check_row_new (item));
  gtk_widget_set_focusable (child, FALSE);
  g_signal_connect_object (item, "notify::verdict", G_CALLBACK (update_summary), self,
                           G_CONNECT_SWAPPED);
  return child;
}

static void
rtk_check_pane_dispose (GObject *object)
{
  RtkCheckPane *self = RTK_CHECK_PANE (object);

  if (self->chips != NULL)
    gtk_flow_box_bind_model (self->chips, NULL, NULL, NULL, NULL);
  g_clear_object (&self->sorted);
  g_clear_object (&self->shown);
  g_clear_object (&self->checks);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_CHECK_PANE);
  self->chips = NULL;
  G_OBJECT_CLASS (rtk_check_pane_parent_class)->dispose (object);
}

static void
rtk_check_pane_class_init (RtkCheckPaneClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = rtk_check_pane_dispose;
  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-check-pane.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkCheckPane, summary);
  gtk_widget_class_bind_template_child (widget_class, RtkCheckPane, chips);
}

static void
rtk_check_pane_init (RtkCheckPane *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->shown =
      gtk_filter_list_model_new (NULL, GTK_FILTER (gtk_custom_filter_new (is_shown, self, NULL)));
  self->sorted = gtk_sort_list_model_new (G_LIST_MODEL (g_object_ref (self->shown)),
                                          GTK_SORTER (gtk_custom_sorter_new (compare, self, NULL)));
  gtk_flow_box_bind_model (self->chips, G_LIST_MODEL (self->sorted), create_chip, self, NULL);
}

/**
 * rtk_check_pane_new:
 *
 * Returns: (transfer floating): an empty pane
 */
GtkWidget *
rtk_check_pane_new (void)
{
  return g_object_new (RTK_TYPE_CHECK_PANE, NULL);
}

/**
 * rtk_check_pane_set_checks:
 * @self: a pane
 * @checks: (nullable): the chips of a session
 */
void
rtk_check_pane_set_checks (RtkCheckPane *self, RtkCheckList *checks)
{
  g_return_if_fail (RTK_IS_CHECK_PANE (self));

  g_set_object (&self->checks, checks);
  gtk_filter_list_model_set_model (self->shown, (GListModel *)checks);
  update_summary (self);
}

/**
 * rtk_check_pane_set_worst_first:
 * @self: a pane
 * @worst_first: whether a finished photo is judged: the worst rules come first, and those on the
 *   file are shown
 *
 * Sorts once, now: what changes later keeps its place until the next call.
 */
void
rtk_check_pane_set_worst_first (RtkCheckPane *self, gboolean worst_first)
{
  g_return_if_fail (RTK_IS_CHECK_PANE (self));

  self->worst_first = worst_first;
  gtk_filter_changed (gtk_filter_list_model_get_filter (self->shown), GTK_FILTER_CHANGE_DIFFERENT);
  gtk_sorter_changed (gtk_sort_list_model_get_sorter (self->sorted), GTK_SORTER_CHANGE_DIFFERENT);
  update_summary (self);
}
