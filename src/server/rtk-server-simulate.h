/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

/**
 * RtkServerSimulation:
 * @graduates: how many are on the roster
 * @photos: folder with originals, finished files and reports
 * @seed: of everything that is made up
 * @user: (nullable): the supervisor to make; %NULL makes one that nobody can sign in as
 * @password: (nullable): of @user
 * @codes_file: (nullable): where the codes of rejected graduates are written, for tests and demos
 *
 * What `simulate` is asked for.
 */
typedef struct {
  guint       graduates;
  const char *photos;
  guint32     seed;
  const char *user;
  const char *password;
  const char *codes_file;
} RtkServerSimulation;

gboolean rtk_server_simulate (const RtkServerConfig     *config,
                              const RtkServerKeys       *keys,
                              const RtkServerSimulation *simulation,
                              GError                   **error);

/* Made-up people: rtk-server-people.c. */
char       *rtk_server_person_make_name (GRand *rand) G_GNUC_WARN_UNUSED_RESULT;
char       *rtk_server_person_make_number (guint index) G_GNUC_WARN_UNUSED_RESULT;
char       *rtk_server_person_make_phone (guint index) G_GNUC_WARN_UNUSED_RESULT;
char       *rtk_server_person_make_code (GRand *rand) G_GNUC_WARN_UNUSED_RESULT;
const char *rtk_server_person_get_school (guint index);

/* The pictures of the simulation: rtk-server-pictures.c. */
typedef struct {
  GBytes *original;
  GBytes *delivered;
  GBytes *report;
  char    original_sha256[65];
  char    delivered_sha256[65];
  char    report_sha256[65];
  char   *original_type;
} RtkServerPicture;

GPtrArray *rtk_server_pictures_load (const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
