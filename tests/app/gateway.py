"""A gateway for text messages on this machine, that answers as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Gateway:
    """`answers`: status and body of the next answers, the last one again and again. `got`: headers and bodies."""

    url: str = ""
    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, '{"id": "g-1"}')])
    got: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _headers, body in self.got]


@contextmanager
def serving() -> Iterator[Gateway]:
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            gateway.got.append((dict(self.headers), json.loads(body)))
            status, text = gateway.answers.pop(0) if len(gateway.answers) > 1 else gateway.answers[0]
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{gateway.url}elsewhere")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        gateway.url = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
