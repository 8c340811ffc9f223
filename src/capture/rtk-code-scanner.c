/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-capture"
#include "config.h"

#include "capture/rtk-code-scanner.h"

#include "core/rtk-worker.h"

#include <zbar.h>

#define INTERVAL_US (200 * 1000)
#define OUT_OF_VIEW_US (2 * G_USEC_PER_SEC)
/* From this many pixels on every second line is enough: half the time, and a code that is held up
 * to a camera covers many lines. */
#define COARSE_PIXELS (800 * 600)

/* One code that was read. */
typedef struct {
  char *symbology; /* (owned) */
  char *payload;   /* (owned) */
} Code;

struct _RtkCodeScanner {
  GObject       parent_instance;
  RtkWorker    *worker;      /* (owned) (nullable): NULL once disposed */
  GCancellable *cancellable; /* (owned): of the present round; replaced by forgetting */
  GHashTable   *seen;        /* (owned): payload -> gint64 time of the last sight */
  gint64        next_time;   /* when the next frame is due, by the time of the frames */
  gboolean      is_scanning; /* a frame is at the worker */
};

/* What goes along with a piece of work. */
typedef struct {
  GWeakRef      owner;       /* touched by the main thread alone */
  GCancellable *cancellable; /* (owned) */
  gint64        time;
} Round;

G_DEFINE_FINAL_TYPE (RtkCodeScanner, rtk_code_scanner, G_TYPE_OBJECT)

enum {
  SIGNAL_CODE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
code_free (gpointer data)
{
  Code *code = data;

  g_free (code->symbology);
  g_free (code->payload);
  g_free (code);
}

/* Luma by BT.601 in 8-bit fixed point; zbar needs contrast, not colour. */
static guint8 *
make_luma (RtkImage *image)
{
  int           width = rtk_image_get_width (image);
  int           height = rtk_image_get_height (image);
  gsize         stride = rtk_image_get_stride (image);
  const guint8 *pixels = rtk_image_get_pixels (image);
  guint8       *luma = g_malloc ((gsize)width * (gsize)height);

  for (int y = 0; y < height; y++) {
    const guint8 *in = pixels + (gsize)y * stride;
    guint8       *out = luma + (gsize)y * (gsize)width;

    for (int x = 0; x < width; x++)
      out[x] = (guint8)((29 * in[4 * x] + 150 * in[4 * x + 1] + 77 * in[4 * x + 2]) >> 8);
  }
  return luma;
}

/* Codes are meant to be UTF-8; older Chinese printing uses GB18030. Anything else is no code of
 * ours. */
static char *
make_utf8 (const char *data, gsize length)
{
  if (memchr (data, '\0', length) != NULL)
    return NULL;
  if (g_utf8_validate (data, (gssize)length, NULL))
    return g_strndup (data, length);
  return g_convert (data, (gssize)length, "UTF-8", "GB18030", NULL, NULL, NULL);
}

static void
scan_job (GTask *task, gpointer state)
{
  zbar_image_scanner_t *scanner = state;
  RtkFrame             *frame = g_task_get_task_data (task);
  int                   width = rtk_image_get_width (frame->image);
  int                   height = rtk_image_get_height (frame->image);
  int                   density = (gint64)width * height >= COARSE_PIXELS ? 2 : 1;
  g_autofree guint8    *luma = make_luma (frame->image);
  GPtrArray            *codes = g_ptr_array_new_with_free_func (code_free);
  zbar_image_t         *image = zbar_image_create ();

  zbar_image_scanner_set_config (scanner, ZBAR_NONE, ZBAR_CFG_X_DENSITY, density);
  zbar_image_scanner_set_config (scanner, ZBAR_NONE, ZBAR_CFG_Y_DENSITY, density);
  zbar_image_set_format (image, zbar_fourcc ('Y', '8', '0', '0'));
  zbar_image_set_size (image, (unsigned)width, (unsigned)height);
  zbar_image_set_data (image, luma, (unsigned long)width * (unsigned long)height, NULL);
  zbar_scan_image (scanner, image);
  for (const zbar_symbol_t *symbol = zbar_image_first_symbol (image); symbol != NULL;
       symbol = zbar_symbol_next (symbol)) {
    char *payload = make_utf8 (zbar_symbol_get_data (symbol), zbar_symbol_get_data_length (symbol));
    Code *code;

    if (payload == NULL || *payload == '\0') {
      g_free (payload);
      continue;
    }
    code = g_new0 (Code, 1);
    code->symbology = g_strdup (zbar_get_symbol_name (zbar_symbol_get_type (symbol)));
    code->payload = payload;
    g_ptr_array_add (codes, code);
  }
  zbar_image_destroy (image);
  g_task_return_pointer (task, codes, (GDestroyNotify)g_ptr_array_unref);
}

static void
handle_codes (RtkCodeScanner *self, GPtrArray *codes, gint64 time)
{
  for (guint i = 0; i < codes->len; i++) {
    Code    *code = g_ptr_array_index (codes, i);
    gint64  *last = g_hash_table_lookup (self->seen, code->payload);
    gboolean is_new = last == NULL || time - *last > OUT_OF_VIEW_US;

    g_hash_table_replace (self->seen, g_strdup (code->payload), g_memdup2 (&time, sizeof time));
    if (is_new)
      g_signal_emit (self, signals[SIGNAL_CODE], 0, code->symbology, code->payload);
  }
}

/* Payloads are not kept longer than they are needed. */
static void
forget_old (RtkCodeScanner *self, gint64 time)
{
  GHashTableIter iter;
  gpointer       last;

  g_hash_table_iter_init (&iter, self->seen);
  while (g_hash_table_iter_next (&iter, NULL, &last)) {
    if (time - *(gint64 *)last > OUT_OF_VIEW_US)
      g_hash_table_iter_remove (&iter);
  }
}

static void
scanned_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Round *round = user_data;
  g_autoptr (RtkCodeScanner) self = g_weak_ref_get (&round->owner);
  g_autoptr (GPtrArray) codes = g_task_propagate_pointer (G_TASK (result), NULL);

  if (self != NULL) {
    self->is_scanning = FALSE;
    if (codes != NULL && round->cancellable == self->cancellable) {
      handle_codes (self, codes, round->time);
      forget_old (self, round->time);
    }
  }
  g_weak_ref_clear (&round->owner);
  g_object_unref (round->cancellable);
  g_free (round);
}

static void
rtk_code_scanner_dispose (GObject *object)
{
  RtkCodeScanner *self = RTK_CODE_SCANNER (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_pointer (&self->worker, rtk_worker_free);
  G_OBJECT_CLASS (rtk_code_scanner_parent_class)->dispose (object);
}

static void
rtk_code_scanner_finalize (GObject *object)
{
  RtkCodeScanner *self = RTK_CODE_SCANNER (object);

  g_object_unref (self->cancellable);
  g_hash_table_unref (self->seen);
  G_OBJECT_CLASS (rtk_code_scanner_parent_class)->finalize (object);
}

static void
rtk_code_scanner_class_init (RtkCodeScannerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = rtk_code_scanner_dispose;
  object_class->finalize = rtk_code_scanner_finalize;
  signals[SIGNAL_CODE] = g_signal_new ("code", RTK_TYPE_CODE_SCANNER, G_SIGNAL_RUN_LAST, 0, NULL,
                                       NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
}

static void
free_scanner (gpointer data)
{
  zbar_image_scanner_destroy (data);
}

static void
rtk_code_scanner_init (RtkCodeScanner *self)
{
  zbar_image_scanner_t *scanner = zbar_image_scanner_create ();

  zbar_image_scanner_set_config (scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
  zbar_image_scanner_set_config (scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
  zbar_image_scanner_set_config (scanner, ZBAR_CODE128, ZBAR_CFG_ENABLE, 1);
  self->worker = rtk_worker_new ("rtk-codes", scanner, free_scanner);
  self->cancellable = g_cancellable_new ();
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

/**
 * rtk_code_scanner_new:
 *
 * Makes a scanner with a thread of its own.
 *
 * Returns: (transfer full): a new scanner
 */
RtkCodeScanner *
rtk_code_scanner_new (void)
{
  return g_object_new (RTK_TYPE_CODE_SCANNER, NULL);
}

/**
 * rtk_code_scanner_offer:
 * @self: a scanner
 * @frame: the newest frame
 *
 * Has @frame searched for codes, unless the last one was less than a fifth of a second before it or
 * is still being searched: frames are never queued.
 *
 * Returns: whether @frame was taken
 */
gboolean
rtk_code_scanner_offer (RtkCodeScanner *self, RtkFrame *frame)
{
  g_autoptr (GTask) task = NULL;
  Round *round;

  g_return_val_if_fail (RTK_IS_CODE_SCANNER (self) && frame != NULL, FALSE);
  g_return_val_if_fail (rtk_image_get_format (frame->image) == RTK_PIXEL_BGRA32, FALSE);

  if (self->is_scanning || frame->time < self->next_time)
    return FALSE;
  self->is_scanning = TRUE;
  self->next_time = frame->time + INTERVAL_US;

  round = g_new0 (Round, 1);
  g_weak_ref_init (&round->owner, self);
  round->cancellable = g_object_ref (self->cancellable);
  round->time = frame->time;
  task = g_task_new (NULL, self->cancellable, scanned_cb, round);
  g_task_set_task_data (task, rtk_frame_ref (frame), (GDestroyNotify)rtk_frame_unref);
  rtk_worker_push (self->worker, task, scan_job);
  return TRUE;
}

/**
 * rtk_code_scanner_forget:
 * @self: a scanner
 *
 * Forgets what was read, so that a code in view is told again, and drops the search under way.
 */
void
rtk_code_scanner_forget (RtkCodeScanner *self)
{
  g_return_if_fail (RTK_IS_CODE_SCANNER (self));

  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  self->cancellable = g_cancellable_new ();
  g_hash_table_remove_all (self->seen);
  self->next_time = 0;
}

/**
 * rtk_code_scanner_is_scanning:
 * @self: a scanner
 *
 * Returns: whether a frame is being searched now
 */
gboolean
rtk_code_scanner_is_scanning (RtkCodeScanner *self)
{
  g_return_val_if_fail (RTK_IS_CODE_SCANNER (self), FALSE);
  return self->is_scanning;
}
