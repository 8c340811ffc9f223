/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-envelope.h"
#include "core/rtk-signer.h"

G_BEGIN_DECLS

#define RTK_TYPE_VAULT_SIGNER (rtk_vault_signer_get_type ())

/* The station's signing key, as long as the store is unlocked. */
G_DECLARE_FINAL_TYPE (RtkVaultSigner, rtk_vault_signer, RTK, VAULT_SIGNER, GObject)

RtkVaultSigner *rtk_vault_signer_new (void) G_GNUC_WARN_UNUSED_RESULT;
void            rtk_vault_signer_unlock (RtkVaultSigner *self, const guint8 seed[RTK_KEY_SIZE]);
void            rtk_vault_signer_lock (RtkVaultSigner *self);
void            rtk_vault_signer_set_key_id (RtkVaultSigner *self, const char *key_id);

G_END_DECLS
