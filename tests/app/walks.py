"""What the tests of the network's pages share: somebody who opens pages and sends the forms that really stand on them."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import urlencode, urljoin

from django.apps import apps
from django.db.models import Count, Model, Sum
from django.test import Client
from openpyxl import load_workbook

from fenji.config.walker import Page
from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import fresh_key
from tests.cast import client_for, person, scope


class Walk:
    """One person at one browser, in English."""

    def __init__(self, login: str, language: str = "en") -> None:
        self.client: Client = client_for(person(login))
        self.client.cookies["fenji_language"] = language

    def get(self, path: str) -> Page:
        """Open a page."""
        return self._page(path, self.client.get(path))

    def send(self, page: Page, wanted: str, **fields: Any) -> Page:
        """Fill the form to `wanted` over what stands in it, send it, and go where it leads."""
        form = page.form(wanted)
        target = urljoin(page.url, form.action)
        values = {**form.fields, **fields}
        if form.method == "get":
            return self.get(f"{target.split('?')[0]}?{urlencode(values, doseq=True)}")
        return self._page(target, self.client.post(target, values))

    def post(self, path: str, **fields: Any) -> Page:
        """Send a form that no page showed to this person."""
        return self._page(path, self.client.post(path, {"_key": fresh_key(), **fields}))

    def _page(self, path: str, answer: Any) -> Page:
        if answer.status_code in (302, 303):
            return self.get(answer["Location"])
        return Page(answer.status_code, path, answer.content.decode("utf-8", "replace"), {k.lower(): v for k, v in answer.items()})

    def sheet(self, path: str) -> list[list[Any]]:
        """The cells of a workbook."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.status_code
        return [[c.value for c in row] for row in load_workbook(io.BytesIO(answer.content)).worksheets[0].iter_rows()]


def number_of(page: Page) -> int:
    """The number in the address that a walk came to."""
    found = re.search(r"/(\d+)/", page.url)
    assert found, (page.status, page.url, page.text[:400])
    return int(found[1])


def one(model: type[Model], **key: Any) -> Any:
    """A row of a table that only those signed in may read."""
    with scope(person("audit")):
        return model._default_manager.get(**key)


def network_rows(using: str = "default") -> dict[str, tuple[int, int]]:
    """Of every table of the network how many rows there are and the sum of their versions; and how many audit rows there are."""
    if using == "default":
        with scope(person("audit")):
            return _counted(using)
    return _counted(using)


def _counted(using: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for model in apps.get_app_config("network").get_models():
        wanted = {"n": Count("pk")} | ({"v": Sum("version")} if any(f.name == "version" for f in model._meta.fields) else {})
        row = model.objects.using(using).aggregate(**wanted)
        found[model.__name__] = (row["n"], row.get("v") or 0)
    # the app role may add audit rows and read none
    return found | {"AuditEvent": (AuditEvent.objects.using("job").count(), 0)}
