/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "rtk-server"
#include "config.h"

#include "server/rtk-server-socket.h"

#include "core/rtk-error.h"

/* The system may allow fewer. SoupServer's own ten places for callers that wait are too few when
 * hundreds of stations come back at once. */
#define LISTEN_BACKLOG 4096

static GSocketAddress *
parse_address (const char *address, gboolean is_tls, GError **error)
{
  g_autoptr (GSocketConnectable) parsed = g_network_address_parse (address, 0, NULL);
  g_autoptr (GSocketAddress) result = NULL;

  if (parsed != NULL)
    result = g_inet_socket_address_new_from_string (
        g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)),
        g_network_address_get_port (G_NETWORK_ADDRESS (parsed)));
  if (result == NULL) {
    g_set_error (error, RTK_ERROR, RTK_ERROR_USAGE,
                 "--listen takes a numeric address and a port, such as 127.0.0.1:8080, not “%s”",
                 address);
    return NULL;
  }
  if (!is_tls && !g_inet_address_get_is_loopback (
                     g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (result)))) {
    g_set_error_literal (error, RTK_ERROR, RTK_ERROR_USAGE,
                         "Plain HTTP is served on this machine only: give --tls-certificate and"
                         " --tls-key, or listen on 127.0.0.1");
    return NULL;
  }
  return g_steal_pointer (&result);
}

static void
explain (const char *address, const GError *why, GError **error)
{
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    g_set_error (error, RTK_ERROR, RTK_ERROR_IN_USE,
                 "Another program listens on %s: end it, or give another port with --listen",
                 address);
  else if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE,
                 "This user may not listen on %s: give a port above 1023 with --listen, or the"
                 " right to use this one",
                 address);
  else
    g_set_error (error, RTK_ERROR, RTK_ERROR_STORAGE,
                 "Cannot listen on %s: give an address of this machine with --listen (%s)", address,
                 why->message);
}

/**
 * rtk_server_socket_open:
 * @address: "ADDRESS:PORT", the address numeric, IPv6 in brackets, port 0 picks one
 * @is_tls: whether TLS will be spoken there
 * @error: return location; %RTK_ERROR_USAGE for plain HTTP beyond this machine
 *
 * Begins to listen. Whoever connects waits until the server takes them.
 *
 * Returns: (transfer full): a socket that listens
 */
GSocket *
rtk_server_socket_open (const char *address, gboolean is_tls, GError **error)
{
  g_autoptr (GError) own = NULL;
  g_autoptr (GSocketAddress) where = parse_address (address, is_tls, error);
  g_autoptr (GSocket) socket = NULL;

  if (where == NULL)
    return NULL;
  socket = g_socket_new (g_socket_address_get_family (where), G_SOCKET_TYPE_STREAM,
                         G_SOCKET_PROTOCOL_TCP, &own);
  if (socket != NULL && g_socket_bind (socket, where, TRUE, &own)) {
    g_socket_set_listen_backlog (socket, LISTEN_BACKLOG);
    if (g_socket_listen (socket, &own))
      return g_steal_pointer (&socket);
  }
  explain (address, own, error);
  return NULL;
}
