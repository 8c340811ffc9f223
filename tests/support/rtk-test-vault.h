/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-vault.h"

#define RTK_TYPE_TEST_VAULT (rtk_test_vault_get_type ())
G_DECLARE_FINAL_TYPE (RtkTestVault, rtk_test_vault, RTK, TEST_VAULT, GObject)

/* Photos in memory. */
RtkTestVault *rtk_test_vault_new (void) G_GNUC_WARN_UNUSED_RESULT;
/* Keeps @text; its name, owned by the vault. */
const char *rtk_test_vault_add (RtkTestVault *self, const char *text);
void        rtk_test_vault_add_bytes (RtkTestVault *self, const char *sha256, GBytes *bytes);
GBytes     *rtk_test_vault_find (RtkTestVault *self, const char *sha256);
