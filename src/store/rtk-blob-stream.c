/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "store/rtk-blob-stream-private.h"
#include "store/rtk-files-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

/* A file of the vault, version 1:
 *
 *   4  "RTKB"
 *   1  version of this layout: 1
 *   1  cipher: 1 = secretstream (XChaCha20-Poly1305) of libsodium
 *   2  0
 *   4  bytes of content a chunk, little endian: 65536
 *  24  header of the secretstream
 *   n  chunks: content + 17 bytes each; the last one (which may be shorter, or empty) carries the
 *      final tag, and nothing follows it
 *
 * The first twelve bytes are authenticated with the first chunk. The key is the file's own, so a
 * file put in the place of another does not open. */
#define CHUNK_SIZE 65536
#define PREFIX_SIZE 12
#define HEADER_SIZE (PREFIX_SIZE + crypto_secretstream_xchacha20poly1305_HEADERBYTES)
#define EXTRA_SIZE crypto_secretstream_xchacha20poly1305_ABYTES

static const guint8 prefix[PREFIX_SIZE] = {'R', 'T', 'K', 'B', 1, 1, 0, 0, 0, 0, 1, 0};
G_STATIC_ASSERT (CHUNK_SIZE == 1 << 16);

struct _RtkBlobStream {
  GInputStream                                 parent_instance;
  int                                          fd;     /* (owned) */
  crypto_secretstream_xchacha20poly1305_state *cipher; /* (owned): guarded memory */
  guint8                                      *plain;  /* (owned): the chunk that is being read */
  gsize                                        position;
  gsize                                        length;
  gsize                                        total; /* content decrypted so far */
  gsize                                        size;  /* content there should be */
  crypto_hash_sha256_state                     hash;
  guint8                                       sha256[crypto_hash_sha256_BYTES];
  gboolean                                     is_first;
  gboolean                                     is_done;
  gboolean                                     is_damaged;
};

G_DEFINE_FINAL_TYPE (RtkBlobStream, rtk_blob_stream, G_TYPE_INPUT_STREAM)

static gboolean
damaged (RtkBlobStream *self, const char *how, GError **error)
{
  self->is_damaged = TRUE;
  self->position = self->length = 0;
  g_set_error (error, RTK_ERROR, RTK_ERROR_DAMAGED, "a file of the vault is damaged: %s", how);
  return FALSE;
}

/* Reads until @size bytes or the end of the file; -1 with errno on failure. */
static gssize
read_full (int fd, guint8 *buffer, gsize size)
{
  gsize done = 0;

  while (done < size) {
    ssize_t n = read (fd, buffer + done, size - done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    done += (gsize)n;
  }
  return (gssize)done;
}

static gboolean
finish_content (RtkBlobStream *self, GError **error)
{
  guint8 digest[crypto_hash_sha256_BYTES];
  guint8 more;

  if (read_full (self->fd, &more, 1) != 0)
    return damaged (self, "something follows its end", error);
  crypto_hash_sha256_final (&self->hash, digest);
  if (self->total != self->size || memcmp (digest, self->sha256, sizeof digest) != 0)
    return damaged (self, "it is not what was put in", error);
  self->is_done = TRUE;
  return TRUE;
}

static gboolean
next_chunk (RtkBlobStream *self, GError **error)
{
  g_autofree guint8 *sealed = g_malloc (CHUNK_SIZE + EXTRA_SIZE);
  gssize             n = read_full (self->fd, sealed, CHUNK_SIZE + EXTRA_SIZE);
  unsigned long long length = 0;
  guint8             tag = 0;

  if (n < 0) {
    rtk_files_set_error (error, errno, "a file of the vault cannot be read");
    return FALSE;
  }
  if (n < (gssize)EXTRA_SIZE)
    return damaged (self, "its end is missing", error);
  if (crypto_secretstream_xchacha20poly1305_pull (
          self->cipher, self->plain, &length, &tag, sealed, (unsigned long long)n,
          self->is_first ? prefix : NULL, self->is_first ? PREFIX_SIZE : 0) != 0)
    return damaged (self, "a part of it was changed", error);
  self->is_first = FALSE;
  self->position = 0;
  self->length = (gsize)length;
  self->total += self->length;
  if (self->total > self->size)
    return damaged (self, "it is too long", error);
  crypto_hash_sha256_update (&self->hash, self->plain, self->length);
  /* The hash is checked before the last chunk is handed out: a reader never has the whole of a
   * content that is not the right one. */
  if (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL)
    return finish_content (self, error);
  if (n < CHUNK_SIZE + (gssize)EXTRA_SIZE)
    return damaged (self, "its end is missing", error);
  return TRUE;
}

static gssize
rtk_blob_stream_read (
    GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  RtkBlobStream *self = RTK_BLOB_STREAM (stream);
  gsize          n;

  if (self->is_damaged) {
    damaged (self, "reading it failed before", error);
    return -1;
  }
  while (self->position == self->length && !self->is_done) {
    if (g_cancellable_set_error_if_cancelled (cancellable, error) || !next_chunk (self, error))
      return -1;
  }
  n = MIN (count, self->length - self->position);
  memcpy (buffer, self->plain + self->position, n);
  self->position += n;
  return (gssize)n;
}

static gboolean
rtk_blob_stream_close_file (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  RtkBlobStream *self = RTK_BLOB_STREAM (stream);

  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  return TRUE;
}

static void
rtk_blob_stream_finalize (GObject *object)
{
  RtkBlobStream *self = RTK_BLOB_STREAM (object);

  if (self->fd >= 0)
    close (self->fd);
  if (self->cipher != NULL)
    sodium_free (self->cipher);
  sodium_memzero (self->plain, CHUNK_SIZE);
  g_free (self->plain);
  G_OBJECT_CLASS (rtk_blob_stream_parent_class)->finalize (object);
}

static void
rtk_blob_stream_class_init (RtkBlobStreamClass *klass)
{
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = rtk_blob_stream_finalize;
  stream_class->read_fn = rtk_blob_stream_read;
  stream_class->close_fn = rtk_blob_stream_close_file;
}

static void
rtk_blob_stream_init (RtkBlobStream *self)
{
  self->fd = -1;
  self->is_first = TRUE;
  self->plain = g_malloc (CHUNK_SIZE);
  crypto_hash_sha256_init (&self->hash);
}

/**
 * rtk_blob_stream_open:
 * @path: a file that rtk_blob_stream_write() made
 * @key: the key it was written with; copied
 * @sha256: hex SHA-256 of the content
 * @size: bytes of the content
 * @error: %RTK_ERROR_NOT_FOUND, %RTK_ERROR_DAMAGED or %RTK_ERROR_STORAGE
 *
 * Opens a file of the vault. Reading fails with %RTK_ERROR_DAMAGED as soon as a chunk was changed,
 * and before the last chunk is handed out when the whole is not the content it should be. Blocking,
 * short. Any thread.
 *
 * Returns: (transfer full): the content, forward only; or %NULL
 */
GInputStream *
rtk_blob_stream_open (
    const char *path, const RtkKey *key, const char *sha256, gsize size, GError **error)
{
  g_autoptr (RtkBlobStream) self = g_object_new (RTK_TYPE_BLOB_STREAM, NULL);
  guint8 header[HEADER_SIZE];

  self->size = size;
  if (sodium_hex2bin (self->sha256, sizeof self->sha256, sha256, strlen (sha256), NULL, NULL,
                      NULL) != 0) {
    damaged (self, "its name is no SHA-256", error);
    return NULL;
  }
  self->fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (self->fd < 0) {
    rtk_files_set_error (error, errno, "a file of the vault cannot be opened");
    return NULL;
  }
  if (read_full (self->fd, header, sizeof header) != (gssize)sizeof header ||
      memcmp (header, prefix, PREFIX_SIZE) != 0) {
    damaged (self, "its beginning was changed", error);
    return NULL;
  }
  self->cipher = sodium_malloc (sizeof *self->cipher);
  if (self->cipher == NULL ||
      crypto_secretstream_xchacha20poly1305_init_pull (self->cipher, header + PREFIX_SIZE,
                                                       rtk_key_get_bytes (key)) != 0) {
    damaged (self, "its header is not valid", error);
    return NULL;
  }
  return G_INPUT_STREAM (g_steal_pointer (&self));
}

static gboolean
write_chunks (int fd, const RtkKey *key, const guint8 *data, gsize size, GError **error)
{
  crypto_secretstream_xchacha20poly1305_state cipher;
  g_autofree guint8                          *sealed = g_malloc (CHUNK_SIZE + EXTRA_SIZE);
  guint8                                      header[HEADER_SIZE];
  gboolean                                    is_first = TRUE;
  gboolean                                    written;
  gsize                                       n;

  memcpy (header, prefix, PREFIX_SIZE);
  crypto_secretstream_xchacha20poly1305_init_push (&cipher, header + PREFIX_SIZE,
                                                   rtk_key_get_bytes (key));
  written = rtk_files_write_all (fd, header, sizeof header, error);
  do {
    n = MIN (size, CHUNK_SIZE);
    size -= n;
    crypto_secretstream_xchacha20poly1305_push (
        &cipher, sealed, NULL, data, n, is_first ? prefix : NULL, is_first ? PREFIX_SIZE : 0,
        size == 0 ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                  : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
    is_first = FALSE;
    data += n;
    written = written && rtk_files_write_all (fd, sealed, n + EXTRA_SIZE, error);
  } while (size > 0 && written);
  sodium_memzero (&cipher, sizeof cipher);
  return written;
}

/**
 * rtk_blob_stream_write:
 * @path: where to write; replaced when it is there
 * @key: key of this file alone
 * @data: the content
 * @size: its bytes
 * @error: %RTK_ERROR_DISK_FULL, %RTK_ERROR_READ_ONLY or %RTK_ERROR_STORAGE
 *
 * Writes a file of the vault and makes it durable (fsync). On failure nothing is left. Blocking.
 *
 * Returns: whether it is on disk (its name only after fsync of the folder)
 */
gboolean
rtk_blob_stream_write (
    const char *path, const RtkKey *key, const guint8 *data, gsize size, GError **error)
{
  int      fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  gboolean written;

  if (fd < 0) {
    rtk_files_set_error (error, errno, "a file of the vault cannot be made");
    return FALSE;
  }
  written = write_chunks (fd, key, data, size, error);
  if (written && fsync (fd) != 0) {
    rtk_files_set_error (error, errno, "a file of the vault cannot be written");
    written = FALSE;
  }
  if (close (fd) != 0 && written) {
    rtk_files_set_error (error, errno, "a file of the vault cannot be written");
    written = FALSE;
  }
  if (!written)
    unlink (path);
  return written;
}

/**
 * rtk_blob_stream_get_file_size:
 * @size: bytes of a content
 *
 * Returns: bytes of the file that holds it
 */
gsize
rtk_blob_stream_get_file_size (gsize size)
{
  gsize n_chunks = MAX (1, (size + CHUNK_SIZE - 1) / CHUNK_SIZE);

  return HEADER_SIZE + size + n_chunks * EXTRA_SIZE;
}
