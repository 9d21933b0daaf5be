"""What the township centres did in the half year before the demo opens: contacts and referrals that are over, from which samples
are drawn, rates judged and a bulletin published. Made by the real actions; one person's all at once, so that it is quick."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.referral.rules import ACCEPTED, ANSWERED, ARRIVED, DECLINED, IN_REVIEW, OFFERED, PATIENT, ConsentGiven
from fenji.care.registry.models import Resident
from fenji.care.registry.queries import phone_of
from fenji.care.visits import actions as visits
from fenji.care.visits.rules import TREATED
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.measure.referral_quality import actions as quality
from fenji.measure.referral_quality import queries, rules
from fenji.measure.referral_quality.models import OutlierCase, ReviewCycle
from fenji.world.acting import acting
from fenji.world.county import COUNTY_HOSPITAL, Person, rates

_DISEASES = ("I10.x00", "E11.900", "J44.900", "M54.500", "I69.300")
"""Common ones of the old: so that contacts of one centre are compared with alike ones of the others."""
_BORN = (date(1950, 1, 1), date(1965, 12, 31))
_WORDS = ("规范治疗两周，控制不佳", "症状反复，本院缺少所需检查", "近期加重，需专科评估")
_OVERDUE_SINCE, _OPEN_SINCE, _FIRST_SENT, _FIRST_DRAWN = 96, 81, 165, 84
"""Days ago: the first referral of a centre whose cycle is overdue now, of two whose cycle is open, and of the demo's own; and when
that one's first sample was drawn."""
_SETTLED = timedelta(days=15)
"""So long ago even what was taken late at each step is over."""


@dataclass
class _Sent:
    """A referral on its way, whose steps are written one person at a time."""

    case: Case
    doctor: Person
    at: datetime


class Past:
    """Who acts, and the chance that drives them."""

    def __init__(self, staff: Mapping[str, Person], at: datetime) -> None:
        self.staff, self.at, self.table = staff, at, rates()["past"]
        self.rng = random.Random(rates()["county"]["seed"])  # noqa: S311 - repeatable on purpose
        self.sent: list[_Sent] = []
        doctors = [p for login, p in staff.items() if login.partition(".")[0] == "doctor"]
        self.doctors = sorted(doctors, key=lambda p: (p.username != "doctor", p.org_id))

    def tell(self, progress: Callable[[int], None]) -> int:
        """All of it; returns how many referrals there were."""
        for turn, plan in enumerate(self.planned(), 1):
            self._seen(*plan)
            progress(turn)
        self._reviewed()
        self._received()
        self._cycles()
        self._judged()
        first = local_day(self.at).replace(day=1)
        quality.publish_bulletins((first - timedelta(days=1)).replace(day=1), at=self.at)
        return len(self.sent)

    # --- contacts and referrals

    def planned(self) -> list[tuple[str, list[int], int, list[int]]]:
        """For each centre: the doctor's login; how many days ago each contact was, those who are referred first; how many are; and
        how many days ago those before that were referred. From the seed alone."""
        rng, table, found = random.Random(rates()["county"]["seed"]), self.table, []  # noqa: S311 - repeatable on purpose
        for turn, doctor in enumerate(self.doctors):
            first = {0: table["days"], 1: _OVERDUE_SINCE, 2: _OPEN_SINCE, 3: _OPEN_SINCE}.get(turn, rng.randrange(40, 70))
            contacts, share = rng.randrange(*table["contacts"]), rng.uniform(*table["referred"])
            if not turn:
                contacts, share = table["outlier_contacts"], table["outlier_referred"]
            days = [first, *(rng.randrange(3, min(first, table["days"])) for _ in range(contacts - 1))]
            early = [_FIRST_SENT - n * 9 for n in range(table["early"])] if not turn else []
            found.append((doctor.username, days, max(1, round(contacts * share)), early))
        return found

    def _seen(self, login: str, days: list[int], count: int, early: list[int]) -> None:
        """The contacts of one centre's doctor, some of whom are referred up."""
        doctor = self.staff[login]
        with acting(doctor, self.at) as by:
            known, untold = self._people(doctor.org_id, count + len(early))
            for n, day in enumerate([*early, *days]):
                at = self._hour(day)
                if n < len(untold):
                    self._refer(untold[n], doctor, by, at)
                else:
                    visit = visits.register(self.rng.choice(known), self._new(), by=by, at=at)
                    visits.close(visit, TREATED, by=by, at=at + timedelta(minutes=12))

    def _people(self, org_id: int, count: int) -> tuple[list[Resident], list[Resident]]:
        """Old residents of a centre; and so many of them who are referred, none of them now: first those whom no message can reach,
        for nobody is to be told today of what is long over."""
        busy = Case.objects.filter(ended_at=None).values("resident_id")
        found = Resident.objects.filter(home_org_id=org_id, birth_date__range=_BORN).exclude(pk__in=busy)
        known = list(found.order_by("id")[: 12 * count + 60])
        return known, sorted(known, key=lambda r: bool(phone_of(r)))[:count]

    def _hour(self, day: int) -> datetime:
        """In working hours, so many days ago."""
        noon = datetime.combine(local_day(self.at) - timedelta(days=day), time(12), SHANGHAI)
        return noon + timedelta(minutes=self.rng.randrange(-230, 270))

    def _new(self) -> visits.NewVisit:
        found = diagnosis(self.rng.choice(_DISEASES))
        return visits.NewVisit(found, f"{found.name_zh}，{self.rng.choice(_WORDS)}", False)

    def _refer(self, who: Resident, doctor: Person, by: Actor, at: datetime) -> None:
        new = self._new()
        visit = visits.register(who, new, by=by, at=at)
        words = (new.complaint, self.rng.choice(_WORDS))
        plan = actions.Plan(new.diagnosis, COUNTY_HOSPITAL, None, False, *words, consent=ConsentGiven(PATIENT))
        sent_at = at + timedelta(minutes=10)
        self.sent.append(_Sent(actions.write_and_send(visit, plan, by=by, at=sent_at), doctor, sent_at))

    # --- what became of them

    def _move(self, login: str, state: str, wait: tuple[int, int], verb: Callable[..., Case], among: Iterable[_Sent]) -> None:
        """One person takes the step that waits for them in a state, so many minutes later; some take it days later, too late."""
        with acting(self.staff[login], self.at) as by:
            for one in among:
                if one.case.state != state:
                    continue
                late = self.rng.random() < self.table["late"] and one.at < self.at - _SETTLED
                one.at += timedelta(days=3 if late else 0, minutes=self.rng.randrange(*wait))
                one.case = verb(one.case.number, version=one.case.version, by=by, at=one.at)

    def _reviewed(self) -> None:
        """Each centre's reviewer approves; at the demo's own two share the work, so that each has something to read later."""
        for doctor in self.doctors:
            own = [s for s in self.sent if s.doctor == doctor]
            name = doctor.username.replace("doctor", "reviewer")
            self._move(name, IN_REVIEW, (5, 90), actions.approve, own[::2] if name == "reviewer" else own)
            if name == "reviewer":
                self._move("reviewer2", IN_REVIEW, (5, 90), actions.approve, own)

    def _received(self) -> None:
        """The county hospital accepts or declines, its doctor answers, the sender reads and closes."""

        def accept(number: str, **how: object) -> Case:
            if self.rng.random() < self.table["declined"]:
                return actions.decline(number, note="近期床位已满，请择期再转", **how)  # type: ignore[arg-type]
            return actions.accept(number, **how)  # type: ignore[arg-type]

        def answer(number: str, **how: object) -> Case:
            final = actions.Final(diagnosis(Case.objects.get(number=number).diagnosis_code))
            return actions.answer(number, "检查已完善，病情平稳", "按方案继续治疗，一月后复查", final, **how)  # type: ignore[arg-type]

        def close(number: str, **how: object) -> Case:
            return actions.end(number, "close", note="已与家属说明，先在本院治疗", **how)  # type: ignore[arg-type]

        self._move("desk", OFFERED, (10, 100), accept, self.sent)
        self._move("desk", ACCEPTED, (60, 1200), actions.arrive, self.sent)
        self._move("specialist", ARRIVED, (60, 900), answer, self.sent)
        for doctor in self.doctors:
            own = [s for s in self.sent if s.doctor == doctor]
            self._move(doctor.username, ANSWERED, (30, 600), actions.acknowledge, own)
            self._move(doctor.username, DECLINED, (30, 200), close, own)

    # --- what is found in it

    def _cycles(self) -> None:
        """Cycles are drawn as the nights would have: one of the demo's own centre that is closed and one that is being read, one of
        another that nobody reads, and some that have just begun."""

        def seed() -> str:
            return f"{self.rng.getrandbits(128):032x}"

        own = self.staff["reviewer"].org_id
        for ago in (_FIRST_DRAWN, 20, 8, 1):
            quality.open_cycles(seeds=seed, at=self.at - timedelta(days=ago))
            open_ = ReviewCycle.objects.using("load").filter(org_id=own, closed_at=None).first()
            if open_ is not None and ago == _FIRST_DRAWN:
                self._read(open_, ("reviewer2", "reviewer", "head"), len(self.sent), timedelta(days=ago - 3))
                self._close(open_, timedelta(days=ago - 5))
            elif open_ is not None and ago == 1:
                self._read(open_, ("reviewer2",), 4, timedelta(days=ago))
        quality.mark_overdue(at=self.at)

    def _read(self, cycle: ReviewCycle, readers: Iterable[str], most: int, ago: timedelta) -> None:
        """Readers in turn; each finds the first one wanting, which then goes to the next of them."""
        at = self.at - ago
        for login in readers:
            with acting(self.staff[login], at) as by:
                mine = queries.to_read(by, queries.sampled_of(queries.cycle(cycle.pk)))
                for n, row in enumerate(mine[:most]):
                    answer, note = (rules.YES, "") if n else (rules.NO, "病历未写明两次门诊血压值，转诊理由不足")
                    quality.read(row.pk, answer, rules.YES, note, by=by, at=at)

    def _close(self, cycle: ReviewCycle, ago: timedelta) -> None:
        with acting(self.staff["reviewer2"], self.at - ago) as by:
            drawn = queries.sampled_of(queries.cycle(cycle.pk))
            if not any(rules.needs_reader(v) for v in queries.views_of(drawn).values()):
                quality.close_cycle(cycle.pk, version=1, by=by, at=self.at - ago)

    def _judged(self) -> None:
        """Rates are judged as of yesterday; of what has to be explained the centre's head has explained its doctor's."""
        quality.judge_outliers(at=self.at - timedelta(days=1))
        head = self.staff["head"]
        for row in OutlierCase.objects.using("load").filter(kind=rules.DOCTOR, org_id=head.org_id, closed_at=None):
            with acting(head, self.at) as by:
                day = local_day(self.at)
                words = ("本季度慢性病复诊患者集中，转诊指征掌握偏宽", "每周与县总医院专科联合查看转诊病历，先行远程会诊")
                wanted = rules.Act(rules.EXPLAIN, by.account_id, day, *words, correct_by=day + timedelta(days=21))
                quality.act(row.pk, wanted, version=row.version, by=by, at=self.at)


def tell(staff: Mapping[str, Person], at: datetime, progress: Callable[[int], None]) -> int:
    """Write the half year; returns how many referrals it had. `progress`: told how many centres are done."""
    return Past(staff, at).tell(progress)
