/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-camera.h"
#include "core/rtk-clock.h"
#include "core/rtk-store.h"
#include "core/rtk-transport.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Below these many free bytes the disk light warns, and is bad. */
#define RTK_STATUS_DISK_WARN (G_GINT64_CONSTANT (2) * 1024 * 1024 * 1024)
#define RTK_STATUS_DISK_BAD (G_GINT64_CONSTANT (256) * 1024 * 1024)

typedef enum {
  RTK_LIGHT_CAMERA,
  RTK_LIGHT_SERVER,
  RTK_LIGHT_OUTBOX,
  RTK_LIGHT_DISK,
  RTK_N_LIGHTS
} RtkLightKind;

/**
 * RtkLightLevel:
 * @RTK_LIGHT_OFF: not in use
 * @RTK_LIGHT_OK: all well
 * @RTK_LIGHT_BUSY: at work, nothing to do
 * @RTK_LIGHT_WARN: goes on, but look at it
 * @RTK_LIGHT_BAD: something does not work until somebody acts
 *
 * In the order of urgency.
 */
typedef enum {
  RTK_LIGHT_OFF,
  RTK_LIGHT_OK,
  RTK_LIGHT_BUSY,
  RTK_LIGHT_WARN,
  RTK_LIGHT_BAD,
} RtkLightLevel;

/* What a light says; the widgets have the words and what to do. */
typedef enum {
  RTK_LIGHT_MESSAGE_NONE,
  RTK_LIGHT_MESSAGE_CAMERA_OFF,
  RTK_LIGHT_MESSAGE_CAMERA_STARTING,
  RTK_LIGHT_MESSAGE_CAMERA_LIVE,
  RTK_LIGHT_MESSAGE_CAMERA_LOST,
  RTK_LIGHT_MESSAGE_CAMERA_BUSY,
  RTK_LIGHT_MESSAGE_CAMERA_NONE,
  RTK_LIGHT_MESSAGE_CAMERA_FAILED,
  RTK_LIGHT_MESSAGE_SERVER_NONE,
  RTK_LIGHT_MESSAGE_SERVER_SIGNED_OUT,
  RTK_LIGHT_MESSAGE_SERVER_ONLINE,
  RTK_LIGHT_MESSAGE_SERVER_OFFLINE,
  RTK_LIGHT_MESSAGE_OUTBOX_EMPTY,
  RTK_LIGHT_MESSAGE_OUTBOX_SENDING,
  RTK_LIGHT_MESSAGE_OUTBOX_WAITING,
  RTK_LIGHT_MESSAGE_OUTBOX_ATTENTION,
  RTK_LIGHT_MESSAGE_DISK_OK,
  RTK_LIGHT_MESSAGE_DISK_LOW,
  RTK_LIGHT_MESSAGE_DISK_FULL,
  RTK_LIGHT_MESSAGE_DISK_UNKNOWN,
  RTK_N_LIGHT_MESSAGES
} RtkLightMessage;

#define RTK_TYPE_LIGHT (rtk_light_get_type ())

/* One status light. Properties (read-only): "kind" (int of RtkLightKind), "level" (int of
 * RtkLightLevel), "message" (int of RtkLightMessage), "value" (gint64: operations of the outbox,
 * free bytes of the disk, wall clock since when the server is away; else 0), "name" (char*,
 * nullable: of the camera, or who is signed in). */
G_DECLARE_FINAL_TYPE (RtkLight, rtk_light, RTK, LIGHT, GObject)

RtkLightKind    rtk_light_get_kind (RtkLight *self);
RtkLightLevel   rtk_light_get_level (RtkLight *self);
RtkLightMessage rtk_light_get_message (RtkLight *self);
gint64          rtk_light_get_value (RtkLight *self);
const char     *rtk_light_get_name (RtkLight *self);

/**
 * RtkFreeSpaceFunc:
 * @folder: the data folder
 * @cancellable: ends the query
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Starts asking how much space is free, without blocking. @callback gets a #GTask that returns the
 * free bytes by g_task_propagate_int().
 */
typedef void (*RtkFreeSpaceFunc) (GFile              *folder,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data);

#define RTK_TYPE_STATUS (rtk_status_get_type ())

/* The lights of the header bar: a GListModel of RtkLight, one a kind, always the same four objects.
 * Properties (read-only): "level" (int of RtkLightLevel: the worst of the four), "n-items". */
G_DECLARE_FINAL_TYPE (RtkStatus, rtk_status, RTK, STATUS, GObject)

RtkStatus *rtk_status_new (RtkCamera       *camera,
                           RtkStore        *store,
                           RtkTransport    *transport,
                           RtkClock        *clock,
                           GFile           *data_folder,
                           RtkFreeSpaceFunc free_space) G_GNUC_WARN_UNUSED_RESULT;
RtkLight  *rtk_status_get_light (RtkStatus *self, RtkLightKind kind);
/* Operations that a person must look at, from the sync session. */
void rtk_status_set_attention (RtkStatus *self, guint n_operations);
/* Asks for the free space now; done by itself every 10 s. */
void rtk_status_check_disk (RtkStatus *self);

G_END_DECLS
