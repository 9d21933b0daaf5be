"""`fenji bench imports`: a workbook of many rows, from upload to the last row written, in a throw-away house."""

from __future__ import annotations

import io
import json
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from rich.console import Console

from fenji.config import embedded
from fenji.config.cli import demo, ready

Rows = Iterable[tuple[object, ...]]


def _calendar(count: int) -> tuple[tuple[str, ...], Rows]:
    begin = date(2100, 1, 1)
    rows = ((begin + timedelta(days=n), "no", f"day {n}", "bench", "yes" if n % 2 else "no") for n in range(count))
    return ("day", "working", "name", "basis", "provisional"), rows


def _institutions(count: int) -> tuple[tuple[str, ...], Rows]:
    rows = ((f"BENCH{n:06d}", f"村卫生所{n}", "350405101", "village", "government") for n in range(count))
    return ("code", "name", "region", "care_tier", "ownership"), rows


def _accounts(count: int) -> tuple[tuple[str, ...], Rows]:
    rows = ((f"bench{n:06d}", f"员工{n}", "SIM000003", "doctor") for n in range(count))
    return ("username", "name", "org", "role"), rows


def _staff(count: int) -> tuple[tuple[str, ...], Rows]:
    rows = ((f"SIM{3:06d}", f"{n:06d}", f"员工{n}", "physician", "intermediate", "cardiology") for n in range(count))
    return ("org", "number", "name", "category", "title", "specialties"), rows


MAKERS: dict[str, Callable[[int], tuple[tuple[str, ...], Rows]]] = {
    "calendar": _calendar,
    "institutions": _institutions,
    "accounts": _accounts,
    "staff": _staff,
}
"""Listing → headings (column keys) and rows of a file of so many rows that are all new to a fresh county."""


def _workbook(listing: str, count: int) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet(listing)
    heads, rows = MAKERS[listing](count)
    sheet.append(heads)
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def run(console: Console, *, rows: int, listing: str) -> int:
    """Build, send, judge, write; prints JSON on the last line and returns the exit code."""
    place, folder = demo.throw_away()
    with folder:
        try:
            ready.set_up(ready.embedded_house(place, demo=True, durable=True))
            measured = _measured(console, listing, rows)
        finally:
            embedded.stop(place)
    print(json.dumps(measured))
    return 0 if measured["written"] == rows else 1


@contextmanager
def _timed(into: dict[str, Any], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    into[name] = round(time.monotonic() - began, 2)


def _measured(console: Console, listing: str, count: int) -> dict[str, Any]:
    from fenji.ground.common.edge import now
    from fenji.ground.documents import actions
    from fenji.ground.documents.models import ImportRun
    from fenji.world import county

    county.build()
    content = _workbook(listing, count)
    console.print(f"{count:,} rows of {listing} in {len(content) / 1e6:.1f} MB")
    token = _token()
    took: dict[str, Any] = {}
    with _timed(took, "upload_s"), _scope(token) as by:
        sent = actions.upload(listing, "bench.xlsx", content, by=by, at=now())
    with _timed(took, "read_s"):
        _read(sent, now())
    with _timed(took, "judge_s"):
        actions.judge(sent.pk, at=now())
    with _scope(token) as by:
        actions.write(sent.pk, version=ImportRun.objects.get(pk=sent.pk).version, by=by, at=now())
    with _timed(took, "write_s"):
        actions.carry_out(sent.pk, at=now())
    done = ImportRun.objects.using("load").get(pk=sent.pk)
    return {
        "listing": listing,
        "rows": count,
        "written": done.new,
        "faulty": done.faulty,
        **took,
        "total_s": round(took["upload_s"] + took["judge_s"] + took["write_s"], 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_reader_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


@contextmanager
def _scope(token: str) -> Iterator[Any]:
    from django.db import transaction

    from fenji.ground.access import queries

    with transaction.atomic():
        actor = queries.enter(token)
        if actor is None:
            raise RuntimeError("the session of the benchmark has ended")
        yield actor
        queries.leave()


def _token() -> str:
    from fenji.ground.access import rules
    from fenji.ground.access.actions import open_session
    from fenji.ground.access.queries import account_by_id
    from fenji.ground.common.edge import now
    from fenji.ground.network.models import Post
    from fenji.ground.network.queries import seat_of
    from fenji.ground.policy.queries import resolve

    at = now()
    post = Post.objects.using("door").select_related("org__region").filter(role=rules.SYSTEM_ADMIN).order_by("org__path")[0]
    policy = resolve(rules.AccessPolicy, ("35",), at.date())
    return open_session(account_by_id(post.account_id), seat_of(post), at=at, policy=policy)


def _read(sent: Any, at: Any) -> None:
    """The reading alone, once more: judging and writing each do it as their first step."""
    from fenji.ground.common import sheets
    from fenji.ground.common.imports import listings
    from fenji.ground.documents import queries, rules

    one = listings()[sent.listing]
    layouts, limits = queries.layouts(one), queries.limits(queries.policy_of(sent.org_id, at, "load"))
    table = sheets.table(queries.content_of(sent.file, "load"), sent.file.kind, layouts, limits)
    rules.check_rows(table, layouts, one.key, queries.sample_words())
