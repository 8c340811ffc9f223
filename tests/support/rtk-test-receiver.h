/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#define RTK_TEST_WEBHOOK_SECRET "a secret of the webhook"

/**
 * RtkTestAnswer:
 *
 * What a receiver does with a request. Where it says so, it has done what it was asked for.
 */
typedef enum {
  RTK_TEST_ANSWER_OK,      /* done */
  RTK_TEST_ANSWER_ERROR,   /* 500 */
  RTK_TEST_ANSWER_BUSY,    /* 429, Retry-After: 0 */
  RTK_TEST_ANSWER_REFUSE,  /* 400 */
  RTK_TEST_ANSWER_HANG,    /* done, and then nothing until the caller gives up */
  RTK_TEST_ANSWER_CLOSE,   /* done, and closes without an answer */
  RTK_TEST_ANSWER_HALF,    /* done, and closes in the middle of the answer */
  RTK_TEST_ANSWER_TWICE,   /* done, and answers twice, the second time with 400 */
  RTK_TEST_ANSWER_GARBAGE, /* not HTTP */
  RTK_TEST_ANSWER_ENDLESS, /* done, and the answer does not end until the caller closes */
} RtkTestAnswer;

/* A sandbox of whoever gets the webhook: checks each signature, and does each idempotency key once,
 * as a real one must. Runs on threads of its own. */
typedef struct _RtkTestReceiver RtkTestReceiver;

/* @port: 0 picks one. */
RtkTestReceiver *rtk_test_receiver_new (guint16 port);
/* Closes everything, as if it were killed. */
void    rtk_test_receiver_free (RtkTestReceiver *self);
char   *rtk_test_receiver_dup_url (RtkTestReceiver *self);
guint16 rtk_test_receiver_get_port (RtkTestReceiver *self);
/* How the next requests are answered; later ones with OK. */
void rtk_test_receiver_plan (RtkTestReceiver *self, const RtkTestAnswer *answers, guint n);
/* The body of good answers. */
void rtk_test_receiver_set_body (RtkTestReceiver *self, const char *json);
/* Waits until there were so many requests. */
void  rtk_test_receiver_wait (RtkTestReceiver *self, guint n_requests);
guint rtk_test_receiver_get_requests (RtkTestReceiver *self);
/* How often the key came; the number of keys; how much was done. */
guint rtk_test_receiver_get_done (RtkTestReceiver *self);
guint rtk_test_receiver_get_keys (RtkTestReceiver *self);
guint rtk_test_receiver_get_most (RtkTestReceiver *self);
/* The newest body. */
char *rtk_test_receiver_dup_body (RtkTestReceiver *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkTestReceiver, rtk_test_receiver_free)
