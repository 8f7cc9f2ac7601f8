"""HTTP/1.1 over the daemon's Unix socket, with nothing but the standard library."""

import http.client
import json
import socket
import urllib.parse


class Unreachable(Exception):
    """No answer came: the request may or may not have been carried out."""


class Answer:
    def __init__(self, status, headers, data):
        self.status = status
        self.headers = headers
        self.data = data

    @property
    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"{self.status} {self.data[:300]!r}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("pawl", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self.path)
        except OSError:
            self.sock.close()
            self.sock = None
            raise


class Client:
    """One keep-alive connection; opens it again where it was lost. Not for several threads."""

    def __init__(self, path, timeout=30):
        self.path = path
        self.timeout = timeout
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def request(self, method, target, body=None, key=None, headers=None, timeout=None):
        """The Answer; `body` is bytes or what JSON can say. Unreachable where none came."""
        send = {"Host": "pawl", **(headers or {})}
        if key:
            send["Idempotency-Key"] = key
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            send.setdefault("Content-Type", "application/json")
        if self.connection is None:
            self.connection = UnixConnection(self.path, self.timeout)
        try:
            if self.connection.sock is None:
                self.connection.connect()
            self.connection.sock.settimeout(timeout or self.timeout)
            self.connection.request(method, target, body, send)
            response = self.connection.getresponse()
            data = response.read()
            return Answer(response.status, response.headers, data)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{method} {target}: {error!r}") from error

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def post(self, target, body=None, **options):
        return self.request("POST", target, body if body is not None else {}, **options)


    def deploy(self, name, text):
        answer = self.request("PUT", f"/v1/workflows/{name}", text.encode())
        assert answer.status == 201, answer

    def items(self, target):
        """Of all pages of a list."""
        items, cursor = [], ""
        while True:
            page = self.get(f"{target}?limit=100{cursor}").json
            items += page["items"]
            if not page.get("next_cursor"):
                return items
            cursor = f"&cursor={page['next_cursor']}"


def quote(name):
    """A run's id as one segment of a path."""
    return urllib.parse.quote(name, safe="")
