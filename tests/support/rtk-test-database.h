/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-db.h"

/* A connection to the database of a data folder, of whichever kind the tests run on. */
RtkServerDb *rtk_test_open_database (const char *folder) G_GNUC_WARN_UNUSED_RESULT;
