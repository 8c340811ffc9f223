/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../session/desk.h"
#include "find.h"
#include "widgets/rtk-override-dialog.h"
#include "widgets/rtk-retake-page.h"
#include "widgets/rtk-window.h"

/* A whole window on a scripted station. */
typedef struct {
  Desk       desk;
  RtkStatus *status; /* (owned) */
  RtkWindow *window; /* (unowned): GTK's */
} Shop;

static void
free_space (GFile              *folder,
            GCancellable       *cancellable,
            GAsyncReadyCallback callback,
            gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_return_int (task, G_GINT64_CONSTANT (100) * 1024 * 1024 * 1024);
}

static void
shop_set_up (Shop *shop, gconstpointer data)
{
  Desk *desk = &shop->desk;
  g_autoptr (GFile) folder = g_file_new_for_path ("/");

  desk_set_up (desk, NULL);
  shop->status =
      rtk_status_new (RTK_CAMERA (desk->camera), RTK_STORE (desk->store),
                      RTK_TRANSPORT (desk->transport), RTK_CLOCK (desk->clock), folder, free_space);
  shop->window = rtk_window_new (NULL);
  rtk_window_set_demo (shop->window, TRUE);
  rtk_window_set_actor (shop->window, "li");
  rtk_window_show_station (shop->window, desk->session, RTK_CAMERA (desk->camera),
                           RTK_STORE (desk->store), shop->status);
  gtk_window_present (GTK_WINDOW (shop->window));
  rtk_test_wait_for (gtk_widget_get_mapped (GTK_WIDGET (shop->window)));
  rtk_test_drain ();
}

static void
shop_tear_down (Shop *shop, gconstpointer data)
{
  gtk_window_destroy (GTK_WINDOW (shop->window));
  rtk_test_drain ();
  g_assert_finalize_object (shop->status);
  desk_tear_down (&shop->desk, NULL);
}

/* What a key press does, by the same controller that real keys go through. */
static gboolean
press (Shop *shop, guint keyval, GdkModifierType modifiers)
{
  g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (GTK_WIDGET (shop->window));
  gboolean taken = FALSE;

  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
    g_autoptr (GtkEventController) controller = g_list_model_get_item (controllers, i);

    if (GTK_IS_EVENT_CONTROLLER_KEY (controller) && !taken &&
        gtk_event_controller_get_propagation_phase (controller) == GTK_PHASE_CAPTURE)
      g_signal_emit_by_name (controller, "key-pressed", keyval, 0, modifiers, &taken);
  }
  return taken;
}

static void
test_keys (Shop *shop, gconstpointer data)
{
  Desk *desk = &shop->desk;

  desk_open (desk, 1);
  g_assert_true (press (shop, GDK_KEY_space, 0));
  desk_wait_state (desk, SHOT);
  /* Space is the shutter of the live view only. */
  g_assert_false (press (shop, GDK_KEY_space, 0));
  g_assert_true (press (shop, GDK_KEY_BackSpace, 0));
  desk_wait_state (desk, LIVE);
  desk_frame (desk);
  g_assert_true (press (shop, GDK_KEY_space, 0));
  desk_wait_state (desk, SHOT);
  g_assert_true (press (shop, GDK_KEY_Return, 0));
  desk_wait_state (desk, SUBMITTED);
  g_assert_cmpint (desk->store->n_commits, ==, 1);
  g_assert_cmpstr (desk->store->last_actor, ==, "li");
  g_assert_true (press (shop, GDK_KEY_z, GDK_CONTROL_MASK));
  desk_wait_state (desk, SHOT);
  g_assert_true (press (shop, GDK_KEY_Return, 0));
  desk_wait_state (desk, SUBMITTED);
  g_assert_cmpint (desk->store->n_commits, ==, 2);
}

static void
test_leave (Shop *shop, gconstpointer data)
{
  desk_open (&shop->desk, 1);
  g_assert_true (press (shop, GDK_KEY_Escape, 0));
  desk_wait_state (&shop->desk, IDLE);
  g_assert_false (press (shop, GDK_KEY_Escape, 0));
}

/* While the cursor is in the entry, keys are text. */
static void
test_typing (Shop *shop, gconstpointer data)
{
  GtkWidget *focus = gtk_root_get_focus (GTK_ROOT (shop->window));

  g_assert_true (GTK_IS_EDITABLE (focus));
  g_assert_false (press (shop, GDK_KEY_m, 0));
  g_assert_false (press (shop, GDK_KEY_space, 0));
  g_assert_false (press (shop, GDK_KEY_BackSpace, 0));
  /* When somebody is opened the cursor leaves the entry by itself. */
  desk_open (&shop->desk, 1);
  focus = gtk_root_get_focus (GTK_ROOT (shop->window));
  g_assert_false (GTK_IS_EDITABLE (focus));
  g_assert_true (press (shop, GDK_KEY_m, 0));
}

static GtkWidget *
find_override_dialog (void)
{
  g_autoptr (GListModel) windows = g_object_ref (gtk_window_get_toplevels ());

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++) {
    g_autoptr (GtkWidget) window = g_list_model_get_item (windows, i);

    if (RTK_IS_OVERRIDE_DIALOG (window))
      return window;
  }
  return NULL;
}

/* A failing rule: the shutter asks for a name and a reason, and both go with the submission. */
static void
test_override (Shop *shop, gconstpointer data)
{
  Desk              *desk = &shop->desk;
  GtkWidget         *dialog;
  GtkWidget         *person;
  const RtkOverride *override;

  rtk_test_analyser_see (desk->analyser, RTK_CHECK_MOUTH_CLOSED);
  g_assert_true (rtk_retake_session_open_order (desk->session, rtk_test_order_id (1)));
  desk_wait_state (desk, LIVE);
  desk_frame (desk);
  rtk_check_list_settle (rtk_retake_session_get_checks (desk->session));
  g_assert_true (press (shop, GDK_KEY_space, 0));
  desk_assert_state (desk, LIVE);
  dialog = find_override_dialog ();
  g_assert_nonnull (dialog);
  gtk_window_set_focus (GTK_WINDOW (dialog), NULL);
  /* In one's own name only. */
  person = rtk_test_find_row (dialog, "Your name");
  g_assert_false (gtk_editable_get_editable (GTK_EDITABLE (person)));
  g_assert_cmpstr (gtk_editable_get_text (GTK_EDITABLE (person)), ==, "li");
  g_assert_false (gtk_widget_get_sensitive (gtk_window_get_default_widget (GTK_WINDOW (dialog))));
  gtk_editable_set_text (GTK_EDITABLE (rtk_test_find_row (dialog, "Reason")),
                         "cannot close the mouth");
  g_assert_true (gtk_widget_get_sensitive (gtk_window_get_default_widget (GTK_WINDOW (dialog))));
  g_signal_emit_by_name (gtk_window_get_default_widget (GTK_WINDOW (dialog)), "clicked");
  desk_wait_state (desk, SHOT);
  g_assert_null (find_override_dialog ());
  g_assert_true (press (shop, GDK_KEY_Return, 0));
  desk_wait_state (desk, SUBMITTED);
  g_assert_cmpint (desk->store->last_overrides->len, ==, 1);
  override = g_ptr_array_index (desk->store->last_overrides, 0);
  g_assert_cmpint (override->check, ==, RTK_CHECK_MOUTH_CLOSED);
  g_assert_cmpstr (override->by, ==, "li");
  g_assert_cmpstr (override->reason, ==, "cannot close the mouth");
}

static void
test_camera_lost (Shop *shop, gconstpointer data)
{
  Desk *desk = &shop->desk;

  desk_open (desk, 1);
  rtk_test_camera_set_state (desk->camera, RTK_CAMERA_LOST);
  rtk_test_drain ();
  /* No picture, no shutter; and it comes back by itself. */
  g_assert_false (press (shop, GDK_KEY_space, 0));
  desk_assert_state (desk, LIVE);
  rtk_test_camera_set_state (desk->camera, RTK_CAMERA_LIVE);
  desk_frame (desk);
  g_assert_true (press (shop, GDK_KEY_space, 0));
  desk_wait_state (desk, SHOT);
}

#define shop_test(name, function)                                                                  \
  g_test_add ("/widgets/window/" name, Shop, NULL, shop_set_up, function, shop_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  rtk_widgets_init ();
  shop_test ("keys", test_keys);
  shop_test ("leave", test_leave);
  shop_test ("typing", test_typing);
  shop_test ("override", test_override);
  shop_test ("camera-lost", test_camera_lost);
  return g_test_run ();
}
