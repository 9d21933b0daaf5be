"""Referrals under way when the demo opens, made by the real actions as real people would: so every row has its history."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from fenji.care.catalogue.models import Diagnosis
from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.referral.rules import ConsentGiven
from fenji.care.registry.models import Resident
from fenji.care.visits import actions as visits
from fenji.ground.access.rules import Actor
from fenji.world import planted
from fenji.world.acting import acting
from fenji.world.county import COUNTY_HOSPITAL, Person, rates

_NOT_YET = (
    "draft",
    "in_review",
    "in_review",
    "in_review",
    "offered",
    "offered",
    "accepted",
    "accepted",
    "arrived",
    "answered",
    "closed",
)
_NOT_FOR_EVERYBODY = "OPQZ"  # births, newborns, malformations, states: would look odd on somebody drawn by chance
_NOTES = ("规范治疗两周效果不佳", "需进一步检查明确诊断", "本院缺少所需设备", "病情反复，建议上级评估")


class Story:
    """The people who act, and the chance that drives them."""

    def __init__(self, staff: list[Person], seed: int) -> None:
        self.by_name = {p.username: p for p in staff}
        self.diagnoses = [d for d in Diagnosis.objects.order_by("code") if d.code[0] not in _NOT_FOR_EVERYBODY]
        self.residents: dict[int, list[UUID]] = {}
        self.rng = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def write_one(self, at: datetime, stop: str, pair: tuple[Person, Person]) -> None:
        """One referral of one centre, up to the state `stop`."""
        doctor, reviewer = pair
        number, version, state = self._sent(at, stop, doctor)
        desk, specialist = self.by_name["desk"], self.by_name["specialist"]
        moves: list[tuple[str, Person, Callable[[Actor, datetime, int], Case]]] = [
            ("in_review", reviewer, lambda a, t, v: actions.approve(number, version=v, by=a, at=t)),
            ("offered", desk, lambda a, t, v: actions.accept(number, version=v, by=a, at=t)),
            ("accepted", desk, lambda a, t, v: actions.arrive(number, version=v, by=a, at=t)),
            (
                "arrived",
                specialist,
                lambda a, t, v: self._answer(number, a, t, v),
            ),
            ("answered", doctor, lambda a, t, v: actions.acknowledge(number, version=v, by=a, at=t)),
        ]
        for waits, person, move in moves:
            if state == stop or state != waits:
                continue
            at += timedelta(minutes=self.rng.randrange(8, 50))
            with acting(person, at) as actor:
                case = move(actor, at, version)
                version, state = case.version, case.state

    @staticmethod
    def _answer(number: str, by: Actor, at: datetime, version: int) -> Case:
        final = actions.Final(Diagnosis.objects.get(code=Case.objects.get(number=number).diagnosis_code))
        return actions.answer(number, "检查已完善，病情稳定", "按方案继续治疗", final, version=version, by=by, at=at)

    def _resident(self, org_id: int) -> Resident:
        if org_id not in self.residents:
            found = Resident.objects.filter(home_org_id=org_id).order_by("id")
            self.residents[org_id] = list(found.values_list("id", flat=True)[:400])
        return Resident.objects.get(pk=self.rng.choice(self.residents[org_id]))

    def _sent(self, at: datetime, stop: str, doctor: Person) -> tuple[str, int, str]:
        with acting(doctor, at) as actor:
            diagnosis = self.rng.choice(self.diagnoses)
            emergency = self.rng.random() < 0.12
            new = visits.NewVisit(diagnosis, f"{diagnosis.name_zh}，{self.rng.choice(_NOTES)}", emergency)
            visit = visits.register(self._resident(doctor.org_id), new, by=actor, at=at)
            note, green = self.rng.choice(_NOTES), "other" if emergency else ""
            consent = ConsentGiven("patient")
            plan = actions.Plan(diagnosis, COUNTY_HOSPITAL, None, emergency, new.complaint, note, green=green, consent=consent)
            case = actions.draft(visit, plan, by=actor, at=at)
            if stop != "draft":
                case = actions.submit(case.number, version=case.version, by=actor, at=at + timedelta(minutes=2))
            return case.number, case.version, case.state


def tell(staff: list[Person], at: datetime, progress: Callable[[int], None] | None = None) -> int:
    """Write the demo's cases; returns how many."""
    table = rates()["story"]
    story = Story(staff, rates()["county"]["seed"])
    pairs = _pairs(staff)
    written = 0
    for i in range(table["cases"]):
        # most cases belong to the centre whose logins the demo shows
        pair = pairs[0] if i % 2 == 0 else pairs[1 + (i // 2) % (len(pairs) - 1)]
        began = at - timedelta(minutes=story.rng.randrange(30, table["open_days"] * 24 * 60))
        try:
            story.write_one(began, _NOT_YET[i % len(_NOT_YET)], pair)
        except actions.DuplicateOpen:
            continue  # the same invented resident fell ill of the same thing twice
        written += 1
        if progress:
            progress(i + 1)
    planted.plant(story.by_name, at)
    return written + planted.CASES


def _pairs(staff: list[Person]) -> list[tuple[Person, Person]]:
    by_name = {p.username: p for p in staff}
    others = [(p, by_name[p.username.replace("doctor", "reviewer")]) for p in staff if p.username.startswith("doctor.")]
    return [(by_name["doctor"], by_name["reviewer"]), *others]
