/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-transport.h"
#include "server/rtk-server-call.h"

#include <string.h>

/* Staff as supervisors see and change it. */

#define COLUMNS                                                                                    \
  "s.id, s.name, s.role, s.enabled, s.created_at, s.updated_at, (SELECT count (*) FROM sessions x" \
  " WHERE x.principal = s.id AND x.refresh_until > ?)"

static void
write_person (RtkServerJson *json, RtkServerRows *row)
{
  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_server_db_text (row, 0));
  rtk_server_json_string (json, "name", rtk_server_db_text (row, 1));
  rtk_server_json_string (json, "role", rtk_server_db_text (row, 2));
  rtk_server_json_bool (json, "enabled", rtk_server_db_int (row, 3) != 0);
  rtk_server_json_int (json, "sessions", rtk_server_db_int (row, 6));
  rtk_server_json_time (json, "created_at", rtk_server_db_int (row, 4));
  rtk_server_json_optional_time (json, "updated_at", rtk_server_db_int (row, 5));
  rtk_server_json_end (json, '}');
}

static gboolean
answer_person (
    RtkServerStore *store, RtkServerCall *call, const char *id, guint status, GError **error)
{
  RtkServerRows *row =
      rtk_server_db_query (store->db, error, "SELECT " COLUMNS " FROM staff s WHERE s.id = ?", "is",
                           g_get_real_time (), id);

  if (!rtk_server_db_next (store->db, row, error)) {
    rtk_server_db_end (row);
    return FALSE;
  }
  write_person (&call->answer, row);
  rtk_server_db_end (row);
  call->status = status;
  return TRUE;
}

/* GET /v1/staff */
RTK_SERVER_HANDLER (staff_list)
{
  RtkServerRows *row;
  const char    *after;
  gint64         limit;

  if (!rtk_server_call_get_page (call, store->config, &after, &limit))
    return TRUE;
  row = rtk_server_db_query (store->db, error,
                             "SELECT " COLUMNS " FROM staff s WHERE s.id > ? ORDER BY s.id LIMIT ?",
                             "isi", g_get_real_time (), after, limit + 1);
  return rtk_server_call_write_page (store, call, "staff", row, limit, write_person, error);
}

static gboolean
fail_and_undo (RtkServerStore *store,
               RtkServerCall  *call,
               guint           status,
               const char     *problem,
               const char     *title)
{
  rtk_server_db_rollback (store->db);
  return rtk_server_call_fail (call, status, problem, title);
}

static gboolean
create_in_transaction (RtkServerStore *store, RtkServerCall *call, const char *hash, GError **error)
{
  const char      *id = rtk_server_call_get_string (call, "id");
  const char      *name = rtk_server_call_get_string (call, "name");
  const char      *role = rtk_server_call_get_string (call, "role");
  g_autofree char *detail = g_strdup_printf ("{\"role\":\"%s\"}", role);
  g_autofree char *known =
      rtk_server_db_dup_text (store->db, "SELECT name FROM staff WHERE id = ?", "s", id);
  g_autofree char *taken = rtk_server_staff_find (store, name);
  g_autofree char *key = rtk_server_name_fold (name);
  gint64           now = g_get_real_time ();

  if (known != NULL && strcmp (known, name) == 0)
    return answer_person (store, call, id, 200, error) && rtk_server_db_commit (store->db, error);
  if (known != NULL)
    return fail_and_undo (store, call, 409, "id-reused", "This id belongs to somebody else.");
  if (taken != NULL)
    return fail_and_undo (store, call, 409, "name-taken",
                          "There is a member of staff of this name already.");
  return rtk_server_db_run (store->db, error,
                            "INSERT INTO staff (id, name, name_key, role, password, created_at)"
                            " VALUES (?, ?, ?, ?, ?, ?)",
                            "sssssi", id, name, key, role, hash, now) &&
         rtk_server_audit_add (store, call->actor, "staff.add", id, detail, error) &&
         answer_person (store, call, id, 201, error) && rtk_server_db_commit (store->db, error);
}

/* POST /v1/staff */
RTK_SERVER_HANDLER (staff_create)
{
  const char      *password = rtk_server_call_get_string (call, "password");
  g_autofree char *hash = NULL;
  RtkRole          role;

  if (!rtk_server_name_is_valid (rtk_server_call_get_string (call, "name")) ||
      !rtk_role_from_string (rtk_server_call_get_string (call, "role"), &role) ||
      g_utf8_strlen (password, -1) < RTK_SERVER_MIN_PASSWORD)
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "A name without control characters, a role and a password of at"
                                 " least eight characters are needed.");
  hash = rtk_server_password_hash (password, TRUE, error);
  return hash != NULL && rtk_server_db_begin (store->db, TRUE, error) &&
         create_in_transaction (store, call, hash, error);
}

/* What is to become of a member of staff. */
typedef struct {
  const char *id;
  const char *role;    /* (nullable): as it is */
  const char *hash;    /* (nullable): as it is */
  int         enabled; /* -1: as it is */
} Change;

static gboolean
has_another_supervisor (RtkServerStore *store, const char *id)
{
  return rtk_server_db_get_int (store->db, 0,
                                "SELECT EXISTS (SELECT 1 FROM staff WHERE id <> ? AND enabled = 1"
                                " AND role = 'supervisor')",
                                "s", id) != 0;
}

/* Writes what is different, each with its line in the audit log. */
static gboolean
apply_change (RtkServerStore *store,
              const char     *actor,
              const Change   *change,
              const char     *old_role,
              gboolean        was_enabled,
              GError        **error)
{
  gboolean         new_role = change->role != NULL && strcmp (change->role, old_role) != 0;
  gboolean         new_enabled = change->enabled >= 0 && change->enabled != was_enabled;
  g_autofree char *detail = g_strdup_printf ("{\"from\":\"%s\",\"to\":\"%s\"}", old_role,
                                             new_role ? change->role : old_role);

  if (!new_role && !new_enabled && change->hash == NULL)
    return TRUE;
  return rtk_server_db_run (store->db, error,
                            "UPDATE staff SET role = coalesce (?, role), password ="
                            " coalesce (?, password), enabled = ?, updated_at = ? WHERE id = ?",
                            "ssiis", change->role, change->hash,
                            (gint64)(new_enabled ? change->enabled : was_enabled),
                            g_get_real_time (), change->id) &&
         rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE principal = ?", "s",
                            change->id) &&
         (!new_role ||
          rtk_server_audit_add (store, actor, "staff.role", change->id, detail, error)) &&
         (!new_enabled ||
          rtk_server_audit_add (store, actor, change->enabled ? "staff.enable" : "staff.disable",
                                change->id, "{}", error)) &&
         (change->hash == NULL || rtk_server_audit_add (store, actor, "staff.password", change->id,
                                                        "{\"by\":\"supervisor\"}", error));
}

static gboolean
change_in_transaction (RtkServerStore *store,
                       RtkServerCall  *call,
                       const Change   *change,
                       GError        **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error, "SELECT role, enabled, name FROM staff WHERE id = ?", "s", change->id);
  g_autofree char *role = NULL;
  g_autofree char *name = NULL;
  gboolean         enabled = FALSE;

  if (row == NULL)
    return FALSE;
  if (rtk_server_db_next (store->db, row, NULL)) {
    role = g_strdup (rtk_server_db_text (row, 0));
    enabled = rtk_server_db_int (row, 1) != 0;
    name = g_strdup (rtk_server_db_text (row, 2));
  }
  rtk_server_db_end (row);
  if (role == NULL) {
    rtk_server_db_rollback (store->db);
    return rtk_server_call_not_found (call);
  }
  if (enabled && strcmp (role, "supervisor") == 0 &&
      (change->enabled == 0 || (change->role != NULL && strcmp (change->role, role) != 0)) &&
      !has_another_supervisor (store, change->id))
    return fail_and_undo (store, call, 409, "last-supervisor",
                          "There must be a supervisor who can sign in.");
  /* Who was kept out by strangers' guesses is let in with a new password. */
  return apply_change (store, call->actor, change, role, enabled, error) &&
         (change->hash == NULL || (rtk_server_lockout_forget (store, "staff", name, error) &&
                                   rtk_server_lockout_forget (store, "own", change->id, error))) &&
         answer_person (store, call, change->id, 200, error) &&
         rtk_server_db_commit (store->db, error);
}

/* PATCH /v1/staff/{id}: a change ends their sessions. */
RTK_SERVER_HANDLER (staff_change)
{
  const char      *password = rtk_server_call_get_string (call, "password");
  const char      *role = rtk_server_call_get_string (call, "role");
  g_autofree char *hash = NULL;
  RtkRole          known;
  Change           change = {.id = call->params[0],
                             .role = role,
                             .enabled = rtk_server_call_get_bool (call, "enabled", -1)};

  if ((role != NULL && !rtk_role_from_string (role, &known)) ||
      (password != NULL && g_utf8_strlen (password, -1) < RTK_SERVER_MIN_PASSWORD))
    return rtk_server_call_fail (call, 422, "bad-member",
                                 "The role is operator, reviewer or supervisor; a password has at"
                                 " least eight characters.");
  if (password != NULL) {
    hash = rtk_server_password_hash (password, TRUE, error);
    if (hash == NULL)
      return FALSE;
    change.hash = hash;
  }
  return rtk_server_db_begin (store->db, TRUE, error) &&
         change_in_transaction (store, call, &change, error);
}

/* DELETE /v1/staff/{id}/sessions */
RTK_SERVER_HANDLER (staff_sign_out)
{
  const char *id = call->params[0];

  if (rtk_server_db_get_int (store->db, 0, "SELECT EXISTS (SELECT 1 FROM staff WHERE id = ?)", "s",
                             id) == 0)
    return rtk_server_call_not_found (call);
  call->status = 204;
  return rtk_server_db_run (store->db, error, "DELETE FROM sessions WHERE principal = ?", "s",
                            id) &&
         rtk_server_audit_add (store, call->actor, "staff.sign-out", id, "{}", error);
}
