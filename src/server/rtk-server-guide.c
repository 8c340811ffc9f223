/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-guide.h"

#include "core/rtk-error.h"
#include "core/rtk-rule-pack.h"
#include "rtk-server-resources.h"
#include "server/rtk-server-call.h"

#include <math.h>
#include <string.h>

/* What the mini-program shows before anybody takes a photo: how to do it, and the rules that the
 * photo is held to. */

#define GUIDE "/io/github/retake_station/Retake/guide/guide.json"
#define DEFAULT_RULES "chsi-diploma"

/* A pack of the folder, or one that comes with the program, from which others inherit. */
static GBytes *
find_pack (const char *id, gpointer user_data, GError **error)
{
  const RtkServerConfig *config = user_data;
  g_autofree char       *name = g_strconcat (id, ".ini", NULL);
  g_autofree char       *path = NULL;
  char                  *text = NULL;
  gsize                  size;

  if (config->rules_folder != NULL && strchr (id, '/') == NULL) {
    path = g_build_filename (config->rules_folder, name, NULL);
    if (g_file_get_contents (path, &text, &size, NULL))
      return g_bytes_new_take (text, size);
  }
  return rtk_rule_pack_built_in_source (id, NULL, error);
}

static RtkRulePack *
load_pack (const RtkServerConfig *config, GError **error)
{
  return rtk_rule_pack_parse (config->rules != NULL ? config->rules : DEFAULT_RULES, find_pack,
                              (gpointer)config, error);
}

/**
 * rtk_server_guide_check:
 * @config: settings
 * @error: return location
 *
 * Checks that the active rule pack can be read. Blocking.
 *
 * Returns: whether it can
 */
gboolean
rtk_server_guide_check (const RtkServerConfig *config, GError **error)
{
  g_autoptr (RtkRulePack) pack = NULL;

  if (config->rules_folder != NULL && !g_file_test (config->rules_folder, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "There is no folder %s: give that of the rule packs with --rules-folder",
                 config->rules_folder);
    return FALSE;
  }
  pack = load_pack (config, error);
  return pack != NULL;
}

static void
add_public_headers (RtkServerCall *call)
{
  rtk_server_call_add_header (call, "Cache-Control", "public, max-age=300");
}

/* GET /v1/online/guide */
RTK_SERVER_HANDLER (online_guide)
{
  static gsize is_ready;

  if (g_once_init_enter (&is_ready)) {
    rtk_server_register_resource ();
    g_once_init_leave (&is_ready, 1);
  }
  call->bytes = g_resources_lookup_data (GUIDE, G_RESOURCE_LOOKUP_FLAGS_NONE, error);
  if (call->bytes == NULL)
    return FALSE;
  add_public_headers (call);
  call->status = 200;
  return TRUE;
}

static void
write_number (RtkServerJson *json, const char *name, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (value))
    rtk_server_json_string (json, name, NULL);
  else
    rtk_server_json_raw (json, name, g_ascii_formatd (text, sizeof text, "%.10g", value));
}

static void
write_texts (RtkServerJson *json, const char *name, char *const texts[RTK_N_LANGUAGES])
{
  rtk_server_json_begin (json, name, '{');
  rtk_server_json_string (json, "zh_CN", texts[RTK_LANGUAGE_ZH_CN]);
  rtk_server_json_string (json, "en", texts[RTK_LANGUAGE_EN]);
  rtk_server_json_end (json, '}');
}

static void
write_rule (RtkServerJson *json, const RtkRule *rule)
{
  static const char *const modes[] = {"block", "advise", "confirm"};

  rtk_server_json_begin (json, NULL, '{');
  rtk_server_json_string (json, "id", rtk_check_id_to_string (rule->id));
  rtk_server_json_string (json, "mode", modes[rule->mode]);
  write_number (json, "min", rule->min);
  write_number (json, "max", rule->max);
  write_number (json, "warn_min", rule->warn_min);
  write_number (json, "warn_max", rule->warn_max);
  rtk_server_json_string (json, "text", rule->text);
  write_texts (json, "title", rule->title);
  write_texts (json, "advice_low", rule->advice_low);
  write_texts (json, "advice_high", rule->advice_high);
  rtk_server_json_end (json, '}');
}

static void
write_backgrounds (RtkServerJson *json, const RtkRulePack *pack)
{
  guint                n;
  const RtkBackground *backgrounds = rtk_rule_pack_get_backgrounds (pack, &n);

  rtk_server_json_begin (json, "backgrounds", '[');
  for (guint i = 0; i < n; i++) {
    const guint8    *rgb = backgrounds[i].rgb;
    g_autofree char *colour = g_strdup_printf ("#%02x%02x%02x", rgb[0], rgb[1], rgb[2]);

    rtk_server_json_begin (json, NULL, '{');
    rtk_server_json_string (json, "name", backgrounds[i].name);
    rtk_server_json_string (json, "rgb", colour);
    rtk_server_json_end (json, '}');
  }
  rtk_server_json_end (json, ']');
}

static void
write_pack (RtkServerJson *json, const RtkRulePack *pack)
{
  char *const titles[RTK_N_LANGUAGES] = {
      [RTK_LANGUAGE_EN] = (char *)rtk_rule_pack_get_title (pack, RTK_LANGUAGE_EN),
      [RTK_LANGUAGE_ZH_CN] = (char *)rtk_rule_pack_get_title (pack, RTK_LANGUAGE_ZH_CN),
  };
  gsize bytes_min;
  gsize bytes_max;

  rtk_rule_pack_get_bytes (pack, &bytes_min, &bytes_max);
  rtk_server_json_string (json, "id", rtk_rule_pack_get_id (pack));
  rtk_server_json_string (json, "version", rtk_rule_pack_get_version (pack));
  write_texts (json, "title", titles);
  rtk_server_json_int (json, "width", rtk_rule_pack_get_width (pack));
  rtk_server_json_int (json, "height", rtk_rule_pack_get_height (pack));
  rtk_server_json_int (json, "dpi", rtk_rule_pack_get_dpi (pack));
  rtk_server_json_int (json, "quality_min", rtk_rule_pack_get_quality_min (pack));
  rtk_server_json_int (json, "bytes_min", (gint64)bytes_min);
  rtk_server_json_int (json, "bytes_max", (gint64)bytes_max);
  rtk_server_json_begin (json, "target", '{');
  write_number (json, "hair_top", rtk_rule_pack_get_target_hair_top (pack));
  write_number (json, "eye_line", rtk_rule_pack_get_target_eye_line (pack));
  write_number (json, "face_width", rtk_rule_pack_get_target_face_width (pack));
  rtk_server_json_end (json, '}');
  write_backgrounds (json, pack);
}

/* GET /v1/online/rules: the pack that photos are held to now. */
RTK_SERVER_HANDLER (online_rules)
{
  g_autoptr (RtkRulePack) pack = load_pack (store->config, error);
  const RtkRule *const *rules;
  guint                 n;

  if (pack == NULL)
    return FALSE;
  rules = rtk_rule_pack_get_rules (pack, &n);
  rtk_server_json_begin (&call->answer, NULL, '{');
  write_pack (&call->answer, pack);
  rtk_server_json_begin (&call->answer, "rules", '[');
  for (guint i = 0; i < n; i++)
    write_rule (&call->answer, rules[i]);
  rtk_server_json_end (&call->answer, ']');
  rtk_server_json_end (&call->answer, '}');
  add_public_headers (call);
  call->status = 200;
  return TRUE;
}
