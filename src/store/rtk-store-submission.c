/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-id.h"
#include "core/rtk-report.h"
#include "store/rtk-store-state-private.h"

#include <string.h>

enum {
  PART_ORIGINAL,
  PART_ALPHA,
  PART_DELIVERED,
  PART_CERTIFICATE,
  PART_REPORT,
  N_PARTS,
};

/* Roles of the photos of an attempt: the members of the operation's body that name them. */
const char *const rtk_store_submission_roles[] = {
    [PART_ORIGINAL] = "original",       [PART_ALPHA] = "alpha",   [PART_DELIVERED] = "delivered",
    [PART_CERTIFICATE] = "certificate", [PART_REPORT] = "report", [N_PARTS] = NULL,
};

/* All that one submission consists of, before it is written. */
typedef struct {
  char          *id;
  RtkBlob        certificate;
  RtkBlob        report;
  const RtkBlob *parts[N_PARTS]; /* (unowned): of the photo, or of the two above */
  RtkOperation  *operation;
} Submission;

static void
submission_clear (Submission *self)
{
  g_free (self->id);
  rtk_blob_clear (&self->certificate);
  rtk_blob_clear (&self->report);
  g_clear_object (&self->operation);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Submission, submission_clear)

static gboolean
make_certificate (RtkStoreState *self, RtkPhoto *photo, RtkBlob *out_blob, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (!rtk_certificate_is_signed (photo->certificate) &&
      !rtk_certificate_sign (photo->certificate, RTK_SIGNER (self->signer), error))
    return FALSE;
  bytes = rtk_certificate_to_bytes (photo->certificate);
  if (bytes == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BACKEND, "a certificate cannot be written");
    return FALSE;
  }
  rtk_blob_init (out_blob, bytes, "application/json");
  return TRUE;
}

static void
make_report (RtkPhoto *photo, RtkBlob *out_blob)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GBytes) bytes = NULL;
  char *text;

  node =
      photo->report != NULL ? rtk_report_to_json (photo->report) : json_node_new (JSON_NODE_NULL);
  text = json_to_string (node, FALSE);

  bytes = g_bytes_new_take (text, strlen (text));
  rtk_blob_init (out_blob, bytes, "application/json");
}

static gboolean
submission_init (Submission    *submission,
                 RtkStoreState *self,
                 RtkOrder      *order,
                 RtkPhoto      *photo,
                 GPtrArray     *overrides,
                 const char    *actor,
                 GError       **error)
{
  gint64           now = rtk_clock_now (self->clock);
  g_autofree char *operation_id = rtk_id_new (now);
  g_autoptr (JsonNode) body = NULL;

  submission->id = rtk_id_new (now);
  if (!make_certificate (self, photo, &submission->certificate, error))
    return FALSE;
  make_report (photo, &submission->report);
  submission->parts[PART_ORIGINAL] = &photo->original;
  submission->parts[PART_ALPHA] = &photo->alpha;
  submission->parts[PART_DELIVERED] = &photo->delivered;
  submission->parts[PART_CERTIFICATE] = &submission->certificate;
  submission->parts[PART_REPORT] = &submission->report;
  body = rtk_submission_body_new (submission->id, photo, submission->certificate.sha256,
                                  submission->report.sha256, overrides);
  submission->operation = rtk_operation_new (
      operation_id, RTK_OPERATION_SUBMIT, rtk_order_get_id (order), rtk_order_get_revision (order),
      now, self->station_id, actor, body, RTK_SIGNER (self->signer), error);
  return submission->operation != NULL;
}

static gboolean
insert_rows (RtkStoreState    *self,
             const Submission *submission,
             GPtrArray        *written,
             gint64            release_at,
             GError          **error)
{
  RtkOperation *operation = submission->operation;

  if (!rtk_store_outbox_insert (self, operation, release_at, error) ||
      !rtk_store_blobs_insert (self, written, TRUE, error) ||
      !rtk_db_run (self->db, error,
                   "INSERT INTO attempts(id, order_id, operation_id, created_at)"
                   " VALUES(?, ?, ?, ?)",
                   "sssi", submission->id, rtk_operation_get_order_id (operation),
                   rtk_operation_get_id (operation), rtk_operation_get_created_at (operation)))
    return FALSE;
  for (guint i = 0; i < N_PARTS; i++) {
    g_autofree char *name = rtk_store_blobs_dup_name (self, submission->parts[i]->sha256);

    if (!rtk_db_run (self->db, error,
                     "INSERT INTO attempt_blobs(attempt_id, role, blob) VALUES(?, ?, ?)", "sss",
                     submission->id, rtk_store_submission_roles[i], name))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_submission (RtkStoreState    *self,
                  const Submission *submission,
                  gint64            release_at,
                  GError          **error)
{
  g_autoptr (GPtrArray) written = rtk_store_blobs_write (self, submission->parts, N_PARTS, error);

  if (written == NULL || !rtk_db_begin (self->db, error))
    return FALSE;
  if (insert_rows (self, submission, written, release_at, error))
    return rtk_db_commit (self->db, error);
  rtk_db_roll_back (self->db);
  return FALSE;
}

/**
 * rtk_store_submission_commit:
 * @self: an unlocked state that may write
 * @order: whose photo it is
 * @photo: the photo; its certificate is signed if it is not yet
 * @overrides: (nullable) (element-type RtkOverride): rules a person accepted
 * @actor: name of the member of staff
 * @release_at: microseconds since 1970: held until then
 * @error: %RTK_ERROR_LOCKED, %RTK_ERROR_BAD_STATE before the station is enrolled,
 *   %RTK_ERROR_DISK_FULL, %RTK_ERROR_READ_ONLY, %RTK_ERROR_STORAGE
 *
 * Puts the photo into the vault, then its rows, the attempt and the signed operation into the
 * database in one transaction. When it fails nothing is left of it.
 *
 * Returns: (transfer full): the operation, on disk; or %NULL
 */
RtkOperation *
rtk_store_submission_commit (RtkStoreState *self,
                             RtkOrder      *order,
                             RtkPhoto      *photo,
                             GPtrArray     *overrides,
                             const char    *actor,
                             gint64         release_at,
                             GError       **error)
{
  g_auto (Submission) submission = {0};

  if (!rtk_store_state_require (self, TRUE, error))
    return NULL;
  if (self->station_id == NULL) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_BAD_STATE, "the station is not enrolled yet");
    return NULL;
  }
  if (!submission_init (&submission, self, order, photo, overrides, actor, error))
    return NULL;
  if (!write_submission (self, &submission, release_at, error)) {
    rtk_store_blobs_tidy (self);
    return NULL;
  }
  return g_steal_pointer (&submission.operation);
}
