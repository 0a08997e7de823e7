"""The control process: /metrics on one address, /healthz and /readyz on the other."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from proxy.admin.exposition import Gone, SnapshotCollector, Worker
from proxy.observe.channel import READY

Address = tuple[str, int]
REQUEST_SECONDS: Final = 5.0
# How often a control process that nobody asks looks whether its worker is still there.
WATCH_SECONDS: Final = 1.0
PHRASES: Final = {404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class Control:
    """What the pages show, and whether it is time to go."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(SnapshotCollector(worker))
        self.gone = Event()

    def page(self, path: str, paths: tuple[str, ...]) -> tuple[int, str, bytes]:
        """Status, content type and body of one page."""
        if path not in paths:
            return problem(404, f"Here are {', '.join(paths)}.")
        answered = self.answered()
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
        if path == "/readyz" and not answered:
            return problem(503, "The SIP process does not answer.")
        return 200, "application/json", b'{"status":"ok"}\n'

    def answered(self) -> bool:
        """Whether the worker gave a snapshot just now."""
        try:
            return self._worker.ask()
        except Gone:
            self.gone.set()
            return False


def problem(status: int, detail: str) -> tuple[int, str, bytes]:
    """A problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": PHRASES[status], "status": status, "detail": detail}
    return status, "application/problem+json", json.dumps(document).encode() + b"\n"


class Server(ThreadingHTTPServer):
    """A small HTTP server for GET and HEAD of a few pages."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: Address, control: Control, paths: tuple[str, ...]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.control = control
        self.paths = paths
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = REQUEST_SECONDS
    protocol_version = "HTTP/1.1"
    server_version = "trunkward"
    sys_version = ""

    def do_GET(self) -> None:  # the name that http.server calls
        """Answer with a page."""
        self._answer(*self.server.control.page(self.path.partition("?")[0], self.server.paths))

    do_HEAD = do_GET  # noqa: N815  # likewise

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Say nothing: who scrapes is no news."""


def run(channel: socket.socket, metrics: Address, admin: Address) -> None:
    """Serve until the worker hangs up. Raises OSError when an address is taken."""
    control = Control(Worker(channel))
    servers = [Server(metrics, control, ("/metrics",)), Server(admin, control, ("/healthz", "/readyz"))]
    channel.sendall(READY)
    for server in servers:
        Thread(target=server.serve_forever, daemon=True).start()
    while not control.gone.wait(WATCH_SECONDS):
        control.answered()
    for server in servers:
        server.shutdown()
        server.server_close()
