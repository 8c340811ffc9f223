/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * RtkServerWho:
 *
 * Who may call a route. The whole of authorisation is the table of routes.
 */
typedef enum {
  RTK_SERVER_PUBLIC = 1 << 0,
  RTK_SERVER_OPERATOR = 1 << 1,
  RTK_SERVER_REVIEWER = 1 << 2,
  RTK_SERVER_SUPERVISOR = 1 << 3,
  RTK_SERVER_ACCOUNT = 1 << 4,
  RTK_SERVER_STAFF = RTK_SERVER_OPERATOR | RTK_SERVER_REVIEWER | RTK_SERVER_SUPERVISOR,
} RtkServerWho;

typedef enum {
  RTK_SERVER_FIELD_STRING,
  RTK_SERVER_FIELD_ID,
  RTK_SERVER_FIELD_SHA256,
  RTK_SERVER_FIELD_INT,
  RTK_SERVER_FIELD_BOOL,
  RTK_SERVER_FIELD_ARRAY,
  RTK_SERVER_FIELD_OBJECT,
} RtkServerFieldType;

/**
 * RtkServerField:
 * @name: of the member; %NULL ends a list
 * @type: what it holds
 * @required: whether it must be there; otherwise it may also be null
 * @max: characters of a string, elements of an array, members of an object, value of a number
 *
 * One member of a body. A member that is not listed is refused.
 */
typedef struct {
  const char        *name;
  RtkServerFieldType type;
  gboolean           required;
  gint64             max;
} RtkServerField;

typedef struct _RtkServerCall  RtkServerCall;
typedef struct _RtkServerRoute RtkServerRoute;

/**
 * RtkServerHandler:
 *
 * Answers a call, on a worker. Returns FALSE with an error only when the server itself failed; what
 * the caller did wrong is rtk_server_call_fail().
 */
typedef gboolean (*RtkServerHandler) (RtkServerStore *store, RtkServerCall *call, GError **error);

/**
 * RtkServerRoute:
 * @method: "GET", ...
 * @pattern: path; "{id}" and "{sha256}" stand for one segment of that form
 * @who: mask of #RtkServerWho
 * @handler: the work
 * @fields: (nullable): members of the body; %NULL = the route takes no JSON
 * @is_slow: hashes a password or the like: runs beside the other calls, opens its own transactions
 * @takes_bytes: the body is bytes, up to the size of a photo
 */
struct _RtkServerRoute {
  const char           *method;
  const char           *pattern;
  guint                 who;
  RtkServerHandler      handler;
  const RtkServerField *fields;
  gboolean              is_slow;
  gboolean              takes_bytes;
};

/**
 * RtkServerCall:
 *
 * One request and its answer. The main thread fills the first part, a worker the rest, the main
 * thread sends it.
 */
struct _RtkServerCall {
  const RtkServerRoute *route;
  char                 *params[2];
  GHashTable           *query;     /* (owned) (nullable) */
  GHashTable           *headers;   /* (owned): lower-case name -> value */
  GBytes               *body;      /* (owned) */
  gboolean              is_cut;    /* the body was not kept: nobody knew yet who sends it */
  const char           *bootstrap; /* (unowned) (nullable): the secret of a child server */
  char                 *address;   /* (owned) (nullable): who calls; NULL on this machine */
  gint64                started;
  /* Who calls. */
  guint    who;
  char    *session;
  gboolean has_effects;   /* something is due in the world because of it */
  gint64   session_until; /* when its access token ends, microseconds since 1970 */
  char    *principal;     /* id of the member of staff or of the account */
  char    *name;          /* of the member of staff; NULL for accounts */
  char    *actor;         /* for the audit log */
  char    *station;       /* (nullable) */
  gboolean must_change;   /* the password was given out by the desk: nothing else goes before */
  char    *issued;        /* (owned) (nullable): an access token that the call has made */
  guint    counted;       /* what rtk_server_lockout_count() counted it for */
  /* The body as JSON. */
  JsonObject *json; /* (owned) (nullable) */
  /* The answer. */
  guint         status;
  RtkServerJson answer;
  GBytes       *bytes; /* (owned) (nullable): instead of @answer */
  const char   *media_type;
  GPtrArray    *answer_headers; /* (owned): name, value, name, value */
  char         *leftover;       /* (owned) (nullable): a file nobody needs once all is committed */
};

RtkServerCall *rtk_server_call_new (void) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_server_call_free (RtkServerCall *self);
void           rtk_server_call_run (RtkServerStore *store, RtkServerCall *self);
gboolean
rtk_server_call_fail (RtkServerCall *self, guint status, const char *problem, const char *title);
gboolean    rtk_server_call_not_found (RtkServerCall *self);
gboolean    rtk_server_call_is_unchanged (RtkServerCall *self, const char *tag);
void        rtk_server_call_add_header (RtkServerCall *self, const char *name, const char *value);
const char *rtk_server_call_get_header (RtkServerCall *self, const char *name);
const char *rtk_server_call_get_string (RtkServerCall *self, const char *member);
gint64      rtk_server_call_get_int (RtkServerCall *self, const char *member, gint64 fallback);
gboolean    rtk_server_call_get_bool (RtkServerCall *self, const char *member, gboolean fallback);
JsonArray  *rtk_server_call_get_array (RtkServerCall *self, const char *member);
JsonObject *rtk_server_call_get_object (RtkServerCall *self, const char *member);
const char *rtk_server_call_get_query (RtkServerCall *self, const char *name);
gboolean    rtk_server_call_get_query_int (
       RtkServerCall *self, const char *name, gint64 fallback, gint64 min, gint64 max, gint64 *out);
gboolean rtk_server_call_get_query_id (RtkServerCall *self, const char *name, const char **out);
gboolean rtk_server_call_get_page (RtkServerCall         *self,
                                   const RtkServerConfig *config,
                                   const char           **out_after,
                                   gint64                *out_limit);
gboolean rtk_server_call_end_page (RtkServerCall *self, RtkServerRows *rows, gboolean more);
gboolean rtk_server_call_write_page (RtkServerStore *store,
                                     RtkServerCall  *self,
                                     const char     *name,
                                     RtkServerRows  *rows,
                                     gint64          limit,
                                     void (*write) (RtkServerJson *json, RtkServerRows *row),
                                     GError **error);
gboolean rtk_server_order_answer (
    RtkServerStore *store, RtkServerCall *call, const char *id, guint status, GError **error);
void rtk_server_problem_write (
    RtkServerJson *json, const char *name, guint status, const char *problem, const char *title);

gboolean rtk_server_route_is_reading (const RtkServerRoute *route);

const RtkServerRoute *rtk_server_routes_get (guint *out_n);
const RtkServerRoute *rtk_server_routes_match (const char *method,
                                               const char *path,
                                               char       *out_params[2],
                                               gboolean   *out_path_known);

/* Handlers, by file. */
#define RTK_SERVER_HANDLER(name)                                                                   \
  gboolean rtk_server_##name (RtkServerStore *store, RtkServerCall *call, GError **error)
RTK_SERVER_HANDLER (bootstrap);
RTK_SERVER_HANDLER (session_open);
RTK_SERVER_HANDLER (session_refresh);
RTK_SERVER_HANDLER (session_close);
RTK_SERVER_HANDLER (session_password);
RTK_SERVER_HANDLER (station_enrol);
RTK_SERVER_HANDLER (station_list);
RTK_SERVER_HANDLER (station_revoke);
RTK_SERVER_HANDLER (staff_list);
RTK_SERVER_HANDLER (staff_create);
RTK_SERVER_HANDLER (staff_change);
RTK_SERVER_HANDLER (staff_sign_out);
RTK_SERVER_HANDLER (public_keys);
RTK_SERVER_HANDLER (roster_post);
RTK_SERVER_HANDLER (roster_find);
RTK_SERVER_HANDLER (roster_code);
RTK_SERVER_HANDLER (roster_change);
RTK_SERVER_HANDLER (roster_withdraw);
RTK_SERVER_HANDLER (account_reset);
RTK_SERVER_HANDLER (account_release);
RTK_SERVER_HANDLER (school_list);
RTK_SERVER_HANDLER (batch_list);
RTK_SERVER_HANDLER (batch_missing);
RTK_SERVER_HANDLER (batch_naming);
RTK_SERVER_HANDLER (online_consent);
RTK_SERVER_HANDLER (export_create);
RTK_SERVER_HANDLER (export_list);
RTK_SERVER_HANDLER (export_get);
RTK_SERVER_HANDLER (export_receipt);
RTK_SERVER_HANDLER (changes);
RTK_SERVER_HANDLER (order_get);
RTK_SERVER_HANDLER (order_pay);
RTK_SERVER_HANDLER (order_history);
RTK_SERVER_HANDLER (order_note);
RTK_SERVER_HANDLER (order_print);
RTK_SERVER_HANDLER (walk_in);
RTK_SERVER_HANDLER (print_move);
RTK_SERVER_HANDLER (print_address);
RTK_SERVER_HANDLER (print_change);
RTK_SERVER_HANDLER (payment_refund);
RTK_SERVER_HANDLER (effects_list);
RTK_SERVER_HANDLER (effect_retry);
RTK_SERVER_HANDLER (effect_settle);
RTK_SERVER_HANDLER (provider_payment);
RTK_SERVER_HANDLER (sandbox_payment);
RTK_SERVER_HANDLER (operations);
RTK_SERVER_HANDLER (uploads_options);
RTK_SERVER_HANDLER (upload_create);
RTK_SERVER_HANDLER (upload_head);
RTK_SERVER_HANDLER (upload_patch);
RTK_SERVER_HANDLER (upload_delete);
RTK_SERVER_HANDLER (photo_get);
RTK_SERVER_HANDLER (thumbnail_get);
RTK_SERVER_HANDLER (review_claim);
RTK_SERVER_HANDLER (review_give_back);
RTK_SERVER_HANDLER (review_renew);
RTK_SERVER_HANDLER (review_release);
RTK_SERVER_HANDLER (review_second_opinion);
RTK_SERVER_HANDLER (review_decide);
RTK_SERVER_HANDLER (review_undo);
RTK_SERVER_HANDLER (review_correct);
RTK_SERVER_HANDLER (review_queue);
RTK_SERVER_HANDLER (review_statistics);
RTK_SERVER_HANDLER (review_mine);
RTK_SERVER_HANDLER (reasons);
RTK_SERVER_HANDLER (gold_add);
RTK_SERVER_HANDLER (gold_list);
RTK_SERVER_HANDLER (gold_retire);
RTK_SERVER_HANDLER (health);
RTK_SERVER_HANDLER (live);
RTK_SERVER_HANDLER (metrics);
RTK_SERVER_HANDLER (online_account);
RTK_SERVER_HANDLER (online_session);
RTK_SERVER_HANDLER (online_code);
RTK_SERVER_HANDLER (online_order);
RTK_SERVER_HANDLER (online_submission);
RTK_SERVER_HANDLER (online_payment);
RTK_SERVER_HANDLER (online_refund);
RTK_SERVER_HANDLER (online_profile);
RTK_SERVER_HANDLER (online_profile_set);
RTK_SERVER_HANDLER (online_orders);
RTK_SERVER_HANDLER (online_photo);
RTK_SERVER_HANDLER (online_guide);
RTK_SERVER_HANDLER (online_rules);
RTK_SERVER_HANDLER (online_print);
RTK_SERVER_HANDLER (online_status);

gboolean rtk_server_account_role_is_valid (const char *role);

/* Orders of one delivery. */
#define RTK_SERVER_MAX_EXPORT 10000

/* Who was found on the roster: rtk-server-roster-calls.c. */
gboolean rtk_server_roster_answer (RtkServerStore *store,
                                   RtkServerCall  *call,
                                   const char     *roster,
                                   GError        **error);

/* Members of an account that are told at sign-in: rtk-server-account.c. */
gboolean rtk_server_graduate_write (RtkServerStore *store,
                                    RtkServerJson  *json,
                                    const char     *name,
                                    const char     *roster,
                                    GError        **error);
gboolean rtk_server_account_write (RtkServerStore *store,
                                   RtkServerJson  *json,
                                   const char     *account,
                                   GError        **error);

/* An effect as it is: rtk-server-effect-calls.c. */
gboolean rtk_server_effect_answer (RtkServerStore *store, RtkServerCall *call, GError **error);

/* What came with an id before: rtk-server-requests.c. */
gboolean rtk_server_request_differs (RtkServerStore *store, RtkServerCall *call, const char *kind);
gboolean rtk_server_request_keep (RtkServerStore *store,
                                  RtkServerCall  *call,
                                  const char     *kind,
                                  GError        **error);

/* For what is done on a revision: rtk-server-orders.c. */
gboolean
rtk_server_order_is_stale (RtkServerStore *self, RtkServerCall *call, const char *order_id);
gboolean rtk_server_order_fail_stale (RtkServerStore *self,
                                      RtkServerCall  *call,
                                      const char     *order_id,
                                      GError        **error);

/* Shared by staff and accounts: rtk-server-sessions.c. */
gboolean rtk_server_session_start (RtkServerStore *store,
                                   RtkServerCall  *call,
                                   const char     *kind,
                                   const char     *principal,
                                   const char     *name,
                                   const char     *role,
                                   GError        **error);
#define RTK_SERVER_MIN_PASSWORD 8
char       *rtk_server_password_hash (const char *password,
                                      gboolean    is_staff,
                                      GError    **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean    rtk_server_password_check (const char *hash, const char *password, gboolean is_staff);
guint       rtk_server_role_to_who (const char *role);
const char *rtk_server_role_of_who (guint who);
gboolean    rtk_server_session_find (RtkServerStore *store, RtkServerCall *call, GError **error);

/* Wrong passwords: rtk-server-lockout.c. */
gboolean rtk_server_lockout_count (
    RtkServerStore *store, RtkServerCall *call, const char *kind, const char *name, GError **error);
gboolean rtk_server_lockout_clear (
    RtkServerStore *store, RtkServerCall *call, const char *kind, const char *name, GError **error);
gboolean rtk_server_lockout_is_closed (RtkServerStore *store, RtkServerCall *call);
gboolean
rtk_server_lockout_add_wrong_code (RtkServerStore *store, RtkServerCall *call, GError **error);
gboolean rtk_server_search_is_closed (RtkServerStore *store, RtkServerCall *call);
gboolean rtk_server_search_note (RtkServerStore *store,
                                 RtkServerCall  *call,
                                 const char     *by,
                                 const char     *target,
                                 guint           found,
                                 gboolean        fails,
                                 GError        **error);
gboolean rtk_server_lockout_forget (RtkServerStore *store,
                                    const char     *kind,
                                    const char     *name,
                                    GError        **error);

/* Work without the server: rtk-server-grants.c. */
gboolean rtk_server_grant_write (RtkServerStore *store,
                                 RtkServerJson  *json,
                                 const char     *user,
                                 const char     *role,
                                 const char     *station,
                                 GError        **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerCall, rtk_server_call_free)

G_END_DECLS
