/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-worker.h"
#include "net/rtk-http-transport.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

struct _RtkHttpTransport {
  GObject        parent_instance;
  SoupSession   *session; /* (owned) */
  char          *base;    /* without a slash at the end */
  RtkSigner     *signer;  /* (owned) */
  char          *station_name;
  RtkWorker     *worker;        /* (owned): parses pages, hashes photos */
  char          *access_token;  /* (nullable): NULL while signed out */
  char          *refresh_token; /* (nullable) */
  GPtrArray     *waiting;       /* (owned) (nullable): requests, while a refresh is under way */
  RtkServerState state;
  char          *user; /* (nullable) */
  RtkRole        role;
  char          *station_id; /* (nullable) */
  GBytes        *code_key;   /* (owned) (nullable) */
};

typedef struct _RtkHttpRequest RtkHttpRequest;

/**
 * RtkHttpDone:
 * @request: what was asked; freed after the call
 * @status: HTTP status, always below 400
 * @headers: of the answer, %NULL on error
 * @body: of the answer, %NULL on error
 * @error: (nullable): in RTK_ERROR, or cancelled
 *
 * The answer, on the main thread.
 */
typedef void (*RtkHttpDone) (RtkHttpRequest     *request,
                             guint               status,
                             SoupMessageHeaders *headers,
                             GBytes             *body,
                             const GError       *error);

/**
 * RtkHttpRequest:
 * @task: (owned): whose call it is; its source object is the transport
 * @done: gets the answer
 * @method: HTTP method, static
 * @path: (owned): with its query
 * @body: (owned) (nullable)
 * @media_type: of @body, static
 * @headers: (owned): name, value, ...
 * @is_open: no token is sent: sign-in and refresh
 * @was_refreshed: the session was refreshed for it once already
 *
 * One request; a new message is made for each try.
 */
struct _RtkHttpRequest {
  GTask      *task;
  RtkHttpDone done;
  const char *method;
  char       *path;
  GBytes     *body;
  const char *media_type;
  GPtrArray  *headers;
  gboolean    is_open;
  gboolean    was_refreshed;
};

RtkHttpRequest *rtk_http_request_new (GTask      *task,
                                      const char *method,
                                      const char *path,
                                      RtkHttpDone done) G_GNUC_WARN_UNUSED_RESULT;
void rtk_http_request_add_header (RtkHttpRequest *request, const char *name, const char *value);
void rtk_http_request_set_json (RtkHttpRequest *request, JsonNode *node);
void rtk_http_request_send (RtkHttpRequest *request);

void        rtk_http_transport_set_state (RtkHttpTransport *self, RtkServerState state);
void        rtk_http_transport_sign_out (RtkHttpTransport *self);
JsonObject *rtk_http_parse (GBytes *body, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean
rtk_http_transport_take_tokens (RtkHttpTransport *self, JsonObject *answer, GError **error);

/* rtk-http-upload.c */
void rtk_http_upload_start (RtkHttpTransport *self,
                            GTask            *task,
                            const char       *sha256,
                            RtkVault         *vault,
                            RtkProgressFunc   progress,
                            gpointer          progress_data);

G_END_DECLS
