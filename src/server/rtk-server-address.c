/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-db-private.h"

/* Where a database is. */

/* Whether @address is of a PostgreSQL server, not the path of a file. */
gboolean
rtk_server_address_is_postgres (const char *address)
{
  return g_str_has_prefix (address, "postgresql:") || g_str_has_prefix (address, "postgres:");
}

/**
 * rtk_server_db_check_address:
 * @address: what was given for --database
 * @is_public: whether others can read it, as they can a command line
 * @error: return location; %RTK_ERROR_USAGE, which does not repeat @address
 *
 * Returns: whether it is the address of a PostgreSQL server, and gives no password away
 */
gboolean
rtk_server_db_check_address (const char *address, gboolean is_public, GError **error)
{
  gboolean has_password = FALSE;

  if (!rtk_server_address_is_postgres (address) ||
      !rtk_server_postgres_parse (address, &has_password))
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "The address of --database is not understood: it is to be such as"
                         " postgresql://user@host/database");
  else if (has_password && is_public)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "A password on the command line can be read by others: give the address"
                         " by RETAKE_DATABASE, or the password by a .pgpass file");
  else
    return TRUE;
  return FALSE;
}

/**
 * rtk_server_db_open:
 * @address: "postgresql://..." or the path of an SQLite file, which is made when it is not there
 * @error: return location; %RTK_ERROR_OFFLINE when the database server is not reached
 *
 * Opens a connection. Every commit is on disk before it returns; foreign keys are checked.
 *
 * Returns: (transfer full): the connection
 */
RtkServerDb *
rtk_server_db_open (const char *address, GError **error)
{
  if (rtk_server_address_is_postgres (address))
    return rtk_server_postgres_open (address, error);
  return rtk_server_sqlite_open (address, error);
}
