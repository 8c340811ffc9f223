/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-attempt.h"
#include "session/rtk-session-state.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * RtkSubject:
 * @order: (owned): as it is known now
 * @order_id: (owned): never changes
 * @attempts: (owned) (element-type RtkAttempt): in the order they were taken
 * @chosen: (owned) (nullable): the attempt that is looked at
 * @overrides: (owned) (nullable) (element-type RtkOverride): accepted by name for this person
 * @old_photo: (owned) (nullable): JPEG of the earlier photo
 * @old_photo_state: where it stands
 * @n_taken: attempts ever taken
 * @cancellable: (owned): ends what runs for this person only
 *
 * One person in front of the camera, and all that belongs to nobody else. Counted: what is under
 * way holds it, so that a result always knows whose it is.
 */
typedef struct {
  RtkOrder        *order;
  char            *order_id;
  GPtrArray       *attempts;
  RtkAttempt      *chosen;
  GPtrArray       *overrides;
  GBytes          *old_photo;
  RtkOldPhotoState old_photo_state;
  guint            n_taken;
  GCancellable    *cancellable;
} RtkSubject;

RtkSubject *rtk_subject_new (RtkOrder *order) G_GNUC_WARN_UNUSED_RESULT;
RtkSubject *rtk_subject_ref (RtkSubject *self);
void        rtk_subject_unref (RtkSubject *self);

const RtkOverride *rtk_subject_find_override (RtkSubject *self, RtkCheckId check);
RtkSubmission     *rtk_subject_get_rejected (RtkSubject *self);
const char        *rtk_subject_get_old_photo_name (RtkSubject *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkSubject, rtk_subject_unref)

G_END_DECLS
