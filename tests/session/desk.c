/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "desk.h"

void
desk_set_up (Desk *desk, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  desk->pack = rtk_rule_pack_load ("chsi-diploma", &error);
  g_assert_no_error (error);
  desk->clock = rtk_test_clock_new (1780300800000000);
  desk->camera = rtk_test_camera_new ();
  desk->analyser = rtk_test_analyser_new (desk->pack);
  desk->vault = rtk_test_vault_new ();
  desk->store = rtk_test_store_new (desk->vault, RTK_CLOCK (desk->clock));
  desk->transport = rtk_test_transport_new ();
  rtk_test_store_add_order (
      desk->store, rtk_test_order_new (1, 3, "paid", "\"eyes-closed\",\"other\"", NULL), "one");
  rtk_test_store_add_order (desk->store, rtk_test_order_new (2, 5, "refunded", "\"pose\"", NULL),
                            "two");
  desk->session =
      rtk_retake_session_new (RTK_CAMERA (desk->camera), RTK_ANALYSER (desk->analyser),
                              RTK_STORE (desk->store), RTK_VAULT (desk->vault),
                              RTK_TRANSPORT (desk->transport), RTK_CLOCK (desk->clock), desk->pack);
  rtk_camera_start (RTK_CAMERA (desk->camera));
}

void
desk_tear_down (Desk *desk, gconstpointer data)
{
  rtk_test_drain ();
  g_assert_finalize_object (desk->session);
  g_assert_finalize_object (desk->camera);
  g_assert_finalize_object (desk->analyser);
  g_assert_finalize_object (desk->store);
  g_assert_finalize_object (desk->vault);
  g_assert_finalize_object (desk->transport);
  g_assert_finalize_object (desk->clock);
  rtk_rule_pack_unref (desk->pack);
}

void
desk_frame (Desk *desk)
{
  guint64 serial = rtk_test_camera_push_frame (desk->camera);

  rtk_test_wait_for (rtk_retake_session_get_report_frame_serial (desk->session) == serial);
}

void
desk_open (Desk *desk, guint n)
{
  g_assert_true (rtk_retake_session_open_order (desk->session, rtk_test_order_id (n)));
  desk_wait_state (desk, LIVE);
  desk_frame (desk);
}

void
desk_shoot (Desk *desk)
{
  g_assert_true (rtk_retake_session_shoot (desk->session));
  desk_assert_state (desk, SHOOTING);
  desk_wait_state (desk, SHOT);
}

void
desk_submit (Desk *desk)
{
  g_assert_true (rtk_retake_session_submit (desk->session, "li"));
  desk_assert_state (desk, SUBMITTING);
  desk_wait_state (desk, SUBMITTED);
}

void
desk_override (Desk *desk, RtkCheckId check, const char *reason, const char *by)
{
  g_autoptr (GPtrArray) overrides =
      g_ptr_array_new_with_free_func ((GDestroyNotify)rtk_override_free);

  g_ptr_array_add (overrides, rtk_override_new (check, reason, by));
  rtk_retake_session_set_overrides (desk->session, overrides);
}
