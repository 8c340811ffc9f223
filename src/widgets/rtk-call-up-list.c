/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-call-up-list.h"

#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

/* More than anybody scrolls through: the search finds the rest. */
#define MAX_ORDERS 500

struct _RtkCallUpList {
  GtkBox parent_instance;

  RtkStore     *store;        /* (owned) (nullable) */
  GListStore   *orders;       /* (owned): of RtkOrder */
  GCancellable *cancellable;  /* (owned) (nullable): of the look-up under way */
  char         *last_entered; /* (owned) (nullable): what Enter sent off last */

  GtkSearchEntry *entry;       /* (template) */
  GtkLabel       *count;       /* (template) */
  GtkStack       *stack;       /* (template) */
  GtkListView    *view;        /* (template) */
  GtkLabel       *empty_title; /* (template) */
  GtkLabel       *empty_text;  /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkCallUpList, rtk_call_up_list, GTK_TYPE_BOX)

enum { SIGNAL_OPEN_ORDER, SIGNAL_OPEN_CODE, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
show_empty (RtkCallUpList *self, const char *title, const char *text)
{
  gtk_label_set_text (self->empty_title, title);
  gtk_label_set_text (self->empty_text, text);
  gtk_stack_set_visible_child_name (self->stack, "empty");
}

static void
orders_listed_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (RtkCallUpList) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) orders = rtk_store_list_orders_finish (RTK_STORE (object), result, &error);
  g_autofree char *count = NULL;
  gboolean         searching;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->cancellable);
  if (orders == NULL) {
    show_empty (self, _ ("The list cannot be read"), rtk_words_error (error));
    return;
  }
  searching = gtk_editable_get_text (GTK_EDITABLE (self->entry))[0] != '\0';
  g_list_store_splice (self->orders, 0, g_list_model_get_n_items (G_LIST_MODEL (self->orders)),
                       orders->pdata, orders->len);
  count = g_strdup_printf ("%u", orders->len);
  gtk_label_set_text (self->count, count);
  if (orders->len > 0)
    gtk_stack_set_visible_child_name (self->stack, "list");
  else if (searching)
    show_empty (self, _ ("Nobody on the list"),
                _ ("Press Enter to open what you typed as a collection code."));
  else
    show_empty (self, _ ("Nobody waits"),
                _ ("Rejected photos appear here as soon as the server sends them. "
                   "Or scan a collection code."));
}

static void
refresh (RtkCallUpList *self)
{
  const char    *search = gtk_editable_get_text (GTK_EDITABLE (self->entry));
  RtkOrderFilter filter = {
      .search = search[0] != '\0' ? search : NULL,
      .needs_retake = TRUE,
      .reason = RTK_N_REASONS,
      .limit = MAX_ORDERS,
  };

  if (self->store == NULL)
    return;
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  self->cancellable = g_cancellable_new ();
  rtk_store_list_orders_async (self->store, &filter, self->cancellable, orders_listed_cb,
                               g_object_ref (self));
}

static void
search_changed_cb (RtkCallUpList *self)
{
  refresh (self);
}

static void
entry_activated_cb (RtkCallUpList *self)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->entry));

  g_free (self->last_entered);
  self->last_entered = g_strstrip (g_strdup (text));
  if (self->last_entered[0] == '\0')
    return;
  g_signal_emit (self, signals[SIGNAL_OPEN_CODE], 0, self->last_entered);
}

static void
row_activated_cb (RtkCallUpList *self, guint position)
{
  g_autoptr (RtkOrder) order = g_list_model_get_item (G_LIST_MODEL (self->orders), position);

  if (order != NULL)
    g_signal_emit (self, signals[SIGNAL_OPEN_ORDER], 0, rtk_order_get_id (order));
}

static void
setup_row_cb (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *line = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *name = gtk_label_new (NULL);
  GtkWidget *number = gtk_label_new (NULL);
  GtkWidget *reasons = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (name), 0.0f);
  gtk_widget_set_hexpand (name, TRUE);
  gtk_label_set_ellipsize (GTK_LABEL (name), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (name, "call-up-name");
  gtk_widget_add_css_class (number, "dim-label");
  gtk_widget_add_css_class (number, "numeric");
  gtk_widget_add_css_class (number, "caption");
  gtk_label_set_xalign (GTK_LABEL (reasons), 0.0f);
  gtk_label_set_ellipsize (GTK_LABEL (reasons), PANGO_ELLIPSIZE_END);
  gtk_label_set_max_width_chars (GTK_LABEL (reasons), 24);
  gtk_widget_add_css_class (reasons, "caption");
  gtk_box_append (GTK_BOX (line), name);
  gtk_box_append (GTK_BOX (line), number);
  gtk_box_append (GTK_BOX (box), line);
  gtk_box_append (GTK_BOX (box), reasons);
  gtk_widget_add_css_class (box, "call-up-row");
  gtk_list_item_set_child (item, box);
}

static char *
reasons_text (RtkOrder *order)
{
  RtkSubmission   *submission = rtk_order_get_current_submission (order);
  GString         *text = g_string_new (rtk_order_get_school (order));
  const RtkReason *reasons = NULL;
  guint            n = 0;

  if (submission != NULL)
    reasons = rtk_submission_get_reasons (submission, &n);
  for (guint i = 0; i < n; i++) {
    g_string_append (text, " · ");
    g_string_append (text, _ (rtk_reason_get_title (reasons[i])));
  }
  return g_string_free (text, FALSE);
}

static void
bind_row_cb (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  RtkOrder        *order = gtk_list_item_get_item (item);
  GtkWidget       *box = gtk_list_item_get_child (item);
  GtkWidget       *line = gtk_widget_get_first_child (box);
  GtkWidget       *reasons = gtk_widget_get_next_sibling (line);
  g_autofree char *text = reasons_text (order);
  g_autofree char *name = NULL;

  gtk_label_set_text (GTK_LABEL (gtk_widget_get_first_child (line)),
                      rtk_order_get_name_masked (order));
  gtk_label_set_text (GTK_LABEL (gtk_widget_get_last_child (line)), rtk_order_get_number (order));
  gtk_label_set_text (GTK_LABEL (reasons), text);
  gtk_widget_set_tooltip_text (box, text);
  name = g_strdup_printf ("%s, %s", rtk_order_get_name_masked (order), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (box), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static void
rtk_call_up_list_dispose (GObject *object)
{
  RtkCallUpList *self = RTK_CALL_UP_LIST (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->store);
  g_clear_object (&self->orders);
  g_clear_pointer (&self->last_entered, g_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_CALL_UP_LIST);
  G_OBJECT_CLASS (rtk_call_up_list_parent_class)->dispose (object);
}

static void
rtk_call_up_list_class_init (RtkCallUpListClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = rtk_call_up_list_dispose;

  signals[SIGNAL_OPEN_ORDER] = g_signal_new ("open-order", RTK_TYPE_CALL_UP_LIST, G_SIGNAL_RUN_LAST,
                                             0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[SIGNAL_OPEN_CODE] = g_signal_new ("open-code", RTK_TYPE_CALL_UP_LIST, G_SIGNAL_RUN_LAST,
                                            0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);

  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-call-up-list.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkCallUpList, entry);
  gtk_widget_class_bind_template_child (widget_class, RtkCallUpList, count);
  gtk_widget_class_bind_template_child (widget_class, RtkCallUpList, stack);
  gtk_widget_class_bind_template_child (widget_class, RtkCallUpList, view);
  gtk_widget_class_bind_template_child (widget_class, RtkCallUpList, empty_title);
  gtk_widget_class_bind_template_child (widget_class, RtkCallUpList, empty_text);
  gtk_widget_class_bind_template_callback (widget_class, search_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, entry_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
}

static void
rtk_call_up_list_init (RtkCallUpList *self)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();

  self->orders = g_list_store_new (RTK_TYPE_ORDER);
  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Collection code, name or order number"), -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Call-up list"), -1);
  g_signal_connect (factory, "setup", G_CALLBACK (setup_row_cb), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (bind_row_cb), NULL);
  gtk_list_view_set_factory (self->view, factory);
  g_object_unref (factory);
  {
    GtkNoSelection *model = gtk_no_selection_new (G_LIST_MODEL (g_object_ref (self->orders)));

    gtk_list_view_set_model (self->view, GTK_SELECTION_MODEL (model));
    g_object_unref (model);
  }
}

/**
 * rtk_call_up_list_new:
 *
 * Returns: (transfer floating): a list without a store
 */
GtkWidget *
rtk_call_up_list_new (void)
{
  return g_object_new (RTK_TYPE_CALL_UP_LIST, NULL);
}

/**
 * rtk_call_up_list_set_store:
 * @self: a list
 * @store: where orders come from, for good
 */
void
rtk_call_up_list_set_store (RtkCallUpList *self, RtkStore *store)
{
  g_return_if_fail (RTK_IS_CALL_UP_LIST (self) && self->store == NULL);

  self->store = g_object_ref (store);
  g_signal_connect_object (store, "orders-changed", G_CALLBACK (refresh), self, G_CONNECT_SWAPPED);
  refresh (self);
}

/**
 * rtk_call_up_list_focus_entry:
 * @self: a list
 *
 * Puts the cursor into the empty entry, ready for the next code.
 */
void
rtk_call_up_list_focus_entry (RtkCallUpList *self)
{
  g_return_if_fail (RTK_IS_CALL_UP_LIST (self));

  gtk_editable_set_text (GTK_EDITABLE (self->entry), "");
  gtk_widget_grab_focus (GTK_WIDGET (self->entry));
}

/**
 * rtk_call_up_list_open_only_match:
 * @self: a list
 *
 * Picks the order that is left when what was entered is no code but finds exactly one name or
 * number.
 *
 * Returns: whether there was one
 */
gboolean
rtk_call_up_list_open_only_match (RtkCallUpList *self)
{
  g_return_val_if_fail (RTK_IS_CALL_UP_LIST (self), FALSE);

  if (self->last_entered == NULL || self->last_entered[0] == '\0' || self->cancellable != NULL ||
      g_list_model_get_n_items (G_LIST_MODEL (self->orders)) != 1)
    return FALSE;
  g_clear_pointer (&self->last_entered, g_free);
  row_activated_cb (self, 0);
  return TRUE;
}
