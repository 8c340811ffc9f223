/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "ctl/rtk-ctl-outputs.h"

#include "core/rtk-error.h"
#include "ctl/rtk-ctl-batch.h"

#include <glib/gi18n.h>
#include <string.h>

static char *
dup_natural_stem (const char *path)
{
  char *base = g_path_get_basename (path);
  char *dot = strrchr (base, '.');

  if (dot != NULL && dot != base)
    *dot = '\0';
  return base;
}

/* Names that differ in case only are one name on many cards and sticks. */
static char *
fold (const char *stem)
{
  g_autofree char *valid = g_utf8_make_valid (stem, -1);

  return g_utf8_casefold (valid, -1);
}

/* Each file is called after its picture. Of several with one name the first keeps it, the others
 * are numbered, past all names that pictures of this batch have: what a file is called depends on
 * the list alone. */
static void
name_files (RtkCtlOutputs *self, GPtrArray *jobs)
{
  g_autoptr (GHashTable) owners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  self->stems = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < jobs->len; i++) {
    RtkCtlJob *job = g_ptr_array_index (jobs, i);
    char      *stem = dup_natural_stem (job->path);
    char      *key = fold (stem);

    g_ptr_array_add (self->stems, stem);
    if (job->error != NULL || g_hash_table_contains (owners, key))
      g_free (key);
    else
      g_hash_table_insert (owners, key, job);
  }
  for (guint i = 0; i < jobs->len; i++) {
    RtkCtlJob       *job = g_ptr_array_index (jobs, i);
    char           **stem = (char **)&g_ptr_array_index (self->stems, i);
    g_autofree char *natural = g_strdup (*stem);
    g_autofree char *natural_key = fold (natural);
    RtkCtlJob       *owner = g_hash_table_lookup (owners, natural_key);
    char            *key = NULL;

    if (owner == job || job->error != NULL)
      continue;
    for (guint n = 2; key == NULL; n++) {
      g_free (*stem);
      *stem = g_strdup_printf ("%s-%u", natural, n);
      key = fold (*stem);
      if (g_hash_table_contains (owners, key))
        g_clear_pointer (&key, g_free);
    }
    g_hash_table_insert (owners, key, job);
    rtk_ctl_say (_ ("retakectl: %s: becomes %s%s, as %s has that name already"), job->path, *stem,
                 RTK_CTL_PHOTO_ENDING, owner->path);
  }
}

static gboolean
check_folders (const RtkCtlOutputs *self, GError **error)
{
  const char *const outputs[] = {self->photo, self->certificate, self->report, self->alpha};

  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    if (outputs[i] != NULL && !g_file_test (outputs[i], G_FILE_TEST_IS_DIR)) {
      g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                   _ ("“%s” is not a folder: make it first, each file gets its own name in it."),
                   outputs[i]);
      return FALSE;
    }
  return TRUE;
}

/* A single photo: one name for two of its files would leave only the last. */
static gboolean
check_distinct (const RtkCtlOutputs *self, GError **error)
{
  const char *const outputs[] = {self->photo, self->certificate, self->report, self->alpha};

  for (gsize i = 0; i < G_N_ELEMENTS (outputs); i++)
    for (gsize k = 0; k < i; k++)
      if (outputs[i] != NULL && g_strcmp0 (outputs[i], outputs[k]) == 0) {
        g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                             _ ("Photo, certificate, report and alpha need a file each: give them "
                                "other names."));
        return FALSE;
      }
  return TRUE;
}

/* No original is ever written over, however a command line was mistyped. */
static gboolean
check_originals (const RtkCtlOutputs *self, GPtrArray *jobs, GError **error)
{
  const struct {
    const char *where;
    const char *ending;
  } parts[] = {{self->photo, RTK_CTL_PHOTO_ENDING},
               {self->certificate, RTK_CTL_CERTIFICATE_ENDING},
               {self->report, RTK_CTL_REPORT_ENDING},
               {self->alpha, RTK_CTL_ALPHA_ENDING}};
  g_autoptr (GHashTable) originals = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < jobs->len; i++) {
    RtkCtlJob *job = g_ptr_array_index (jobs, i);
    char      *identity = rtk_ctl_file_identity (job->path);

    if (identity != NULL)
      g_hash_table_add (originals, identity);
  }
  for (guint i = 0; i < jobs->len; i++)
    for (gsize k = 0; k < G_N_ELEMENTS (parts); k++) {
      g_autofree char *path = NULL;
      g_autofree char *identity = NULL;

      if (parts[k].where == NULL)
        continue;
      path = rtk_ctl_outputs_dup_path (self, parts[k].where, parts[k].ending, i);
      identity = rtk_ctl_file_identity (path);
      if (identity != NULL && g_hash_table_contains (originals, identity)) {
        g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                     _ ("“%s” is one of the pictures themselves: write to another place."), path);
        return FALSE;
      }
    }
  return TRUE;
}

/**
 * rtk_ctl_outputs_plan:
 * @self: where to write, without @stems
 * @jobs: (element-type RtkCtlJob): the pictures
 * @is_batch: whether the outputs are folders
 * @error: return location for %RTK_ERROR_USAGE
 *
 * Gives every file its name before the first is made, and says so where it is not the picture's
 * own.
 *
 * Fails when a folder is not there (a typing error makes none), or when an original would be
 * written over.
 *
 * Returns: whether the batch can begin
 */
gboolean
rtk_ctl_outputs_plan (RtkCtlOutputs *self, GPtrArray *jobs, gboolean is_batch, GError **error)
{
  if (is_batch) {
    if (!check_folders (self, error))
      return FALSE;
    name_files (self, jobs);
  } else if (!check_distinct (self, error)) {
    return FALSE;
  }
  return check_originals (self, jobs, error);
}

/**
 * rtk_ctl_outputs_clear:
 * @self: where to write
 *
 * Frees what @self holds.
 */
void
rtk_ctl_outputs_clear (RtkCtlOutputs *self)
{
  g_free (self->photo);
  g_free (self->certificate);
  g_free (self->report);
  g_free (self->alpha);
  g_clear_pointer (&self->stems, g_ptr_array_unref);
}

/**
 * rtk_ctl_outputs_dup_path:
 * @self: what was planned
 * @where: one of the three places of @self
 * @ending: what such files end with in a folder
 * @job: number of the picture
 *
 * Returns: (transfer full): the file to write
 */
char *
rtk_ctl_outputs_dup_path (const RtkCtlOutputs *self,
                          const char          *where,
                          const char          *ending,
                          guint                job)
{
  g_autofree char *name = NULL;

  if (self->stems == NULL)
    return g_strdup (where);
  name = g_strconcat (g_ptr_array_index (self->stems, job), ending, NULL);
  return g_build_filename (where, name, NULL);
}
