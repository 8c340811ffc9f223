# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes on a socket, for what no HTTP library would send."""

import socket

from client import Answer


class Raw:
    """One connection. read() gives the next answer, or None when the server closed it."""

    def __init__(self, address, timeout=20):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Returns whether the server still listened."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.held += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.held:
            if not self._more():
                return None
        before, self.held = self.held.split(mark, 1)
        return before

    def _take(self, size):
        while len(self.held) < size and self._more():
            pass
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    def read(self, is_head=False):
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        answer = Answer(status, headers, b"")
        if status == 100 or is_head or status in (204, 304):
            return answer
        if answer.get("transfer-encoding") == "chunked":
            while True:
                size = int(self._until(b"\r\n"), 16)
                answer.body += self._take(size + 2)[:size]
                if size == 0:
                    return answer
        answer.body = self._take(int(answer.get("content-length") or 0))
        return answer

    def is_closed(self):
        """Waits until the server closes the connection; False when it does not in time."""
        try:
            while self._more():
                pass
            return True
        except TimeoutError:
            return False
