/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-rule-pack.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Exit codes of every command (docs/cli.md). */
#define RTK_EXIT_OK 0
#define RTK_EXIT_NO 1
#define RTK_EXIT_ERROR 2

/* The pack a command judges by when it is not told another. */
#define RTK_CTL_DEFAULT_RULES "chsi-diploma"

/* What all commands share. */
typedef struct {
  char    *data_dir; /* (owned): the station's folder */
  gboolean json;     /* one JSON document on standard output */
} RtkCtl;

typedef struct {
  const char *group;
  const char *name; /* NULL: the group is the command */
  const char *arguments;
  const char *summary; /* a message id */
  int (*run) (RtkCtl *ctl, int argc, char **argv);
} RtkCtlCommand;

/* Ended by an entry without a group; one table a file. */
extern const RtkCtlCommand rtk_ctl_rules_commands[];
extern const RtkCtlCommand rtk_ctl_make_commands[];
extern const RtkCtlCommand rtk_ctl_photo_commands[];
extern const RtkCtlCommand rtk_ctl_verify_commands[];
extern const RtkCtlCommand rtk_ctl_bench_commands[];
extern const RtkCtlCommand rtk_ctl_camera_commands[];
extern const RtkCtlCommand rtk_ctl_orders_commands[];
extern const RtkCtlCommand rtk_ctl_retake_commands[];

gboolean    rtk_ctl_parse (GOptionEntry *entries,
                           const char   *arguments,
                           int          *argc,
                           char       ***argv,
                           int           min_files,
                           int           max_files);
int         rtk_ctl_complain (const char *what, const GError *error);
void        rtk_ctl_say (const char *format, ...) G_GNUC_PRINTF (1, 2);
void        rtk_ctl_print_json (JsonNode *node);
void        rtk_ctl_print_json_line (JsonNode *node);
gboolean    rtk_ctl_read_file (const char *path, GBytes **out_bytes, GError **error);
gboolean    rtk_ctl_write_file (const char *path, GBytes *bytes, GError **error);
RtkLanguage rtk_ctl_reader_language (void);
const char *rtk_ctl_guess_media_type (GBytes *bytes);
/* Runs the main loop until the answer of an asynchronous call is in *@result. */
void rtk_ctl_wait (GAsyncResult **result);
void rtk_ctl_answer_cb (GObject *source, GAsyncResult *result, gpointer user_data);

G_END_DECLS
