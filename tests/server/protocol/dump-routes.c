/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints the server's table of routes as JSON, for test_document.py. */
#include "server/rtk-server-call.h"

#include <string.h>

static const char *const field_types[] = {
    [RTK_SERVER_FIELD_STRING] = "string", [RTK_SERVER_FIELD_ID] = "id",
    [RTK_SERVER_FIELD_SHA256] = "sha256", [RTK_SERVER_FIELD_INT] = "int",
    [RTK_SERVER_FIELD_ARRAY] = "array",   [RTK_SERVER_FIELD_BOOL] = "bool",
    [RTK_SERVER_FIELD_OBJECT] = "object",
};

static const struct {
  guint       who;
  const char *name;
} callers[] = {
    {RTK_SERVER_PUBLIC, "public"},     {RTK_SERVER_OPERATOR, "operator"},
    {RTK_SERVER_REVIEWER, "reviewer"}, {RTK_SERVER_SUPERVISOR, "supervisor"},
    {RTK_SERVER_ACCOUNT, "account"},
};

static void
add_who (JsonBuilder *builder, guint who)
{
  json_builder_set_member_name (builder, "who");
  json_builder_begin_array (builder);
  for (guint i = 0; i < G_N_ELEMENTS (callers); i++)
    if ((who & callers[i].who) != 0)
      json_builder_add_string_value (builder, callers[i].name);
  json_builder_end_array (builder);
}

static void
add_field (JsonBuilder *builder, const RtkServerField *field)
{
  const char *type =
      (guint)field->type < G_N_ELEMENTS (field_types) ? field_types[field->type] : NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "name");
  json_builder_add_string_value (builder, field->name);
  json_builder_set_member_name (builder, "type");
  json_builder_add_string_value (builder, type != NULL ? type : "unknown to dump-routes.c");
  json_builder_set_member_name (builder, "required");
  json_builder_add_boolean_value (builder, field->required);
  json_builder_set_member_name (builder, "max");
  json_builder_add_int_value (builder, field->max);
  json_builder_end_object (builder);
}

static void
add_route (JsonBuilder *builder, const RtkServerRoute *route)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "method");
  json_builder_add_string_value (builder, route->method);
  json_builder_set_member_name (builder, "path");
  json_builder_add_string_value (builder, route->pattern);
  add_who (builder, route->who);
  json_builder_set_member_name (builder, "bytes");
  json_builder_add_boolean_value (builder, route->takes_bytes);
  json_builder_set_member_name (builder, "fields");
  if (route->fields == NULL) {
    json_builder_add_null_value (builder);
  } else {
    json_builder_begin_array (builder);
    for (const RtkServerField *field = route->fields; field->name != NULL; field++)
      add_field (builder, field);
    json_builder_end_array (builder);
  }
  json_builder_end_object (builder);
}

int
main (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char      *text = NULL;
  guint                 n;
  const RtkServerRoute *routes = rtk_server_routes_get (&n);

  json_builder_begin_array (builder);
  for (guint i = 0; i < n; i++)
    add_route (builder, &routes[i]);
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, TRUE);
  g_print ("%s\n", text);
  return 0;
}
