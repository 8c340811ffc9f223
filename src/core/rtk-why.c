/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-core"
#include "config.h"

#include "core/rtk-why.h"

static const struct {
  const char *en;
  const char *zh_cn;
} sentences[] = {
    {RTK_WHY_NOT_MEASURED, "此项没有测量。"},
    {RTK_WHY_NO_FACE, "没有找到人脸。"},
    {RTK_WHY_NO_CROP, "头部太小，或离画面边缘太近。"},
    {RTK_WHY_NO_HEAD, "没有找到头部轮廓。"},
    {RTK_WHY_NO_SHOULDERS, "没有找到肩膀。"},
    {RTK_WHY_NO_PERSON, "画面中没有找到人。"},
    {RTK_WHY_TOO_LITTLE_WALL, "画面中露出的墙面太少。"},
    {RTK_WHY_TOO_LITTLE_CLOTHES, "画面中露出的衣服太少。"},
    {RTK_WHY_TURNED, "头部转动过大。"},
    {RTK_WHY_EYES_SHUT, "眼睛没有睁开。"},
    {RTK_WHY_FACE_TOO_SMALL, "人脸太小。"},
    {RTK_WHY_NOT_IN_FILE, "文件中没有写明。"},
    {RTK_WHY_NOT_IN_VIEW, "画面没有完整显示此处。"},
    {RTK_WHY_SIDE_LIGHT, "脸的一侧太暗。"},
    {RTK_WHY_REPLACED, "成片的背景已经替换。"},
};

/**
 * rtk_why_to_zh_cn:
 * @why: (nullable): one of the RTK_WHY sentences
 *
 * Gives the zh-CN text of a reason. Any thread.
 *
 * Returns: (transfer none): the text; @why itself when it is not one of ours, and that of
 *   RTK_WHY_NOT_MEASURED for %NULL
 */
const char *
rtk_why_to_zh_cn (const char *why)
{
  if (why == NULL)
    why = RTK_WHY_NOT_MEASURED;
  for (gsize i = 0; i < G_N_ELEMENTS (sentences); i++) {
    if (g_str_equal (sentences[i].en, why))
      return sentences[i].zh_cn;
  }
  return why;
}
