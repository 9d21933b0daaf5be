"""Wards and beds of the invented county hospital and of the township centres, and who lies in them; made by the real actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from fenji.care.booking import actions as beds
from fenji.care.booking.queries import free_beds
from fenji.care.booking.rules import ACUTE, ANY, FEMALE, MALE, REHABILITATION
from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral.models import Case
from fenji.care.referral.rules import ACCEPTED, OFFERED
from fenji.care.registry import actions as registry
from fenji.care.registry.models import Resident
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Stay
from fenji.care.visits.queries import census
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.identity import age_on
from fenji.ground.common.text import mask_name
from fenji.ground.network.actions import add_department
from fenji.ground.network.models import Department
from fenji.world.acting import acting
from fenji.world.county import COUNTY_HOSPITAL, OPENED, Person
from fenji.world.people import number_of

_BORN = (date(1940, 1, 1), date(1974, 12, 31))
_GROWN = date(2000, 1, 1)
"""Who was born before needs no bed of the children's wards, which the demo does not have."""
_PLANTED = 20
"""So many of the last residents of a centre are left to `planted`."""
_LOOKED_AT = 80
_COUNTY = (
    ("neurology", "神经内科病区", ACUTE),
    ("orthopaedics", "骨科病区", ACUTE),
    ("respiratory", "呼吸内科病区", ACUTE),
    ("rehabilitation", "康复联合病区", REHABILITATION),
)
"""Specialty, name and kind of the county hospital's wards; the last one is shared with the centre whose logins the demo shows."""
_ROOMS = (
    ("1", MALE, False, ("1", "2", "3", "4", "5", "6")),
    ("2", FEMALE, False, ("7", "8", "9", "10", "11", "12")),
    ("3", ANY, True, ("13",)),
)
"""Room, for whom, whether for isolation, and its beds: of every ward alike."""
_LIE = (
    ("neurology", "I63.900", 3, "acute"),
    ("neurology", "G45.900", 1, ""),
    ("orthopaedics", "S72.100", 2, "acute"),
    ("orthopaedics", "M54.500", 4, "acute"),
    ("respiratory", "J44.100", 5, "acute"),
    ("respiratory", "J18.900", 7, "acute_recovery"),
    ("rehabilitation", "I69.300", 21, "chronic"),
)
"""Who lies at the county hospital besides those of whom `down` tells: where, for what, since how many days, in which phase."""
_TOWN = (("J18.900", 3, "acute"), ("I50.900", 6, "acute_recovery"))
"""Who lies in the ward of each township centre."""


class Wards:
    """The wards as they stand, with the beds that nobody has yet, and people of each centre to lie in them."""

    def __init__(self, staff: Mapping[str, Person], at: datetime) -> None:
        self.staff, self.at = staff, at
        self._free: dict[tuple[int, str], list[str]] = {}
        self._people: dict[int, Iterator[Resident]] = {}
        self.departments = {
            d.specialty: d.pk for d in Department.objects.using("load").filter(org_id=COUNTY_HOSPITAL, end=None).order_by("-id")
        }

    def open(self) -> None:
        """Set all of them up, fill them, and hold beds for two patients who are on their way."""
        centres = {p.org_id: p for login, p in self.staff.items() if login.partition(".")[0] == "doctor"}
        town, shared = self._departments(sorted(centres))
        for centre, doctor in sorted(centres.items()):
            head = self.staff.get(f"head.{centre}", self.staff["head"])
            self._ward(head, town[centre], beds.NewWard("综合病区", ACUTE, doctor.id))
            self._fill(doctor, town[centre])
        own = self.staff["doctor"]
        both = {"partner_id": own.org_id, "partner_department_id": shared, "partner_doctor_id": own.id}
        for specialty, name, kind in _COUNTY:
            new = beds.NewWard(name, kind, self.staff["specialist"].id, **(both if kind == REHABILITATION else {}))
            self._ward(self.staff["director"], self.departments[specialty], new)
        for turn, (specialty, code, days, phase) in enumerate(_LIE):
            self.admit_above(sorted(centres)[turn % len(centres)], code, specialty, timedelta(days=days), phase)
        self._hold()

    def _somebody(self, centre: int, department: int) -> Resident:
        """The next resident of a centre who is of an age for these diseases, has not been told of and finds a bed."""
        if centre not in self._people:
            busy = Case.objects.using("load").filter(ended_at=None).values("resident_id")
            found = Resident.objects.using("load").filter(home_org_id=centre, birth_date__range=_BORN).exclude(pk__in=busy)
            self._people[centre] = iter(found.order_by("-id")[_PLANTED : _PLANTED + _LOOKED_AT])
        return next(r for r in self._people[centre] if self._free[department, r.sex])

    def admit_above(self, centre: int, code: str, specialty: str, ago: timedelta, phase: str) -> Stay:
        """Somebody of a centre lies at the county hospital since some time; its doctor has opened the record at the door."""
        who = self._somebody(centre, self.departments[specialty])
        with acting(self.staff["specialist"], self.at - ago) as by:
            registry.find_by_identity(number_of(who.pk), by=by)
            return self._admit(who, code, self.departments[specialty], self.staff["specialist"], phase, by, self.at - ago)

    def _admit(self, who: Resident, code: str, department: int, doctor: Person, phase: str, by: Actor, at: datetime) -> Stay:
        bed, known = self._free[department, who.sex].pop(0), Resident.objects.get(pk=who.pk)
        new = visits.NewStay(diagnosis(code), (doctor.id, doctor.name), department, bed, phase)
        return visits.admit(known, new, by=by, at=at)

    def _departments(self, centres: Sequence[int]) -> tuple[dict[int, int], int]:
        """A department for the ward of each centre, and one for the ward that the demo's own shares."""
        general, shared = ("全科医学科", "General practice", "general_practice"), ("康复医学科", "Rehabilitation", "rehabilitation")

        def made(org_id: int, names: tuple[str, str, str]) -> int:
            facts = dict(zip(("name_zh", "name_en", "specialty"), names, strict=True))
            return int(add_department(org_id, facts, on=local_day(OPENED), by=by, at=self.at).pk)

        with acting(self.staff["system"], self.at) as by:
            return {centre: made(centre, general) for centre in centres}, made(self.staff["doctor"].org_id, shared)

    def _ward(self, head: Person, department: int, new: beds.NewWard) -> None:
        with acting(head, self.at) as by:
            ward = beds.open_ward(department, new, by=by, at=self.at)
            for room, sex, isolation, names in _ROOMS:
                for name in names:
                    beds.add_bed(ward.pk, beds.NewBed(room, name, sex, isolation), by=by, at=self.at)
        for _room, sex, _isolation, names in _ROOMS:
            self._free[department, sex] = [*names]

    def _fill(self, doctor: Person, department: int) -> None:
        """Who lies in a centre's ward; those who lay there already get their beds."""
        with acting(doctor, self.at) as by:
            for stay in census(by):
                bed = self._free[department, stay.resident.sex].pop(0)
                visits.place_in(stay.pk, department, bed, version=stay.version, by=by, at=self.at)
            for code, days, phase in _TOWN:
                who = self._somebody(doctor.org_id, department)
                self._admit(who, code, department, doctor, phase, by, self.at - timedelta(days=days))

    def _hold(self) -> None:
        """The centre's doctor holds a bed for two of the patients who are on their way up; the ward confirms the first."""
        way = Case.objects.filter(receiver_id=COUNTY_HOSPITAL, state__in=(OFFERED, ACCEPTED), patient_birth_date__lt=_GROWN)
        held: list[UUID] = []
        began = self.at - timedelta(minutes=20)
        with acting(self.staff["doctor"], began) as by:
            for case in way.filter(origin_id=by.org_id, emergency=False).order_by("number")[:2]:
                first = next((w.first for w in free_beds([COUNTY_HOSPITAL], sex=case.patient_sex, at=began) if w.first), None)
                if first is None:
                    continue
                who = beds.Who(mask_name(case.patient_name), case.patient_sex, age_on(case.patient_birth_date, local_day(began)))
                hold = beds.hold_bed(
                    first.pk, subject=case.number, url=f"/referrals/{case.number}/", who=who, topic=case.diagnosis_name,
                    isolation=False, viewer_ids=case.viewer_ids, origin_id=by.org_id, by=by, at=began,
                )  # fmt: skip
                held.append(hold.pk)
        with acting(self.staff["desk"], self.at) as by:
            for hold_id in held[:1]:
                beds.confirm_bed(hold_id, version=1, by=by, at=self.at)
