/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "capture/rtk-gst-camera.h"
#include "session/rtk-retake-session.h"
#include "session/rtk-status.h"
#include "session/rtk-sync-session.h"
#include "store/rtk-sqlite-store.h"

G_BEGIN_DECLS

#define RTK_TYPE_STATION (rtk_station_get_type ())

/* All adapters and sessions of one data folder, and the order in which they begin and end. */
G_DECLARE_FINAL_TYPE (RtkStation, rtk_station, RTK, STATION, GObject)

RtkStation *rtk_station_new (const char *folder,
                             const char *models_dir,
                             GError    **error) G_GNUC_WARN_UNUSED_RESULT;
void rtk_station_open_async (RtkStation *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean rtk_station_open_finish (RtkStation *self, GAsyncResult *result, GError **error);
gboolean rtk_station_connect (RtkStation *self, const char *url, GError **error);
gboolean rtk_station_use_camera (RtkStation *self, const char *id, GError **error);
void
rtk_station_shutdown_async (RtkStation *self, GAsyncReadyCallback callback, gpointer user_data);

const char       *rtk_station_get_folder (RtkStation *self);
RtkSqliteStore   *rtk_station_get_store (RtkStation *self);
RtkCamera        *rtk_station_get_camera (RtkStation *self);
RtkAnalyser      *rtk_station_get_analyser (RtkStation *self);
RtkRulePack      *rtk_station_get_pack (RtkStation *self);
RtkRetakeSession *rtk_station_get_retake (RtkStation *self);
RtkSyncSession   *rtk_station_get_sync (RtkStation *self);
RtkStatus        *rtk_station_get_status (RtkStation *self);

G_END_DECLS
