"""Cells of the leak matrix: a request for the canary, the same for what does not exist, and what is wrong with the answers."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from fenji.ground.common.edge import fresh_key
from tests.app.canary import ROLES, Canary
from tests.app.wsgi import Answer, ask, call


@dataclass(frozen=True)
class Try:
    """A request for the canary, the same request for something that does not exist, and who may see the canary by it."""

    method: str
    path: str
    missing: str
    fields: dict[str, str] | None = None
    missing_fields: dict[str, str] | None = None
    positive: str = "B doctor"
    shows: str = ""
    roles: tuple[str, ...] = ROLES


Factory = Callable[[Canary], list[Try]]
_NOISE = re.compile(r'name="(?:_key|csrfmiddlewaretoken)" value="[^"]*"|value="[0-9a-f]{60,}"')


def _request(tries: Try, token: str, missing: bool) -> Answer:
    path, fields = (tries.missing, tries.missing_fields) if missing else (tries.path, tries.fields)
    if path.startswith("/api/"):
        return ask(tries.method, path, token)
    return call(tries.method, path, token, None if fields is None else {"_key": fresh_key(), **fields})


def _readable(answer: Answer) -> str:
    """Body as text; of a workbook the text of all its parts; and where a redirect leads."""
    if answer.raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.raw)) as book:
            return answer.headers + "".join(book.read(n).decode("utf-8", "replace") for n in book.namelist())
    return f"{answer.headers}\n{answer.location}\n{answer.body}"


def _plain(answer: Answer, asked: tuple[str, ...]) -> str:
    """What was answered, with what was asked for and all chance taken out. Of a workbook only that it is one: its dates change."""
    if answer.raw.startswith(b"PK"):
        return f"{answer.status} workbook"
    text = f"{answer.status} {answer.location}\n{_NOISE.sub('', answer.body)}"
    for given in asked:
        from urllib.parse import quote, quote_plus

        for form in (given, quote(given), quote(given, safe=""), quote_plus(given), given.replace("&", "&amp;")):
            text = text.replace(form, "•")
    return text


def _asked(tries: Try) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the two requests name: their paths, and the values of their queries."""
    from urllib.parse import parse_qsl, urlsplit

    def parts(path: str) -> tuple[str, ...]:
        split = urlsplit(path)
        values = [v for _, v in parse_qsl(split.query)]
        ids = [s for s in split.path.split("/") if len(s) > 15]
        return (path, split.path, *values, *ids)

    return parts(tries.path), parts(tries.missing)


def _cell(canary: Canary, tries: Try, role: str) -> list[str]:
    """What is wrong with one cell."""
    token = canary.tokens[role]
    there = _request(tries, token, False)
    # where both are the same request, a second one could only tell that pages of a moment are alike
    alone = (tries.path, tries.fields) == (tries.missing, tries.missing_fields)
    nowhere = there if alone else _request(tries, token, True)
    asked, missing = _asked(tries)
    shown = _readable(there)
    for given in sorted(asked, key=len, reverse=True):
        from urllib.parse import quote

        shown = shown.replace(given, "•").replace(quote(given), "•").replace(quote(given, safe=""), "•")
    wrong = [f"{role} {tries.method} {tries.path}: shows {sign!r}" for sign in canary.signs if sign in shown]
    if _plain(there, asked) != _plain(nowhere, missing):
        wrong.append(
            f"{role} {tries.method} {tries.path}: {there.status}, but {nowhere.status} or another page for what does not exist"
        )
    if there.status >= 500:
        wrong.append(f"{role} {tries.method} {tries.path}: {there.status}")
    return wrong
