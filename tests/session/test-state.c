/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/rtk-session-state.h"

#define N RTK_N_SESSION_STATES

/* Row: from. Column: to. In the order of the enum: idle, opening, live, shooting, shot, submitting,
 * submitted, undoing. */
static const char *const table[N] = {
    ".x.....x", /* idle */
    "x.x.....", /* opening */
    "x..xx...", /* live */
    "x.x.x...", /* shooting */
    "x.x..x..", /* shot */
    "....x.x.", /* submitting */
    "xx.....x", /* submitted */
    "x...x.x.", /* undoing */
};

static void
test_transitions (void)
{
  for (int from = 0; from < N; from++)
    for (int to = 0; to < N; to++) {
      gboolean may = rtk_session_state_may_become ((RtkSessionState)from, (RtkSessionState)to);

      if (may != (table[from][to] == 'x'))
        g_error ("%s -> %s is %s", rtk_session_state_to_string ((RtkSessionState)from),
                 rtk_session_state_to_string ((RtkSessionState)to), may ? "there" : "not there");
    }
}

/* From every state there is a way back to idle, and to every state a way from it. */
static void
test_no_dead_end (void)
{
  gboolean reach[N][N];

  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++)
      reach[i][k] = rtk_session_state_may_become ((RtkSessionState)i, (RtkSessionState)k);
  for (int via = 0; via < N; via++)
    for (int i = 0; i < N; i++)
      for (int k = 0; k < N; k++)
        reach[i][k] |= reach[i][via] && reach[via][k];
  for (int i = 0; i < N; i++) {
    g_assert_true (reach[i][RTK_SESSION_IDLE]);
    g_assert_true (reach[RTK_SESSION_IDLE][i]);
  }
}

static void
test_names (void)
{
  for (int i = 0; i < N; i++)
    for (int k = 0; k < i; k++)
      g_assert_cmpstr (rtk_session_state_to_string ((RtkSessionState)i), !=,
                       rtk_session_state_to_string ((RtkSessionState)k));
  for (int i = 0; i < RTK_N_SESSION_MESSAGES; i++)
    for (int k = 0; k < i; k++)
      g_assert_cmpstr (rtk_session_message_to_string ((RtkSessionMessage)i), !=,
                       rtk_session_message_to_string ((RtkSessionMessage)k));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/session/state/transitions", test_transitions);
  g_test_add_func ("/session/state/no-dead-end", test_no_dead_end);
  g_test_add_func ("/session/state/names", test_names);
  return g_test_run ();
}
