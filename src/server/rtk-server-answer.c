/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-answer.h"

/* One line a call. The route is the pattern, so no id, code or name gets into the log. */
static void
log_call (const RtkServerCall *call)
{
  g_autofree char *status = g_strdup_printf ("%u", call->status);
  g_autofree char *ms =
      g_strdup_printf ("%.1f", (double)(g_get_monotonic_time () - call->started) / 1000);

  /* Nor does a word that the caller made up. */
  g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_INFO, "RTK_METHOD",
                    call->route != NULL ? call->route->method : "?", "RTK_ROUTE",
                    call->route != NULL ? call->route->pattern : "?", "RTK_STATUS", status,
                    "RTK_MS", ms, "MESSAGE", "call");
}

/* An answer without a body and its length is to libsoup one that ends with the connection: a new
 * connection for each part of an upload. */
static void
keep_connection_cb (SoupServerMessage *message, gpointer user_data)
{
  soup_message_headers_set_encoding (soup_server_message_get_response_headers (message),
                                     SOUP_ENCODING_NONE);
}

/**
 * rtk_server_answer_send:
 * @message: a paused request, or one whose handler runs
 * @call: its call, which is answered; its bytes go with the answer
 *
 * Writes what the call came to into the message, and a line into the log.
 */
void
rtk_server_answer_send (SoupServerMessage *message, RtkServerCall *call)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  gboolean has_body = call->status != 204 && (call->bytes != NULL || call->answer.text->len > 0);

  for (guint i = 0; i + 1 < call->answer_headers->len; i += 2)
    soup_message_headers_replace (headers, g_ptr_array_index (call->answer_headers, i),
                                  g_ptr_array_index (call->answer_headers, i + 1));
  if (!soup_message_headers_get_one (headers, "Cache-Control"))
    soup_message_headers_replace (headers, "Cache-Control", "no-store");
  if (has_body) {
    SoupMessageBody *body = soup_server_message_get_response_body (message);

    soup_message_headers_set_content_type (headers, call->media_type, NULL);
    if (call->bytes != NULL) {
      soup_message_body_append_bytes (body, call->bytes);
    } else {
      gsize size = call->answer.text->len;
      g_autoptr (GBytes) text =
          g_bytes_new_take (g_string_free (g_steal_pointer (&call->answer.text), FALSE), size);

      soup_message_body_append_bytes (body, text);
    }
  }
  if (call->status == 204)
    g_signal_connect (message, "wrote-headers", G_CALLBACK (keep_connection_cb), NULL);
  soup_server_message_set_status (message, call->status,
                                  call->status == 426 ? "Upgrade Required" : NULL);
  log_call (call);
}

/**
 * rtk_server_answer_switch:
 * @message: a paused request that becomes something else than HTTP
 * @call: its call
 *
 * Writes the headers of a 101, and a line into the log.
 */
void
rtk_server_answer_switch (SoupServerMessage *message, const RtkServerCall *call)
{
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Cache-Control",
                                "no-store");
  log_call (call);
}
