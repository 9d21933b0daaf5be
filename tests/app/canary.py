"""The canary of the leak matrix: a patient and their case at institution B, its lists, files and accounts, and who looks."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from openpyxl import Workbook

from fenji.care.booking import actions as booking
from fenji.care.booking.models import Slot
from fenji.care.catalogue import actions as lists
from fenji.care.catalogue.models import Diagnosis
from fenji.care.catalogue.queries import diagnosis
from fenji.care.continuity import actions as continuity
from fenji.care.continuity.models import FollowUp
from fenji.care.continuity.rules import Item, Summary
from fenji.care.referral import actions
from fenji.care.referral.queries import url_for
from fenji.care.referral.rules import ConsentGiven
from fenji.care.registry import actions as registry
from fenji.care.registry.rules import NewProxy, Term, new_resident, with_document
from fenji.care.visits import actions as visits
from fenji.care.visits.models import Stay, Visit
from fenji.ground.access.actions import audit, create_accounts, log_read, review_glass
from fenji.ground.access.models import Account, ChainCheck, Glass, OldPassword
from fenji.ground.access.rules import DOCTOR, MANAGER, SYSTEM_ADMIN, house, new_account
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.identity import identity_check
from fenji.ground.common.ids import case_number
from fenji.ground.documents import actions as documents
from fenji.ground.documents.models import ImportRun
from fenji.ground.network.models import Organisation
from fenji.ground.publication import actions as publishing
from fenji.ground.publication import queries as publication
from fenji.ground.publication.models import Announcement, ChannelEvent
from fenji.ground.tasks import actions as tasks
from fenji.ground.tasks.actions import deliver_left_over
from fenji.ground.tasks.models import Notice, PersonMessage
from fenji.measure.referral_quality import actions as quality
from fenji.measure.referral_quality.models import Alert, AlertRow, OutlierCase, OutlierEvent, Reading, SampledCase
from fenji.world.county import CITY_HOSPITAL, COUNTY_HOSPITAL, Person
from tests.app import elsewhere
from tests.app.forms import a_check
from tests.app.machine_keys import a_key, a_machine
from tests.app.sessions import appointed
from tests.cast import POLICY, a_resident, everybody, other_doctor, other_reviewer, person, scope, token_for

NAME, PHONE, WORDS = "卡纳芮", "13912345678", "CANARYWORDS"
ROLES = (
    *("anonymous", "doctor", "reviewer", "head", "desk", "specialist", "officer", "system", "security", "audit"),
    *("other system", "other security", "machine", "insurer"),
)
"""`system` and `security` administer the county that B lies in, the other two another; the machine is the county hospital's."""
ALLOWED = ("B doctor", "B reviewer", "B receiver")
_PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 20
STAFF, ADMINISTRATOR, MACHINE = "卡纳员工", "卡纳管理", "卡纳接口"
"""Accounts at home in B, one of each kind."""


def _card() -> str:
    stem = "35042719500607" + "998"
    return stem + identity_check(stem)


def _other_card() -> str:
    """A number that nobody has."""
    stem = "35042719500607" + "996"
    return stem + identity_check(stem)


@dataclass(frozen=True)
class Canary:
    """What institution B has, and what must not be seen elsewhere."""

    resident: UUID
    visit: UUID
    infected: UUID
    stay: UUID
    followup: UUID
    drafted: UUID
    attached: UUID
    pair: UUID
    delegation: UUID
    proxy: UUID
    case: str
    glass: UUID
    run: UUID
    file: UUID
    accounts: dict[str, UUID]
    draft: int
    entry: int
    link: str
    notice: UUID
    message: UUID
    logged: ChannelEvent
    announced: Announcement
    session: UUID
    booked: UUID
    waits: UUID
    ward: UUID
    bed: UUID
    bed_hold: UUID
    bed_waits: UUID
    sampled: SampledCase
    outlier: UUID
    alert: UUID
    tokens: dict[str, str] = field(repr=False)

    @property
    def missing_case(self) -> str:
        """A number of the same county and day that nobody has."""
        _, day, _, _ = self.case.split("-")
        return case_number("R", self.case[1:7], date(2000 + int(day[:2]), int(day[2:4]), int(day[4:])), 99_998)

    @property
    def patient(self) -> tuple[str, ...]:
        """Signs of the patient."""
        return (NAME, "kanarui", PHONE, WORDS, _card(), str(self.resident), str(self.visit), self.case, str(self.followup))

    @property
    def signs(self) -> tuple[str, ...]:
        """Any of these in an answer is a leak, unless it is an id that was asked for."""
        return (*self.patient, *self.accounts, *map(str, self.accounts.values()), str(self.run), str(self.file))


def _accounts(org_id: int) -> dict[str, UUID]:
    """One account of each kind at B, and a password that one of B's doctors had."""
    by, path = house(org_id), Organisation.objects.using("load").get(pk=org_id).path
    names = ((STAFF, "canary.staff", "staff"), (ADMINISTRATOR, "canary.administrator", "administrator"))
    new = [new_account(name, username, kind, org_id, path) for name, username, kind in names]
    staff, administrator = create_accounts(new, by=by, at=now(), using="load")
    OldPassword.objects.using("door").create(account_id=other_doctor().id, password=WORDS, at=now())
    return {STAFF: staff.pk, ADMINISTRATOR: administrator.pk, MACHINE: a_machine(org_id, MACHINE).pk}


def planted() -> Canary:
    """What institution B has, written to the database; call once a house."""
    doctor, reviewer = other_doctor(), other_reviewer()
    with transaction.atomic(), scope(doctor) as by:
        found = new_resident(NAME, _card(), PHONE, WORDS, now().date())
        resident = registry.register(found, by=by, at=now())
        acts = NewProxy(WORDS, "child", PHONE, True, WORDS, False, "oral", Term(local_day(now())))
        proxy = registry.name_proxy(resident.id, acts, by=by, at=now())
        illness = diagnosis("I10.x00")
        visit = visits.register(resident, visits.NewVisit(illness, WORDS, False), by=by, at=now())
        infected = visits.register(resident, visits.NewVisit(diagnosis("B05.900"), WORDS, False), by=by, at=now())
        visits.hand_over(infected.id, to=_colleague().id, department_id=None, note=WORDS, version=1, by=by, at=now())
        parts = visits.Parts(measures=WORDS, contacts=WORDS, onset_on=local_day(now()))
        visits.record_infection(infected.id, parts, version=1, by=by, at=now())
        bed = visits.NewStay(illness, (doctor.id, doctor.name), None, WORDS, "chronic")
        stay = visits.admit(resident, bed, by=by, at=now())
        twice = with_document(NAME, "passport", "CHNE1950607", "2", date(1950, 6, 7), PHONE, WORDS, local_day(now()))
        pair = registry.compare(resident.id, registry.register(twice, by=by, at=now()).id, by=by, at=now())
        said = ConsentGiven("guardian", "oral", None, WORDS)
        plan = actions.Plan(illness, CITY_HOSPITAL, None, False, WORDS, WORDS, critical=True, consent=said)
        case = actions.draft(visit, plan, by=by, at=now())
        case = actions.submit(case.number, version=case.version, by=by, at=now())
        log_read(by=by, at=now(), purpose=WORDS, subject=WORDS)
    with transaction.atomic(), scope(reviewer) as by:
        case = actions.approve(case.number, version=case.version, by=by, at=now(), note=WORDS)
        today = local_day(now())
        stands_in = actions.delegate(doctor.id, today, today, WORDS, by=by, at=now())
        audit(by=by, at=now(), action=WORDS, subject=WORDS)
    followup, (drafted, attached) = _followed(stay, doctor), _drafted(doctor, illness)
    citydesk = person("citydesk")
    with transaction.atomic(), scope(citydesk) as by:
        case = actions.accept(case.number, version=case.version, by=by, at=now(), note=WORDS)
    with transaction.atomic(), scope(doctor) as by:
        check = replace(a_check(now()), lines=WORDS, escort_name=WORDS)
        actions.leave(case.number, check, version=case.version, by=by, at=now())
        registry.break_glass(resident.id, WORDS, by=by, at=now())
    glass = Glass.objects.using("owner").get(subject=str(resident.id)).id
    with transaction.atomic(), scope(person("security")) as by:
        review_glass(glass, WORDS, by=by, at=now(), policy=POLICY)
    ChainCheck.objects.using("owner").create(at=now(), account_id=doctor.id, actor_name=WORDS, finished_at=now())
    with transaction.atomic(), scope(person("editor")) as by:
        draft = lists.start_draft("guide", by=by, at=now())
        words = {"group": "A01", "code": "A01.000", "name_zh": WORDS, "name_en": WORDS, "document": "rules"}
        texts = dict.fromkeys(("title_zh", "title_en", "text_zh", "text_en"), WORDS)
        entry = lists.put_entry(draft.id, {**words, **texts}, version=draft.version, by=by, at=now())
    # the officer over B logs a channel for it, and writes to it alone
    with transaction.atomic(), scope(person("officer")) as by:
        listed = publication.treatable_copy(doctor.org_id, local_day(now()))
        assert listed is not None
        logged = publishing.log_channel(listed.id, publishing.NewEntry("board", local_day(now()), WORDS), by=by, at=now())
        words = publishing.NewAnnouncement("listed", WORDS, WORDS, local_day(now()), None, True, (doctor.org_id,))
        announced = publishing.announce(words, by=by, at=now())
    with transaction.atomic(), scope(doctor) as by:
        publishing.confirm(announced.id, by=by, at=now())
    deliver_left_over(at=now() + timedelta(hours=1), older_than=timedelta(0))
    with transaction.atomic(), scope(doctor) as by:
        link = url_for(case)
        notice = Notice.objects.get(subject=case.number, role=DOCTOR, kind="referral.accept").pk
        tasks.read(notice, by=by, at=now())
    sampled, outlier = _judged(doctor)
    alert = _alerted(doctor, visit)
    told = PersonMessage.objects.using("owner").filter(subject=case.number).order_by("at")
    message = told[0].pk
    told.update(state="dead", reason=WORDS)
    accounts, run = _accounts(doctor.org_id), _an_import()
    people = {name: person(name) for name in ROLES if name in everybody()}
    people |= {"B doctor": doctor, "B reviewer": reviewer, "B receiver": citydesk, "B editor": person("editor")}
    people |= {"B system": _b_system()}
    people |= {f"other {name}": elsewhere.people()[name] for name in ("system", "security")}
    tokens = {"anonymous": "", **{name: token_for(who) for name, who in people.items()}}
    tokens["machine"] = a_key(a_machine(COUNTY_HOSPITAL))
    tokens["B machine"] = a_key(Account.objects.using("load").get(pk=accounts[MACHINE]))
    booked, bed = _booked(case.number, citydesk, doctor), _bed(case.number, doctor)
    listed = (draft.id, entry.pk, link, notice, message, logged, announced, *booked, *bed, sampled, outlier, alert)
    records = (resident.id, visit.id, infected.id, stay.id, followup, drafted, attached, pair.id, stands_in.id, proxy.id)
    return Canary(*records, case.number, glass, run.id, run.file_id, accounts, *listed, tokens)


def _followed(stay: Stay, doctor: Person) -> UUID:
    """B's patient lies at B, goes down to B's own team and is to be followed up there; the first one was done, and all is WORDS."""
    said = Summary(WORDS, WORDS, WORDS, WORDS)
    lines = [Item("visit", "health", WORDS, n, n) for n in (0, 1)]
    with transaction.atomic(), scope(doctor) as by:
        subject = f"stay-{stay.id}"
        continuity.write_package(subject, stay, said, WORDS, lines, by=by, at=now())
        continuity.attach(subject, "x.png", _PICTURE, WORDS, by=by, at=now())
        continuity.hand_over(subject, by.org_id, local_day(now()) - timedelta(days=1), by=by, at=now())
        first, second = FollowUp.objects.filter(package__subject=subject).order_by("planned_on")
        continuity.record(first.pk, "done", {}, WORDS, version=first.version, by=by, at=now())
    return second.pk


def _drafted(doctor: Person, illness: Diagnosis) -> tuple[UUID, UUID]:
    """Somebody else lies at B, with a package that is being written."""
    with transaction.atomic(), scope(doctor) as by:
        lies = visits.admit(a_resident(doctor, 3), visits.NewStay(illness, (doctor.id, doctor.name)), by=by, at=now())
        continuity.write_package(f"stay-{lies.id}", lies, Summary(WORDS), "", [], by=by, at=now())
        attached = continuity.attach(f"stay-{lies.id}", "x.png", _PICTURE, WORDS, by=by, at=now())
    return lies.id, attached.pk


def _judged(doctor: Person) -> tuple[SampledCase, UUID]:
    """B's referral was drawn by a review cycle and read, and B refers unusually often."""
    today, at = local_day(now()), now()
    cycle = quality.open_cycle(doctor.org_id, today, seed=WORDS, at=at + timedelta(days=1))
    assert cycle is not None
    sampled = SampledCase.objects.using("owner").select_related("cycle").get(cycle=cycle)
    Reading.objects.using("owner").create(
        sampled=sampled, reader_id=_colleague().id, reader_name=WORDS, appropriate="no", compliant="no", note=WORDS, at=at
    )
    org = Organisation.objects.using("load").get(pk=doctor.org_id)
    outlier = OutlierCase.objects.using("owner").create(
        lead_id=COUNTY_HOSPITAL, org=org, path=org.path, kind="branch", unit=str(org.pk), since=today - timedelta(days=1),
        until=today, contacts=9, referred=9, expected=1, limits={}, verdict="alarm_high", state="opened", cause=WORDS,
        due_at=at, opened_at=at,
    )  # fmt: skip
    OutlierEvent.objects.using("owner").create(
        outlier=outlier, at=at, actor_id=doctor.id, actor_name=WORDS, action="send_back", note=WORDS
    )
    return sampled, outlier.id


def _alerted(doctor: Person, visit: Visit) -> UUID:
    """B is asked about its patient's visit, and has answered."""
    org, at = Organisation.objects.using("load").get(pk=doctor.org_id), now()
    fact = {"kind": "visit", "org": org.pk, "to": None, "start": at.isoformat(), "end": "", "ending": "", "emergency": False}
    alert = Alert.objects.using("owner").create(
        kind="turned_away", key="canary", org=org, lead_id=COUNTY_HOSPITAL, path=org.path, disease_group="I10", at=at, facts=[fact],
        reason={"clause_id": "x"}, pack_hash="x", state="answered", opened_at=at, due_at=at, cause=WORDS, answered_id=doctor.id,
        answered_by=WORDS, answered_at=at,
    )  # fmt: skip
    AlertRow.objects.using("owner").create(alert=alert, position=0, kind="visit", key=str(visit.id), resident_id=visit.resident_id)
    return alert.id


def _booked(number: str, desk: Person, doctor: Person) -> tuple[UUID, UUID, UUID]:
    """B's patient has a slot at the city hospital, whose session is cancelled, and waits there for an examination."""
    start = now().replace(minute=0, second=0, microsecond=0) + timedelta(days=70)
    new = booking.NewSession("clinic", "x", start, start + timedelta(hours=2), 4, source_id="CANARY.1")
    with transaction.atomic(), scope(desk) as by:
        (session,) = booking.open_sessions(CITY_HOSPITAL, new, by=by, at=now())
    who = booking.Who(f"{NAME[:1]}××", "2", 75)
    said = {"subject": number, "url": f"/referrals/{number}/", "who": who, "topic": WORDS, "priority": "up_referred"}
    with transaction.atomic(), scope(doctor) as by:
        said |= {"viewer_ids": [doctor.org_id], "origin_id": doctor.org_id, "by": by, "at": now()}
        booked = booking.hold(Slot.objects.filter(session=session).order_by("position")[0].id, **said)
        waits = booking.wait(CITY_HOSPITAL, kind="examination", item="CT", **said)
    with transaction.atomic(), scope(desk) as by:
        booking.cancel(session.id, "x", version=session.version, by=by, at=now())
    return session.id, booked.id, waits.id


def _bed(number: str, doctor: Person) -> tuple[UUID, UUID, UUID, UUID]:
    """B's patient has a bed held at the city hospital, and waits for one."""
    with transaction.atomic(), scope(appointed("director.city", "卡院长", MANAGER, CITY_HOSPITAL)) as by:
        ward = booking.open_ward(CITY_HOSPITAL * 100 + 1, booking.NewWard("x", "rehabilitation"), by=by, at=now())
        bed = booking.add_bed(ward.id, booking.NewBed("1", "x1"), by=by, at=now())
    who = booking.Who(f"{NAME[:1]}××", "2", 75)
    said = {"subject": number, "url": f"/referrals/{number}/", "who": who, "topic": WORDS, "isolation": False}
    with transaction.atomic(), scope(doctor) as by:
        said |= {"viewer_ids": [doctor.org_id], "origin_id": doctor.org_id, "by": by, "at": now()}
        held = booking.hold_bed(bed.id, **said)
        return ward.id, bed.id, held.id, booking.wait_for_bed(ward.id, **said, priority="up_referred").id


def _colleague() -> Person:
    """Another doctor of institution B."""
    return appointed("doctor.b2", "卡同事", DOCTOR, other_doctor().org_id)


def _b_system() -> Person:
    """Somebody of institution B who may send lists."""
    return appointed("system.b", "卡管理", SYSTEM_ADMIN, other_doctor().org_id)


def _an_import() -> ImportRun:
    """A list that B has sent, judged, with a row at fault, and slips to print."""
    book = Workbook()
    for row in (
        ("Day", "Working day?", "Occasion", "Basis", WORDS),
        ("2040-01-01", "no", WORDS, WORDS),
        (WORDS, "no", WORDS, WORDS),
    ):
        book.worksheets[0].append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    with transaction.atomic(), scope(_b_system()) as by:
        run = documents.upload("calendar", f"{WORDS}.xlsx", buffer.getvalue(), by=by, at=now())
    documents.judge(run.id, at=now())
    slips = documents.store(
        "slips",
        f'[{{"code": "{WORDS}"}}]'.encode(),
        by=by,
        at=now(),
        only=by.account_id,
        kinds=("json",),
        kind="json",
        using="load",
    )
    ImportRun.objects.using("load").filter(pk=run.id).update(handouts=slips, handouts_until=now() + timedelta(days=1))
    return run
