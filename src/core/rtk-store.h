/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-operation.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * RtkChangePage:
 * @epoch: the server's epoch; a new one means: it was restored, start again from nothing
 * @cursor: where the next page begins
 * @orders: (element-type RtkOrder): orders as they are now, each at most once
 * @more: whether there is a next page already
 *
 * One page of the server's ordered feed.
 */
typedef struct {
  char      *epoch;
  char      *cursor;
  GPtrArray *orders;
  gboolean   more;
} RtkChangePage;

RtkChangePage *rtk_change_page_from_json (JsonNode *node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_change_page_free (RtkChangePage *self);

/**
 * RtkOutboxItem:
 * @operation: what is to be sent
 * @state: where it stands
 * @blobs: (element-type char*): SHA-256 of the photos not yet on the server, to be sent first
 * @tries: how often it was tried
 * @last_error: (nullable): the last failure, English
 * @release_at: microseconds since 1970; held until then
 * @next_try_at: microseconds since 1970; after a failure not tried again before then, 0 = now
 *
 * One entry of the outbox.
 */
typedef struct {
  RtkOperation     *operation;
  RtkOperationState state;
  GPtrArray        *blobs;
  guint             tries;
  char             *last_error;
  gint64            release_at;
  gint64            next_try_at;
} RtkOutboxItem;

RtkOutboxItem *rtk_outbox_item_new (RtkOperation     *operation,
                                    RtkOperationState state) G_GNUC_WARN_UNUSED_RESULT;
void           rtk_outbox_item_free (RtkOutboxItem *self);

/**
 * RtkOrderFilter:
 * @search: (nullable): part of a masked name, or the beginning of an order number
 * @school: (nullable): exactly this school
 * @needs_retake: only orders whose current submission is rejected and that may be retaken
 * @reason: with this reason of rejection; RTK_N_REASONS = any
 * @limit: at most so many, newest first; 0 = all
 */
typedef struct {
  const char *search;
  const char *school;
  gboolean    needs_retake;
  RtkReason   reason;
  guint       limit;
} RtkOrderFilter;

#define RTK_TYPE_STORE (rtk_store_get_type ())

/* The station's own memory. Called from the main thread, works on a thread of its own, answers on
 * the main thread. What is acknowledged is on disk.
 *
 * Properties: "outbox-length" (guint): operations not done yet, held ones included.
 * Signals: "orders-changed" (); "outbox-changed" (). */
G_DECLARE_INTERFACE (RtkStore, rtk_store, RTK, STORE, GObject)

/**
 * RtkStoreInterface:
 *
 * Every call has its `_finish`; those returning nothing but success share @done_finish.
 *
 * @list_orders_async: (answer: GPtrArray of RtkOrder) by filter
 * @get_order_async: (answer: RtkOrder) by id
 * @find_code_async: (answer: RtkOrder) by collection code, through its digest
 * @apply_changes_async: writes a page and its cursor in one transaction
 * @get_cursor_async: (answer: char*, "" at first) where pulling goes on
 * @commit_submission_async: (answer: RtkOperation) blobs to the vault, then attempt, photo rows and
 *   signed operation in one transaction; held until @release_at
 * @undo_async: removes a held operation; %RTK_ERROR_BAD_STATE once released
 * @release_async: lets all held operations go now
 * @list_outbox_async: (answer: GPtrArray of RtkOutboxItem); @ready_only: those that may be sent now
 * @set_outbox_async: records the new state of one operation (and its last error)
 * @settle_async: applies the server's answer to one operation: state, and the order it carries
 * @mark_uploaded_async: a photo is on the server, its checksum matched
 * @put_blob_async: keeps a downloaded photo in the vault
 * @set_station_async: keeps what enrolment gave: the station's id and K_station, the key of code
 *   digests (32 bytes), encrypted
 */
struct _RtkStoreInterface {
  GTypeInterface parent_iface;

  void (*list_orders_async) (RtkStore             *self,
                             const RtkOrderFilter *filter,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data);
  GPtrArray *(*list_orders_finish) (RtkStore *self, GAsyncResult *result, GError **error);
  void (*get_order_async) (RtkStore           *self,
                           const char         *id,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
  void (*find_code_async) (RtkStore           *self,
                           const char         *code,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
  RtkOrder *(*order_finish) (RtkStore *self, GAsyncResult *result, GError **error);
  void (*apply_changes_async) (RtkStore            *self,
                               const RtkChangePage *page,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
  void (*get_cursor_async) (RtkStore           *self,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data);
  char *(*get_cursor_finish) (RtkStore *self, GAsyncResult *result, GError **error);
  void (*commit_submission_async) (RtkStore           *self,
                                   RtkOrder           *order,
                                   RtkPhoto           *photo,
                                   GPtrArray          *overrides,
                                   const char         *actor,
                                   gint64              release_at,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
  RtkOperation *(*commit_submission_finish) (RtkStore *self, GAsyncResult *result, GError **error);
  void (*undo_async) (RtkStore           *self,
                      const char         *operation_id,
                      GCancellable       *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer            user_data);
  void (*release_async) (RtkStore           *self,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data);
  void (*list_outbox_async) (RtkStore           *self,
                             gboolean            ready_only,
                             guint               limit,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data);
  GPtrArray *(*list_outbox_finish) (RtkStore *self, GAsyncResult *result, GError **error);
  void (*set_outbox_async) (RtkStore           *self,
                            const char         *operation_id,
                            RtkOperationState   state,
                            const char         *last_error,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data);
  void (*settle_async) (RtkStore           *self,
                        const RtkResult    *result,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data);
  void (*mark_uploaded_async) (RtkStore           *self,
                               const char         *sha256,
                               GCancellable       *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer            user_data);
  void (*put_blob_async) (RtkStore           *self,
                          const RtkBlob      *blob,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data);
  void (*set_station_async) (RtkStore           *self,
                             const char         *station_id,
                             GBytes             *code_key,
                             GCancellable       *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer            user_data);
  gboolean (*done_finish) (RtkStore *self, GAsyncResult *result, GError **error);
};

void       rtk_store_list_orders_async (RtkStore             *self,
                                        const RtkOrderFilter *filter,
                                        GCancellable         *cancellable,
                                        GAsyncReadyCallback   callback,
                                        gpointer              user_data);
GPtrArray *rtk_store_list_orders_finish (RtkStore *self, GAsyncResult *result, GError **error);
void       rtk_store_get_order_async (RtkStore           *self,
                                      const char         *id,
                                      GCancellable       *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data);
void       rtk_store_find_code_async (RtkStore           *self,
                                      const char         *code,
                                      GCancellable       *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer            user_data);
RtkOrder  *rtk_store_order_finish (RtkStore *self, GAsyncResult *result, GError **error);
void       rtk_store_apply_changes_async (RtkStore            *self,
                                          const RtkChangePage *page,
                                          GCancellable        *cancellable,
                                          GAsyncReadyCallback  callback,
                                          gpointer             user_data);
void       rtk_store_get_cursor_async (RtkStore           *self,
                                       GCancellable       *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer            user_data);
char      *rtk_store_get_cursor_finish (RtkStore *self, GAsyncResult *result, GError **error);
void       rtk_store_commit_submission_async (RtkStore           *self,
                                              RtkOrder           *order,
                                              RtkPhoto           *photo,
                                              GPtrArray          *overrides,
                                              const char         *actor,
                                              gint64              release_at,
                                              GCancellable       *cancellable,
                                              GAsyncReadyCallback callback,
                                              gpointer            user_data);
RtkOperation      *
rtk_store_commit_submission_finish (RtkStore *self, GAsyncResult *result, GError **error);
void rtk_store_undo_async (RtkStore           *self,
                           const char         *operation_id,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data);
void rtk_store_release_async (RtkStore           *self,
                              GCancellable       *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer            user_data);
void rtk_store_list_outbox_async (RtkStore           *self,
                                  gboolean            ready_only,
                                  guint               limit,
                                  GCancellable       *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer            user_data);
GPtrArray *rtk_store_list_outbox_finish (RtkStore *self, GAsyncResult *result, GError **error);
void       rtk_store_set_outbox_async (RtkStore           *self,
                                       const char         *operation_id,
                                       RtkOperationState   state,
                                       const char         *last_error,
                                       GCancellable       *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer            user_data);
void       rtk_store_settle_async (RtkStore           *self,
                                   const RtkResult    *result,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data);
void       rtk_store_mark_uploaded_async (RtkStore           *self,
                                          const char         *sha256,
                                          GCancellable       *cancellable,
                                          GAsyncReadyCallback callback,
                                          gpointer            user_data);
void       rtk_store_put_blob_async (RtkStore           *self,
                                     const RtkBlob      *blob,
                                     GCancellable       *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer            user_data);
void       rtk_store_set_station_async (RtkStore           *self,
                                        const char         *station_id,
                                        GBytes             *code_key,
                                        GCancellable       *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer            user_data);
gboolean   rtk_store_done_finish (RtkStore *self, GAsyncResult *result, GError **error);
guint      rtk_store_get_outbox_length (RtkStore *self);
/* For implementations. */
void rtk_store_emit_orders_changed (RtkStore *self);
void rtk_store_emit_outbox_changed (RtkStore *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkChangePage, rtk_change_page_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkOutboxItem, rtk_outbox_item_free)

G_END_DECLS
