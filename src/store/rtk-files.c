/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-store"
#include "config.h"

#include "core/rtk-error.h"
#include "store/rtk-files-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * rtk_files_set_error:
 * @error: return location
 * @system: errno of the call that failed
 * @what: what was being done, for the log; no path, no name
 *
 * Says what a failed file call means to a caller.
 */
void
rtk_files_set_error (GError **error, int system, const char *what)
{
  RtkError code = RTK_ERROR_STORAGE;

  if (system == ENOSPC || system == EDQUOT || system == EFBIG)
    code = RTK_ERROR_DISK_FULL;
  else if (system == EROFS || system == EACCES || system == EPERM)
    code = RTK_ERROR_READ_ONLY;
  else if (system == ENOENT)
    code = RTK_ERROR_NOT_FOUND;
  g_set_error (error, RTK_ERROR, (int)code, "%s: %s", what, g_strerror (system));
}

/**
 * rtk_files_sync_folder:
 * @folder: a path
 * @error: return location
 *
 * Makes the names in a folder durable (fsync of the folder). Blocking.
 *
 * Returns: whether they are on disk
 */
gboolean
rtk_files_sync_folder (const char *folder, GError **error)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failed = fd < 0 || fsync (fd) != 0 ? errno : 0;

  if (fd >= 0)
    close (fd);
  if (failed == 0)
    return TRUE;
  rtk_files_set_error (error, failed, "a folder cannot be written");
  return FALSE;
}

/**
 * rtk_files_make_folder:
 * @folder: a path
 * @error: return location
 *
 * Makes a folder for its owner alone, and those above it.
 *
 * Returns: whether it is there
 */
gboolean
rtk_files_make_folder (const char *folder, GError **error)
{
  struct stat found;

  if (g_mkdir_with_parents (folder, 0700) != 0) {
    rtk_files_set_error (error, errno, "a folder cannot be made");
    return FALSE;
  }
  if (stat (folder, &found) != 0 || !S_ISDIR (found.st_mode)) {
    rtk_files_set_error (error, ENOTDIR, "a folder cannot be made");
    return FALSE;
  }
  return TRUE;
}

/**
 * rtk_files_lock:
 * @path: of the lock file; made when it is not there
 * @error: %RTK_ERROR_IN_USE when another program holds it
 *
 * Takes the lock that a program holds as long as it uses a data folder. The kernel gives it back
 * when the program ends, however it ends.
 *
 * Returns: a descriptor to close, -1 on failure
 */
int
rtk_files_lock (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0) {
    rtk_files_set_error (error, errno, "the data folder cannot be locked");
    return -1;
  }
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (errno == EWOULDBLOCK)
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_IN_USE,
                         "another program has the data folder open");
  else
    rtk_files_set_error (error, errno, "the data folder cannot be locked");
  close (fd);
  return -1;
}

/**
 * rtk_files_write_all:
 * @fd: a descriptor
 * @data: what to write
 * @size: its bytes
 * @error: return location
 *
 * Writes all of it, however many calls that takes.
 *
 * Returns: whether it was written
 */
gboolean
rtk_files_write_all (int fd, const guint8 *data, gsize size, GError **error)
{
  while (size > 0) {
    ssize_t n = write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      rtk_files_set_error (error, errno, "a file cannot be written");
      return FALSE;
    }
    data += n;
    size -= (gsize)n;
  }
  return TRUE;
}
