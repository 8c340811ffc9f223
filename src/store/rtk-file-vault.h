/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-vault.h"
#include "core/rtk-worker.h"

G_BEGIN_DECLS

#define RTK_TYPE_FILE_VAULT (rtk_file_vault_get_type ())

/* The vault of a store: a file a photo, encrypted, its key in the store's database. Belongs to an
 * RtkSqliteStore and ends with it. */
G_DECLARE_FINAL_TYPE (RtkFileVault, rtk_file_vault, RTK, FILE_VAULT, GObject)

RtkFileVault *rtk_file_vault_new (RtkWorker *worker) G_GNUC_WARN_UNUSED_RESULT;
void          rtk_file_vault_close (RtkFileVault *self);

G_END_DECLS
