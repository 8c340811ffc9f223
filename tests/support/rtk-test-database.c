/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support/rtk-test-database.h"

#include "support/rtk-test-server.h"

RtkServerDb *
rtk_test_open_database (const char *folder)
{
  g_autofree char *own = g_build_filename (folder, "server.db", NULL);
  g_autofree char *address = rtk_test_server_dup_database (folder);
  g_autoptr (GError) error = NULL;
  RtkServerDb *db = rtk_server_db_open (address != NULL ? address : own, &error);

  g_assert_no_error (error);
  return db;
}
