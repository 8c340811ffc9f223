/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-session"
#include "config.h"

#include "session/rtk-subject-private.h"

static void
subject_clear (gpointer data)
{
  RtkSubject *self = data;

  g_object_unref (self->order);
  g_free (self->order_id);
  g_ptr_array_unref (self->attempts);
  g_clear_object (&self->chosen);
  g_clear_pointer (&self->overrides, g_ptr_array_unref);
  g_clear_pointer (&self->old_photo, g_bytes_unref);
  g_object_unref (self->cancellable);
}

/**
 * rtk_subject_new:
 * @order: the order that was opened; a reference is taken
 *
 * Begins with a person.
 *
 * Returns: (transfer full): a new subject without attempts
 */
RtkSubject *
rtk_subject_new (RtkOrder *order)
{
  RtkSubject *self = g_rc_box_new0 (RtkSubject);

  self->order = g_object_ref (order);
  self->order_id = g_strdup (rtk_order_get_id (order));
  self->attempts = g_ptr_array_new_with_free_func (g_object_unref);
  self->cancellable = g_cancellable_new ();
  return self;
}

/**
 * rtk_subject_ref:
 * @self: a subject
 *
 * Returns: (transfer full): @self with one more reference
 */
RtkSubject *
rtk_subject_ref (RtkSubject *self)
{
  return g_rc_box_acquire (self);
}

/**
 * rtk_subject_unref:
 * @self: (transfer full): a subject
 *
 * Gives a reference back; the last one lets the photos go.
 */
void
rtk_subject_unref (RtkSubject *self)
{
  g_rc_box_release_full (self, subject_clear);
}

/**
 * rtk_subject_find_override:
 * @self: a subject
 * @check: a check that fails
 *
 * Looks for the acceptance of @check. It counts only with a reason and a name.
 *
 * Returns: (transfer none) (nullable): who accepted it and why
 */
const RtkOverride *
rtk_subject_find_override (RtkSubject *self, RtkCheckId check)
{
  for (guint i = 0; self->overrides != NULL && i < self->overrides->len; i++) {
    const RtkOverride *override = g_ptr_array_index (self->overrides, i);

    if (override->check == check && override->reason != NULL && *override->reason != '\0' &&
        override->by != NULL && *override->by != '\0')
      return override;
  }
  return NULL;
}

/**
 * rtk_subject_get_rejected:
 * @self: a subject
 *
 * Finds the submission whose reasons the retake must mend: the newest that was rejected.
 *
 * Returns: (transfer none) (nullable): that submission
 */
RtkSubmission *
rtk_subject_get_rejected (RtkSubject *self)
{
  GPtrArray *submissions = rtk_order_get_submissions (self->order);

  for (guint i = 0; submissions != NULL && i < submissions->len; i++) {
    RtkSubmission *submission = g_ptr_array_index (submissions, i);

    if (rtk_submission_get_state (submission) == RTK_SUBMISSION_REJECTED)
      return submission;
  }
  return NULL;
}

/**
 * rtk_subject_get_old_photo_name:
 * @self: a subject
 *
 * Finds the photo to show beside the live view: of the rejected submission, else of the current
 * one; the finished file, else the original.
 *
 * Returns: (transfer none) (nullable): SHA-256 of it in hexadecimal
 */
const char *
rtk_subject_get_old_photo_name (RtkSubject *self)
{
  RtkSubmission *submission = rtk_subject_get_rejected (self);
  const char    *name;

  if (submission == NULL)
    submission = rtk_order_get_current_submission (self->order);
  if (submission == NULL)
    return NULL;
  name = rtk_submission_get_delivered (submission);
  return name != NULL ? name : rtk_submission_get_original (submission);
}
