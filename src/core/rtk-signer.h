/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

#define RTK_TYPE_SIGNER (rtk_signer_get_type ())

/* Signs with the station's Ed25519 key. The key lives where the implementation keeps it (the
 * vault); core sees only this. */
G_DECLARE_INTERFACE (RtkSigner, rtk_signer, RTK, SIGNER, GObject)

/**
 * RtkSignerInterface:
 * @get_key_id: the public key, base64url without padding; it names the station's key
 * @sign: fills the 64 bytes of an Ed25519 signature over @data; fails with %RTK_ERROR_LOCKED
 *   while the vault is locked
 *
 * Both may be called from any thread.
 */
struct _RtkSignerInterface {
  GTypeInterface parent_iface;

  const char *(*get_key_id) (RtkSigner *self);
  gboolean (*sign) (
      RtkSigner *self, const guint8 *data, gsize size, guint8 out_signature[64], GError **error);
};

const char *rtk_signer_get_key_id (RtkSigner *self);
gboolean    rtk_signer_sign (
       RtkSigner *self, const guint8 *data, gsize size, guint8 out_signature[64], GError **error);
gboolean rtk_signature_check (const char   *key_id,
                              const guint8 *data,
                              gsize         size,
                              const guint8  signature[64]);
char    *rtk_signature_to_text (const guint8 signature[64]) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_signature_from_text (const char *text, guint8 out_signature[64]);

G_END_DECLS
