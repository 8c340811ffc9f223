/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "server/rtk-server-db.h"
#include "server/rtk-server-json.h"
#include "server/rtk-server-keys.h"

G_BEGIN_DECLS

/**
 * RtkServerConfig:
 * @data: the data folder
 * @database: (nullable): "postgresql://..."; %NULL = SQLite in the data folder
 * @access_seconds: how long an access token lives
 * @refresh_seconds: how long a session can be refreshed
 * @unpaid_seconds: after how long an unpaid order is closed
 * @hold_seconds: how long a refund is held after a rejection, so that an undo is real
 * @lease_seconds: how long a reviewer keeps an item without touching it
 * @sample_percent: how many first verdicts of a hundred a second reviewer must confirm
 * @gold_percent: how many items of a hundred in a claim are photos whose verdict is known
 * @price_fen: what an order costs, in 1/100 yuan
 * @is_public: whether other machines can call
 * @provider: (nullable): "sandbox", "webhook" or "none"; %NULL = webhook when there is one, else
 *   sandbox unless other machines can call
 * @provider_secret: (nullable): what the provider signs its callbacks with
 * @webhook_url: (nullable): where effects are sent; %NULL = the provider's sandbox does them, or
 *   they stay due
 * @webhook_secret: (nullable): what they are signed with
 * @webhook_timeout_seconds: how long an answer is waited for
 * @webhook_retry_seconds: until the first retry; doubled for each further one
 * @rules: (nullable): id of the rule pack that the online side shows
 * @rules_folder: (nullable): where packs lie beside those of the program
 * @idle_seconds: after how long a connection on which nothing moves is closed
 * @max_body: bytes of a JSON body
 * @max_upload: bytes of a photo
 * @max_page: orders in a page of the feed, operations in a batch, items in a claim
 * @metrics_token: (nullable): with which GET /metrics answers other machines
 * @upload_seconds: after how long without a new part an upload is given up
 * @thumbnail_seconds: a picture that takes longer to decode has no thumbnail for now
 * @quota_files: uploads of a graduate that no submission has; 0 here and below is no limit
 * @quota_bytes: bytes of these
 * @hint_ms: between two hints to the same WebSocket
 * @ping_seconds: between two pings to a WebSocket
 * @max_sockets: WebSockets at a time; 0 here and below is no limit
 * @max_own_sockets: of these, those of one member of staff
 * @readers: connections that read beside the one that writes
 * @refresh_grace_seconds: how long a refresh whose answer was lost can be asked for once more
 * @grant_seconds: how long staff may work without the server
 * @lockout_failures: wrong passwords in a row before there is a wait; 0 = never
 * @lockout_seconds: the longest wait
 * @require_consent: whether a photo needs the graduate's consent first
 * @staff_rate: calls a minute of a member of staff; 0 here and below is no limit
 * @staff_burst: calls in one go
 * @account_rate: calls a minute of a graduate
 * @account_burst: calls in one go
 * @address_rate: calls a minute from an address without a session that is known
 * @address_burst: calls in one go
 * @sign_in_rate: sign-ins a minute from an address
 * @sign_in_burst: of these in one go
 * @new_account_rate: new accounts a minute from an address
 * @new_account_burst: of these in one go
 * @is_hasty: commits need not be durable: what is made is of no use before it is whole
 * @effect_days: after how many days what was sent is erased; 0 = never
 * @trusted_proxies: (nullable): addresses whose X-Forwarded-For is believed, with commas
 *
 * Settings. Immutable once the server runs.
 */
typedef struct {
  char    *data;
  char    *database;
  gint64   access_seconds;
  gint64   refresh_seconds;
  gint64   unpaid_seconds;
  gint64   hold_seconds;
  gint64   lease_seconds;
  gint64   sample_percent;
  gint64   gold_percent;
  gint64   price_fen;
  gboolean is_public;
  char    *provider;
  char    *provider_secret;
  char    *webhook_url;
  char    *webhook_secret;
  gint64   webhook_timeout_seconds;
  gint64   webhook_retry_seconds;
  char    *rules;
  char    *rules_folder;
  gint64   idle_seconds;
  gint64   max_body;
  gint64   max_upload;
  gint64   max_page;
  char    *metrics_token;
  gint64   upload_seconds;
  gint64   thumbnail_seconds;
  gint64   quota_files;
  gint64   quota_bytes;
  gint64   hint_ms;
  gint64   ping_seconds;
  gint64   max_sockets;
  gint64   max_own_sockets;
  gint64   readers;
  gint64   refresh_grace_seconds;
  gint64   grant_seconds;
  gint64   lockout_failures;
  gint64   lockout_seconds;
  gint64   require_consent;
  gint64   staff_rate;
  gint64   staff_burst;
  gint64   account_rate;
  gint64   account_burst;
  gint64   address_rate;
  gint64   address_burst;
  gint64   sign_in_rate;
  gint64   sign_in_burst;
  gint64   new_account_rate;
  gint64   new_account_burst;
  gboolean is_hasty;
  gint64   effect_days;
  char    *trusted_proxies;
} RtkServerConfig;

/**
 * RtkServerAnchor:
 * @entries: how many entries the audit log had; 0 before the first one
 * @hash: of the newest of them
 *
 * How the audit log once was. Kept outside the database it shows that the log was cut off since
 * then, which the log by itself cannot.
 */
typedef struct {
  gint64 entries;
  char   hash[65];
} RtkServerAnchor;

/**
 * RtkServerStore:
 * @db: a connection of its own
 * @keys: shared, immutable
 * @config: shared, immutable
 * @n_effects: effects that were written or made due through this store
 * @anchored_at: when the log was told last how the audit log is; 0 = never
 * @audit_end: newest entry of the audit log, as the running transaction knows it
 * @audit_end_of: number of the transaction that knows @audit_end
 *
 * The data folder as one thread sees it.
 */
typedef struct {
  RtkServerDb           *db;     /* (owned) */
  const RtkServerKeys   *keys;   /* (unowned): outlives the store */
  const RtkServerConfig *config; /* (unowned): outlives the store */
  guint                  n_effects;
  gint64                 anchored_at;
  RtkServerAnchor        audit_end;
  guint64                audit_end_of;
} RtkServerStore;

RtkServerStore *rtk_server_store_open (const RtkServerConfig *config,
                                       const RtkServerKeys   *keys,
                                       GError               **error) G_GNUC_WARN_UNUSED_RESULT;
void            rtk_server_store_close (RtkServerStore *self);
RtkServerKeys  *rtk_server_store_prepare (const RtkServerConfig *config,
                                          GError               **error) G_GNUC_WARN_UNUSED_RESULT;
RtkServerKeys  *rtk_server_store_attach (const RtkServerConfig *config,
                                         GError               **error) G_GNUC_WARN_UNUSED_RESULT;
char *rtk_server_config_dup_address (const RtkServerConfig *self) G_GNUC_WARN_UNUSED_RESULT;
char *rtk_server_store_dup_meta (RtkServerStore *self, const char *key) G_GNUC_WARN_UNUSED_RESULT;

gint64 rtk_server_store_count (RtkServerStore *self, const char *counter);

/* Append-only log: rtk-server-audit.h. */

/**
 * RtkServerAuditEntry:
 *
 * An entry that is to be added; see rtk_server_audit_add() for its members.
 */
typedef struct {
  const char *actor;
  const char *action;
  const char *target;
  const char *detail;
} RtkServerAuditEntry;

gboolean rtk_server_audit_add_entries (RtkServerStore            *self,
                                       const RtkServerAuditEntry *entries,
                                       guint                      n,
                                       GError                   **error);
gboolean rtk_server_audit_add_all (RtkServerStore *self,
                                   const char     *actor,
                                   const char     *action,
                                   GPtrArray      *targets,
                                   const char     *detail,
                                   GError        **error);
gboolean rtk_server_audit_add (RtkServerStore *self,
                               const char     *actor,
                               const char     *action,
                               const char     *target,
                               const char     *detail,
                               GError        **error);

/* Staff: rtk-server-staff.c. */
gboolean rtk_server_staff_add (RtkServerStore *self,
                               const char     *name,
                               const char     *role,
                               const char     *password,
                               const char     *actor,
                               GError        **error);
gboolean rtk_server_staff_disable (RtkServerStore *self, const char *name, GError **error);
gboolean rtk_server_name_is_valid (const char *name);

/* Roster: rtk-server-roster.c. */

/**
 * RtkServerProgress:
 * @RTK_SERVER_PROGRESS_NONE: no order that is open
 * @RTK_SERVER_PROGRESS_ORDERED: an order without a photo
 * @RTK_SERVER_PROGRESS_REJECTED: the photo was rejected
 * @RTK_SERVER_PROGRESS_SUBMITTED: a photo waits for its verdict
 * @RTK_SERVER_PROGRESS_APPROVED: a photo was approved
 * @RTK_SERVER_PROGRESS_EXPORTED: it was delivered
 *
 * How far a graduate is. The numbers stand in the database; below "submitted" the photo is missing.
 */
typedef enum {
  RTK_SERVER_PROGRESS_NONE = 0,
  RTK_SERVER_PROGRESS_ORDERED = 1,
  RTK_SERVER_PROGRESS_REJECTED = 2,
  RTK_SERVER_PROGRESS_SUBMITTED = 3,
  RTK_SERVER_PROGRESS_APPROVED = 4,
  RTK_SERVER_PROGRESS_EXPORTED = 5,
} RtkServerProgress;

/**
 * RtkServerRosterResult:
 * @n_graduates: lines of the file
 * @n_new: of these: numbers that were not known before
 * @n_changed: of these: known ones whose name, batch or code is another now
 * @n_conflicts: of these: their code was not taken, because an order hangs on another one
 * @faults: (owned) (element-type RtkServerRosterFault): why nothing was taken
 *
 * What became of an import.
 */
typedef struct {
  guint   n_graduates;
  guint   n_new;
  guint   n_changed;
  guint   n_conflicts;
  GArray *faults;
} RtkServerRosterResult;

gboolean rtk_server_roster_take (RtkServerStore        *self,
                                 const char            *data,
                                 gsize                  size,
                                 const char            *actor,
                                 RtkServerRosterResult *result,
                                 GError               **error);
void     rtk_server_roster_result_clear (RtkServerRosterResult *result);
gboolean
rtk_server_roster_update_progress (RtkServerStore *self, const char *order_id, GError **error);
gboolean rtk_server_roster_update_progress_of (RtkServerStore    *self,
                                               const char *const *orders,
                                               guint              n,
                                               GError           **error);
gboolean rtk_server_roster_touch (RtkServerStore *self, const char *roster, GError **error);
gboolean
rtk_server_roster_digest_again (RtkServerDb *db, const RtkServerKeys *keys, GError **error);
gboolean rtk_server_roster_import (RtkServerStore        *self,
                                   const char            *file,
                                   RtkServerRosterResult *result,
                                   GError               **error);
gboolean rtk_server_roster_unbind (
    RtkServerStore *self, const char *roster, gboolean bars, const char *actor, GError **error);
char *rtk_server_mask_name (const char *name) G_GNUC_WARN_UNUSED_RESULT;
char *rtk_server_mask_number (const char *number) G_GNUC_WARN_UNUSED_RESULT;

/* SQL: whether order "o" is paid or waived, or has a settled payment beside what is due back. */
#define RTK_SERVER_IS_PAID_FOR                                                                     \
  "(o.payment IN ('paid', 'waived') OR EXISTS (SELECT 1 FROM payments p WHERE"                     \
  " p.order_id = o.id AND p.state = 'settled'))"

/* SQL: whether the graduate of order "o" consents, or need not because @wanted is 0. */
#define RTK_SERVER_CONSENTS(wanted)                                                                \
  "(" wanted " = 0 OR EXISTS (SELECT 1 FROM roster c WHERE c.id = o.roster"                        \
  " AND c.consent_version IS NOT NULL))"

/* Orders: rtk-server-orders.c. */
GHashTable *rtk_server_orders_read (RtkServerStore *self,
                                    GPtrArray      *ids,
                                    const char     *station_id,
                                    GError        **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean    rtk_server_order_write (RtkServerStore *self,
                                    RtkServerJson  *json,
                                    const char     *name,
                                    const char     *order_id,
                                    const char     *station_id,
                                    GError        **error);
gboolean    rtk_server_order_touch (RtkServerStore *self, const char *order_id, GError **error);
gboolean
rtk_server_orders_touch (RtkServerStore *self, const char *const *ids, guint n, GError **error);
gboolean rtk_server_order_announce (RtkServerStore *self, const char *order_id, GError **error);
gboolean rtk_server_order_set_payment (RtkServerStore *self,
                                       const char     *order_id,
                                       const char     *payment,
                                       const char     *actor,
                                       gboolean       *out_allowed,
                                       GError        **error);

/* Refunds and messages: rtk-server-refunds.c. */
gboolean rtk_server_order_reject_effects (RtkServerStore *store,
                                          const char     *order_id,
                                          const char     *review_id,
                                          GError        **error);
gboolean rtk_server_order_undo_effects (RtkServerStore *store,
                                        const char     *order_id,
                                        const char     *review_id,
                                        gboolean       *out_allowed,
                                        GError        **error);

gboolean rtk_server_order_told (RtkServerStore *store, const char *review_id);
gboolean rtk_server_order_tell_corrected (RtkServerStore *store,
                                          const char     *order_id,
                                          const char     *before,
                                          const char     *review_id,
                                          gboolean        was_told,
                                          GError        **error);

/* Consent to face processing: rtk-server-consent.c. */
void     rtk_server_consent_write (RtkServerJson *json, const char *version, gint64 at);
gboolean rtk_server_consent_is_there (RtkServerStore *store, const char *order_id);
gboolean rtk_server_graduate_announce (RtkServerStore *store, const char *roster, GError **error);
gboolean rtk_server_consent_clear (RtkServerStore *store,
                                   const char     *roster,
                                   const char     *actor,
                                   GError        **error);

/* What is to be done in the world: rtk-server-effects.c. */
gboolean rtk_server_effect_add (RtkServerStore *self,
                                const char     *kind,
                                const char     *order_id,
                                const char     *subject,
                                const char     *idempotency,
                                const char     *payload,
                                gint64          not_before,
                                GError        **error);
gboolean rtk_server_effect_cancel (RtkServerStore *self,
                                   const char     *subject,
                                   gboolean       *out_all,
                                   GError        **error);

/* Photos: rtk-server-photos.c. */
char    *rtk_server_photo_dup_path (const RtkServerConfig *config,
                                    const char            *sha256) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_photo_is_there (RtkServerStore *self, const char *sha256);
GBytes  *rtk_server_photo_load (RtkServerStore *self,
                                const char     *sha256,
                                gint64          most) G_GNUC_WARN_UNUSED_RESULT;

/* Submissions: rtk-server-submissions.c. */

/* SQL: serial of the next submission; nobody else adds one while this is looked at. */
#define RTK_SERVER_NEXT_SERIAL "(SELECT coalesce (max (z.serial), 0) + 1 FROM submissions z)"

/* Bytes of a report that is read. */
#define RTK_SERVER_MAX_REPORT 1048576

/**
 * RtkServerSubmission:
 *
 * A submission that is to be added: names of its parts by SHA-256; the online side has no alpha
 * and no certificate, and no operation.
 */
typedef struct {
  const char *id;
  const char *order_id;
  const char *origin;
  const char *original;
  const char *alpha; /* (nullable) */
  const char *delivered;
  const char *certificate; /* (nullable) */
  const char *report;
  const char *overrides; /* JSON array */
  const char *operation; /* (nullable) */
  const char *actor;     /* for the audit log, and so is this: */
  const char *detail;    /* JSON object */
} RtkServerSubmission;

gboolean rtk_server_submissions_add (RtkServerStore            *store,
                                     const RtkServerSubmission *submissions,
                                     guint                      n,
                                     GError                   **error);

/* Names of staff: rtk-server-staff.c. */

/* Finds the id of a member of staff by the folded name @key and by @name as it was typed: two that
 * were told apart by an older program have to be spelt as they are. */
#define RTK_SERVER_STAFF_FIND(key, name)                                                           \
  "SELECT id FROM staff WHERE name_key = " key " OR name = " name                                  \
  " ORDER BY CASE WHEN name = " name " THEN 0 ELSE 1 END, id LIMIT 1"

char *rtk_server_name_fold (const char *name) G_GNUC_WARN_UNUSED_RESULT;
char *rtk_server_staff_find (RtkServerStore *self, const char *name) G_GNUC_WARN_UNUSED_RESULT;

/* Telephone numbers: rtk-server-phone.c. */
char    *rtk_server_phone_normalise (const char *phone) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_server_phone_digest_again (RtkServerDb *db, const RtkServerKeys *keys, GError **error);

/* Wrong passwords: rtk-server-lockout.c. */
gboolean rtk_server_lockout_expire (RtkServerStore *store, gint64 now, GError **error);

/* Jobs: rtk-server-jobs.c. */
gboolean
rtk_server_jobs_close_unpaid (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
gboolean
     rtk_server_jobs_uploads (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
void rtk_server_jobs_run (RtkServerStore *self);
gboolean rtk_server_jobs_refund (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
gboolean rtk_server_jobs_anchor (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
gboolean
rtk_server_jobs_leftovers (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
gboolean rtk_server_jobs_expire (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
gboolean
rtk_server_jobs_erase_effects (RtkServerStore *self, gint64 now, guint *out_done, GError **error);
gboolean
rtk_server_jobs_unattended (RtkServerStore *self, gint64 now, guint *out_done, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RtkServerStore, rtk_server_store_close)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (RtkServerRosterResult, rtk_server_roster_result_clear)

G_END_DECLS
