/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "store/rtk-db-private.h"

G_BEGIN_DECLS

gboolean
rtk_schema_migrate (RtkDb *db, const char *const *migrations, guint n_migrations, GError **error);
gboolean           rtk_schema_check (RtkDb *db, guint n_migrations, GError **error);
const char *const *rtk_schema_get_migrations (guint *out_n);

G_END_DECLS
