/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-store.h"

G_BEGIN_DECLS

/* What the command line, the environment and the files of secrets say. */
typedef struct {
  RtkServerConfig config;
  char           *listen;
  char           *ready_file;
  char           *tls_certificate;
  char           *tls_key;
  char           *role;
  char           *password_file;
  char           *photos;
  char           *codes_file;
  char           *user;
  char           *now;
  char           *anchor;
  char           *provider_secret_file;
  char           *webhook_secret_file;
  char           *metrics_token_file;
  char          **words;
  int             bootstrap_fd;
  int             graduates;
  int             seed;
  gboolean        require_consent;
  gboolean        version;
  gboolean        wants_data; /* the command is about a folder that is there already */
  gboolean        without_missing_photos;
  gboolean        answer_is_no; /* it was done, and something is wrong */
} RtkServerOptions;

gboolean rtk_server_options_read (RtkServerOptions *self, int argc, char **argv, GError **error);
void     rtk_server_options_clear (RtkServerOptions *self);

G_END_DECLS
