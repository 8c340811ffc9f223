/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-envelope.h"

G_BEGIN_DECLS

typedef struct _RtkDb RtkDb;

/**
 * RtkKeyCost:
 * @ops: passes of Argon2id
 * @memory: bytes it fills
 *
 * What trying one passphrase costs; kept with the wrap, so it can grow later.
 */
typedef struct {
  guint64 ops;
  gsize   memory;
} RtkKeyCost;

/* A member of staff: about 0.4 s and 256 MiB for each try, once a shift. */
extern const RtkKeyCost rtk_key_cost_staff;
/* 64 MiB and 0.07 s: the recovery key, which cannot be guessed anyway, and demo folders. */
extern const RtkKeyCost rtk_key_cost_light;
/* The least libsodium takes: tests that are not about passphrases. */
extern const RtkKeyCost rtk_key_cost_least;

char    *rtk_recovery_key_new (void) G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_recovery_key_parse (const char *text, char **out_letters);

gboolean rtk_keyring_exists (RtkDb *db, gboolean *out_exists, GError **error);
RtkKey  *rtk_keyring_create (RtkDb            *db,
                             const char       *staff,
                             const char       *passphrase,
                             const RtkKeyCost *cost,
                             char            **out_recovery,
                             GError          **error) G_GNUC_WARN_UNUSED_RESULT;
RtkKey  *rtk_keyring_unlock (RtkDb *db, const char *staff, const char *passphrase, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
gboolean rtk_keyring_add (RtkDb            *db,
                          const RtkKey     *master,
                          const char       *staff,
                          const char       *passphrase,
                          const RtkKeyCost *cost,
                          GError          **error);
gboolean rtk_keyring_remove (RtkDb *db, const char *staff, GError **error);
gboolean rtk_keyring_change (RtkDb            *db,
                             const char       *staff,
                             const char       *old_passphrase,
                             const char       *new_passphrase,
                             const RtkKeyCost *cost,
                             GError          **error);
char   **rtk_keyring_list (RtkDb *db, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
