"""What the demo shows one of each: a patient who waits for a slot, slots held and confirmed, an emergency whose clock runs, two
refusals, a draft a nurse entered, who lies in the ward, and records that may be one person. Made by the real actions, like the rest
of the story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from fenji.care.booking.rules import KNOWN
from fenji.care.catalogue.queries import diagnosis, group_of
from fenji.care.referral import actions, queries
from fenji.care.referral.models import Case
from fenji.care.referral.rules import PATIENT, ConsentGiven
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Resident
from fenji.care.registry.queries import phone_of
from fenji.care.registry.rules import new_resident, unknown_person, with_document
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Visit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import identity_check
from fenji.world.acting import acting
from fenji.world.county import COUNTY_HOSPITAL, Person
from fenji.world.people import number_of

CASES = 7
_BEDS = (
    ("I63.900", "3", 9, "acute_recovery"),
    ("S72.000", "5", 12, "surgical_recovery"),
    ("J44.900", "6", 6, "chronic"),
    ("J18.900", "8", 2, "acute"),
    ("I10.x00", "11", 1, ""),
)
"""Who lies in the ward: for what, in which bed, since how many days, in which phase of the illness."""
_CONSENT = ConsentGiven(PATIENT)
_BORN = (date(1950, 1, 1), date(1979, 12, 31))
"""Old enough for these diseases, and born under the old number of the county."""


def plant(staff: dict[str, Person], at: datetime) -> None:
    """Write them at the institution whose logins the demo shows. `staff`: by login."""
    Planter(staff, at).plant()


class Planter:
    """Who acts, when, and the residents that are still free."""

    def __init__(self, staff: dict[str, Person], at: datetime) -> None:
        self.staff, self.at = staff, at
        busy = Case.objects.using("load").filter(ended_at=None).values("resident_id")
        found = Resident.objects.using("load").filter(home_org_id=staff["doctor"].org_id, birth_date__range=_BORN)
        # the story takes the first ones of the register
        ids = found.exclude(pk__in=busy).order_by("-id").values_list("id", flat=True)
        self.free: Iterator[UUID] = iter(ids[: CASES + len(_BEDS)])

    def plant(self) -> None:
        """All of it."""
        self._sent("I50.900", "活动后气促两月，利尿剂治疗后仍有双下肢水肿", timedelta(hours=3), wait=True)
        self._sent("H25.900", "双眼视力进行性下降一年，要求手术评估", timedelta(minutes=40), slot=True)
        taken = self._sent("K80.200", "反复右上腹痛三月，B超提示胆囊多发结石", timedelta(hours=5), slot=True)
        self._step(taken, "desk", timedelta(hours=4), "accept")
        self._sent("I21.900", "持续胸痛一小时，心电图 II、III、aVF 导联 ST 段抬高", timedelta(minutes=6), green="chest_pain")
        full = self._sent("M51.200", "腰痛伴右下肢放射痛半年，保守治疗无效", timedelta(days=1, hours=2))
        self._step(full, "desk", timedelta(days=1), "decline", note="本周床位已满，骨科建议下周再约，或改送市级医院")
        home = self._sent("I48.x00", "阵发性心悸，动态心电图示房颤", timedelta(days=2))
        with acting(self.staff["doctor"], then := self.at - timedelta(days=1, hours=22)) as by:
            note = "家属暂不同意转诊，要求先在本院随访"
            actions.refuse(home, _CONSENT, version=_version(home), by=by, at=then, note=note)
        self._entered()
        self._ward()
        self._records()

    def _visit(self, code: str, words: str, by: Actor, at: datetime, *, emergency: bool = False) -> Visit:
        return visits.register(
            Resident.objects.get(pk=next(self.free)), visits.NewVisit(diagnosis(code), words, emergency), by=by, at=at
        )

    def _plan(self, visit: Visit, wish: actions.Wish, green: str = "") -> actions.Plan:
        found = diagnosis(visit.diagnosis_code)
        words = (visit.complaint, "已规范治疗，本院无法进一步处理")
        return actions.Plan(found, COUNTY_HOSPITAL, None, bool(green), *words, wish=wish, green=green, consent=_CONSENT)

    def _sent(self, code: str, words: str, ago: timedelta, *, wait: bool = False, slot: bool = False, green: str = "") -> str:
        """A referral to the county hospital, reviewed where it has to be; returns its number."""
        at = self.at - ago
        with acting(self.staff["doctor"], at) as by:
            visit = self._visit(code, words, by, at, emergency=bool(green))
            wish = actions.Wish(_first_slot(visit, at), False) if slot else actions.Wish(None, wait)
            case = actions.draft(visit, self._plan(visit, wish, green), by=by, at=at)
            case = actions.submit(case.number, version=case.version, by=by, at=at)
        if case.state == "in_review":
            self._step(case.number, "reviewer", ago - timedelta(minutes=15), "approve")
        return case.number

    def _step(self, number: str, login: str, ago: timedelta, verb: str, **more: str) -> None:
        with acting(self.staff[login], self.at - ago) as by:
            getattr(actions, verb)(number, version=_version(number), by=by, at=self.at - ago, **more)

    def _entered(self) -> None:
        """A draft that waits for the doctor in whose name a nurse entered it."""
        at = self.at - timedelta(minutes=25)
        with acting(self.staff["doctor"], at) as by:
            visit = self._visit("J44.900", "慢性咳嗽咳痰十余年，近一周气促加重", by, at)
        with acting(self.staff["nurse"], at) as by:
            actions.draft(visit, self._plan(visit, actions.NO_WISH), by=by, at=at)

    def _ward(self) -> None:
        """In-patients of the centre, three of them in a phase in which patients may go down."""
        doctor = self.staff["doctor"]
        for code, bed, days, phase in _BEDS:
            at = self.at - timedelta(days=days)
            with acting(doctor, at) as by:
                new = visits.NewStay(diagnosis(code), (doctor.id, doctor.name), None, bed, phase)
                visits.admit(Resident.objects.get(pk=next(self.free)), new, by=by, at=at)

    def _records(self) -> None:
        """Two people entered again with a passport, one with a slip in the number; and somebody who cannot say who they are."""
        with acting(self.staff["nurse"], self.at) as by:
            today = local_day(self.at)
            known = Resident.objects.filter(home_org_id=by.org_id, birth_date__range=_BORN).order_by("id")[:40]
            first, second, *_rest = [(r, phone) for r in known if (phone := phone_of(r))]
            for turn, (one, phone) in enumerate((first, second)):
                paper = f"CHNE{one.birth_date:%Y%m%d}"[:8] + f"{turn:04d}"
                registry.register(
                    with_document(one.name, "passport", paper, one.sex, one.birth_date, phone, "", today), by=by, at=self.at
                )
            slipped = next(r for r in known if r.pk not in (first[0].pk, second[0].pk))
            registry.register(new_resident(slipped.name, _slip(slipped), "", slipped.address, today), by=by, at=self.at)
            mark = f"无名氏{today:%m%d}"
            registry.register(unknown_person(mark, "1", 60, "汽车站候车室，左臂有纹身", today), by=by, at=self.at)


def _version(number: str) -> int:
    return Case.objects.using("load").get(number=number).version


def _first_slot(visit: Visit, at: datetime) -> UUID:
    """The slot that the form would tick."""
    subject = queries.Subject(
        visit.diagnosis_code, group_of(diagnosis(visit.diagnosis_code)), visit.resident.sex, visit.resident.birth_date,
        emergency=False, override=True,
    )  # fmt: skip
    chosen = next(c for c in queries.candidates(visit.org, subject, at) if c.place.id == COUNTY_HOSPITAL)
    return next(s.id for s in queries.slots_at(chosen, False, at) if s.feed == KNOWN)


def _slip(resident: Resident) -> str:
    """The resident's number with another digit in its last part, and the check character that goes with it."""
    number = number_of(resident.pk)
    stem = f"{number[:14]}{(int(number[14]) + 7) % 10}{number[15:17]}"
    return stem + identity_check(stem)
