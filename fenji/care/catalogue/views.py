"""Suggestions while a diagnosis is typed."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from fenji.care.catalogue import queries
from fenji.ground.common.edge import SignedRequest, page


@page("catalogue.read")
def suggest(request: SignedRequest) -> HttpResponse:
    """Options for what has been typed: by code, name or pinyin initials."""
    return render(request, "catalogue/suggest.html", {"found": queries.suggest(request.GET.get("diagnosis", ""))})
