/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-retake-page.h"

#include "widgets/rtk-advice-box.h"
#include "widgets/rtk-alert.h"
#include "widgets/rtk-call-up-list.h"
#include "widgets/rtk-check-pane.h"
#include "widgets/rtk-override-dialog.h"
#include "widgets/rtk-result-pane.h"
#include "widgets/rtk-subject-pane.h"
#include "widgets/rtk-viewfinder.h"
#include "widgets/rtk-words.h"

#include <glib/gi18n.h>

struct _RtkRetakePage {
  GtkBox parent_instance;

  RtkRetakeSession *session;         /* (owned) (nullable) */
  RtkCamera        *camera;          /* (owned) (nullable) */
  char             *actor;           /* (owned) (nullable): who works here */
  RtkSessionState   shown;           /* state the page was last laid out for */
  gboolean          choosing_device; /* the drop-down is changed, by nobody's choice */
  guint             device_source;

  GtkStack        *left;          /* (template) */
  RtkCallUpList   *call_up;       /* (template) */
  RtkSubjectPane  *subject;       /* (template) */
  GtkStack        *middle;        /* (template) */
  RtkViewfinder   *viewfinder;    /* (template) */
  RtkResultPane   *result;        /* (template) */
  RtkAdviceBox    *advice;        /* (template) */
  GtkWidget       *view_controls; /* (template) */
  GtkStack        *buttons;       /* (template) */
  GtkDropDown     *devices;       /* (template) */
  GtkToggleButton *mirror;        /* (template) */
  GtkStack        *right;         /* (template) */
  RtkCheckPane    *checks;        /* (template) */
};

G_DEFINE_FINAL_TYPE (RtkRetakePage, rtk_retake_page, GTK_TYPE_BOX)

enum { SIGNAL_SAID, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
say (RtkRetakePage *self, const char *sentence, gboolean with_undo)
{
  if (sentence != NULL)
    g_signal_emit (self, signals[SIGNAL_SAID], 0, sentence, with_undo);
}

static gboolean
is_open (RtkSessionState state)
{
  return state == RTK_SESSION_LIVE || state == RTK_SESSION_SHOOTING || state == RTK_SESSION_SHOT ||
         state == RTK_SESSION_SUBMITTING;
}

static void
set_advice (RtkRetakePage *self, RtkVerdict verdict, const char *text, const char *detail)
{
  rtk_advice_box_set (self->advice, verdict, rtk_words_verdict_icon (verdict), text, detail);
}

/* While nothing is judged there is no verdict's shape, but what goes on. */
static void
tell (RtkRetakePage *self, const char *text)
{
  rtk_advice_box_set (self->advice, RTK_VERDICT_UNKNOWN, "rtk-busy-symbolic", text, NULL);
}

static char *
item_detail (RtkCheckItem *item)
{
  RtkLanguage      language = rtk_words_get_language ();
  g_autofree char *value =
      rtk_words_value (rtk_check_item_get_value (item), rtk_check_item_get_unit (item));

  return g_strdup_printf ("%s  %s", rtk_check_item_get_title (item, language), value);
}

static void
advise_on_live (RtkRetakePage *self)
{
  RtkCheckList    *checks = rtk_retake_session_get_checks (self->session);
  RtkCheckItem    *first = rtk_check_list_get_first_to_mend (checks);
  g_autofree char *detail = NULL;
  const char      *advice;

  if (rtk_camera_get_state (self->camera) != RTK_CAMERA_LIVE) {
    const char *title, *what;

    rtk_words_camera (rtk_camera_get_state (self->camera), &title, &what);
    set_advice (self, RTK_VERDICT_UNKNOWN, title != NULL ? title : "", what);
    return;
  }
  if (rtk_retake_session_get_report (self->session) == NULL) {
    tell (self, _ ("Looking at the picture…"));
    return;
  }
  if (first == NULL) {
    set_advice (self, RTK_VERDICT_PASS, _ ("Good. Hold still – press Space."), NULL);
    return;
  }
  advice = rtk_check_item_get_advice (first, rtk_words_get_language ());
  detail = item_detail (first);
  set_advice (self, rtk_check_item_get_verdict (first),
              advice != NULL ? advice : rtk_check_item_get_title (first, rtk_words_get_language ()),
              detail);
}

static void
advise_on_shot (RtkRetakePage *self)
{
  g_autoptr (GArray) failed = rtk_retake_session_dup_failed (self->session);
  g_autofree char *text = NULL;
  g_autofree char *detail = NULL;

  if (failed->len == 0) {
    set_advice (self, RTK_VERDICT_PASS, _ ("Is the graduate happy with it?"), NULL);
    return;
  }
  for (guint i = 0; i < failed->len; i++) {
    RtkCheckItem    *item = rtk_check_list_find (rtk_retake_session_get_checks (self->session),
                                                 g_array_index (failed, RtkCheckId, i));
    g_autofree char *before = g_steal_pointer (&detail);
    const char      *title =
        item != NULL ? rtk_check_item_get_title (item, rtk_words_get_language ()) : "";

    detail = before == NULL ? g_strdup (title) : g_strdup_printf ("%s · %s", before, title);
  }
  text = g_strdup_printf (ngettext ("%u rule fails: better take it again.",
                                    "%u rules fail: better take it again.", failed->len),
                          failed->len);
  set_advice (self, RTK_VERDICT_FAIL, text, detail);
}

static void
update_advice (RtkRetakePage *self)
{
  switch (rtk_retake_session_get_state (self->session)) {
  case RTK_SESSION_OPENING:
    tell (self, _ ("Looking up the order…"));
    break;
  case RTK_SESSION_LIVE:
    advise_on_live (self);
    break;
  case RTK_SESSION_SHOOTING:
    tell (self, _ ("Making the photo…"));
    break;
  case RTK_SESSION_SHOT:
    advise_on_shot (self);
    break;
  case RTK_SESSION_SUBMITTING:
    tell (self, _ ("Saving…"));
    break;
  case RTK_SESSION_SUBMITTED:
    set_advice (self, RTK_VERDICT_PASS, _ ("Submitted. Next, please."), _ ("Scan the next code"));
    break;
  case RTK_SESSION_UNDOING:
    tell (self, _ ("Taking it back…"));
    break;
  case RTK_SESSION_IDLE:
  case RTK_N_SESSION_STATES:
  default:
    rtk_advice_box_set (self->advice, RTK_VERDICT_UNKNOWN, "rtk-scan-symbolic",
                        _ ("Scan a collection code"),
                        _ ("Hold it into the camera, type it, or pick a name on the left"));
    break;
  }
}

/* Whether an action means something here and now. */
static gboolean
may_do (RtkRetakePage *self, const char *action)
{
  RtkSessionState state = rtk_retake_session_get_state (self->session);

  if (g_str_equal (action, "retake.shoot"))
    return state == RTK_SESSION_LIVE && rtk_camera_get_state (self->camera) == RTK_CAMERA_LIVE;
  if (g_str_equal (action, "retake.agree") || g_str_equal (action, "retake.again"))
    return state == RTK_SESSION_SHOT;
  if (g_str_equal (action, "retake.preview"))
    return is_open (state) && state != RTK_SESSION_SHOT;
  if (g_str_equal (action, "retake.leave"))
    return state == RTK_SESSION_LIVE || state == RTK_SESSION_SHOT;
  if (g_str_equal (action, "retake.undo"))
    return rtk_retake_session_get_undo_deadline (self->session) != 0;
  return TRUE;
}

static void
update_actions (RtkRetakePage *self)
{
  static const char *const actions[] = {"retake.shoot", "retake.agree", "retake.again",
                                        "retake.leave", "retake.undo",  "retake.preview"};

  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    gtk_widget_action_set_enabled (GTK_WIDGET (self), actions[i], may_do (self, actions[i]));
}

/* A preview costs a second core: it is made only where it is seen. */
static void
update_previewing (RtkRetakePage *self)
{
  rtk_retake_session_set_previewing (
      self->session, rtk_retake_session_get_state (self->session) == RTK_SESSION_LIVE &&
                         rtk_viewfinder_get_preview_mode (self->viewfinder) != RTK_PREVIEW_OFF);
}

static void
update_state (RtkRetakePage *self)
{
  RtkSessionState state = rtk_retake_session_get_state (self->session);
  gboolean        open = is_open (state);
  gboolean        shot = state == RTK_SESSION_SHOT || state == RTK_SESSION_SUBMITTING;

  gtk_stack_set_visible_child_name (self->left, open ? "subject" : "list");
  gtk_stack_set_visible_child_name (self->middle, shot ? "result" : "live");
  gtk_stack_set_visible_child_name (self->buttons, !open ? "idle" : (shot ? "result" : "live"));
  gtk_widget_set_visible (self->view_controls, !shot);
  rtk_viewfinder_set_guided (self->viewfinder, open);
  if (shot && self->shown != state)
    rtk_result_pane_set_attempt (self->result, rtk_retake_session_get_chosen (self->session));
  if (!open)
    rtk_result_pane_set_attempt (self->result, NULL);
  rtk_check_pane_set_worst_first (self->checks, shot);
  gtk_stack_set_visible_child_name (self->right, open ? "checks" : "help");
  update_previewing (self);
  update_actions (self);
  update_advice (self);

  /* The cursor goes where the next key belongs: into the entry between people, out of it while
   * Space is the shutter. */
  if (open != is_open (self->shown) && gtk_widget_get_root (GTK_WIDGET (self)) != NULL) {
    if (open)
      gtk_widget_grab_focus (GTK_WIDGET (self->viewfinder));
    else
      rtk_call_up_list_focus_entry (self->call_up);
  }
  self->shown = state;
}

static void
update_judged (RtkRetakePage *self)
{
  rtk_viewfinder_set_judged (self->viewfinder, rtk_retake_session_get_analysis (self->session),
                             rtk_retake_session_get_report (self->session));
  update_advice (self);
}

static void
update_frame (RtkRetakePage *self)
{
  rtk_viewfinder_set_frame (self->viewfinder, rtk_retake_session_get_frame (self->session));
}

static void
update_preview (RtkRetakePage *self)
{
  rtk_viewfinder_set_preview (self->viewfinder, rtk_retake_session_get_preview (self->session));
}

static void
update_camera (RtkRetakePage *self)
{
  rtk_viewfinder_set_camera_state (self->viewfinder, rtk_camera_get_state (self->camera));
  update_actions (self);
  update_advice (self);
}

static void
chosen_cb (RtkRetakePage *self)
{
  if (rtk_retake_session_get_state (self->session) == RTK_SESSION_SHOT) {
    rtk_result_pane_set_attempt (self->result, rtk_retake_session_get_chosen (self->session));
    update_advice (self);
  }
}

static void
overrides_accepted (RtkRetakePage *self, GPtrArray *overrides)
{
  rtk_retake_session_set_overrides (self->session, overrides);
  if (rtk_retake_session_get_state (self->session) == RTK_SESSION_LIVE)
    rtk_retake_session_shoot (self->session);
  else
    rtk_retake_session_submit (self->session, self->actor);
}

static void
ask_for_override (RtkRetakePage *self, const char *action)
{
  g_autoptr (GArray) failed = rtk_retake_session_dup_failed (self->session);
  RtkOverrideDialog *dialog;

  if (failed->len == 0)
    return;
  dialog = rtk_override_dialog_new (GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
                                    rtk_retake_session_get_checks (self->session), failed,
                                    self->actor, action);
  g_signal_connect_object (dialog, "accepted", G_CALLBACK (overrides_accepted), self,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
open_pending (gpointer user_data)
{
  rtk_retake_session_open_pending (RTK_RETAKE_PAGE (user_data)->session);
}

static void
message_cb (RtkRetakePage *self)
{
  RtkSessionMessage message = rtk_retake_session_get_message (self->session);
  const GError     *error = rtk_retake_session_get_error (self->session);
  const char       *sentence = rtk_words_session_message (message);

  if (message == RTK_SESSION_MESSAGE_NOT_FOUND && rtk_call_up_list_open_only_match (self->call_up))
    return;
  if (message == RTK_SESSION_MESSAGE_NOT_READY)
    ask_for_override (self, _ ("Shoot as it is"));
  else if (message == RTK_SESSION_MESSAGE_NEEDS_OVERRIDE)
    ask_for_override (self, _ ("Accept and submit"));
  else if (message == RTK_SESSION_MESSAGE_SUBMITTED)
    say (self, _ ("Submitted"), TRUE);
  else if (message == RTK_SESSION_MESSAGE_OTHER_CODE)
    rtk_alert_ask (GTK_WIDGET (self), _ ("Another graduate's code was scanned"),
                   _ ("Leave this graduate and open the other one? Photos that were not "
                      "submitted are thrown away."),
                   _ ("_Open the Other"), open_pending, g_object_ref (self), g_object_unref);
  else if (sentence != NULL)
    say (self, sentence, FALSE);
  else if (error != NULL && (message == RTK_SESSION_MESSAGE_OPEN_FAILED ||
                             message == RTK_SESSION_MESSAGE_SHOT_FAILED ||
                             message == RTK_SESSION_MESSAGE_SUBMIT_FAILED ||
                             message == RTK_SESSION_MESSAGE_UNDO_FAILED ||
                             message == RTK_SESSION_MESSAGE_ANALYSIS_FAILED))
    say (self, rtk_words_error (error), FALSE);
}

static void
leave_for_good (gpointer user_data)
{
  rtk_retake_session_leave (RTK_RETAKE_PAGE (user_data)->session);
}

static void
leave_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  RtkRetakePage *self = RTK_RETAKE_PAGE (widget);

  if (!rtk_retake_session_has_unsubmitted (self->session)) {
    rtk_retake_session_leave (self->session);
    return;
  }
  rtk_alert_ask (widget, _ ("Leave without submitting?"),
                 _ ("The photos of this graduate are thrown away."), _ ("_Leave"), leave_for_good,
                 g_object_ref (self), g_object_unref);
}

static void
shoot_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  rtk_retake_session_shoot (RTK_RETAKE_PAGE (widget)->session);
}

static void
agree_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  RtkRetakePage *self = RTK_RETAKE_PAGE (widget);

  rtk_retake_session_submit (self->session, self->actor);
}

static void
again_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  rtk_retake_session_retake (RTK_RETAKE_PAGE (widget)->session);
}

static void
undo_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  rtk_retake_session_undo (RTK_RETAKE_PAGE (widget)->session);
}

static void
search_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  RtkRetakePage *self = RTK_RETAKE_PAGE (widget);

  if (!is_open (rtk_retake_session_get_state (self->session)))
    rtk_call_up_list_focus_entry (self->call_up);
}

static void
mirror_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  RtkRetakePage *self = RTK_RETAKE_PAGE (widget);

  gtk_toggle_button_set_active (self->mirror, !gtk_toggle_button_get_active (self->mirror));
}

static void
preview_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  RtkRetakePage *self = RTK_RETAKE_PAGE (widget);
  RtkPreviewMode mode = rtk_viewfinder_get_preview_mode (self->viewfinder);

  rtk_viewfinder_set_preview_mode (self->viewfinder, (mode + 1) % RTK_N_PREVIEW_MODES);
  update_previewing (self);
}

static void
open_order_cb (RtkRetakePage *self, const char *order_id)
{
  rtk_retake_session_open_order (self->session, order_id);
}

static void
open_code_cb (RtkRetakePage *self, const char *code)
{
  rtk_retake_session_open_code (self->session, code);
}

static void
device_chosen_cb (RtkRetakePage *self)
{
  RtkDevice *device = gtk_drop_down_get_selected_item (self->devices);

  if (self->camera == NULL || self->choosing_device || device == NULL)
    return;
  rtk_camera_select (self->camera, rtk_device_get_id (device));
  rtk_camera_start (self->camera);
}

/* Shows the camera in use, without choosing it again. */
static gboolean
update_device_cb (gpointer user_data)
{
  RtkRetakePage *self = user_data;
  g_autoptr (RtkDevice) device = rtk_camera_dup_device (self->camera);
  GListModel *devices = rtk_camera_get_devices (self->camera);
  guint       found = GTK_INVALID_LIST_POSITION;

  for (guint i = 0; device != NULL && i < g_list_model_get_n_items (devices); i++) {
    g_autoptr (RtkDevice) other = g_list_model_get_item (devices, i);

    if (g_strcmp0 (rtk_device_get_id (other), rtk_device_get_id (device)) == 0)
      found = i;
  }
  self->device_source = 0;
  self->choosing_device = TRUE;
  gtk_drop_down_set_selected (self->devices, found);
  self->choosing_device = FALSE;
  return G_SOURCE_REMOVE;
}

/* The camera tells of its device while the list still tells of its change: a drop-down that has not
 * heard of a camera yet crashes when that one is to be shown. So it is shown a moment later. */
static void
update_device (RtkRetakePage *self)
{
  if (self->device_source == 0 && self->camera != NULL)
    self->device_source = g_idle_add_full (G_PRIORITY_DEFAULT, update_device_cb, self, NULL);
}

/* A drop-down whose chosen item goes away chooses another one by itself. That is not a choice of
 * the operator: the camera that was unplugged stays the one that is waited for. Heard before the
 * drop-down hears of it, and holds until what is in use is shown again. */
static void
devices_changing_cb (RtkRetakePage *self)
{
  self->choosing_device = TRUE;
  update_device (self);
}

static char *
device_name (RtkDevice *device)
{
  return g_strdup (device != NULL ? rtk_device_get_name (device) : "");
}

static void
rtk_retake_page_dispose (GObject *object)
{
  RtkRetakePage *self = RTK_RETAKE_PAGE (object);

  g_clear_handle_id (&self->device_source, g_source_remove);
  g_clear_object (&self->session);
  g_clear_object (&self->camera);
  g_clear_pointer (&self->actor, g_free);
  gtk_widget_dispose_template (GTK_WIDGET (self), RTK_TYPE_RETAKE_PAGE);
  G_OBJECT_CLASS (rtk_retake_page_parent_class)->dispose (object);
}

static void
install_actions (GtkWidgetClass *klass)
{
  gtk_widget_class_install_action (klass, "retake.shoot", NULL, shoot_action);
  gtk_widget_class_install_action (klass, "retake.agree", NULL, agree_action);
  gtk_widget_class_install_action (klass, "retake.again", NULL, again_action);
  gtk_widget_class_install_action (klass, "retake.leave", NULL, leave_action);
  gtk_widget_class_install_action (klass, "retake.undo", NULL, undo_action);
  gtk_widget_class_install_action (klass, "retake.search", NULL, search_action);
  gtk_widget_class_install_action (klass, "retake.mirror", NULL, mirror_action);
  gtk_widget_class_install_action (klass, "retake.preview", NULL, preview_action);
}

static void
rtk_retake_page_class_init (RtkRetakePageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (RTK_TYPE_ADVICE_BOX);
  g_type_ensure (RTK_TYPE_CALL_UP_LIST);
  g_type_ensure (RTK_TYPE_SUBJECT_PANE);
  g_type_ensure (RTK_TYPE_VIEWFINDER);
  g_type_ensure (RTK_TYPE_RESULT_PANE);
  g_type_ensure (RTK_TYPE_CHECK_PANE);
  G_OBJECT_CLASS (klass)->dispose = rtk_retake_page_dispose;

  signals[SIGNAL_SAID] = g_signal_new ("said", RTK_TYPE_RETAKE_PAGE, G_SIGNAL_RUN_LAST, 0, NULL,
                                       NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);

  gtk_widget_class_set_template_from_resource (
      widget_class, "/io/github/retake_station/Retake/ui/rtk-retake-page.ui");
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, left);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, call_up);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, subject);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, middle);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, viewfinder);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, result);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, advice);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, view_controls);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, buttons);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, devices);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, mirror);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, right);
  gtk_widget_class_bind_template_child (widget_class, RtkRetakePage, checks);
  gtk_widget_class_bind_template_callback (widget_class, open_order_cb);
  gtk_widget_class_bind_template_callback (widget_class, open_code_cb);
  gtk_widget_class_bind_template_callback (widget_class, device_chosen_cb);
  install_actions (widget_class);
}

static void
rtk_retake_page_init (RtkRetakePage *self)
{
  GtkExpression *name;

  gtk_widget_init_template (GTK_WIDGET (self));
  g_object_bind_property (self->mirror, "active", self->viewfinder, "mirrored",
                          G_BINDING_SYNC_CREATE);
  name = gtk_cclosure_expression_new (G_TYPE_STRING, NULL, 0, NULL, G_CALLBACK (device_name), NULL,
                                      NULL);
  gtk_drop_down_set_expression (self->devices, name);
  gtk_expression_unref (name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->devices), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Camera"), -1);
}

/**
 * rtk_retake_page_new:
 *
 * Returns: (transfer floating): a page that waits for its station
 */
GtkWidget *
rtk_retake_page_new (void)
{
  return g_object_new (RTK_TYPE_RETAKE_PAGE, NULL);
}

static void
connect_session (RtkRetakePage *self)
{
  static const struct {
    const char *signal;
    GCallback   callback;
  } followed[] = {
      {"notify::state", G_CALLBACK (update_state)},
      {"notify::frame", G_CALLBACK (update_frame)},
      {"notify::preview", G_CALLBACK (update_preview)},
      {"notify::report", G_CALLBACK (update_judged)},
      {"notify::chosen", G_CALLBACK (chosen_cb)},
      {"notify::message", G_CALLBACK (message_cb)},
      {"notify::undo-deadline", G_CALLBACK (update_state)},
  };

  for (guint i = 0; i < G_N_ELEMENTS (followed); i++)
    g_signal_connect_object (self->session, followed[i].signal, followed[i].callback, self,
                             G_CONNECT_SWAPPED);
  g_signal_connect_object (rtk_retake_session_get_checks (self->session), "notify::first-to-mend",
                           G_CALLBACK (update_advice), self, G_CONNECT_SWAPPED);
}

/**
 * rtk_retake_page_set_station:
 * @self: a page without a station
 * @session: what is done here
 * @camera: its camera
 * @store: where the call-up list comes from
 *
 * Gives the page its work, for good.
 */
void
rtk_retake_page_set_station (RtkRetakePage    *self,
                             RtkRetakeSession *session,
                             RtkCamera        *camera,
                             RtkStore         *store)
{
  g_return_if_fail (RTK_IS_RETAKE_PAGE (self) && self->session == NULL);

  self->session = g_object_ref (session);
  self->camera = g_object_ref (camera);
  rtk_call_up_list_set_store (self->call_up, store);
  rtk_subject_pane_set_session (self->subject, session);
  rtk_check_pane_set_checks (self->checks, rtk_retake_session_get_checks (session));
  rtk_viewfinder_set_pack (self->viewfinder, rtk_retake_session_get_pack (session));
  connect_session (self);

  /* Before the drop-down's own. */
  g_signal_connect_object (rtk_camera_get_devices (camera), "items-changed",
                           G_CALLBACK (devices_changing_cb), self, G_CONNECT_SWAPPED);
  self->choosing_device = TRUE;
  gtk_drop_down_set_model (self->devices, rtk_camera_get_devices (camera));
  self->choosing_device = FALSE;
  g_signal_connect_object (camera, "notify::state", G_CALLBACK (update_camera), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (camera, "notify::device", G_CALLBACK (update_device), self,
                           G_CONNECT_SWAPPED);
  update_device (self);
  update_frame (self);
  update_judged (self);
  update_camera (self);
  update_state (self);
  rtk_call_up_list_focus_entry (self->call_up);
}

/**
 * rtk_retake_page_set_actor:
 * @self: a page
 * @actor: (nullable): name of the member of staff who works here
 */
void
rtk_retake_page_set_actor (RtkRetakePage *self, const char *actor)
{
  g_return_if_fail (RTK_IS_RETAKE_PAGE (self));

  g_free (self->actor);
  self->actor = g_strdup (actor);
}

/**
 * rtk_retake_page_press_key:
 * @self: a page
 * @keyval: which key
 * @modifiers: held with it
 *
 * Does what a key means on this page. The caller has seen to it that nobody is typing.
 *
 * Returns: whether the key meant something here and now
 */
gboolean
rtk_retake_page_press_key (RtkRetakePage *self, guint keyval, GdkModifierType modifiers)
{
  static const struct {
    guint           keyval;
    GdkModifierType modifiers;
    const char     *action;
  } keys[] = {
      {GDK_KEY_space, 0, "retake.shoot"},
      {GDK_KEY_KP_Space, 0, "retake.shoot"},
      {GDK_KEY_Return, 0, "retake.agree"},
      {GDK_KEY_KP_Enter, 0, "retake.agree"},
      {GDK_KEY_BackSpace, 0, "retake.again"},
      {GDK_KEY_Escape, 0, "retake.leave"},
      {GDK_KEY_m, 0, "retake.mirror"},
      {GDK_KEY_b, 0, "retake.preview"},
      {GDK_KEY_z, GDK_CONTROL_MASK, "retake.undo"},
      {GDK_KEY_f, GDK_CONTROL_MASK, "retake.search"},
  };
  GtkWidget *page = GTK_WIDGET (self);

  g_return_val_if_fail (RTK_IS_RETAKE_PAGE (self), FALSE);

  if (self->session == NULL)
    return FALSE;
  modifiers &= gtk_accelerator_get_default_mod_mask ();
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    if (keys[i].keyval == gdk_keyval_to_lower (keyval) && keys[i].modifiers == modifiers)
      return may_do (self, keys[i].action) &&
             gtk_widget_activate_action (page, keys[i].action, NULL);
  }
  if (modifiers == 0 && keyval >= GDK_KEY_1 && keyval <= GDK_KEY_9)
    return rtk_retake_session_get_state (self->session) == RTK_SESSION_SHOT &&
           rtk_retake_session_choose (self->session, keyval - GDK_KEY_0);
  return FALSE;
}
