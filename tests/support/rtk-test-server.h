/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-operation.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#define RTK_TEST_PASSWORD "correct horse battery"

/* A real retake-server process on the loopback with a data folder of its own, and a plain HTTP
 * client beside it. */
typedef struct {
  char        *folder;
  char        *url;
  GStrv        extra; /* arguments */
  GSubprocess *process;
  GThread     *log_thread;
  GString     *log;      /* what it logged, all starts together; read it after a stop */
  gpointer     session;  /* SoupSession */
  gboolean     is_guest; /* the folder is somebody else's */
} RtkTestServer;

typedef struct {
  guint       status;
  GBytes     *body;
  JsonObject *json;    /* (nullable) */
  GHashTable *headers; /* lower-case name -> value */
} RtkTestReply;

/* Makes the folder, the roster with @graduates and one member of staff a role, then starts. */
RtkTestServer *rtk_test_server_new (guint graduates, const char *const *extra);
/* A server on a folder that is there already; takes it over. */
RtkTestServer *rtk_test_server_open (const char *folder);
/* A further process on the folder and the database of @host, which must outlive it. */
RtkTestServer *rtk_test_server_join (RtkTestServer *host);
/* Only the client, for a server that somebody else started. */
RtkTestServer *rtk_test_server_attach (const char *url);
void           rtk_test_server_start (RtkTestServer *self);
void           rtk_test_server_stop (RtkTestServer *self);
void           rtk_test_server_kill (RtkTestServer *self);
void           rtk_test_server_free (RtkTestServer *self);
void           rtk_test_remove_folder (const char *path);
/* Whether the tests run on PostgreSQL (with-postgres), else on SQLite. */
gboolean rtk_test_is_postgres (void);
/* The address of the database of @folder on PostgreSQL, NULL when the tests run on SQLite. */
char *rtk_test_server_dup_database (const char *folder);
/* Runs a command to its end; returns its exit code. */
int rtk_test_server_command (const char *folder, const char *input, char **out_text, ...);
/* Made-up code and number of graduate @index of the roster. */
char *rtk_test_server_code (guint index);
char *rtk_test_server_number (guint index);

RtkTestReply *rtk_test_call (
    RtkTestServer *self, const char *token, const char *method, const char *path, const char *json);
/* @headers: name, value, ..., NULL */
RtkTestReply *rtk_test_call_raw (RtkTestServer     *self,
                                 const char        *token,
                                 const char        *method,
                                 const char        *path,
                                 const char        *media_type,
                                 GBytes            *body,
                                 const char *const *headers);
void          rtk_test_reply_free (RtkTestReply *reply);
const char   *rtk_test_reply_text (RtkTestReply *reply, const char *member);
gint64        rtk_test_reply_int (RtkTestReply *reply, const char *member);
/* Fails the test unless the reply is a problem of this name. */
void rtk_test_assert_problem (RtkTestReply *reply, guint status, const char *name);

char *rtk_test_sign_in (RtkTestServer *self, const char *role);
/* Enrols @signer's key for the session; returns the station's id. */
char *rtk_test_enrol (RtkTestServer *self, const char *token, const char *role, RtkSigner *signer);
/* Uploads in one part; fails the test when the server does not take it. Returns the SHA-256. */
char   *rtk_test_upload (RtkTestServer *self, const char *token, GBytes *bytes, const char *type);
GBytes *rtk_test_make_blob (const char *type, gsize size, guint32 seed);
char   *rtk_test_new_id (void);
/* An account of graduate @index with a bound code; returns its token. */
char *rtk_test_sign_up (RtkTestServer *self, guint index);
/* The account of graduate @index, which is there already; returns a token. */
char *rtk_test_sign_in_online (RtkTestServer *self, guint index);
/* Plays the customer of a pending payment. */
void rtk_test_pay (RtkTestServer *self, const char *token, const char *payment);
/* From the account to the payment; returns the order's id. */
char *rtk_test_make_order (RtkTestServer *self, guint index, gboolean paid);
/* A signed submission of five uploaded blobs. */
RtkOperation *rtk_test_make_operation (
    RtkSigner *signer, const char *station, const char *order, gint64 revision, char **parts);
char **rtk_test_upload_parts (RtkTestServer *self, const char *token, guint32 seed);
char  *rtk_test_operations_body (RtkOperation *operation, ...) G_GNUC_NULL_TERMINATED;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkTestServer, rtk_test_server_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkTestReply, rtk_test_reply_free)
