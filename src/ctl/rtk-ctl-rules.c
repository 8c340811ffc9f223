/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-ctl"
#include "config.h"

#include "core/rtk-error.h"
#include "core/rtk-rule-pack.h"
#include "ctl/rtk-ctl.h"

#include <glib/gi18n.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void
add_number (JsonBuilder *builder, const char *member, double value)
{
  json_builder_set_member_name (builder, member);
  if (isnan (value))
    json_builder_add_null_value (builder);
  else
    json_builder_add_double_value (builder, value);
}

static void
add_text (JsonBuilder *builder, const char *member, const char *text)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, text);
}

static const char *
mode_name (RtkRuleMode mode)
{
  static const char *const names[] = {"block", "advise", "confirm"};

  return names[mode];
}

static int
run_list (RtkCtl *ctl, int argc, char **argv)
{
  GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
  g_auto (GStrv) ids = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;

  if (!rtk_ctl_parse (entries, "", &argc, &argv, 0, 0))
    return RTK_EXIT_ERROR;
  ids = rtk_rule_pack_list_built_in ();
  json_builder_begin_array (builder);
  for (char **id = ids; *id != NULL; id++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (RtkRulePack) pack = rtk_rule_pack_load (*id, &error);

    if (pack == NULL)
      return rtk_ctl_complain (*id, error);
    json_builder_begin_object (builder);
    add_text (builder, "id", *id);
    add_text (builder, "version", rtk_rule_pack_get_version (pack));
    add_text (builder, "title", rtk_rule_pack_get_title (pack, rtk_ctl_reader_language ()));
    json_builder_end_object (builder);
    if (!ctl->json)
      printf ("%-22s %-4s %s\n", *id, rtk_rule_pack_get_version (pack),
              rtk_rule_pack_get_title (pack, rtk_ctl_reader_language ()));
  }
  json_builder_end_array (builder);
  node = json_builder_get_root (builder);
  if (ctl->json)
    rtk_ctl_print_json (node);
  return RTK_EXIT_OK;
}

static JsonNode *
pack_to_json (RtkRulePack *pack)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const RtkRule *const *rules;
  gsize                 min_bytes;
  gsize                 max_bytes;
  guint                 n;

  rtk_rule_pack_get_bytes (pack, &min_bytes, &max_bytes);
  json_builder_begin_object (builder);
  add_text (builder, "id", rtk_rule_pack_get_id (pack));
  add_text (builder, "version", rtk_rule_pack_get_version (pack));
  add_text (builder, "title", rtk_rule_pack_get_title (pack, rtk_ctl_reader_language ()));
  add_number (builder, "width", rtk_rule_pack_get_width (pack));
  add_number (builder, "height", rtk_rule_pack_get_height (pack));
  add_number (builder, "dpi", rtk_rule_pack_get_dpi (pack));
  add_number (builder, "quality_min", rtk_rule_pack_get_quality_min (pack));
  add_number (builder, "bytes_min", (double)min_bytes);
  add_number (builder, "bytes_max", (double)max_bytes);
  json_builder_set_member_name (builder, "rules");
  json_builder_begin_array (builder);
  rules = rtk_rule_pack_get_rules (pack, &n);
  for (guint i = 0; i < n; i++) {
    json_builder_begin_object (builder);
    add_text (builder, "id", rtk_check_id_to_string (rules[i]->id));
    add_text (builder, "mode", mode_name (rules[i]->mode));
    add_text (builder, "unit", rtk_check_id_get_unit (rules[i]->id));
    add_number (builder, "min", rules[i]->min);
    add_number (builder, "max", rules[i]->max);
    add_number (builder, "warn_min", rules[i]->warn_min);
    add_number (builder, "warn_max", rules[i]->warn_max);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

static char *
format_limit (double value)
{
  return isnan (value) ? g_strdup ("-") : g_strdup_printf ("%g", value);
}

static int
run_show (RtkCtl *ctl, int argc, char **argv)
{
  GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
  g_autoptr (RtkRulePack) pack = NULL;
  g_autoptr (GError) error = NULL;
  const RtkRule *const *rules;
  guint                 n;

  if (!rtk_ctl_parse (entries, "ID", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  pack = rtk_rule_pack_load (argv[1], &error);
  if (pack == NULL)
    return rtk_ctl_complain (argv[1], error);
  if (ctl->json) {
    g_autoptr (JsonNode) node = pack_to_json (pack);

    rtk_ctl_print_json (node);
    return RTK_EXIT_OK;
  }
  printf ("%s %s: %s\n", rtk_rule_pack_get_id (pack), rtk_rule_pack_get_version (pack),
          rtk_rule_pack_get_title (pack, rtk_ctl_reader_language ()));
  rules = rtk_rule_pack_get_rules (pack, &n);
  for (guint i = 0; i < n; i++) {
    g_autofree char *min = format_limit (rules[i]->min);
    g_autofree char *max = format_limit (rules[i]->max);

    printf ("  %-26s %-8s %8s … %-8s %-6s %s\n", rtk_check_id_to_string (rules[i]->id),
            mode_name (rules[i]->mode), min, max, rtk_check_id_get_unit (rules[i]->id),
            rules[i]->title[rtk_ctl_reader_language ()]);
  }
  return RTK_EXIT_OK;
}

typedef struct {
  const char *id;
  GBytes     *bytes; /* (unowned) */
} LintSource;

/* The file under test stands for its own id; parents are the built-in ones. */
static GBytes *
lint_source (const char *id, gpointer user_data, GError **error)
{
  LintSource *lint = user_data;

  if (strcmp (id, lint->id) == 0)
    return g_bytes_ref (lint->bytes);
  return rtk_rule_pack_built_in_source (id, NULL, error);
}

static int
run_lint (RtkCtl *ctl, int argc, char **argv)
{
  GOptionEntry entries[] = {G_OPTION_ENTRY_NULL};
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) faults = NULL;
  g_autofree char *id = NULL;
  LintSource       lint;

  if (!rtk_ctl_parse (entries, "FILE", &argc, &argv, 1, 1))
    return RTK_EXIT_ERROR;
  if (!rtk_ctl_read_file (argv[1], &bytes, &error))
    return rtk_ctl_complain (argv[1], error);
  id = g_path_get_basename (argv[1]);
  if (g_str_has_suffix (id, ".ini"))
    id[strlen (id) - strlen (".ini")] = '\0';
  lint = (LintSource){id, bytes};
  faults = rtk_rule_pack_lint (id, lint_source, &lint);
  /* The answer to the question is no; its reasons are the sentences themselves. */
  for (char **fault = faults; *fault != NULL; fault++)
    rtk_ctl_say ("%s: %s", argv[1], *fault);
  if (faults[0] != NULL)
    return RTK_EXIT_NO;
  rtk_ctl_say (_ ("%s: no faults found"), argv[1]);
  return RTK_EXIT_OK;
}

const RtkCtlCommand rtk_ctl_rules_commands[] = {
    {"rules", "list", "", N_ ("list the rule packs"), run_list},
    {"rules", "show", "ID", N_ ("show a rule pack with its limits"), run_show},
    {"rules", "lint", "FILE", N_ ("look for faults in a rule pack file"), run_lint},
    {NULL},
};
