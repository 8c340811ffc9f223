/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-alert.h"

#include <adwaita.h>
#include <glib/gi18n.h>

typedef struct {
  RtkAlertFunc   agreed;
  gpointer       user_data;
  GDestroyNotify free_user_data; /* (nullable) */
} Question;

static void
question_free (gpointer data, GClosure *closure)
{
  Question *question = data;

  if (question->free_user_data != NULL)
    question->free_user_data (question->user_data);
  g_free (question);
}

static void
response_cb (GObject *dialog, const char *response, gpointer user_data)
{
  Question *question = user_data;

  if (g_str_equal (response, "agree"))
    question->agreed (question->user_data);
}

/**
 * rtk_alert_ask:
 * @parent: the widget that asks
 * @question: in a few words
 * @explanation: what happens
 * @agree: word of the button that does it
 * @agreed: called when it is pressed
 * @user_data: for @agreed
 * @free_user_data: (nullable): frees @user_data, whatever the answer
 *
 * Asks before something that cannot be undone. Cancelling is always the default.
 */
void
rtk_alert_ask (GtkWidget     *parent,
               const char    *question,
               const char    *explanation,
               const char    *agree,
               RtkAlertFunc   agreed,
               gpointer       user_data,
               GDestroyNotify free_user_data)
{
  Question *data = g_new0 (Question, 1);

  data->agreed = agreed;
  data->user_data = user_data;
  data->free_user_data = free_user_data;

#if ADW_CHECK_VERSION(1, 5, 0)
  {
    AdwAlertDialog *dialog = ADW_ALERT_DIALOG (adw_alert_dialog_new (question, explanation));

    adw_alert_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "agree", agree, NULL);
    adw_alert_dialog_set_response_appearance (dialog, "agree", ADW_RESPONSE_DESTRUCTIVE);
    adw_alert_dialog_set_default_response (dialog, "cancel");
    adw_alert_dialog_set_close_response (dialog, "cancel");
    g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), data, question_free, 0);
    adw_dialog_present (ADW_DIALOG (dialog), parent);
  }
#else
  {
    AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (
        adw_message_dialog_new (GTK_WINDOW (gtk_widget_get_root (parent)), question, explanation));

    adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "agree", agree, NULL);
    adw_message_dialog_set_response_appearance (dialog, "agree", ADW_RESPONSE_DESTRUCTIVE);
    adw_message_dialog_set_default_response (dialog, "cancel");
    adw_message_dialog_set_close_response (dialog, "cancel");
    g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), data, question_free, 0);
    gtk_window_present (GTK_WINDOW (dialog));
  }
#endif
}
