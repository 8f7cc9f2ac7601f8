#!/usr/bin/env python3
"""Requests that no well-behaved client sends: each gets its own status, and the daemon goes on."""

import json
import resource
import socket
import tempfile
import unittest

import suite
from client import Client
from daemon import Daemon

IDLE_CONNECTIONS = 5000
IDLE_BYTES_PER_CONNECTION_MAX = 6 * 1024  # the kernel's share is not in the process's memory


def receive_all(connection):
    data = b""
    try:
        while True:
            part = connection.recv(65536)
            if not part:
                return data
            data += part
    except (ConnectionResetError, BrokenPipeError):
        return data


class Requests(unittest.TestCase):
    daemon = None

    def open(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(self.daemon.socket)  # blocks while the listener's queue is full; with a timeout it would fail
        connection.settimeout(20)
        self.addCleanup(connection.close)
        return connection

    def raw(self, data):
        """(status, body, whole answer) to these very bytes; the client's side is closed after them."""
        connection = self.open()
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered and closed already
        answer = receive_all(connection)
        self.assertTrue(answer.startswith(b"HTTP/1.1 "), answer[:200])
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body, answer

    def check(self, data, *statuses):
        status, body, answer = self.raw(data)
        self.assertIn(status, statuses, answer[:300])
        if status >= 400 and b"application/problem+json" in answer:
            problem = json.loads(body)
            self.assertEqual(problem["status"], status)
            self.assertTrue({"type", "title", "detail"} <= set(problem), problem)
        self.still_serves()
        return answer

    def still_serves(self):
        self.assertEqual(Client(self.daemon.socket).get("/healthz").status, 200)

    # --- lines and headers ---

    def test_a_plain_request(self):
        answer = self.check(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\n\r\n", 200)
        self.assertIn(b"x-request-id:", answer.lower())

    def test_rubbish(self):
        self.check(b"\x00\x01\x02\xff rubbish\r\n\r\n", 400)
        self.check(b"hello\r\n\r\n", 400)

    def test_the_preface_of_http_2(self):
        self.check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505)

    def test_bare_line_feeds(self):
        self.check(b"GET /healthz HTTP/1.1\nHost: pawl\n\n", 400)

    def test_control_characters(self):
        self.check(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nX-A: a\x00b\r\n\r\n", 400)
        self.check(b"GET /he\x01althz HTTP/1.1\r\nHost: pawl\r\n\r\n", 400)

    def test_a_folded_header(self):
        self.check(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nX-A: a\r\n b\r\n\r\n", 400)

    def test_no_host_two_hosts_another_host(self):
        self.check(b"GET /healthz HTTP/1.1\r\n\r\n", 400)
        self.check(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nHost: pawl\r\n\r\n", 400)
        self.check(b"GET /healthz HTTP/1.1\r\nHost: example.org\r\n\r\n", 400, 403, 421)

    def test_a_browser(self):
        self.check(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n", 403)
        self.check(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nReferer: http://evil.example/\r\n\r\n", 403)

    def test_a_huge_header(self):
        self.check(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n", 431)

    def test_a_huge_target(self):
        self.check(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: pawl\r\n\r\n", 414, 431)

    def test_very_many_headers(self):
        headers = b"".join(b"X-%d: 1\r\n" % number for number in range(500))
        self.check(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\n" + headers + b"\r\n", 431)

    def test_an_absolute_target(self):
        self.check(b"GET http://pawl/healthz HTTP/1.1\r\nHost: pawl\r\n\r\n", 400)

    # --- bodies ---

    def post(self, headers, body=b"", target=b"/v1/runs"):
        return b"POST " + target + b" HTTP/1.1\r\nHost: pawl\r\nContent-Type: application/json\r\n" + headers + \
            b"\r\n\r\n" + body

    def test_lengths_that_contradict(self):
        self.check(self.post(b"Content-Length: 2\r\nContent-Length: 3", b"{}"), 400)
        self.check(self.post(b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), 400)
        self.check(self.post(b"Content-Length: -1"), 400)
        self.check(self.post(b"Content-Length: 2x", b"{}"), 400)

    def test_an_unknown_transfer_encoding(self):
        self.check(self.post(b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"), 400, 501)

    def test_a_broken_chunk(self):
        self.check(self.post(b"Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"), 400)

    def test_a_chunked_body(self):
        self.check(self.post(b"Transfer-Encoding: chunked", b"2\r\n{]\r\n0\r\n\r\n"), 400)

    def test_a_body_over_the_limit(self):
        self.check(self.post(b"Content-Length: 1048577", b" " * 1048577), 413)
        self.check(self.post(b"Content-Length: 99999999999999999999", b"{}"), 400, 413)

    def test_an_endless_chunked_body(self):
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        self.check(self.post(b"Transfer-Encoding: chunked", chunk * 20), 413)

    def test_malformed_json(self):
        for body in (b"", b"{", b"[1,]", b'{"a":1,"a":2}', b"nul", b'{"a": NaN}', b"\xff\xfe", b'{"a": "\xc3\x28"}',
                     b"{} {}", b"[" * 100_000, b'{"a":' * 5000):
            with self.subTest(body[:20]):
                self.check(self.post(b"Content-Length: %d" % len(body), body), 400, 422)

    # --- connections ---

    def test_pipelined_requests_are_answered_in_order(self):
        connection = self.open()
        targets = [b"/healthz", b"/v1/nothing", b"/v1/version", b"/healthz"] * 8
        connection.sendall(b"".join(b"GET " + target + b" HTTP/1.1\r\nHost: pawl\r\n\r\n" for target in targets))
        connection.shutdown(socket.SHUT_WR)
        answers = receive_all(connection)
        statuses = [int(part.split()[0]) for part in answers.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual(statuses, [200, 404, 200, 200] * 8)

    def test_a_long_pipeline_of_reads_on_an_idle_box(self):
        connection = self.open()
        connection.settimeout(20)  # what is held back at first is not to wait for the next thing that happens
        connection.sendall(b"GET /v1/workflows HTTP/1.1\r\nHost: pawl\r\n\r\n" * 300 +
                           b"GET /v1/workflows HTTP/1.1\r\nHost: pawl\r\nConnection: close\r\n\r\n")
        self.assertEqual(receive_all(connection).count(b"HTTP/1.1 200 OK"), 301)

    def test_connection_close(self):
        connection = self.open()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nConnection: close\r\n\r\n")
        self.assertIn(b"200", receive_all(connection)[:20])

    def test_a_request_byte_by_byte(self):
        connection = self.open()
        for byte in b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        self.assertIn(b"200", receive_all(connection)[:20])

    def test_head_of_what_never_ends(self):
        connection = self.open()
        connection.sendall(b"HEAD /v1/events?follow=true HTTP/1.1\r\nHost: pawl\r\n\r\n"
                           b"GET /healthz HTTP/1.1\r\nHost: pawl\r\nConnection: close\r\n\r\n")
        self.assertEqual(receive_all(connection).count(b"HTTP/1.1 200 OK"), 2)

    def test_clients_that_vanish(self):
        for end in range(0, 60, 3):
            connection = self.open()
            connection.sendall(b"POST /v1/runs HTTP/1.1\r\nHost: pawl\r\nContent-Length: 10\r\n\r\n{}"[:end])
            connection.close()
        for _ in range(50):
            connection = self.open()
            connection.sendall(b"GET /v1/events?follow=true HTTP/1.1\r\nHost: pawl\r\n\r\n" +
                               b"POST /v1/queues/q/poll?wait=30s HTTP/1.1\r\nHost: pawl\r\nContent-Length: 24\r\n\r\n"
                               b'{"worker":"w","max":1}  ')
            connection.close()
        self.still_serves()

    def test_a_client_that_never_reads(self):
        connection = self.open()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(2)
        request = b"GET /metrics HTTP/1.1\r\nHost: pawl\r\n\r\n"
        before = self.daemon.memory_kib()
        try:
            for _ in range(20_000):
                connection.sendall(request)
        except (TimeoutError, OSError):
            pass  # it does not read on while we do not
        self.still_serves()
        self.assertLess(self.daemon.memory_kib() - before, 64 * 1024)
        connection.close()
        self.check(request, 200)  # what it had not read is forgotten with it

    def test_many_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = IDLE_CONNECTIONS + 200
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"only {hard} open files are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        before = self.daemon.memory_kib()
        idle = [self.open() for _ in range(IDLE_CONNECTIONS)]
        for connection in idle[::10]:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: pawl\r\n\r\n")
        for connection in idle[::10]:
            self.assertIn(b"200", connection.recv(1000)[:20])
        self.still_serves()
        grown = (self.daemon.memory_kib() - before) * 1024 / IDLE_CONNECTIONS
        self.assertLess(grown, IDLE_BYTES_PER_CONNECTION_MAX)
        for connection in idle:
            connection.close()
        self.still_serves()


if __name__ == "__main__":
    arguments = suite.arguments_with()
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit if hard_limit != resource.RLIM_INFINITY else 65536, hard_limit))
    with tempfile.TemporaryDirectory() as directory, Daemon(arguments.pawl, directory) as Requests.daemon:
        suite.run([Requests], arguments.only)
