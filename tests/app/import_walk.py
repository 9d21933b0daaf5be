"""What the tests of lists that come in share: a workbook, and the way through the pages."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from openpyxl import Workbook

from fenji.ground.common.edge import fresh_key, now
from fenji.ground.documents import actions
from fenji.ground.documents.models import ImportRun
from tests.app.listings import Lots, offered
from tests.cast import client_for, person

RUN = re.compile(r"/imports/runs/([0-9a-f-]{36})/")
HEAD = ("Number", "Title", "Kind")


@pytest.fixture
def listing(house_file: object) -> Iterator[Lots]:
    with offered() as found:
        yield found


@pytest.fixture
def client(listing: Lots) -> Client:
    return client_for(person("system"))


def book(*rows: tuple[object, ...]) -> bytes:
    made = Workbook()
    for row in rows:
        made.worksheets[0].append(list(row))
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def send(client: Client, content: bytes, name: str = "lots.xlsx", listing: str = "lots", key: str = "") -> HttpResponse:
    return client.post(f"/imports/{listing}/", {"_key": key or fresh_key(), "file": SimpleUploadedFile(name, content)})


def sent(client: Client, content: bytes, name: str = "lots.xlsx", listing: str = "lots") -> UUID:
    answer = send(client, content, name, listing)
    assert answer.status_code == 303, answer.content.decode()
    return UUID(RUN.search(answer["Location"]).group(1))


def judged(client: Client, content: bytes, name: str = "lots.xlsx", listing: str = "lots") -> ImportRun:
    run_id = sent(client, content, name, listing)
    actions.judge(run_id, at=now())
    return run_of(run_id)


def run_of(run_id: UUID) -> ImportRun:
    return ImportRun.objects.using("owner").get(pk=run_id)


def page(client: Client, run: ImportRun) -> str:
    answer = client.get(f"/imports/runs/{run.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def press(client: Client, run: ImportRun, what: str = "write") -> HttpResponse:
    return client.post(f"/imports/runs/{run.pk}/{what}/", {"_key": fresh_key(), "_version": run_of(run.pk).version})


def written(client: Client, run: ImportRun) -> ImportRun:
    assert press(client, run).status_code == 303
    actions.carry_out(run.pk, at=now())
    return run_of(run.pk)


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.new, run.changed, run.same, run.faulty
