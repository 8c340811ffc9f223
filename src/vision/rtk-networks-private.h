/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "vision/rtk-networks.h"
#include "vision/rtk-xnn.h"

G_BEGIN_DECLS

struct _RtkNetworks {
  RtkXnn *selfie; /* (owned): picture -> person mask */
};

gboolean rtk_networks_open_selfie (RtkNetworks *self, const RtkTflite *model, GError **error);

G_END_DECLS
