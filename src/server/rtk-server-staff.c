/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-transport.h"
#include "server/rtk-server-call.h"

#include <string.h>

/**
 * rtk_server_name_is_valid:
 * @name: (nullable): name of a member of staff
 *
 * Returns: whether @name is 1 to 64 characters of UTF-8 without control characters
 */
gboolean
rtk_server_name_is_valid (const char *name)
{
  if (name == NULL || name[0] == '\0' || !g_utf8_validate (name, -1, NULL) ||
      g_utf8_strlen (name, -1) > 64)
    return FALSE;
  for (const char *p = name; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return FALSE;
  return TRUE;
}

/**
 * rtk_server_name_fold:
 * @name: UTF-8
 *
 * Names that differ in nothing but case and width are one name, whatever database and locale.
 *
 * Returns: (transfer full): what @name is compared by: case-folded NFKC
 */
char *
rtk_server_name_fold (const char *name)
{
  g_autofree char *normal = g_utf8_normalize (name, -1, G_NORMALIZE_ALL_COMPOSE);
  g_autofree char *folded = g_utf8_casefold (normal != NULL ? normal : name, -1);
  char            *again = g_utf8_normalize (folded, -1, G_NORMALIZE_ALL_COMPOSE);

  return again != NULL ? again : g_steal_pointer (&folded);
}

/**
 * rtk_server_staff_find:
 * @self: a store
 * @name: of a member of staff, in any case and width
 *
 * Returns: (transfer full) (nullable): their id
 */
char *
rtk_server_staff_find (RtkServerStore *self, const char *name)
{
  g_autofree char *key = rtk_server_name_fold (name);

  return rtk_server_db_dup_text (self->db, RTK_SERVER_STAFF_FIND ("?1", "?2"), "ss", key, name);
}

static gboolean
add_in_transaction (RtkServerStore *self,
                    const char     *name,
                    const char     *role,
                    const char     *hash,
                    const char     *actor,
                    GError        **error)
{
  gint64           now = g_get_real_time ();
  g_autofree char *id = rtk_id_new (now);
  g_autofree char *key = rtk_server_name_fold (name);
  g_autofree char *known = rtk_server_staff_find (self, name);
  g_autofree char *detail = g_strdup_printf ("{\"role\":\"%s\"}", role);

  if (known != NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_EXISTS,
                         "There is a member of staff of this name already: choose another name");
    return FALSE;
  }
  return rtk_server_db_run (self->db, error,
                            "INSERT INTO staff (id, name, name_key, role, password, created_at)"
                            " VALUES (?, ?, ?, ?, ?, ?)",
                            "sssssi", id, name, key, role, hash, now) &&
         rtk_server_audit_add (self, actor, "staff.add", id, detail, error);
}

/**
 * rtk_server_staff_add:
 * @self: a store, outside a transaction
 * @name: see rtk_server_name_is_valid()
 * @role: name of a role
 * @password: at least eight characters
 * @actor: for the audit log
 * @error: return location; %RTK_ERROR_USAGE or %RTK_ERROR_EXISTS
 *
 * Adds a member of staff. Blocking: hashes the password.
 *
 * Returns: whether they were added
 */
gboolean
rtk_server_staff_add (RtkServerStore *self,
                      const char     *name,
                      const char     *role,
                      const char     *password,
                      const char     *actor,
                      GError        **error)
{
  g_autofree char *hash = NULL;
  RtkRole          known;

  if (!rtk_server_name_is_valid (name) || !rtk_role_from_string (role, &known) ||
      !g_utf8_validate (password, -1, NULL) ||
      g_utf8_strlen (password, -1) < RTK_SERVER_MIN_PASSWORD) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "A name, a role (operator, reviewer or supervisor) and a password of at"
                         " least eight characters are needed");
    return FALSE;
  }
  hash = rtk_server_password_hash (password, TRUE, error);
  if (hash == NULL || !rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  if (!add_in_transaction (self, name, role, hash, actor, error)) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  return rtk_server_db_commit (self->db, error);
}

static gboolean
disable_in_transaction (RtkServerStore *self, const char *name, GError **error)
{
  g_autofree char *id = rtk_server_staff_find (self, name);

  if (id == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_NOT_FOUND,
                         "There is no member of staff of this name");
    return FALSE;
  }
  if (rtk_server_db_get_int (self->db, 0,
                             "SELECT EXISTS (SELECT 1 FROM staff WHERE id <> ?1 AND enabled = 1"
                             " AND role = 'supervisor') OR NOT EXISTS (SELECT 1 FROM staff"
                             " WHERE id = ?1 AND enabled = 1 AND role = 'supervisor')",
                             "s", id) == 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE,
                         "This is the only supervisor who can sign in: add another one first");
    return FALSE;
  }
  return rtk_server_db_run (self->db, error, "UPDATE staff SET enabled = 0 WHERE id = ?", "s",
                            id) &&
         rtk_server_db_run (self->db, error, "DELETE FROM sessions WHERE principal = ?", "s", id) &&
         rtk_server_audit_add (self, "server", "staff.disable", id, "{}", error);
}

/**
 * rtk_server_staff_disable:
 * @self: a store, outside a transaction
 * @name: of a member of staff
 * @error: return location; %RTK_ERROR_NOT_FOUND
 *
 * Ends the sessions of a member of staff and lets them sign in no more. Their work stays.
 *
 * Returns: whether it was done
 */
gboolean
rtk_server_staff_disable (RtkServerStore *self, const char *name, GError **error)
{
  if (!rtk_server_db_begin (self->db, TRUE, error))
    return FALSE;
  if (!disable_in_transaction (self, name, error)) {
    rtk_server_db_rollback (self->db);
    return FALSE;
  }
  return rtk_server_db_commit (self->db, error);
}
