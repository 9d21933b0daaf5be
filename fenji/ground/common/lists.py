"""What every list page shares: how many rows it shows, and how many a spreadsheet holds."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SIZES = (20, 50, 100)
"""Rows on a page, to choose from."""
EXPORT_LIMIT = 5000
"""Rows of a spreadsheet made while somebody waits."""


def size_of(query: Mapping[str, str], sizes: tuple[int, ...] = SIZES) -> int:
    """Rows on a page as asked for; the smallest number unless one of those offered."""
    return next((s for s in sizes if str(s) == query.get("size")), sizes[0])


def too_many(request: HttpRequest, back: str, limit: int = EXPORT_LIMIT, hint: object = "") -> HttpResponse:
    """The answer in place of a spreadsheet that would be cut: how many rows it may have, and how to ask for fewer."""
    return render(request, "desk/too_many.html", {"limit": limit, "back": back, "hint": hint}, status=422)
