"""What the tests of bad input share: numbers, forms, and a count of everything a form may write."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from django.db import transaction

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions, queries, rules
from fenji.care.referral.models import Case, CaseEvent
from fenji.care.registry.models import Identity, Resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.access.models import AuditEvent, IdempotencyKey
from fenji.ground.common.edge import fresh_key, now
from fenji.ground.common.identity import identity_check
from fenji.ground.tasks.models import OutboxMessage, WorkItem
from tests.app.wsgi import Answer, call
from tests.cast import a_resident, person, scope

TURN = count(1)
LEAVING = {
    "pulse": "90",
    "breaths": "18",
    "systolic": "120",
    "diastolic": "70",
    "saturation": "97",
    "temperature": "36.8",
    "consciousness": "alert",
    "airway": "free",
    "oxygen": "none",
    "escort": "nurse",
    "escort_name": "x",
    "vehicle": "own",
    "left_at": "2026-01-01T08:00",
    "eta_at": "2026-01-01T09:00",
}
"""What the transfer check asks for."""
FORM_TYPE = "application/x-www-form-urlencoded"


def a_check(at: datetime) -> rules.Check:
    """A patient who may travel, and leaves now."""
    well = {"pulse": 96, "breaths": 20, "systolic": 128, "diastolic": 78, "saturation": 96, "temperature": Decimal("36.8")}
    state = {"consciousness": "alert", "airway": "free", "oxygen": "nasal", "lines": "one", "escort": "nurse", "escort_name": "n"}
    return rules.Check(**well, **state, vehicle="ambulance", plate="", left_at=at, eta_at=at + timedelta(hours=1))


def card_of(stem: str) -> str:
    """A number with its right check character."""
    return stem + identity_check(stem)


def new_card() -> str:
    """The number of somebody who is registered nowhere."""
    turn = next(TURN)
    return card_of(f"350124{1930 + turn // 900}0607{turn % 900 + 100:03d}")


def wide(text: str) -> str:
    """Full-width, as a Chinese keyboard types it."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def written() -> dict[str, int]:
    """How many rows there are of everything a form may write. The read log is not counted: a refused page may show a patient."""
    load = (Resident, Identity, Visit, Case, CaseEvent, WorkItem, OutboxMessage)
    rows = {m.__name__: m.objects.using("load").count() for m in load}
    return rows | {m.__name__: m.objects.using("job").count() for m in (AuditEvent, IdempotencyKey)}


def post(token: str, path: str, **fields: object) -> Answer:
    return call("POST", path, token, {"_key": fresh_key(), **fields})


def shown(typed: str) -> str:
    """As a page shows it."""
    return html.escape(typed)


def a_visit(number: int) -> str:
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        new = visits.NewVisit(diagnosis("I10.x00"), "BP 182/104", False)
        return str(visits.register(a_resident(who, number), new, by=by, at=now()).id)


def end_case(number: str) -> None:
    with transaction.atomic(), scope(person("doctor")) as by:
        case = queries.case(number)
        action = "close" if case.state in (rules.DECLINED, rules.MISSED) else "withdraw"
        if case.state not in rules.ENDS:
            actions.end(number, action, version=case.version, by=by, at=now(), note="end of the test")


def case_row(number: str) -> tuple[str, int, int, int]:
    """State, version, receiver and number of events."""
    case = Case.objects.using("load").get(number=number)
    return case.state, case.version, case.receiver_id, CaseEvent.objects.using("load").filter(case=case).count()
