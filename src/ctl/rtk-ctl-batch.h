/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ctl/rtk-ctl.h"
#include "vision/rtk-networks.h"

G_BEGIN_DECLS

/**
 * RtkCtlJob:
 * @path: (owned): the file as it was named, or as it was found in a folder
 * @number: its place in the list
 * @code: an exit code
 * @error: (owned) (nullable): why it could not be done
 * @json: (owned) (nullable): its element of the JSON document
 * @text: (owned) (nullable): what is said of it to a person, whole lines
 *
 * One file of a command that takes many.
 */
typedef struct {
  char     *path;
  guint     number;
  int       code;
  GError   *error;
  JsonNode *json;
  char     *text;
  gboolean  is_done; /* (lock): of the batch */
} RtkCtlJob;

/* Does one file: fills the job's code, error, json and text. On a thread of the batch, with
 * networks that no other thread has; of @user_data it may only read. */
typedef void (*RtkCtlWork) (RtkCtlJob    *job,
                            GBytes       *bytes,
                            RtkNetworks  *networks,
                            GCancellable *cancellable,
                            gpointer      user_data);

/**
 * RtkCtlBatch:
 * @jobs: (unowned) (element-type RtkCtlJob): from rtk_ctl_list_pictures()
 * @n_jobs: files at once; 0: one for each core
 * @work: does one file
 * @user_data: for @work
 * @text_is_output: the texts are the command's output, else remarks beside it
 * @json: whether the document is printed, instead of the texts
 * @json_is_single: the document is the only element itself, not an array
 * @sum_up: (nullable): says at the end how many of several are well, have a failed rule, and could
 *   not be done
 *
 * What to do with many files.
 */
typedef struct {
  GPtrArray *jobs;
  int        n_jobs;
  RtkCtlWork work;
  gpointer   user_data;
  gboolean   text_is_output;
  gboolean   json;
  gboolean   json_is_single;
  void (*sum_up) (int n_well, int n_failed, int n_not_done);
} RtkCtlBatch;

char      *rtk_ctl_file_identity (const char *path) G_GNUC_WARN_UNUSED_RESULT;
GPtrArray *rtk_ctl_list_pictures (char      **paths,
                                  gboolean    recursive,
                                  const char *output) G_GNUC_WARN_UNUSED_RESULT;
int        rtk_ctl_batch_run (const RtkCtlBatch *batch);

G_END_DECLS
