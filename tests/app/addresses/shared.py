"""What tries at several addresses are made of."""

from __future__ import annotations

from fenji.ground.common.ids import uuid7
from tests.app.canary import ROLES
from tests.app.cells import Try
from tests.cast import other_doctor


def _q(path: str, **params: str) -> str:
    from urllib.parse import urlencode

    return f"{path}?{urlencode(params)}"


def _same(method: str, path: str) -> Try:
    """A page of the directory, which everybody signed in may read: it must not show the canary. Posted forms are empty."""
    fields = {} if method == "POST" else None
    return Try(method, path, path, fields, fields, positive="")


def _b() -> int:
    """Institution B."""
    return other_doctor().org_id


_GLASS_FORM = {"reason": "a reason in some words"}
_VERSION_1 = {"_version": "1"}
NOT_OFFICER = tuple(r for r in ROLES if r != "officer")
"""Who is outside where the officer over B is not: they wrote the announcement, and are to see the facts. Of these
`test_officers_…` says what they do not see."""
ID = uuid7()
