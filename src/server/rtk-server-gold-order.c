/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-gold.h"
#include "server/rtk-server-payments.h"

#include <sodium.h>
#include <string.h>

/* What the made-up order of a showing looks like: it is put into the tables for a moment, written
 * by the code that writes all orders, and taken out again before anybody else can see it. So it
 * has whatever an order has, now and later, and no look tells it from the others. One that was
 * rejected is kept twice: as it is, and behind a line break and a time as it is from then on, when
 * the money of any other order would be back. */

/**
 * RtkServerGoldFace:
 *
 * The made-up order, as it is to be shown.
 */
typedef struct {
  char  *id; /* of the submission */
  char  *order_id;
  char  *number;
  char  *gold_submission;
  char  *verdict; /* (nullable) */
  char  *reasons; /* (nullable) */
  char  *texts;   /* (nullable) */
  char  *note;    /* (nullable) */
  gint64 revision;
  gint64 created_at;
  gint64 decided_at;
  gint64 after_serial;
  gint64 refunded_at; /* 0 = not */
} Face;

static void
face_clear (Face *face)
{
  char *texts[] = {face->id,      face->order_id, face->number, face->gold_submission,
                   face->verdict, face->reasons,  face->texts,  face->note};

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Face, face_clear)

static gboolean
read_face (RtkServerStore *store, const char *shown, Face *face, GError **error)
{
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT x.id, x.order_id, x.number, g.submission, x.verdict, x.reasons, x.texts, x.note,"
      " x.revision, x.created_at, x.decided_at, x.after_serial FROM gold_shown x"
      " JOIN gold g ON g.id = x.gold WHERE x.id = ?",
      "s", shown);
  gboolean found = rtk_server_db_next (store->db, row, error);

  if (found) {
    char **const  texts[] = {&face->id,      &face->order_id, &face->number, &face->gold_submission,
                             &face->verdict, &face->reasons,  &face->texts,  &face->note};
    gint64 *const numbers[] = {&face->revision, &face->created_at, &face->decided_at,
                               &face->after_serial};

    for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
      *texts[i] = g_strdup (rtk_server_db_text (row, (int)i));
    for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
      *numbers[i] = rtk_server_db_int (row, (int)(G_N_ELEMENTS (texts) + i));
  }
  rtk_server_db_end (row);
  return found;
}

/**
 * rtk_server_gold_disguise:
 * @store: a store
 * @order_id: the order of a showing
 * @text: (nullable): what is not to be told
 *
 * Makes another text of the same form, always the same for the same order: digits become digits and
 * small letters, which are hexadecimal here, such letters.
 *
 * Returns: (transfer full) (nullable): the text; %NULL for %NULL
 */
char *
rtk_server_gold_disguise (RtkServerStore *store, const char *order_id, const char *text)
{
  g_autofree char *seed = g_strdup_printf ("gold:%s:%s", order_id, text != NULL ? text : "");
  g_autofree char *digest = rtk_server_keys_digest (store->keys, RTK_SERVER_KEY_ID, seed);
  char            *other = g_strdup (text);

  for (guint i = 0; other != NULL && other[i] != '\0'; i++) {
    int value = g_ascii_xdigit_value (digest[i % strlen (digest)]);

    if (g_ascii_isdigit (other[i]))
      other[i] = (char)('0' + value % 10);
    else if (g_ascii_isxdigit (other[i]) && g_ascii_islower (other[i]))
      other[i] = (char)('a' + value % 6);
  }
  return other;
}

/* A graduate of the neighbour's batch with the face's own masked names. */
static gboolean
put_graduate (RtkServerStore *store, const Face *face, const char *roster, GError **error)
{
  g_autofree char *context = g_strconcat ("code:", roster, NULL);
  g_autoptr (GBytes) code = rtk_server_keys_seal (store->keys, context, face->order_id);

  return rtk_server_db_run (
      store->db, error,
      "INSERT INTO roster (id, batch, name_masked, number_masked, name_cipher, number_cipher,"
      " number_digest, code_cipher, consent_version, consent_at, consent_by, created_at)"
      " SELECT ?1, n.batch, r.name_masked, r.number_masked, r.name_cipher, r.number_cipher, ?1,"
      " CASE WHEN r.code_cipher IS NULL THEN NULL ELSE ?4 END, r.consent_version, r.consent_at,"
      " r.consent_by, r.created_at FROM submissions w JOIN orders o ON o.id = w.order_id"
      " JOIN roster r ON r.id = o.roster, submissions n WHERE w.id = ?2 AND n.serial = ?3",
      "ssib", roster, face->gold_submission, face->after_serial, code);
}

static gboolean
put_order (RtkServerStore *store, const Face *face, const char *roster, GError **error)
{
  gboolean    is_decided = face->verdict != NULL && strcmp (face->verdict, "passed") != 0;
  gboolean    is_rejected = is_decided && strcmp (face->verdict, "rejected") == 0;
  const char *state = is_decided ? face->verdict : "in_review";
  const char *money = is_rejected ? "refund_due" : "paid";
  gint64      revision = face->revision + (face->refunded_at > 0);
  gint64      updated = face->decided_at > 0 && is_decided
                            ? face->decided_at
                            : face->created_at + RTK_SERVER_GOLD_PAID_AFTER;

  if (face->refunded_at > 0) {
    money = "refunded";
    updated = face->refunded_at;
  }

  return rtk_server_db_run (store->db, error,
                            "INSERT INTO orders (id, number, revision, roster, payment, delivery,"
                            " print, created_at, updated_at, account)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, 'none', 'none', ?6, ?7, (SELECT o.account"
                            " FROM submissions w JOIN orders o ON o.id = w.order_id"
                            " WHERE w.id = ?8))",
                            "ssissiis", face->order_id, face->number, revision, roster, money,
                            face->created_at, updated, face->gold_submission) &&
         rtk_server_db_run (
             store->db, error,
             "INSERT INTO submissions (id, order_id, state, origin, original, alpha,"
             " delivered, certificate, report, actor, reasons, texts, note,"
             " created_at, serial) SELECT ?1, ?2, ?3, w.origin, w.original, w.alpha,"
             " w.delivered, w.certificate, w.report, 'server', ?4, ?5, ?6, ?7,"
             " " RTK_SERVER_NEXT_SERIAL " FROM submissions w WHERE w.id = ?8",
             "ssssssis", face->id, face->order_id, state, is_decided ? face->reasons : "",
             face->texts, is_decided ? face->note : NULL,
             face->created_at + RTK_SERVER_GOLD_SUBMITTED_AFTER, face->gold_submission);
}

/* Paid as the photo itself was once. */
static gboolean
put_payment (RtkServerStore *store, const Face *face, GError **error)
{
  gint64         paid = face->created_at + RTK_SERVER_GOLD_PAID_AFTER;
  const char    *state = g_strcmp0 (face->verdict, "rejected") != 0 ? "settled"
                         : face->refunded_at > 0                    ? "refunded"
                                                                    : "refund_due";
  RtkServerRows *row = rtk_server_db_query (
      store->db, error,
      "SELECT p.id, p.provider, p.pay_code, p.amount_fen, p.expires_at - p.created_at"
      " FROM payments p JOIN submissions w ON w.order_id = p.order_id WHERE w.id = ?"
      " AND p.provider NOT IN ('cash', 'waiver') ORDER BY p.created_at LIMIT 1",
      "s", face->gold_submission);
  g_autofree char *id = NULL;
  g_autofree char *provider = NULL;
  g_autofree char *code = NULL;
  gint64           amount = 0;
  gint64           life = 0;

  if (rtk_server_db_next (store->db, row, error)) {
    g_autofree char *tail =
        rtk_server_gold_disguise (store, face->order_id, rtk_server_db_text (row, 0) + 19);

    /* An id says when it was made. */
    id = g_strdup_printf ("%.19s%s", face->order_id, tail);
    provider = g_strdup (rtk_server_db_text (row, 1));
    code = rtk_server_gold_disguise (store, face->order_id, rtk_server_db_text (row, 2));
    amount = rtk_server_db_int (row, 3);
    life = rtk_server_db_int (row, 4);
  }
  if (!rtk_server_db_end (row))
    return FALSE;
  return id == NULL ||
         rtk_server_db_run (store->db, error,
                            "INSERT INTO payments (id, order_id, provider, state, amount_fen,"
                            " pay_code, expires_at, created_at, updated_at)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?7 = 0 THEN NULL ELSE"
                            " ?7 + ?8 END, ?8, ?8)",
                            "ssssisii", id, face->order_id, provider, state, amount, code, life,
                            paid - 5 * G_USEC_PER_SEC);
}

static gboolean
take_out (RtkServerStore *store, const Face *face, const char *roster, GError **error)
{
  return rtk_server_db_run (store->db, error, "DELETE FROM payments WHERE order_id = ?", "s",
                            face->order_id) &&
         rtk_server_db_run (store->db, error, "DELETE FROM submissions WHERE id = ?", "s",
                            face->id) &&
         rtk_server_db_run (store->db, error, "DELETE FROM orders WHERE id = ?", "s",
                            face->order_id) &&
         rtk_server_db_run (store->db, error, "DELETE FROM roster WHERE id = ?", "s", roster);
}

/* Writes the face as an order; nothing of it stays in the tables. */
static gboolean
write_face (
    RtkServerStore *store, RtkServerCall *call, const Face *face, GString *text, GError **error)
{
  g_auto (RtkServerJson) json = {0};

  rtk_server_json_init (&json);
  /* The graduate has the showing's id. */
  if (!put_graduate (store, face, face->id, error) || !put_order (store, face, face->id, error) ||
      !put_payment (store, face, error) ||
      !rtk_server_order_write (store, &json, NULL, face->order_id, call->station, error) ||
      !take_out (store, face, face->id, error))
    return FALSE;
  g_string_append (text, json.text->str);
  return TRUE;
}

/* Whether the money of such an order goes back by itself, soon after its hold. */
static gboolean
goes_back (RtkServerStore *store, const Face *face)
{
  return g_strcmp0 (face->verdict, "rejected") == 0 &&
         (store->config->webhook_url != NULL || rtk_server_provider_get (store->config) != NULL);
}

/**
 * rtk_server_gold_render:
 * @store: a store, in a writing transaction
 * @call: to whom it is shown
 * @shown: a showing
 * @error: return location
 *
 * Writes anew what the order of a showing looks like; to be called whenever it changed.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_gold_render (RtkServerStore *store,
                        RtkServerCall  *call,
                        const char     *shown,
                        GError        **error)
{
  g_auto (Face) face = {0};
  g_autoptr (GString) text = g_string_new (NULL);

  if (!read_face (store, shown, &face, error) || !write_face (store, call, &face, text, error))
    return FALSE;
  if (goes_back (store, &face)) {
    face.refunded_at = face.decided_at + store->config->hold_seconds * G_USEC_PER_SEC +
                       G_USEC_PER_SEC / 10 + (gint64)randombytes_uniform (G_USEC_PER_SEC);
    g_string_append_printf (text, "\n%" G_GINT64_FORMAT " ", face.refunded_at);
    if (!write_face (store, call, &face, text, error))
      return FALSE;
  }
  return rtk_server_db_run (store->db, error, "UPDATE gold_shown SET face = ? WHERE id = ?", "ss",
                            text->str, shown);
}

/**
 * rtk_server_gold_dup_face:
 * @text: what rtk_server_gold_render() wrote
 * @out_is_refunded: (out) (optional): whether the money is back, which is a revision more
 *
 * Returns: (transfer full): the JSON of the order as it looks by now
 */
char *
rtk_server_gold_dup_face (const char *text, gboolean *out_is_refunded)
{
  const char *later = text != NULL ? strchr (text, '\n') : NULL;
  char       *json = NULL;
  gboolean    is_refunded =
      later != NULL && g_ascii_strtoll (later + 1, &json, 10) <= g_get_real_time ();

  if (out_is_refunded != NULL)
    *out_is_refunded = is_refunded;
  if (later == NULL)
    return g_strdup (text);
  return is_refunded ? g_strdup (json + 1) : g_strndup (text, (gsize)(later - text));
}
