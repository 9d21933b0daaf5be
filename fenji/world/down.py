"""Who goes down in the invented county: down-referrals in each state, with summary, plan and follow-ups; by the real actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fenji.care.continuity import actions as continuity
from fenji.care.continuity.models import FollowUp
from fenji.care.continuity.rules import (
    DONE,
    EXERCISE,
    LONG_TERM_CARE,
    MEASUREMENT,
    MEDICINE,
    OPEN,
    REHABILITATION,
    TREATMENT,
    UNREACHABLE,
    VISIT,
    Item,
    Summary,
)
from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.referral.rules import PATIENT, ConsentGiven
from fenji.care.visits import actions as visits
from fenji.care.visits.queries import stay as stay_of
from fenji.care.visits.rules import TRANSFERRED
from fenji.ground.common.clock import local_day
from fenji.world.acting import acting
from fenji.world.county import Person
from fenji.world.wards import Wards

_CONSENT = ConsentGiven(PATIENT)


@dataclass(frozen=True, slots=True)
class _Illness:
    """What somebody lies in hospital for: the ward and the phase they are in, and what goes down with them."""

    code: str
    specialty: str
    phase: str
    summary: Summary
    signs: str
    plan: tuple[Item, ...]
    stages: tuple[str, str] = (TREATMENT, REHABILITATION)


_STROKE = _Illness(
    "I63.900", "neurology", "acute_recovery",
    Summary(
        "突发左侧肢体无力、言语不清三小时", "头颅磁共振示右侧基底节区脑梗死；溶栓后肌力恢复，血压血糖平稳",
        "神志清楚，左侧肌力四级，可扶行", "阿司匹林肠溶片 100mg 每日一次；阿托伐他汀钙片 20mg 每晚一次",
    ),
    "肢体无力加重、言语不清、剧烈头痛、呕吐",
    (
        Item(MEASUREMENT, "follow_up", "测血压", 0, 24, 3, None, Decimal(140), "blood_pressure"),
        Item(EXERCISE, "rehabilitation", "左侧肢体功能训练三十分钟", 1, 22, 7),
        Item(MEDICINE, "health", "核对服药，问有无出血", 7, 21, 14),
    ),
)  # fmt: skip
_HIP = _Illness(
    "S72.000", "orthopaedics", "surgical_recovery",
    Summary(
        "跌倒后右髋疼痛、不能站立一日", "行人工股骨头置换术，术后第三日起体温正常，切口愈合良好",
        "可扶助行器行走，右髋活动受限", "利伐沙班片 10mg 每日一次，共三十五日",
    ),
    "发热、切口渗液、患肢肿胀、突发胸闷气促",
    (
        Item(VISIT, "follow_up", "看切口，问疼痛", 2, 12, 5),
        Item(EXERCISE, "rehabilitation", "助行器步行训练", 2, 26, 6),
        Item(MEDICINE, "health", "核对抗凝药", 7, 28, 7),
    ),
)  # fmt: skip
_COPD = _Illness(
    "J44.900", "respiratory", "chronic",
    Summary(
        "慢性咳嗽咳痰十余年，加重伴气促一周", "抗感染、雾化后气促缓解，血气分析好转",
        "静息时无气促，血氧饱和度百分之九十四", "噻托溴铵粉吸入剂 18μg 每日一次",
    ),
    "静息时气促、口唇发紫、嗜睡",
    (
        Item(MEASUREMENT, "follow_up", "测血氧饱和度", 1, 29, 7, Decimal(90), None, "oxygen"),
        Item(EXERCISE, "rehabilitation", "呼吸操", 3, 24, 7),
        Item(VISIT, "health", "看吸入药用法，劝戒烟", 7, 21, 14),
    ),
)  # fmt: skip
_SEQUELAE = _Illness(
    "I69.300", "rehabilitation", "chronic",
    Summary("脑梗死后右侧偏瘫三月，要求康复", "康复治疗四周，可独立转移", "右侧肌力三级，日常生活部分自理", no_medicine=True),
    "跌倒、发热、吞咽呛咳加重",
    (
        Item(MEASUREMENT, "rehabilitation", "评日常生活能力", 7, 28, 7, Decimal(60), None, "barthel"),
        Item(VISIT, "follow_up", "看压疮和吞咽", 2, 23, 7),
        Item(VISIT, "health", "指导家属照护", 4, 4),
    ),
    (REHABILITATION, LONG_TERM_CARE),
)  # fmt: skip


def tell(staff: Mapping[str, Person], wards: Wards, at: datetime) -> int:
    """Write them; returns how many down-referrals there are. `wards`: opened."""
    story = _Down(staff, wards, at)
    story.on_the_way()
    story.arrived()
    story.candidates()
    return story.written


class _Down:
    """Who acts, when, and how many cases were written."""

    def __init__(self, staff: Mapping[str, Person], wards: Wards, at: datetime) -> None:
        self.staff, self.wards, self.at = staff, wards, at
        self.other = next(p for login, p in sorted(staff.items()) if login.startswith("doctor."))
        self.written = 0

    def on_the_way(self) -> None:
        """Drafts, with and without their package; offered, accepted, declined, missed, withdrawn."""
        self._written(_COPD, timedelta(hours=2), whole=False)
        self._written(_HIP, timedelta(hours=4))
        self._offered(_STROKE, timedelta(hours=3))
        self._step(self._offered(_SEQUELAE, timedelta(hours=20)), "doctor", "accept", timedelta(hours=2))
        self._step(self._offered(_HIP, timedelta(hours=9), self.other), self.other.username, "accept", timedelta(hours=5))
        full = self._offered(_COPD, timedelta(days=1))
        self._step(full, "doctor", "decline", timedelta(hours=20), note="本周康复床位已满，建议下周一再转")
        away = self._offered(_STROKE, timedelta(days=3))
        self._step(away, "doctor", "accept", timedelta(days=2, hours=20))
        self._step(away, "doctor", "miss", timedelta(hours=6), note="家属未按约送来，电话说改日再来")
        kept = self._offered(_HIP, timedelta(days=4))
        with acting(self.staff["specialist"], then := self.at - timedelta(days=3, hours=18)) as by:
            actions.end(kept, "withdraw", version=_version(kept), by=by, at=then, note="切口渗液，继续住院观察")

    def arrived(self) -> None:
        """Plans that run: with follow-ups that are overdue, with one that is due today, of somebody who was not reached; one that
        is done, and one whose patient went back up. What comes before the first that is still due was recorded on its day."""
        late = self._there(_STROKE, 10)
        for login, pressure in (("nurse", "146/88"), ("nurse", ""), ("doctor", "136/82"), ("doctor", "132/80")):
            self._followed(late, login, {0: pressure})
        due = self._there(_COPD, 7)
        for saturation in ("94", ""):
            self._followed(due, "nurse", {0: saturation})
        missed = self._there(_HIP, 3)
        self._followed(missed, "nurse", {}, UNREACHABLE, "电话三次无人接听")
        back = self._there(_COPD, 9)
        self._followed(back, "doctor", {0: "88"}, note="活动后气促，痰多")
        with acting(self.staff["doctor"], then := self.at - timedelta(hours=7)) as by:
            words = "气促加重两日，静息时血氧饱和度百分之八十五"
            actions.return_up(back, _CONSENT, version=_version(back), by=by, at=then, note=words)
        over = self._there(_SEQUELAE, 40)
        while self._followed(over, "doctor", {0: "65"}):
            pass

    def candidates(self) -> None:
        """Two in the wards who may go down today and for whom nobody has written anything yet."""
        for illness, days in ((_STROKE, 8), (_HIP, 11)):
            self.wards.admit_above(self._centre(), illness.code, illness.specialty, timedelta(days=days), illness.phase)

    def _centre(self) -> int:
        return self.staff["doctor"].org_id

    def _written(self, illness: _Illness, ago: timedelta, to: Person | None = None, *, whole: bool = True) -> str:
        """A draft, of somebody who has lain in the ward for nine days then; returns its number."""
        to = to or self.staff["doctor"]
        stay = self.wards.admit_above(to.org_id, illness.code, illness.specialty, ago + timedelta(days=9), illness.phase)
        at = self.at - ago
        with acting(self.staff["specialist"], at) as by:
            down = actions.Down(to.org_id, "请继续康复训练，按方案随访", consent=_CONSENT)
            case = actions.draft_down(stay_of(stay.pk), down, by=by, at=at)
            if whole:
                ended, begins = illness.stages
                continuity.write_package(
                    case.number, stay, illness.summary, illness.signs, illness.plan, stage_from=ended, stage=begins, by=by, at=at
                )
        self.written += 1
        return case.number

    def _offered(self, illness: _Illness, ago: timedelta, to: Person | None = None) -> str:
        number = self._written(illness, ago, to)
        with acting(self.staff["specialist"], at := self.at - ago + timedelta(minutes=10)) as by:
            receiver = (to or self.staff["doctor"]).org_id
            actions.offer_again(number, receiver, version=_version(number), by=by, at=at)
        return number

    def _step(self, number: str, login: str, verb: str, ago: timedelta, **more: Any) -> None:
        with acting(self.staff[login], at := self.at - ago) as by:
            getattr(actions, verb)(number, version=_version(number), by=by, at=at, **more)

    def _there(self, illness: _Illness, days: int) -> str:
        """Arrived so many days ago, when the ward also discharged the patient."""
        ago = timedelta(days=days)
        number = self._offered(illness, ago + timedelta(hours=26))
        self._step(number, "doctor", "accept", ago + timedelta(hours=22))
        self._step(number, "doctor", "arrive", ago)
        with acting(self.staff["specialist"], at := self.at - ago) as by:
            stay = stay_of(Case.objects.get(number=number).stay_id)
            visits.discharge(stay.pk, TRANSFERRED, version=stay.version, by=by, at=at)
        return number

    def _followed(self, number: str, login: str, values: Mapping[int, str], outcome: str = DONE, note: str = "") -> bool:
        """Record the next follow-up of a plan on its day; False when there is none."""
        with acting(self.staff[login], self.at) as by:
            found = FollowUp.objects.filter(package__subject=number, state=OPEN).order_by("due_on", "id").first()
            if found is not None:
                at = self.at - timedelta(days=(local_day(self.at) - found.due_on).days)
                continuity.record(found.pk, outcome, values, note, version=found.version, by=by, at=at)
        return found is not None


def _version(number: str) -> int:
    return Case.objects.using("load").get(number=number).version
