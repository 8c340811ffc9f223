/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-files.h"

#include "core/rtk-error.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 65536
/* How the name of a file ends while it is written. */
#define NEW_END ".new-"
#define NEW_PATTERN NEW_END "XXXXXX"

static gboolean
set_errno (GError **error, const char *what, const char *path)
{
  int    number = errno;
  GError io = {G_FILE_ERROR, g_file_error_from_errno (number), NULL};

  g_set_error (error, RTK_ERROR, rtk_error_code_from_io (&io), "%s %s: %s", what, path,
               g_strerror (number));
  return FALSE;
}

/**
 * rtk_server_file_make_folder:
 * @path: a folder
 * @error: return location
 *
 * Makes @path and its parents, readable by their owner alone.
 *
 * Returns: whether it is there
 */
gboolean
rtk_server_file_make_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0700) != 0)
    return set_errno (error, "Cannot make the folder", path);
  return TRUE;
}

/**
 * rtk_server_file_check_owner:
 * @path: a folder
 * @error: return location; %RTK_ERROR_USAGE
 *
 * What the administrator writes there, the server's own user could not use.
 *
 * Returns: whether the folder is this user's
 */
gboolean
rtk_server_file_check_owner (const char *path, GError **error)
{
  GStatBuf       there;
  struct passwd *owner;

  if (g_stat (path, &there) != 0)
    return set_errno (error, "Cannot open", path);
  if (there.st_uid == geteuid ())
    return TRUE;
  owner = getpwuid (there.st_uid);
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
               "The data folder is another user's: run this as that user, with runuser -u %s --",
               owner != NULL ? owner->pw_name : "USER");
  return FALSE;
}

/* Makes what @path names durable: the content of a file, the names in a folder. */
static gboolean
sync_path (const char *path, int flags, GError **error)
{
  int      fd = g_open (path, O_RDONLY | O_CLOEXEC | flags, 0);
  gboolean ok;

  if (fd < 0)
    return set_errno (error, "Cannot open", path);
  ok = fsync (fd) == 0 || set_errno (error, "Cannot write", path);
  close (fd);
  return ok;
}

/**
 * rtk_server_file_sync_folder:
 * @path: a folder
 * @error: return location
 *
 * Makes the names in @path durable.
 *
 * Returns: whether they are
 */
gboolean
rtk_server_file_sync_folder (const char *path, GError **error)
{
  return sync_path (path, O_DIRECTORY, error);
}

static gboolean
write_all (int fd, const void *data, gsize size, gint64 offset)
{
  const guint8 *p = data;

  while (size > 0) {
    ssize_t n = pwrite (fd, p, size, offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    p += n;
    offset += n;
    size -= (gsize)n;
  }
  return TRUE;
}

/**
 * rtk_server_file_write:
 * @path: a file
 * @data: (array length=size): its content
 * @size: bytes
 * @error: return location
 *
 * Writes a file, readable by its owner alone: whole and durable, or not at all.
 *
 * Returns: whether it was written
 */
gboolean
rtk_server_file_write (const char *path, const void *data, gsize size, GError **error)
{
  /* Processes that share the folder may write the same file: each has a name of its own. */
  g_autofree char *temporary = g_strconcat (path, NEW_PATTERN, NULL);
  g_autofree char *folder = g_path_get_dirname (path);
  int              fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, 0600);
  gboolean         ok;

  if (fd < 0)
    return set_errno (error, "Cannot write", path);
  ok =
      (write_all (fd, data, size, 0) && fsync (fd) == 0) || set_errno (error, "Cannot write", path);
  close (fd);
  if (ok && g_rename (temporary, path) != 0)
    ok = set_errno (error, "Cannot write", path);
  if (!ok) {
    (void)g_unlink (temporary);
    return FALSE;
  }
  return rtk_server_file_sync_folder (folder, error);
}

/* Whether @fd, which is locked, is still the file of this name, and ends where it should. */
static gboolean
is_as_known (int fd, const char *path, gint64 offset)
{
  struct stat held;
  struct stat named;

  return fstat (fd, &held) == 0 && stat (path, &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev && (held.st_size == offset || held.st_size == offset + 1);
}

/**
 * rtk_server_file_open_part:
 * @path: a file, made when @offset is 0
 * @offset: where it ends now; its last byte may be written anew
 * @error: return location; %RTK_ERROR_IN_USE when somebody else, in whatever process, is at it,
 *   %RTK_ERROR_CONFLICT when it ends elsewhere
 *
 * Opens a file to add to it. Nobody else can until the descriptor is closed.
 *
 * Returns: the descriptor, -1 on error
 */
int
rtk_server_file_open_part (const char *path, gint64 offset, GError **error)
{
  int fd = g_open (path, O_WRONLY | (offset == 0 ? O_CREAT : 0) | O_CLOEXEC, 0600);

  if (fd < 0 && errno != ENOENT) {
    set_errno (error, "Cannot write", path);
  } else if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) != 0) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_IN_USE, "Somebody else adds to the file");
  } else if (fd < 0 || !is_as_known (fd, path, offset)) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_CONFLICT, "The file has moved on");
  } else {
    return fd;
  }
  if (fd >= 0)
    close (fd);
  return -1;
}

/**
 * rtk_server_file_add:
 * @fd: of rtk_server_file_open_part()
 * @offset: where the file ends
 * @data: (array length=size): what to add
 * @size: bytes
 * @error: return location
 *
 * Adds to a file; what was added is on disk when this returns.
 *
 * Returns: whether it was added
 */
gboolean
rtk_server_file_add (int fd, gint64 offset, const void *data, gsize size, GError **error)
{
  struct stat held;

  /* It has its photo's name already: it is whole, and nobody may write into it. */
  if (fstat (fd, &held) == 0 && held.st_nlink > 1)
    return TRUE;
  if (write_all (fd, data, size, offset) && fdatasync (fd) == 0)
    return TRUE;
  set_errno (error, "Cannot write", "a part");
  (void)!ftruncate (fd, offset);
  return FALSE;
}

/**
 * rtk_server_file_get_size:
 * @path: a file
 *
 * Returns: bytes, -1 when there is no such file
 */
gint64
rtk_server_file_get_size (const char *path)
{
  GStatBuf st;

  return g_stat (path, &st) == 0 ? (gint64)st.st_size : -1;
}

/**
 * rtk_server_file_hash:
 * @path: a file
 * @out_hex: its SHA-256
 * @error: return location
 *
 * Reads a file through, piece by piece.
 *
 * Returns: whether it could be read
 */
gboolean
rtk_server_file_hash (const char *path, char out_hex[65], GError **error)
{
  g_autofree guint8       *buffer = g_malloc (READ_SIZE);
  crypto_hash_sha256_state state;
  guint8                   digest[crypto_hash_sha256_BYTES];
  int                      fd = g_open (path, O_RDONLY | O_CLOEXEC, 0);
  ssize_t                  n;

  if (fd < 0)
    return set_errno (error, "Cannot read", path);
  crypto_hash_sha256_init (&state);
  while ((n = read (fd, buffer, READ_SIZE)) > 0)
    crypto_hash_sha256_update (&state, buffer, (gsize)n);
  if (n < 0)
    set_errno (error, "Cannot read", path);
  close (fd);
  crypto_hash_sha256_final (&state, digest);
  sodium_bin2hex (out_hex, 65, digest, sizeof digest);
  return n == 0;
}

/**
 * rtk_server_file_lock:
 * @folder: a data folder
 * @is_shared: whether others may share it: those whose rows are in one PostgreSQL database
 * @error: return location; %RTK_ERROR_IN_USE when another process holds it
 *
 * Locks @folder until the descriptor is closed or the process ends, however it ends.
 *
 * Returns: a descriptor, -1 on error
 */
int
rtk_server_file_lock (const char *folder, gboolean is_shared, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "lock", NULL);
  int              fd = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0) {
    set_errno (error, "Cannot write", path);
    return -1;
  }
  if (flock (fd, (is_shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    close (fd);
    g_set_error (error, RTK_ERROR, RTK_ERROR_IN_USE,
                 "Another program has the data folder %s open: stop it first", folder);
    return -1;
  }
  return fd;
}

/**
 * rtk_server_file_read_secret:
 * @path: a file whose first line is a secret
 * @error: return location; %RTK_ERROR_USAGE when that line is empty
 *
 * Reads the first line of @path.
 *
 * Returns: (transfer full): the line, to be wiped by the caller
 */
char *
rtk_server_file_read_secret (const char *path, GError **error)
{
  g_autoptr (GError) io_error = NULL;
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, &io_error)) {
    g_set_error (error, RTK_ERROR, rtk_error_code_from_io (io_error),
                 "The secret cannot be read: %s", io_error->message);
    return NULL;
  }
  text[strcspn (text, "\r\n")] = '\0';
  if (text[0] != '\0')
    return text;
  g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
               "The first line of %s is empty: it is to be the secret", path);
  g_free (text);
  return NULL;
}

/**
 * rtk_server_file_sync:
 * @path: a file
 * @error: return location
 *
 * Makes the content of @path durable.
 *
 * Returns: whether it is
 */
gboolean
rtk_server_file_sync (const char *path, GError **error)
{
  return sync_path (path, 0, error);
}

/**
 * rtk_server_file_copy:
 * @from: a file
 * @to: its copy, readable by its owner alone
 * @error: return location
 *
 * Copies a file; the content of the copy is durable when this returns, its name is not yet.
 *
 * Returns: whether it was copied
 */
gboolean
rtk_server_file_copy (const char *from, const char *to, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (READ_SIZE);
  int                in = g_open (from, O_RDONLY | O_CLOEXEC, 0);
  int      out = in >= 0 ? g_open (to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  gint64   offset = 0;
  ssize_t  n = 0;
  gboolean ok = in >= 0 && out >= 0;

  if (!ok)
    set_errno (error, in < 0 ? "Cannot read" : "Cannot write", in < 0 ? from : to);
  while (ok && (n = read (in, buffer, READ_SIZE)) > 0) {
    ok = write_all (out, buffer, (gsize)n, offset) || set_errno (error, "Cannot write", to);
    offset += n;
  }
  if (ok && n < 0)
    ok = set_errno (error, "Cannot read", from);
  if (ok && fsync (out) != 0)
    ok = set_errno (error, "Cannot write", to);
  if (in >= 0)
    close (in);
  if (out >= 0)
    close (out);
  return ok;
}

/* Whether @names has @name; "x.new" stands for whatever a killed rtk_server_file_write() left. */
static gboolean
is_listed (const char *const *names, const char *name)
{
  const char      *end = g_strrstr (name, NEW_END);
  g_autofree char *plain = end != NULL && strlen (end) == strlen (NEW_PATTERN)
                               ? g_strdup_printf ("%.*s.new", (int)(end - name), name)
                               : g_strdup (name);

  return g_strv_contains (names, plain);
}

/**
 * rtk_server_file_has_only:
 * @folder: a folder
 * @names: (array zero-terminated=1): what may be in it
 *
 * Returns: whether @folder is one and has nothing else in it
 */
gboolean
rtk_server_file_has_only (const char *folder, const char *const *names)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (!is_listed (names, name))
      return FALSE;
  return dir != NULL;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    remove_tree (child);
  }
  (void)g_remove (path);
}

/**
 * rtk_server_file_clear_folder:
 * @folder: a folder
 * @names: (array zero-terminated=1): what may be in it
 * @keep: (array zero-terminated=1): what of these stays
 * @error: return location; %RTK_ERROR_EXISTS when there is something else, then nothing is removed
 *
 * Removes what is in @folder.
 *
 * Returns: whether it was removed
 */
gboolean
rtk_server_file_clear_folder (const char        *folder,
                              const char *const *names,
                              const char *const *keep,
                              GError           **error)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (!rtk_server_file_has_only (folder, names)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_EXISTS,
                 "There is something else in %s: nothing of it was removed", folder);
    return FALSE;
  }
  dir = g_dir_open (folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (!is_listed (keep, name))
      remove_tree (path);
  }
  return TRUE;
}
