/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-simulate.h"

static const char *const surnames[] = {
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡",   "朱",
    "高", "林", "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "欧阳", "司马",
};
static const char *const given[] = {
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛",
    "明", "超", "霞", "平", "刚", "桂", "文", "建", "国", "思", "雨", "子", "涵", "梓",
    "轩", "欣", "怡", "晨", "阳", "佳", "琪", "浩", "然", "宇", "航", "婷",
};
static const char *const schools[] = {"示例大学", "样本师范学院", "虚构理工大学",
                                      "演示职业技术学院"};

/**
 * rtk_server_person_make_name:
 * @rand: source of chance
 *
 * Returns: (transfer full): a made-up Chinese name
 */
char *
rtk_server_person_make_name (GRand *rand)
{
  const char *surname = surnames[g_rand_int_range (rand, 0, G_N_ELEMENTS (surnames))];
  const char *first = given[g_rand_int_range (rand, 0, G_N_ELEMENTS (given))];
  const char *second = given[g_rand_int_range (rand, 0, G_N_ELEMENTS (given))];

  return g_rand_int_range (rand, 0, 5) == 0 ? g_strconcat (surname, first, NULL)
                                            : g_strconcat (surname, first, second, NULL);
}

/**
 * rtk_server_person_make_number:
 * @index: which person; no two of the first three million get the same number
 *
 * Makes an identity number of the right form that nobody can have: its region 320199 and its birth
 * year 1900 are not in use, and its last character is wrong for it as often as not.
 *
 * Returns: (transfer full): 18 characters
 */
char *
rtk_server_person_make_number (guint index)
{
  /* Two with the same end lie 10000 apart: 336 of them have different days, as 370001 and 336 have
   * no common divisor. */
  guint day = (guint)((index * G_GUINT64_CONSTANT (37) + index / 10000) % (12 * 28));

  return g_strdup_printf ("3201991900%02u%02u%04u", day / 28 + 1, day % 28 + 1, index % 10000);
}

/**
 * rtk_server_person_make_phone:
 * @index: which person
 *
 * Returns: (transfer full): a number of a range that is not in use
 */
char *
rtk_server_person_make_phone (guint index)
{
  return g_strdup_printf ("100%08u", index);
}

/**
 * rtk_server_person_make_code:
 * @rand: source of chance
 *
 * Returns: (transfer full): an opaque collection code
 */
char *
rtk_server_person_make_code (GRand *rand)
{
  static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  char             *code = g_malloc0 (17);

  for (int i = 0; i < 16; i++)
    code[i] = letters[g_rand_int_range (rand, 0, sizeof letters - 1)];
  return code;
}

/**
 * rtk_server_person_get_school:
 * @index: which person
 *
 * Returns: (transfer none): a made-up school
 */
const char *
rtk_server_person_get_school (guint index)
{
  return schools[index % G_N_ELEMENTS (schools)];
}
