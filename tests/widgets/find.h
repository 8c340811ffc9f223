/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

/* The first below @root, depth first: of a type, a button with this label, a row with this title.
 * NULL when there is none. */
GtkWidget *rtk_test_find_type (GtkWidget *root, GType type);
GtkWidget *rtk_test_find_button (GtkWidget *root, const char *label);
GtkWidget *rtk_test_find_row (GtkWidget *root, const char *title);
