"""The state of the house's protection on one page, each number leading to what it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from fenji.ground.access import queries
from fenji.ground.common.edge import SignedRequest, page


@page("glass.watch")
def overview(request: SignedRequest) -> HttpResponse:
    """Openings, locked accounts, the age of the keys, the last verification of the chain."""
    request.reads.append(("security.page", ""))
    rings = {"database": settings.DATABASE_KEYS, "index": settings.INDEX_KEYS}
    context = {
        "open": queries.openings().filter(closed_at=None, until__gt=request.at).count(),
        "locked": queries.locked_accounts(),
        "rings": [_ring(purpose, ring, request.at) for purpose, ring in rings.items()],
        "check": queries.chain_checks().exclude(finished_at=None).first(),
    }
    return render(request, "watch/security.html", context)


def _ring(purpose: str, ring: Any, at: datetime) -> dict[str, Any]:
    present = ring.present()
    return {
        "purpose": purpose,
        "current": present.current,
        "suite": present.suite,
        "older": len(present.keys) - 1,
        "made": ring.made,
        "days": (at - ring.made).days if ring.made else None,
    }
