/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "session/rtk-sync-session.h"

G_BEGIN_DECLS

/**
 * RtkSyncFinished:
 * @counts: what was done
 * @attention: operations that a person must look at
 * @complete: whether everything had its turn and the feed was read to its end
 * @error: (nullable): what ended the round early, else the trouble of the last operation that was
 *   put off
 * @user_data: what was given with it
 *
 * The round is over.
 */
typedef void (*RtkSyncFinished) (const RtkSyncCounts *counts,
                                 guint                attention,
                                 gboolean             complete,
                                 const GError        *error,
                                 gpointer             user_data);

/* One round: the outbox is sent, then the feed is read. Every step is a call of an interface, so
 * the main thread never waits. */
typedef struct _RtkSyncRound RtkSyncRound;

RtkSyncRound *rtk_sync_round_start (RtkStore       *store,
                                    RtkVault       *vault,
                                    RtkTransport   *transport,
                                    const char     *epoch,
                                    gboolean        recover,
                                    RtkSyncFinished finished,
                                    gpointer        user_data,
                                    GDestroyNotify  free_user_data);
const char   *rtk_sync_round_get_epoch (RtkSyncRound *self);
void          rtk_sync_round_cancel (RtkSyncRound *self);
RtkSyncRound *rtk_sync_round_ref (RtkSyncRound *self);
void          rtk_sync_round_unref (RtkSyncRound *self);

/* The steps, shared by rtk-sync-round.c and rtk-sync-push.c. */
typedef void (*RtkSyncNext) (RtkSyncRound *self);

/* One operation on its way. */
typedef struct {
  RtkOutboxItem *item;    /* (unowned): in the round's list */
  GPtrArray     *blobs;   /* (owned) (element-type char*): to be uploaded before it */
  guint          n_sent;  /* of @blobs */
  gboolean       again;   /* the server asked for its photos once already */
  gboolean       settled; /* answered in the push that runs */
} RtkSyncItem;

/* One write to the store: the answer of the server, or a new state. */
typedef struct {
  RtkResult        *result; /* (owned) (nullable) */
  char             *id;     /* (owned) */
  RtkOperationState state;
  char             *error; /* (owned) (nullable) */
} RtkSyncWrite;

struct _RtkSyncRound {
  RtkStore       *store;       /* (owned) */
  RtkVault       *vault;       /* (owned) */
  RtkTransport   *transport;   /* (owned) */
  GCancellable   *cancellable; /* (owned) */
  char           *epoch;       /* (owned) (nullable) */
  char           *cursor;      /* (owned) (nullable): of the pull that runs */
  gboolean        pulled;      /* the feed was read to its end */
  RtkSyncFinished finished;
  gpointer        user_data; /* (owned) */
  GDestroyNotify  free_user_data;

  RtkSyncCounts counts;
  guint         attention;
  GError       *failure;    /* (owned) (nullable): ends the round */
  GError       *last_error; /* (owned) (nullable): of one operation: the round goes on */

  GPtrArray  *listed;  /* (owned) (nullable) (element-type RtkOutboxItem): of this pass */
  GHashTable *tried;   /* (owned) (element-type char*): ids that had their turn in this round */
  GPtrArray  *items;   /* (owned) (element-type RtkSyncItem): of this pass */
  guint       current; /* whose photos are sent */
  GPtrArray *gathered; /* (owned) (element-type RtkSyncItem) (unowned): photos sent, to be pushed */
  GPtrArray *batch;    /* (owned) (element-type RtkSyncItem) (unowned): being pushed */
  GQueue     batches;  /* (element-type GPtrArray): to be pushed */
  GQueue     writes;   /* (element-type RtkSyncWrite) */
  RtkSyncNext after_writes;
};

void rtk_sync_round_write (RtkSyncRound     *self,
                           const char       *id,
                           RtkOperationState state,
                           const char       *error);
void rtk_sync_round_run_writes (RtkSyncRound *self, RtkSyncNext next);
void rtk_sync_round_end (RtkSyncRound *self, GError *error);
void rtk_sync_round_pull (RtkSyncRound *self);
/* rtk-sync-push.c */
void rtk_sync_push_start (RtkSyncRound *self);
void rtk_sync_item_free (gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkSyncRound, rtk_sync_round_unref)

G_END_DECLS
