/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-reason.h"
#include "server/rtk-server-call.h"

static void
write_words (RtkServerJson *json,
             const char    *name,
             RtkReason      reason,
             const char *(*get) (RtkReason, RtkLanguage))
{
  rtk_server_json_begin (json, name, '{');
  rtk_server_json_string (json, "en", get (reason, RTK_LANGUAGE_EN));
  rtk_server_json_string (json, "zh-CN", get (reason, RTK_LANGUAGE_ZH_CN));
  rtk_server_json_end (json, '}');
}

/* GET /v1/reasons: every code, what it is called, and the sentence a graduate gets. */
RTK_SERVER_HANDLER (reasons)
{
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_begin (&call->answer, "reasons", '[');
  for (RtkReason reason = 0; reason < RTK_N_REASONS; reason++) {
    rtk_server_json_begin (&call->answer, NULL, '{');
    rtk_server_json_string (&call->answer, "code", rtk_reason_to_string (reason));
    write_words (&call->answer, "title", reason, rtk_reason_get_title_in);
    write_words (&call->answer, "message", reason, rtk_reason_get_message);
    rtk_server_json_end (&call->answer, '}');
  }
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
