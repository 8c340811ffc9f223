/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/rtk-operation.h"
#include "core/rtk-order.h"
#include "core/rtk-photo.h"

/* Order number @n, paid and rejected for @reasons (JSON strings with commas, "" = not rejected);
 * its finished photo is @delivered (nullable). */
RtkOrder *rtk_test_order_new (guint       n,
                              gint64      revision,
                              const char *payment,
                              const char *reasons,
                              const char *delivered) G_GNUC_WARN_UNUSED_RESULT;
/* Id of order number @n, static until the next call. */
const char *rtk_test_order_id (guint n);
/* One person in a picture of 1350x1350, every rule of @pack (nullable: of none) in the middle of
 * its limits. */
RtkAnalysis *rtk_test_analysis_new (RtkRulePack *pack) G_GNUC_WARN_UNUSED_RESULT;
/* Puts one measure beyond its limit. */
void rtk_test_analysis_spoil (RtkAnalysis *analysis, RtkRulePack *pack, RtkCheckId id);
/* A finished photo judged by @analysis; its bytes are made of @seed. */
RtkPhoto *rtk_test_photo_new (RtkRulePack       *pack,
                              const RtkAnalysis *analysis,
                              const char        *seed) G_GNUC_WARN_UNUSED_RESULT;
/* A signed submission for order number @order; its body names @blobs (nullable, ended by NULL). */
RtkOperation *rtk_test_operation_new (guint              order,
                                      const char *const *blobs) G_GNUC_WARN_UNUSED_RESULT;
