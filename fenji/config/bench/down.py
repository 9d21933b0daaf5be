"""The way down in the benchmark: whom the ward sends down, the steps of that way, and what must hold of plans when it has run."""

from __future__ import annotations

import queue
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

_PHASE = "acute_recovery"
_DIAGNOSIS = "I63.900"
KINDS = ("down_form", "down_write", "package", "down_offer", "down_accept", "down_arrive", "followups", "followup", "record")
"""The kinds of steps of the way down; every other kind is of the way up."""
MUST_BE_NONE = ("arrived_without_plan",)
FOLLOW_UP = re.compile(r'href="/followups/([0-9a-f-]{36})/"')
PACKAGE = {
    "admitted_for": "weakness of the left side for three hours", "course": "thrombolysis, strength recovered",
    "condition": "walks with help", "medicines": "aspirin 100 mg once a day", "warning_signs": "weakness, vomiting, headache",
    "stage_from": "treatment", "stage": "rehabilitation", "line-TOTAL_FORMS": "3", "line-INITIAL_FORMS": "0",
    "line-0-kind": "measurement", "line-0-service": "follow_up", "line-0-what": "blood pressure", "line-0-first": "0",
    "line-0-measure": "blood_pressure", "line-0-last": "28", "line-0-every": "7",
    "line-1-kind": "exercise", "line-1-service": "rehabilitation", "line-1-what": "left arm and leg", "line-1-first": "1",
    "line-1-last": "29", "line-1-every": "7",
    "line-2-kind": "medicine", "line-2-service": "health", "line-2-what": "takes them", "line-2-first": "7",
    "line-2-every": "1",
}  # fmt: skip
CLOSED = "closed"
"""The state of a case that is over: on the way down since the patient has arrived."""
LIES, JUDGED, DRAFT, PACKAGED, OFFERED, ACCEPTED, ARRIVED, LISTED, OPENED = (
    "lies", "judged", "draft", "packaged", "offered", "accepted", "there", "listed", "opened",
)  # fmt: skip
"""How far somebody is on the way down: in the ward, their form looked at, its draft written, summary and plan too; offered,
accepted, arrived; the team's list looked at, the follow-up looked at."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the way down. `fields`: None where a page is only opened; `after`: how far it leads."""

    kind: str
    role: str
    path: str
    fields: dict[str, str] | None
    after: str


def step(state: str, stay: str, number: str, version: str, follow_up: str, centre: int) -> Asked:
    """The next request of somebody who is so far. Raises KeyError."""
    form = f"/referrals/down/{stay}/"
    said = {
        "receiver": str(centre),
        "summary": "bench",
        "reason": "the family asks for it",
        "consent_who": "patient",
        "consent_how": "oral",
    }
    do, moved = f"/referrals/{number}/do/", {"_version": version, "note": ""}
    one = f"/followups/{follow_up}/"
    return {
        LIES: Asked("down_form", "specialist", form, None, JUDGED),
        JUDGED: Asked("down_write", "specialist", form, said, DRAFT),
        DRAFT: Asked("package", "specialist", f"/packages/new/{stay}/", PACKAGE, PACKAGED),
        PACKAGED: Asked("down_offer", "specialist", f"{do}offer/", moved | {"receiver": str(centre)}, OFFERED),
        OFFERED: Asked("down_accept", "doctor", f"{do}accept/", moved, ACCEPTED),
        ACCEPTED: Asked("down_arrive", "doctor", f"{do}arrive/", moved, ARRIVED),
        ARRIVED: Asked("followups", "doctor", "/followups/", None, LISTED),
        LISTED: Asked("followup", "doctor", one, None, OPENED),
        OPENED: Asked("record", "doctor", one, {"_version": version, "outcome": "done", "value_0": "132/80"}, ""),
    }[state]


def fill_wards(at: datetime, centres: list[int], each: int) -> dict[int, queue.Queue[str]]:
    """For each centre the stays of so many of its residents who lie at the county hospital and may go down; those who are missing
    come in as the hospital's own system would feed them. None has been written a case."""
    from fenji.care.referral.models import Case
    from fenji.care.visits.models import Stay
    from fenji.world.county import COUNTY_HOSPITAL

    written = Case.objects.using("load").filter(direction="down").values("stay_id")
    lying = Stay.objects.using("load").filter(org_id=COUNTY_HOSPITAL, discharged_at=None, source_id__startswith="BENCH-")
    ready: dict[int, queue.Queue[str]] = {}
    for centre in centres:
        found = list(
            lying.filter(resident__home_org_id=centre).exclude(pk__in=written).order_by("id").values_list("id", flat=True)[:each]
        )
        found += _admitted(at, centre, each - len(found))
        ready[centre] = queue.Queue()
        for stay_id in found:
            ready[centre].put(str(stay_id))
    return ready


def _admitted(at: datetime, centre: int, count: int) -> list[UUID]:
    from django.db import transaction

    from fenji.care.catalogue.queries import diagnosis
    from fenji.care.referral.models import Case
    from fenji.care.registry.models import Resident
    from fenji.care.visits.actions import FedStay, feed_stay
    from fenji.care.visits.actions.shared import illness
    from fenji.care.visits.models import Stay
    from fenji.ground.access.rules import house
    from fenji.world.county import COUNTY_HOSPITAL, people, townships

    doctor = next(p for p in people(townships()) if p.username == "specialist")
    busy = {*Stay.objects.using("load").filter(discharged_at=None).values_list("resident_id", flat=True)}
    busy |= {*Case.objects.using("load").filter(origin_id=centre, ended_at=None).values_list("resident_id", flat=True)}
    # the first of the register: the way up takes its residents from the end
    found = Resident.objects.using("load").filter(home_org_id=centre).order_by("id").values_list("id", flat=True)
    facts = {
        **illness(diagnosis(_DIAGNOSIS)), "doctor_id": doctor.id, "doctor_name": doctor.name, "department_id": None, "bed": "",
        "phase": _PHASE, "admitted_at": at, "source_at": at,
    }  # fmt: skip
    made = []
    with transaction.atomic(using="load"):
        for resident in [r for r in found[: count + len(busy)] if r not in busy][:count]:
            fed = FedStay(f"BENCH-{resident}-{at:%y%m%d%H%M%S}", facts, None, "", None, resident)
            made.append(feed_stay(fed, by=house(COUNTY_HOSPITAL), at=at).pk)
    return made


def wrong(since: datetime) -> dict[str, int]:
    """Patients who have arrived below `since` and whose team has no plan with a follow-up; and how many have arrived."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS ("
            "SELECT 1 FROM continuity_package p JOIN continuity_followup f ON f.package_id = p.id"
            " WHERE p.subject = c.number AND p.receiver_id = c.receiver_id AND p.handed_over_at IS NOT NULL))"
            " FROM referral_case c WHERE c.direction = 'down' AND c.door_at IS NOT NULL AND c.created_at >= %s",
            [since],
        )
        found: dict[str, Any] = dict(zip(("arrived_below", *MUST_BE_NONE), cursor.fetchone(), strict=True))
    return found
