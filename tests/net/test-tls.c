/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/rtk-error.h"
#include "net/rtk-http-transport.h"
#include "support/rtk-test-server.h"
#include "support/rtk-test-signer.h"

#include <string.h>

/* Each case is a process of its own: once a process has accepted a server, a resumed TLS session
 * is accepted whatever it trusts by then. */
#define URL "RTK_TEST_TLS_URL"
#define TRUST "RTK_TEST_TLS_TRUST"
#define ACCEPT "RTK_TEST_TLS_ACCEPT"

static void
result_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **out = user_data;

  *out = g_object_ref (result);
}

static void
run_case (void)
{
  const char *trust = g_getenv (TRUST);
  g_autoptr (GTlsDatabase) database = NULL;
  g_autoptr (RtkSigner) signer = rtk_test_signer_new ("tls");
  g_autoptr (RtkTransport) transport = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ok;

  /* None: what the system trusts. */
  if (trust[0] != '\0') {
    database = g_tls_file_database_new (trust, &error);
    g_assert_no_error (error);
    g_tls_backend_set_default_database (g_tls_backend_get_default (), database);
  }
  transport = RTK_TRANSPORT (rtk_http_transport_new (g_getenv (URL), signer, "desk", &error));
  g_assert_no_error (error);
  rtk_transport_sign_in_async (transport, "operator", RTK_TEST_PASSWORD, NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  ok = rtk_transport_done_finish (transport, result, &error);
  if (g_getenv (ACCEPT)[0] == 'y') {
    g_assert_no_error (error);
    g_assert_true (ok);
  } else {
    /* Not "offline": waiting does not mend a certificate. */
    g_assert_error (error, RTK_ERROR, RTK_ERROR_SERVER);
    g_assert_nonnull (strstr (error->message, "certificate"));
    g_assert_cmpint (rtk_transport_get_state (transport), ==, RTK_SERVER_SIGNED_OUT);
  }
}

/* A self-signed certificate for this machine: its own trust anchor. */
static void
make_certificate (const char *folder, const char *name, const char *address)
{
  g_autofree char *key = g_strdup_printf ("%s/%s.key", folder, name);
  g_autofree char *pem = g_strdup_printf ("%s/%s.pem", folder, name);
  g_autofree char *subject = g_strconcat ("subjectAltName=IP:", address, NULL);
  const char      *argv[] = {"openssl",
                             "req",
                             "-x509",
                             "-newkey",
                             "ec",
                             "-pkeyopt",
                             "ec_paramgen_curve:prime256v1",
                             "-nodes",
                             "-days",
                             "2",
                             "-subj",
                             "/CN=retake-test",
                             "-addext",
                             subject,
                             "-keyout",
                             key,
                             "-out",
                             pem,
                             NULL};
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_assert_true (
      g_spawn_sync (NULL, (char **)argv, NULL,
                    G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                    NULL, NULL, NULL, NULL, &status, &error));
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
check (RtkTestServer *server, const char *trust, gboolean accept)
{
  g_setenv (URL, server->url, TRUE);
  g_setenv (TRUST, trust, TRUE);
  g_setenv (ACCEPT, accept ? "y" : "n", TRUE);
  g_test_trap_subprocess ("/net/tls/subprocess/case", 0, 0);
  g_test_trap_assert_passed ();
}

static void
serve_and_check (const char *address, gboolean own_is_accepted)
{
  g_autofree char *program = g_find_program_in_path ("openssl");
  g_autofree char *folder = NULL;
  g_autofree char *pem = NULL;
  g_autofree char *key = NULL;
  g_autofree char *other = NULL;
  g_autoptr (RtkTestServer) server = NULL;

  if (program == NULL) {
    g_test_skip ("openssl is not installed");
    return;
  }
  folder = g_dir_make_tmp ("retake-tls-XXXXXX", NULL);
  pem = g_build_filename (folder, "own.pem", NULL);
  key = g_build_filename (folder, "own.key", NULL);
  other = g_build_filename (folder, "other.pem", NULL);
  make_certificate (folder, "own", address);
  make_certificate (folder, "other", "127.0.0.1");
  server =
      rtk_test_server_new (0, (const char *[]){"--tls-certificate", pem, "--tls-key", key, NULL});
  g_assert_true (g_str_has_prefix (server->url, "https://127.0.0.1:"));
  check (server, pem, own_is_accepted);
  check (server, other, FALSE);
  check (server, "", FALSE);
  rtk_test_remove_folder (folder);
}

static void
test_trust (void)
{
  serve_and_check ("127.0.0.1", TRUE);
}

/* The right certificate, of another place. */
static void
test_wrong_name (void)
{
  serve_and_check ("127.0.0.2", FALSE);
}

int
main (int argc, char **argv)
{
  const char      *sanitizer = g_getenv ("ASAN_OPTIONS");
  g_autofree char *options =
      g_strconcat (sanitizer != NULL ? sanitizer : "", ":detect_leaks=0", NULL);

  g_test_init (&argc, &argv, NULL);
  /* The leak checker crashes in processes that have loaded GnuTLS: not in the server, not in the
     cases. The same code without TLS is checked by the other tests. */
  g_setenv ("ASAN_OPTIONS", options, TRUE);
  g_test_add_func ("/net/tls/subprocess/case", run_case);
  g_test_add_func ("/net/tls/trust", test_trust);
  g_test_add_func ("/net/tls/wrong-name", test_wrong_name);
  return g_test_run ();
}
