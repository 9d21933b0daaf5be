"""Addresses of what is measured."""

from __future__ import annotations

from typing import Any

from tests.app.addresses.shared import ID, NOT_OFFICER, _same
from tests.app.canary import WORDS
from tests.app.cells import Factory, Try


def _quality() -> dict[str, Factory]:
    """Pages on the quality of referrals. The health officer over B is to see its cycles and that it refers unusually often."""
    posted = {"_version": "1", "appropriate": "yes", "compliant": "yes", "note": "x", "cause": "x", "correction": "x"}
    one = "quality/outliers/<uuid:outlier_id>/"

    def cycle(more: str, **tries: Any) -> Factory:
        return lambda c: [
            Try("GET", f"/quality/cycles/{c.sampled.cycle_id}/{more}", f"/quality/cycles/{ID}/{more}", roles=NOT_OFFICER, **tries)
        ]

    return {
        "quality/": lambda c: [_same("GET", f"/quality/?limits={x}") for x in ("plain", "adjusted")],
        "quality/export.xlsx": lambda c: [_same("GET", "/quality/export.xlsx?side=doctor")],
        "quality/cycles/": lambda c: [
            Try("GET", "/quality/cycles/", "/quality/cycles/", shows=str(c.sampled.cycle_id), positive="B reviewer")
        ],
        "quality/cycles/<uuid:cycle_id>/": cycle("", shows=WORDS, positive="B reviewer"),
        "quality/cycles/<uuid:cycle_id>/export.xlsx": cycle("export.xlsx", shows=WORDS, positive="B reviewer"),
        "quality/cycles/<uuid:cycle_id>/close/": lambda c: [
            Try("POST", f"/quality/cycles/{c.sampled.cycle_id}/close/", f"/quality/cycles/{ID}/close/", posted, posted, positive="")
        ],
        "quality/sampled/<uuid:sampled_id>/": lambda c: [
            Try("GET", f"/quality/sampled/{c.sampled.pk}/", f"/quality/sampled/{ID}/", shows=WORDS, positive="B reviewer"),
            Try("POST", f"/quality/sampled/{c.sampled.pk}/", f"/quality/sampled/{ID}/", posted, posted, positive=""),
        ],
        "quality/mine/": lambda c: [_same("GET", "/quality/mine/")],
        "quality/outliers/": lambda c: [
            Try("GET", "/quality/outliers/", "/quality/outliers/", shows=str(c.outlier), positive="B reviewer")
        ],
        "quality/outliers/export.xlsx": lambda c: [
            Try(
                "GET",
                "/quality/outliers/export.xlsx",
                "/quality/outliers/export.xlsx",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        one: lambda c: [
            Try(
                "GET",
                f"/quality/outliers/{c.outlier}/",
                f"/quality/outliers/{ID}/",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        f"{one}do/<slug:action>/": lambda c: [
            Try("POST", f"/quality/outliers/{c.outlier}/do/{a}/", f"/quality/outliers/{ID}/do/{a}/", posted, posted, positive="")
            for a in ("explain", "send_back", "confirm", "close")
        ],
        "quality/alerts/": lambda c: [
            Try("GET", "/quality/alerts/", "/quality/alerts/", shows=str(c.alert), positive="B reviewer")
        ],
        "quality/alerts/look/": lambda c: [_same("POST", "/quality/alerts/look/")],
        "quality/alerts/counts/": lambda c: [_same("GET", "/quality/alerts/counts/")],
        "quality/alerts/export.xlsx": lambda c: [
            Try(
                "GET",
                "/quality/alerts/export.xlsx",
                "/quality/alerts/export.xlsx",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        "quality/alerts/<uuid:alert_id>/": lambda c: [
            Try(
                "GET",
                f"/quality/alerts/{c.alert}/",
                f"/quality/alerts/{ID}/",
                shows=WORDS,
                positive="B reviewer",
                roles=NOT_OFFICER,
            )
        ],
        "quality/alerts/<uuid:alert_id>/answer/": lambda c: [
            Try("POST", f"/quality/alerts/{c.alert}/answer/", f"/quality/alerts/{ID}/answer/", posted, posted, positive="")
        ],
        # who watches over the county judges what B answered
        "quality/alerts/<uuid:alert_id>/judge/<slug:action>/": lambda c: [
            Try(
                "POST",
                f"/quality/alerts/{c.alert}/judge/{a}/",
                f"/quality/alerts/{ID}/judge/{a}/",
                posted,
                posted,
                positive="",
                roles=NOT_OFFICER,
            )
            for a in ("justify", "correct")
        ],
        "quality/bulletins/": lambda c: [_same("GET", "/quality/bulletins/")],
        "quality/bulletins/export.xlsx": lambda c: [_same("GET", "/quality/bulletins/export.xlsx")],
    }


FACTORIES: dict[str, Factory] = {
    **_quality(),
}
