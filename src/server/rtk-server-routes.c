/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-id.h"
#include "server/rtk-server-prints.h"

#include <string.h>

#define STRING RTK_SERVER_FIELD_STRING
#define ID RTK_SERVER_FIELD_ID
#define SHA256 RTK_SERVER_FIELD_SHA256
#define INT RTK_SERVER_FIELD_INT
#define BOOL RTK_SERVER_FIELD_BOOL
#define ARRAY RTK_SERVER_FIELD_ARRAY
#define OBJECT RTK_SERVER_FIELD_OBJECT
#define END                                                                                        \
  {                                                                                                \
    NULL, STRING, FALSE, 0                                                                         \
  }

static const RtkServerField bootstrap_fields[] = {{"secret", STRING, TRUE, 256},
                                                  {"user", STRING, TRUE, 64},
                                                  {"password", STRING, TRUE, 1024},
                                                  END};
static const RtkServerField session_fields[] = {
    {"user", STRING, TRUE, 64}, {"password", STRING, TRUE, 1024}, END};
static const RtkServerField refresh_fields[] = {{"refresh_token", STRING, TRUE, 128}, END};
static const RtkServerField station_fields[] = {
    {"name", STRING, TRUE, 128}, {"key", STRING, TRUE, 64}, {"proof", STRING, TRUE, 128}, END};
static const RtkServerField password_fields[] = {
    {"password", STRING, TRUE, 1024}, {"new_password", STRING, TRUE, 1024}, END};
static const RtkServerField staff_fields[] = {{"id", ID, TRUE, 0},
                                              {"name", STRING, TRUE, 64},
                                              {"role", STRING, TRUE, 16},
                                              {"password", STRING, TRUE, 1024},
                                              END};
static const RtkServerField staff_change_fields[] = {{"role", STRING, FALSE, 16},
                                                     {"enabled", BOOL, FALSE, 0},
                                                     {"password", STRING, FALSE, 1024},
                                                     END};
static const RtkServerField operations_fields[] = {{"operations", ARRAY, TRUE, 100000}, END};
static const RtkServerField pay_fields[] = {{"id", ID, TRUE, 0},
                                            {"method", STRING, TRUE, 16},
                                            {"reference", STRING, FALSE, 256},
                                            {"amount_fen", INT, FALSE, 10000000},
                                            {"base_revision", INT, FALSE, G_MAXINT64},
                                            END};
static const RtkServerField walk_in_fields[] = {
    {"id", ID, TRUE, 0},           {"roster", ID, FALSE, 0},     {"code", STRING, FALSE, 128},
    {"number", STRING, FALSE, 64}, {"phone", STRING, FALSE, 32}, END};
static const RtkServerField note_fields[] = {
    {"id", ID, TRUE, 0}, {"text", STRING, TRUE, 2000}, END};
static const RtkServerField print_fields[] = {{"id", ID, TRUE, 0},
                                              {"copies", INT, FALSE, RTK_SERVER_MAX_COPIES},
                                              {"address", STRING, FALSE, 512},
                                              {"base_revision", INT, FALSE, G_MAXINT64},
                                              END};
static const RtkServerField print_move_fields[] = {{"state", STRING, TRUE, 16},
                                                   {"carrier", STRING, FALSE, 64},
                                                   {"tracking", STRING, FALSE, 64},
                                                   END};
static const RtkServerField print_change_fields[] = {
    {"address", STRING, FALSE, 512}, {"cancelled", BOOL, FALSE, 0}, END};
static const RtkServerField payment_refund_fields[] = {
    {"id", ID, TRUE, 0}, {"reason", STRING, TRUE, 500}, END};
static const RtkServerField online_print_fields[] = {{"id", ID, TRUE, 0},
                                                     {"copies", INT, FALSE, RTK_SERVER_MAX_COPIES},
                                                     {"address", STRING, TRUE, 512},
                                                     END};
static const RtkServerField claim_fields[] = {
    {"count", INT, FALSE, 1000},
    {"school", STRING, FALSE, 256},
    {"batch", STRING, FALSE, 256},
    {"origin", STRING, FALSE, 16},
    {"engine", STRING, FALSE, 16},
    {"stage", STRING, FALSE, 16},
    {"attempt", INT, FALSE, 1000},
    {"waiting_seconds", INT, FALSE, G_GINT64_CONSTANT (1000000000)},
    END};
static const RtkServerField decide_fields[] = {
    {"verdict", STRING, TRUE, 16}, {"revision", INT, TRUE, G_MAXINT64},
    {"reasons", ARRAY, FALSE, 64}, {"texts", OBJECT, FALSE, 64},
    {"note", STRING, FALSE, 2000}, END};
static const RtkServerField gold_fields[] = {{"id", ID, TRUE, 0},
                                             {"submission", ID, TRUE, 0},
                                             {"verdict", STRING, TRUE, 16},
                                             {"reasons", ARRAY, FALSE, 64},
                                             END};
static const RtkServerField opinion_fields[] = {{"note", STRING, FALSE, 2000}, END};
static const RtkServerField correction_fields[] = {{"id", ID, TRUE, 0},
                                                   {"verdict", STRING, TRUE, 16},
                                                   {"revision", INT, TRUE, G_MAXINT64},
                                                   {"reasons", ARRAY, FALSE, 64},
                                                   {"texts", OBJECT, FALSE, 64},
                                                   {"note", STRING, FALSE, 2000},
                                                   {"reason", STRING, TRUE, 2000},
                                                   END};
static const RtkServerField account_fields[] = {
    {"phone", STRING, TRUE, 32}, {"password", STRING, TRUE, 1024}, END};
static const RtkServerField new_account_fields[] = {{"phone", STRING, TRUE, 32},
                                                    {"password", STRING, TRUE, 1024},
                                                    {"role", STRING, FALSE, 16},
                                                    END};
static const RtkServerField profile_fields[] = {
    {"first_use", BOOL, TRUE, 0}, {"role", STRING, FALSE, 16}, END};
static const RtkServerField code_fields[] = {
    {"code", STRING, TRUE, 128}, {"number", STRING, FALSE, 64}, END};
static const RtkServerField order_fields[] = {{"id", ID, TRUE, 0}, END};
static const RtkServerField submission_fields[] = {{"id", ID, TRUE, 0},
                                                   {"original", SHA256, TRUE, 0},
                                                   {"delivered", SHA256, TRUE, 0},
                                                   {"report", SHA256, TRUE, 0},
                                                   END};
static const RtkServerField payment_fields[] = {
    {"id", ID, TRUE, 0}, {"provider", STRING, FALSE, 32}, END};
static const RtkServerField id_fields[] = {{"id", ID, TRUE, 0}, END};
static const RtkServerField event_fields[] = {
    {"id", STRING, TRUE, 128},         {"payment", ID, TRUE, 0},
    {"state", STRING, TRUE, 16},       {"amount_fen", INT, TRUE, 10000000},
    {"reference", STRING, FALSE, 256}, END};
static const RtkServerField sandbox_fields[] = {
    {"id", ID, TRUE, 0}, {"state", STRING, FALSE, 16}, {"amount_fen", INT, FALSE, 10000000}, END};

static const RtkServerField consent_fields[] = {
    {"version", STRING, TRUE, 64}, {"given", BOOL, TRUE, 0}, END};
static const RtkServerField find_fields[] = {{"code", STRING, FALSE, 128},
                                             {"number", STRING, FALSE, 64},
                                             {"name", STRING, FALSE, 256},
                                             {"batch", ID, FALSE, 0},
                                             END};
static const RtkServerField desk_code_fields[] = {{"code", STRING, FALSE, 128},
                                                  {"clear", BOOL, FALSE, 0},
                                                  {"unbind", BOOL, FALSE, 0},
                                                  {"let_back", BOOL, FALSE, 0},
                                                  END};
static const RtkServerField number_fields[] = {
    {"number", STRING, TRUE, 64}, {"reason", STRING, TRUE, 500}, END};
static const RtkServerField reason_fields[] = {{"reason", STRING, TRUE, 500}, END};
static const RtkServerField reset_fields[] = {
    {"phone", STRING, TRUE, 32}, {"roster", ID, FALSE, 0}, {"reason", STRING, TRUE, 500}, END};
static const RtkServerField release_fields[] = {
    {"phone", STRING, TRUE, 32}, {"reason", STRING, TRUE, 500}, END};
static const RtkServerField naming_fields[] = {
    {"reason", STRING, TRUE, 500}, {"after", ID, FALSE, 0}, {"limit", INT, FALSE, 100000}, END};
static const RtkServerField export_fields[] = {{"id", ID, TRUE, 0},
                                               {"receiver", STRING, TRUE, 256},
                                               {"batch", ID, FALSE, 0},
                                               {"orders", ARRAY, FALSE, RTK_SERVER_MAX_EXPORT},
                                               END};
static const RtkServerField receipt_fields[] = {{"reference", STRING, TRUE, 256}, END};

#define PUBLIC RTK_SERVER_PUBLIC
#define STAFF RTK_SERVER_STAFF
#define SUPERVISOR RTK_SERVER_SUPERVISOR
#define DESK (RTK_SERVER_OPERATOR | RTK_SERVER_SUPERVISOR)
#define REVIEW (RTK_SERVER_REVIEWER | RTK_SERVER_SUPERVISOR)
#define ACCOUNT RTK_SERVER_ACCOUNT
#define ANYONE (STAFF | ACCOUNT)

/* The whole of the server: method, path, who may, what does it, what the body holds. Documented in
 * docs/openapi.yaml; a test holds the two against each other. */
static const RtkServerRoute routes[] = {
    /* Operations. */
    {"GET", "/healthz", PUBLIC, rtk_server_health, NULL, FALSE, FALSE},
    {"GET", "/metrics", PUBLIC, rtk_server_metrics, NULL, FALSE, FALSE},
    /* Staff and stations. */
    {"POST", "/v1/bootstrap", PUBLIC, rtk_server_bootstrap, bootstrap_fields, TRUE, FALSE},
    {"POST", "/v1/session", PUBLIC, rtk_server_session_open, session_fields, TRUE, FALSE},
    {"POST", "/v1/session/refresh", PUBLIC, rtk_server_session_refresh, refresh_fields, FALSE,
     FALSE},
    {"DELETE", "/v1/session", ANYONE, rtk_server_session_close, NULL, FALSE, FALSE},
    {"POST", "/v1/session/password", ANYONE, rtk_server_session_password, password_fields, TRUE,
     FALSE},
    {"GET", "/v1/keys", PUBLIC, rtk_server_public_keys, NULL, FALSE, FALSE},
    {"GET", "/v1/staff", SUPERVISOR, rtk_server_staff_list, NULL, FALSE, FALSE},
    {"POST", "/v1/staff", SUPERVISOR, rtk_server_staff_create, staff_fields, TRUE, FALSE},
    {"PATCH", "/v1/staff/{id}", SUPERVISOR, rtk_server_staff_change, staff_change_fields, TRUE,
     FALSE},
    {"DELETE", "/v1/staff/{id}/sessions", SUPERVISOR, rtk_server_staff_sign_out, NULL, FALSE,
     FALSE},
    {"POST", "/v1/stations", STAFF, rtk_server_station_enrol, station_fields, FALSE, FALSE},
    {"GET", "/v1/stations", SUPERVISOR, rtk_server_station_list, NULL, FALSE, FALSE},
    {"DELETE", "/v1/stations/{id}", SUPERVISOR, rtk_server_station_revoke, NULL, FALSE, FALSE},
    /* Feed. */
    {"GET", "/v1/changes", STAFF, rtk_server_changes, NULL, FALSE, FALSE},
    {"GET", "/v1/live", STAFF, rtk_server_live, NULL, FALSE, FALSE},
    /* Orders. */
    {"GET", "/v1/orders/{id}", STAFF, rtk_server_order_get, NULL, FALSE, FALSE},
    {"POST", "/v1/orders/{id}/payments", DESK, rtk_server_order_pay, pay_fields, FALSE, FALSE},
    {"POST", "/v1/orders", DESK, rtk_server_walk_in, walk_in_fields, FALSE, FALSE},
    {"GET", "/v1/orders/{id}/history", STAFF, rtk_server_order_history, NULL, FALSE, FALSE},
    {"POST", "/v1/orders/{id}/notes", STAFF, rtk_server_order_note, note_fields, FALSE, FALSE},
    {"POST", "/v1/orders/{id}/prints", DESK, rtk_server_order_print, print_fields, FALSE, FALSE},
    {"POST", "/v1/payments/{id}/refund", SUPERVISOR, rtk_server_payment_refund,
     payment_refund_fields, FALSE, FALSE},
    {"PATCH", "/v1/prints/{id}", DESK | ACCOUNT, rtk_server_print_change, print_change_fields,
     FALSE, FALSE},
    {"POST", "/v1/prints/{id}", DESK, rtk_server_print_move, print_move_fields, FALSE, FALSE},
    {"POST", "/v1/prints/{id}/address", DESK, rtk_server_print_address, NULL, FALSE, FALSE},
    {"POST", "/v1/operations", DESK, rtk_server_operations, operations_fields, FALSE, FALSE},
    /* Photos. */
    {"OPTIONS", "/v1/uploads", PUBLIC, rtk_server_uploads_options, NULL, FALSE, FALSE},
    {"POST", "/v1/uploads", ANYONE, rtk_server_upload_create, NULL, FALSE, FALSE},
    {"HEAD", "/v1/uploads/{id}", ANYONE, rtk_server_upload_head, NULL, FALSE, FALSE},
    {"PATCH", "/v1/uploads/{id}", ANYONE, rtk_server_upload_patch, NULL, TRUE, TRUE},
    {"DELETE", "/v1/uploads/{id}", ANYONE, rtk_server_upload_delete, NULL, FALSE, FALSE},
    {"GET", "/v1/photos/{sha256}", STAFF, rtk_server_photo_get, NULL, FALSE, FALSE},
    {"HEAD", "/v1/photos/{sha256}", STAFF, rtk_server_photo_get, NULL, FALSE, FALSE},
    {"GET", "/v1/photos/{sha256}/thumbnail", STAFF, rtk_server_thumbnail_get, NULL, TRUE, FALSE},
    /* Review. */
    {"POST", "/v1/reviews/claim", REVIEW, rtk_server_review_claim, claim_fields, FALSE, FALSE},
    {"DELETE", "/v1/reviews/claim", REVIEW, rtk_server_review_give_back, NULL, FALSE, FALSE},
    {"POST", "/v1/reviews/renew", REVIEW, rtk_server_review_renew, NULL, FALSE, FALSE},
    {"POST", "/v1/reviews/{id}", REVIEW, rtk_server_review_decide, decide_fields, FALSE, FALSE},
    {"POST", "/v1/reviews/{id}/release", REVIEW, rtk_server_review_release, NULL, FALSE, FALSE},
    {"POST", "/v1/reviews/{id}/second-opinion", REVIEW, rtk_server_review_second_opinion,
     opinion_fields, FALSE, FALSE},
    {"POST", "/v1/reviews/{id}/undo", REVIEW, rtk_server_review_undo, NULL, FALSE, FALSE},
    {"POST", "/v1/reviews/{id}/correction", RTK_SERVER_SUPERVISOR, rtk_server_review_correct,
     correction_fields, FALSE, FALSE},
    {"GET", "/v1/reviews/queue", REVIEW, rtk_server_review_queue, NULL, FALSE, FALSE},
    {"GET", "/v1/reviews/mine", REVIEW, rtk_server_review_mine, NULL, FALSE, FALSE},
    {"GET", "/v1/reviews/statistics", RTK_SERVER_SUPERVISOR, rtk_server_review_statistics, NULL,
     FALSE, FALSE},
    {"POST", "/v1/gold", RTK_SERVER_SUPERVISOR, rtk_server_gold_add, gold_fields, FALSE, FALSE},
    {"GET", "/v1/gold", RTK_SERVER_SUPERVISOR, rtk_server_gold_list, NULL, FALSE, FALSE},
    {"DELETE", "/v1/gold/{id}", RTK_SERVER_SUPERVISOR, rtk_server_gold_retire, NULL, FALSE, FALSE},
    {"GET", "/v1/reasons", PUBLIC, rtk_server_reasons, NULL, FALSE, FALSE},
    /* The online side. */
    {"POST", "/v1/online/accounts", PUBLIC, rtk_server_online_account, new_account_fields, TRUE,
     FALSE},
    {"POST", "/v1/online/session", PUBLIC, rtk_server_online_session, account_fields, TRUE, FALSE},
    {"GET", "/v1/online/account", ACCOUNT, rtk_server_online_profile, NULL, FALSE, FALSE},
    {"POST", "/v1/online/account", ACCOUNT, rtk_server_online_profile_set, profile_fields, FALSE,
     FALSE},
    {"GET", "/v1/online/guide", PUBLIC, rtk_server_online_guide, NULL, FALSE, FALSE},
    {"GET", "/v1/online/rules", PUBLIC, rtk_server_online_rules, NULL, FALSE, FALSE},
    {"POST", "/v1/online/codes", ACCOUNT, rtk_server_online_code, code_fields, FALSE, FALSE},
    {"POST", "/v1/online/orders", ACCOUNT, rtk_server_online_order, order_fields, FALSE, FALSE},
    {"GET", "/v1/online/orders", ACCOUNT, rtk_server_online_orders, NULL, FALSE, FALSE},
    {"GET", "/v1/online/orders/{id}/photos/{sha256}", ACCOUNT, rtk_server_online_photo, NULL, FALSE,
     FALSE},
    {"GET", "/v1/online/orders/{id}", ACCOUNT, rtk_server_online_status, NULL, FALSE, FALSE},
    {"POST", "/v1/online/orders/{id}/submission", ACCOUNT, rtk_server_online_submission,
     submission_fields, FALSE, FALSE},
    {"POST", "/v1/online/orders/{id}/payment", ACCOUNT, rtk_server_online_payment, payment_fields,
     FALSE, FALSE},
    {"POST", "/v1/online/orders/{id}/print", ACCOUNT, rtk_server_online_print, online_print_fields,
     FALSE, FALSE},
    {"POST", "/v1/online/orders/{id}/refund", ACCOUNT, rtk_server_online_refund, id_fields, FALSE,
     FALSE},
    {"POST", "/v1/online/consent", ACCOUNT, rtk_server_online_consent, consent_fields, FALSE,
     FALSE},
    /* Adapters. */
    {"GET", "/v1/effects", SUPERVISOR, rtk_server_effects_list, NULL, FALSE, FALSE},
    {"POST", "/v1/effects/{id}/retry", SUPERVISOR, rtk_server_effect_retry, NULL, FALSE, FALSE},
    {"POST", "/v1/effects/{id}/settle", SUPERVISOR, rtk_server_effect_settle, receipt_fields, FALSE,
     FALSE},
    {"POST", "/v1/provider/payments", PUBLIC, rtk_server_provider_payment, event_fields, FALSE,
     FALSE},
    {"POST", "/v1/sandbox/payments/{id}", ANYONE, rtk_server_sandbox_payment, sandbox_fields, FALSE,
     FALSE},
    /* Roster, batches, deliveries. */
    {"POST", "/v1/roster", SUPERVISOR, rtk_server_roster_post, NULL, TRUE, TRUE},
    {"POST", "/v1/roster/find", DESK, rtk_server_roster_find, find_fields, FALSE, FALSE},
    {"POST", "/v1/roster/{id}/code", DESK, rtk_server_roster_code, desk_code_fields, FALSE, FALSE},
    {"PATCH", "/v1/roster/{id}", SUPERVISOR, rtk_server_roster_change, number_fields, FALSE, FALSE},
    {"POST", "/v1/roster/{id}/withdraw", SUPERVISOR, rtk_server_roster_withdraw, reason_fields,
     FALSE, FALSE},
    {"POST", "/v1/accounts/reset", DESK, rtk_server_account_reset, reset_fields, TRUE, FALSE},
    {"POST", "/v1/accounts/release", DESK, rtk_server_account_release, release_fields, FALSE,
     FALSE},
    {"GET", "/v1/schools", STAFF, rtk_server_school_list, NULL, FALSE, FALSE},
    {"GET", "/v1/batches", STAFF, rtk_server_batch_list, NULL, FALSE, FALSE},
    {"GET", "/v1/batches/{id}/missing", DESK, rtk_server_batch_missing, NULL, FALSE, FALSE},
    {"POST", "/v1/batches/{id}/naming", SUPERVISOR, rtk_server_batch_naming, naming_fields, FALSE,
     FALSE},
    {"GET", "/v1/exports", SUPERVISOR, rtk_server_export_list, NULL, FALSE, FALSE},
    {"POST", "/v1/exports", SUPERVISOR, rtk_server_export_create, export_fields, FALSE, FALSE},
    {"GET", "/v1/exports/{id}", SUPERVISOR, rtk_server_export_get, NULL, FALSE, FALSE},
    {"POST", "/v1/exports/{id}/receipt", SUPERVISOR, rtk_server_export_receipt, receipt_fields,
     FALSE, FALSE},
};

/**
 * rtk_server_routes_get:
 * @out_n: (out): how many
 *
 * Returns: (array length=out_n): every route, static
 */
const RtkServerRoute *
rtk_server_routes_get (guint *out_n)
{
  *out_n = G_N_ELEMENTS (routes);
  return routes;
}

/* Whether the first @size bytes of @segment fit a segment of a pattern. */
static gboolean
segment_fits (const char *pattern, gsize pattern_size, const char *segment, gsize size)
{
  char text[65];

  if (pattern[0] != '{')
    return size == pattern_size && memcmp (pattern, segment, size) == 0;
  if (size >= sizeof text)
    return FALSE;
  memcpy (text, segment, size);
  text[size] = '\0';
  if (strncmp (pattern, "{id}", pattern_size) == 0)
    return rtk_id_is_valid (text);
  return strncmp (pattern, "{sha256}", pattern_size) == 0 && rtk_sha256_is_valid (text);
}

/* Each request is held against the whole table twice: without a copy of anything. */
static gboolean
path_fits (const char *pattern, const char *path)
{
  for (;;) {
    gsize wanted = strcspn (pattern, "/");
    gsize size = strcspn (path, "/");

    if (!segment_fits (pattern, wanted, path, size))
      return FALSE;
    if (pattern[wanted] == '\0' || path[size] == '\0')
      return pattern[wanted] == path[size];
    pattern += wanted + 1;
    path += size + 1;
  }
}

static void
take_params (const char *pattern, const char *path, char *out_params[2])
{
  g_auto (GStrv) wanted = g_strsplit (pattern, "/", -1);
  g_auto (GStrv) segments = g_strsplit (path, "/", -1);
  guint n = 0;

  for (guint i = 0; wanted[i] != NULL; i++)
    if (wanted[i][0] == '{')
      out_params[n++] = g_strdup (segments[i]);
}

/**
 * rtk_server_routes_match:
 * @method: HTTP method
 * @path: of the request, as it came
 * @out_params: (out) (nullable): what stands in the pattern's places
 * @out_path_known: (out): whether another method would fit
 *
 * Finds the route of a request. Any thread.
 *
 * Returns: (nullable): the route
 */
const RtkServerRoute *
rtk_server_routes_match (const char *method,
                         const char *path,
                         char       *out_params[2],
                         gboolean   *out_path_known)
{
  *out_path_known = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (!path_fits (routes[i].pattern, path))
      continue;
    *out_path_known = TRUE;
    if (strcmp (routes[i].method, method) != 0)
      continue;
    if (out_params != NULL)
      take_params (routes[i].pattern, path, out_params);
    return &routes[i];
  }
  return NULL;
}

/* GET /healthz */
RTK_SERVER_HANDLER (health)
{
  g_autofree char *epoch = rtk_server_store_dup_meta (store, "epoch");

  /* A database that does not answer is a 503, as for any other call. */
  if (epoch == NULL)
    return FALSE;
  rtk_server_json_begin (&call->answer, NULL, '{');
  rtk_server_json_string (&call->answer, "status", "ok");
  rtk_server_json_string (&call->answer, "version", RTK_VERSION);
  rtk_server_json_end (&call->answer, '}');
  call->status = 200;
  return TRUE;
}
