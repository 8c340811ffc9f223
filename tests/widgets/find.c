/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "find.h"

#include <adwaita.h>

GtkWidget *
rtk_test_find_type (GtkWidget *root, GType type)
{
  GtkWidget *child = gtk_widget_get_first_child (root);

  for (; child != NULL; child = gtk_widget_get_next_sibling (child)) {
    GtkWidget *found =
        G_TYPE_CHECK_INSTANCE_TYPE (child, type) ? child : rtk_test_find_type (child, type);

    if (found != NULL)
      return found;
  }
  return NULL;
}

GtkWidget *
rtk_test_find_button (GtkWidget *root, const char *label)
{
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL;
       child = gtk_widget_get_next_sibling (child)) {
    GtkWidget *found = NULL;

    if (GTK_IS_BUTTON (child) && rtk_test_find_type (child, GTK_TYPE_LABEL) != NULL &&
        g_str_equal (gtk_label_get_text (GTK_LABEL (rtk_test_find_type (child, GTK_TYPE_LABEL))),
                     label))
      return child;
    found = rtk_test_find_button (child, label);
    if (found != NULL)
      return found;
  }
  return NULL;
}

GtkWidget *
rtk_test_find_row (GtkWidget *root, const char *title)
{
  for (GtkWidget *child = gtk_widget_get_first_child (root); child != NULL;
       child = gtk_widget_get_next_sibling (child)) {
    GtkWidget *found;

    if (ADW_IS_PREFERENCES_ROW (child) &&
        g_str_equal (adw_preferences_row_get_title (ADW_PREFERENCES_ROW (child)), title))
      return child;
    found = rtk_test_find_row (child, title);
    if (found != NULL)
      return found;
  }
  return NULL;
}
