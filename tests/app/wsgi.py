"""Requests straight into the application, from any thread, each thread on a database connection of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

_CSRF = "a" * 32


@cache
def application() -> WSGIHandler:
    return WSGIHandler()


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    body: str
    raw: bytes = b""
    headers: str = ""


def call(method: str, path: str, token: str, fields: dict[str, object] | None = None, language: str = "en") -> Answer:
    path, _, query = path.partition("?")
    body = urlencode({**fields, "csrfmiddlewaretoken": _CSRF}).encode() if fields is not None else b""
    cookies = {settings.SESSION_COOKIE: token, settings.LANGUAGE_COOKIE_NAME: language, "csrftoken": _CSRF}
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_COOKIE": "; ".join(f"{k}={v}" for k, v in cookies.items()),
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    seen: dict[str, object] = {}

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        seen["status"] = int(status.split(maxsplit=1)[0])
        seen["headers"] = dict(headers)

    response = application()(environ, start)
    try:
        raw = b"".join(response)
    finally:
        response.close()
    headers = "\n".join(f"{k}: {v}" for k, v in seen["headers"].items())
    return Answer(seen["status"], seen["headers"].get("Location", ""), raw.decode("utf-8", errors="replace"), raw, headers)
