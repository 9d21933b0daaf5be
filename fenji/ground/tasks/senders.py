"""Who sends text messages to residents: one gateway that the house file names, or nobody.

The gateway gets the name of a template, a phone and a link, and no word about the patient. Gateways that speak another way (an
operator's SMS interface, WeChat template messages) are put behind a small translator of their own at that address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings

from fenji.ground.tasks import rules

_SECONDS = 10
_LONGEST_ANSWER = 65_536
_COME_BACK = frozenset({408, 425, 429})


class Failed(Exception):
    """A message that was not taken. `problem`: one of rules.PROBLEMS; `status`: what the gateway answered, 0 when it did not."""

    def __init__(self, problem: str, status: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status


class TryAgain(Failed):
    """It may be taken later."""


class ForGood(Failed):
    """It will never be taken as it is."""


class Sender(Protocol):
    """Sends one message. `key`: the same for each try of one message, so that a gateway that took it does not send it again."""

    def send(self, template: str, phone: str, parameters: Mapping[str, str], *, key: str) -> str:
        """Returns the gateway's id of the message. Raises TryAgain, ForGood."""
        ...


@dataclass(frozen=True, slots=True)
class Off:
    """Nobody is set up: every message fails with the reason, and stays where it can be seen."""

    problem: str

    def send(self, template: str, phone: str, parameters: Mapping[str, str], *, key: str) -> str:
        """Raises TryAgain."""
        raise TryAgain(self.problem)


class _Stay(HTTPRedirectHandler):
    """A gateway that answers with another address is not followed there: the secret is meant for one."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Http:
    """Posts JSON to one address: `id`, `template`, `phone`, `parameters`. Any 2xx means taken; the answer may name an `id`.

    408, 425, 429 and 5xx, and no answer at all, mean later; everything else never.
    """

    url: str
    secret: str = field(repr=False)
    templates: Mapping[str, str] = field(default_factory=dict)
    seconds: float = _SECONDS

    def send(self, template: str, phone: str, parameters: Mapping[str, str], *, key: str) -> str:
        """See Sender."""
        body = {"id": key, "template": self.templates.get(template, template), "phone": phone, "parameters": dict(parameters)}
        headers = {
            "Authorization": f"Bearer {self.secret}",
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": key,
        }
        # the house file takes https alone, and http to this machine
        request = Request(self.url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        try:
            with build_opener(_Stay).open(request, timeout=self.seconds) as answer:
                return _named(answer.read(_LONGEST_ANSWER))
        except HTTPError as error:
            error.close()
            if error.code >= 500 or error.code in _COME_BACK:
                raise TryAgain(rules.BUSY, error.code) from None
            raise ForGood(rules.REFUSED, error.code) from None
        except (OSError, ValueError):  # no line, cut off, no HTTP
            raise TryAgain(rules.UNREACHABLE) from None


def _named(answer: bytes) -> str:
    """The id in an answer; empty when it names none: what was taken must not be sent again for the want of one."""
    try:
        found = json.loads(answer)
    except ValueError:
        return ""
    return str(found.get("id", ""))[:200] if isinstance(found, dict) else ""


def present() -> Sender:
    """Who sends at present."""
    if not settings.GATEWAY:
        return Off(rules.NO_GATEWAY)
    if not settings.PUBLIC_URL:
        return Off(rules.NO_ADDRESS)
    return Http(settings.GATEWAY["url"], settings.GATEWAY["secret"], settings.GATEWAY.get("templates", {}))
