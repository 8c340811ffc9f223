/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-widgets"
#include "config.h"

#include "widgets/rtk-texture.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#define MAX_SIDE_PX 2048

static GBytes *
expand_grey (RtkImage *image)
{
  int     width = rtk_image_get_width (image), height = rtk_image_get_height (image);
  gsize   stride = rtk_image_get_stride (image);
  guint8 *rgb = g_malloc ((gsize)width * height * 3);

  for (int y = 0; y < height; y++) {
    const guint8 *from = rtk_image_get_pixels (image) + stride * y;
    guint8       *to = rgb + (gsize)width * 3 * y;

    for (int x = 0; x < width; x++)
      to[3 * x] = to[3 * x + 1] = to[3 * x + 2] = from[x];
  }
  return g_bytes_new_take (rgb, (gsize)width * height * 3);
}

/**
 * rtk_texture_new_for_image:
 * @image: a picture
 *
 * Makes a texture that shares the pixels of @image: nothing is copied, but for grey.
 *
 * Returns: (transfer full): a texture
 */
GdkTexture *
rtk_texture_new_for_image (RtkImage *image)
{
  int   width = rtk_image_get_width (image), height = rtk_image_get_height (image);
  gsize stride = rtk_image_get_stride (image);
  g_autoptr (GBytes) pixels = NULL;
  GdkMemoryFormat format = GDK_MEMORY_R8G8B8;

  switch (rtk_image_get_format (image)) {
  case RTK_PIXEL_BGRA32:
    /* Opaque, so premultiplied is right, and spares the renderer a pass. */
    format = GDK_MEMORY_B8G8R8A8_PREMULTIPLIED;
    pixels = g_bytes_ref (rtk_image_get_bytes (image));
    break;
  case RTK_PIXEL_RGB24:
    pixels = g_bytes_ref (rtk_image_get_bytes (image));
    break;
  case RTK_PIXEL_GREY8:
  default:
    pixels = expand_grey (image);
    stride = (gsize)width * 3;
    break;
  }
  return gdk_memory_texture_new (width, height, format, pixels, stride);
}

/* A photo fills a part of the window: whatever else a server sends is decoded no larger. */
static void
size_prepared_cb (GdkPixbufLoader *loader, int width, int height)
{
  double scale = MIN (1.0, (double)MAX_SIDE_PX / MAX (width, height));

  if (scale < 1.0)
    gdk_pixbuf_loader_set_size (loader, MAX (1, (int)(width * scale)),
                                MAX (1, (int)(height * scale)));
}

static void
decode (GTask *task, gpointer state)
{
  GBytes *file = g_task_get_task_data (task);
  g_autoptr (GdkPixbufLoader) loader = gdk_pixbuf_loader_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) pixels = NULL;
  GdkPixbuf *pixbuf;

  g_signal_connect (loader, "size-prepared", G_CALLBACK (size_prepared_cb), NULL);
  if (!gdk_pixbuf_loader_write_bytes (loader, file, &error)) {
    gdk_pixbuf_loader_close (loader, NULL);
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  if (!gdk_pixbuf_loader_close (loader, &error)) {
    g_task_return_error (task, g_steal_pointer (&error));
    return;
  }
  pixbuf = gdk_pixbuf_loader_get_pixbuf (loader);
  pixels = gdk_pixbuf_read_pixel_bytes (pixbuf);
  g_task_return_pointer (
      task,
      gdk_memory_texture_new (gdk_pixbuf_get_width (pixbuf), gdk_pixbuf_get_height (pixbuf),
                              gdk_pixbuf_get_has_alpha (pixbuf) ? GDK_MEMORY_R8G8B8A8
                                                                : GDK_MEMORY_R8G8B8,
                              pixels, (gsize)gdk_pixbuf_get_rowstride (pixbuf)),
      g_object_unref);
}

/**
 * rtk_texture_load_async:
 * @worker: on whose thread the work is done
 * @file: bytes of a JPEG or PNG
 * @cancellable: (nullable): ends the work
 * @callback: called on the main thread
 * @user_data: for @callback
 *
 * Decodes a picture away from the main thread: gdk_pixbuf_new_from_stream_async() would read there
 * and decode here. A picture of more than 2048 pixels a side is made smaller on the way.
 */
void
rtk_texture_load_async (RtkWorker          *worker,
                        GBytes             *file,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, rtk_texture_load_async);
  g_task_set_task_data (task, g_bytes_ref (file), (GDestroyNotify)g_bytes_unref);
  rtk_worker_push (worker, task, decode);
}

/**
 * rtk_texture_load_finish:
 * @result: what the callback got
 * @error: return location
 *
 * Returns: (transfer full): the texture, or %NULL when it is no picture
 */
GdkTexture *
rtk_texture_load_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, rtk_texture_load_async), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
