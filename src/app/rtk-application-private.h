/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "app/rtk-application.h"
#include "app/rtk-child-server.h"
#include "app/rtk-setup.h"
#include "app/rtk-station.h"
#include "widgets/rtk-sign-in-page.h"
#include "widgets/rtk-welcome.h"
#include "widgets/rtk-window.h"

G_BEGIN_DECLS

/* Shared by rtk-application.c (options, window, end) and rtk-application-start.c (the steps from
 * the first page to a station at work). */
struct _RtkApplication {
  AdwApplication parent_instance;

  /* Options. */
  char    *camera_id;       /* (owned) (nullable) */
  char    *data;            /* (owned) (nullable) */
  char    *server_url;      /* (owned) (nullable) */
  char    *passphrase_file; /* (owned) (nullable) */
  gboolean demo;

  RtkWindow      *window;  /* (unowned) (nullable): GTK's */
  RtkSetup       *setup;   /* (owned) (nullable) */
  RtkSetupMode    mode;    /* what is being started */
  RtkStation     *station; /* (owned) (nullable) */
  RtkChildServer *child;   /* (owned) (nullable) */
  RtkWelcome     *welcome; /* (unowned) (nullable): while it is shown */
  RtkSignInPage  *sign_in; /* (unowned) (nullable): while it is shown */

  char    *name;       /* (owned) (nullable): who works here */
  char    *passphrase; /* (owned) (nullable): until it has signed in, then wiped */
  char    *recovery;   /* (owned) (nullable): until it was shown, then wiped */
  guint    retry;      /* of the sign-in while the server is away */
  gboolean is_shown;   /* the station's pages are open */
  gboolean is_ending;
};

void rtk_application_begin (RtkApplication *self);
void rtk_application_forget (char **secret);

G_END_DECLS
