"""Every page at 1440 and 360 px: pictured, measured, checked by axe; and the walk as a person clicks it."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils.translation import override
from openpyxl import Workbook
from playwright.sync_api import Page, expect

from fenji.care.catalogue import actions as lists
from fenji.care.catalogue import queries as catalogue
from fenji.care.catalogue.queries import diagnosis
from fenji.care.referral import actions
from fenji.care.referral.models import Case
from fenji.care.referral.queries import url_for
from fenji.care.registry.actions import break_glass
from fenji.ground.access.actions import ask_for_check
from fenji.ground.common.clock import Span, local_day
from fenji.ground.common.edge import now
from fenji.ground.documents import actions as documents
from fenji.ground.documents.models import ImportRun
from fenji.ground.policy.actions import Ground, NewChange, decide, propose
from fenji.ground.publication.models import Announcement
from fenji.ground.tasks.models import PersonMessage
from fenji.world.county import COUNTY_HOSPITAL, Person
from tests.app.forms import a_check
from tests.browser.clinics import clinics_to_look_at
from tests.browser.conftest import PICTURES, SIZES, Visitors
from tests.browser.downs import down_things
from tests.browser.people import accounts_to_look_at
from tests.browser.plans import plan_things
from tests.browser.quality import quality_to_look_at
from tests.browser.residents import resident_things
from tests.browser.things import network_things
from tests.browser.visits import visit_things
from tests.cast import a_case, a_resident, person, scope

AXE = Path(__file__).resolve().parents[2] / "var" / "axe" / "axe.min.js"


def _in_depth() -> dict[str, str]:
    """An emergency nobody accepted in time, a critical patient who leaves, one on the way, one that was replaced."""
    doctor, early = person("doctor"), now() - timedelta(minutes=19)
    with transaction.atomic(), scope(doctor) as by:
        lapsed = a_case(by, doctor, number=205, code="I21.900", emergency=True, at=early, text="胸痛 40 分钟，大汗")
        critical = a_case(by, doctor, number=206, code="I21.900", critical=True, text="急性心肌梗死，需转介入")
        gone = a_case(by, doctor, number=207, code="I21.900", critical=True, text="急性心肌梗死，已溶栓")
        old = a_case(by, doctor, number=208, code="I21.900", text="反复胸闷")
        new = a_case(by, doctor, number=208, code="I21.900", emergency=True, happened_at=early, text="突发胸痛")
    actions.lapse_unaccepted(at=now())
    with transaction.atomic(), scope(person("desk")) as by:
        for case in (critical, gone):
            actions.accept(case.number, version=case.version, by=by, at=now())
    with transaction.atomic(), scope(doctor) as by:
        actions.leave(gone.number, a_check(now()), version=gone.version + 1, by=by, at=now())
    numbers = {"lapsed": lapsed, "critical": critical, "gone": gone, "replaced": old, "urgent": new}
    return {name: case.number for name, case in numbers.items()}


def _final() -> actions.Final:
    return actions.Final(diagnosis("I21.900"))


@pytest.fixture(scope="module")
def cases(house_file: Path) -> dict[str, str]:
    """One case in review, one offered, one answered; the resident of the first, and a visit."""
    doctor = person("doctor")
    found: dict[str, str] = {}
    with transaction.atomic(), scope(doctor) as by:
        review = a_case(by, doctor, number=200, text="血压 182/104，头痛两周，两种药物联合治疗未达标")
        offered = a_case(by, doctor, number=201, code="I21.900", emergency=True, text="胸痛 2 小时，心电图 ST 段抬高")
        answered = a_case(by, doctor, number=202, code="I21.900", text="活动后胸闷")
        resident = a_resident(doctor, 200)
        found |= {"review": review.number, "offered": offered.number, "resident": str(resident.id), "visit": str(review.visit_id)}
        draft = a_case(by, doctor, number=203, send=False, text="血糖控制不佳")
        found["draft"] = draft.number
    for login, move in (
        ("desk", actions.accept),
        ("desk", actions.arrive),
        (
            "specialist",
            lambda n, **k: actions.answer(
                n, "冠状动脉造影未见明显狭窄", "阿司匹林 100 mg，两周后复诊", actions.Final(diagnosis("I21.900")), **k
            ),
        ),
    ):
        with transaction.atomic(), scope(person(login)) as by:
            answered = move(answered.number, version=answered.version, by=by, at=now())
    found["answered"] = answered.number
    found |= _in_depth()
    with transaction.atomic(), scope(doctor) as by:
        opened = a_case(by, doctor, number=204, code="I21.900", text="胸痛半小时")
        break_glass(opened.resident_id, "患者昏迷，家属不在场，需了解既往用药", by=by, at=now())
    with transaction.atomic(), scope(doctor):
        found["own"] = url_for(offered)
    stuck = PersonMessage.objects.using("owner").filter(subject__in=(offered.number, answered.number))
    stuck.update(state="dead", problem="refused", status=400, tries=1)
    with transaction.atomic(), scope(person("audit")) as by:
        ask_for_check(by=by, at=now())
    found |= {"opened": str(opened.resident_id), "opened_case": opened.number}
    found |= _reviewed(doctor)
    announced = Announcement.objects.using("load").filter(must_confirm=True).order_by("at")[0]
    found |= {"centre": str(doctor.org_id), "announced": str(announced.id)}
    with transaction.atomic(), scope(person("officer")) as by:
        start = local_day(now()) + timedelta(days=9)
        new = NewChange("referral.review_within", by.reach, Span(90, "duty"), "order", start, None)
        ground = Ground("沙卫〔2026〕7号", "关于缩短上转审核时限的通知", "0a1b" * 16, "试点表明一个半小时足够")
        found["change"] = f"/policy/changes/{propose(new, ground, by=by, at=now()).pk}/"
        new = NewChange("referral.accept_within", by.reach, Span(180, "duty"), "order", start, None)
        rejected = propose(new, ground, by=by, at=now())
    with transaction.atomic(), scope(person("security")) as by:
        note = "三小时以内须先征求各医院意见"
        decide(rejected.pk, approve=False, note=note, version=rejected.version, by=by, at=now())
    return (
        found
        | accounts_to_look_at()
        | _lists()
        | network_things()
        | visit_things()
        | plan_things()
        | down_things()
        | resident_things()
        | clinics_to_look_at()
        | quality_to_look_at()
    )


def _reviewed(doctor: Person) -> dict[str, str]:
    """A case that came back to be treated locally, one to be completed, one reviewed above, one that may be."""
    with transaction.atomic(), scope(doctor) as by:
        local, returned, above, late = (a_case(by, doctor, number=n, text="咳嗽三周，胸片未见异常") for n in range(215, 219))
    with transaction.atomic(), scope(person("reviewer")) as by:
        actions.treat_locally(local.number, version=local.version, by=by, at=now(), note="本院目录内病种，先规范治疗两周")
        actions.complete(returned.number, version=returned.version, by=by, at=now(), note="请补充血常规和用药记录")
        today = local_day(now())
        actions.delegate(person("doctor2").id, today, today + timedelta(days=6), "外出培训", by=by, at=now())
    rows = Case.objects.using("owner")
    viewers, due = [doctor.org_id, COUNTY_HOSPITAL], now() - timedelta(days=1)
    why = [{**above.review_route[0], "code": "review_too_few", "clause_id": "PF-referral-review-place"}]
    moved = {"review_org_id": COUNTY_HOSPITAL, "holder_id": COUNTY_HOSPITAL, "review_route": why}
    rows.filter(pk=above.pk).update(viewer_ids=viewers, **moved)
    rows.filter(pk=late.pk).update(viewer_ids=viewers, review_upper_id=COUNTY_HOSPITAL, due_at=due)
    return {"local": local.number, "returned": returned.number, "above": above.number, "late": late.number}


def _lists() -> dict[str, str]:
    """A catalogue being worked on, with changes; a list that waits for approval, and one that waits to be published."""
    found = {}
    with transaction.atomic(), scope(person("editor")) as by:
        draft = lists.start_draft("first_contact", by=by, at=now())
        diagnosis = catalogue.diagnosis("A01.000")
        typhoid = {"group": "A01", "code": diagnosis.code, "name_zh": diagnosis.name_zh, "name_en": diagnosis.name_en}
        lists.put_entry(draft.id, {**typhoid, "level": "county"}, version=draft.version, by=by, at=now())
        lower = next(e for e in catalogue.entries(draft) if e.level == "county" and e.code != "A01.000")
        values = {**catalogue.values_of(lower), "level": "township"}
        lists.put_entry(draft.id, values, version=draft.version + 1, by=by, at=now(), entry_id=lower.pk)
        found["list_draft"], found["entry"] = str(draft.id), str(lower.pk)
        submitted = lists.start_draft("down", by=by, at=now())
        submitted = lists.submit(submitted.id, version=submitted.version, by=by, at=now())
        approved = lists.start_draft("guide", by=by, at=now())
        approved = lists.submit(approved.id, version=approved.version, by=by, at=now())
    with transaction.atomic(), scope(person("director")) as by:
        approved = lists.approve(approved.id, version=approved.version, by=by, at=now())
    return found | {"list_submitted": str(submitted.id), "list_approved": str(approved.id)}


@pytest.fixture(scope="module")
def imports(house_file: Path) -> dict[str, str]:
    """Lists on their way in: one with faults, one written, one not possible, one being written."""
    head = ("日期", "day", "working", "name", "basis")
    good = [(None, f"2035-10-0{d}", "no", "国庆节", "国务院办公厅放假安排") for d in range(1, 8)]
    bad = [
        ("x", "2035-13-01", "no", "元旦", "国务院办公厅放假安排"),
        (None, "2035-10-08", "maybe", "", "国务院办公厅放假安排"),
        (None, "2035-10-09", "yes", "调休", "国务院办公厅放假安排"),
        (None, "2035-10-09", "yes", "调休上班", "国务院办公厅放假安排"),
    ]
    found = {
        "judged": _import([("备注", *head[1:]), *good, (None,) * 5, *bad, (None, "2035-10-10", "yes", "上班", "通知")]),
        "failed": _import([("姓名", "电话"), ("某", "1")]),
    }
    found["done"] = _import([head[1:], ("2036-01-01", "no", "元旦", "国务院办公厅放假安排")], write=True)
    people = [(f"slip.{n}", f"张三{n}", f"SIM{COUNTY_HOSPITAL:06d}", "doctor") for n in range(12)]
    found["slips"] = _import([("username", "name", "org", "role"), *people], "accounts", write=True)
    found["going"] = _import([head[1:], *(row[1:] for row in good)])
    ImportRun.objects.using("owner").filter(pk=found["going"]).update(state="writing", done=12_400, total=20_000)
    return found


def _import(rows: list[tuple[object, ...]], listing: str = "calendar", *, write: bool = False) -> str:
    book, buffer = Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(list(row))
    book.save(buffer)
    with transaction.atomic(), scope(person("system")) as by, override("zh-hans"):
        run = documents.upload(listing, "list.xlsx", buffer.getvalue(), by=by, at=now())
    documents.judge(run.pk, at=now())
    if write:
        with transaction.atomic(), scope(person("system")) as by:
            documents.write(run.pk, version=ImportRun.objects.get(pk=run.pk).version, by=by, at=now())
        documents.carry_out(run.pk, at=now())
    return str(run.pk)


PAGES = [
    ("quality-cycles", "reviewer", "/quality/cycles/"),
    ("quality-cycle", "reviewer", "/quality/cycles/{cycle}/"),
    ("quality-sampled", "reviewer", "/quality/sampled/{sampled}/"),
    ("quality-mine", "doctor", "/quality/mine/"),
    ("quality-rates", "reviewer", "/quality/?limits=plain"),
    ("quality-rates-officer", "officer", "/quality/"),
    ("quality-outliers", "head", "/quality/outliers/"),
    ("quality-outlier", "head", "/quality/outliers/{outlier}/"),
    ("quality-alerts", "head", "/quality/alerts/"),
    ("quality-alert-counts", "officer", "/quality/alerts/counts/"),
    ("quality-alert", "head", "/quality/alerts/{alert}/"),
    ("quality-alert-answered", "officer", "/quality/alerts/{alert_answered}/"),
    ("quality-alert-counted", "head", "/quality/alerts/{alert_counted}/"),
    ("quality-bulletin", "desk", "/quality/bulletins/"),
    ("login", None, "/login/"),
    ("activate", None, "/activate/"),
    ("account", "doctor", "/account/"),
    ("password", "doctor", "/account/password/"),
    ("accounts", "system", "/accounts/"),
    ("accounts-none", "system", "/accounts/?q=zzzz"),
    ("account-new", "system", "/accounts/new/"),
    ("account-page", "system", "/accounts/{person}/"),
    ("account-page-off", "system", "/accounts/{off}/"),
    ("administrators", "security", "/accounts/administrators/"),
    ("administrator-page", "security", "/accounts/administrators/{administrator}/"),
    ("slip-gone", "system", "/accounts/slip/"),
    ("machines", "security", "/machines/"),
    ("machine-new", "security", "/machines/new/"),
    ("machine", "security", "/machines/{machine}/"),
    ("desk", "doctor", "/"),
    ("desk-reviewer", "reviewer", "/"),
    ("desk-receiver", "desk", "/"),
    ("desk-officer", "officer", "/"),
    ("search", "doctor", "/residents/?q=c"),
    ("search-none", "doctor", "/residents/?q=zzzz"),
    ("register", "doctor", "/residents/new/"),
    ("resident", "doctor", "/residents/{resident}/"),
    ("resident-proxies", "doctor", "/residents/{acted}/proxies/"),
    ("resident-proxies-none", "nurse", "/residents/{resident}/proxies/"),
    ("resident-acted-for", "doctor", "/residents/{acted}/"),
    ("directions", "desk", "/institutions/{hospital}/directions/"),
    ("visit-new", "doctor", "/visits/new/{resident}/"),
    ("visit", "doctor", "/visits/{visit}/"),
    ("visit-edit", "doctor", "/visits/{infected}/edit/"),
    ("visit-infection", "doctor", "/visits/{infected}/"),
    ("visit-handover", "doctor2", "/visits/{handed}/"),
    ("visit-alert", "head", "/visits/{silent}/"),
    ("visits", "doctor", "/visits/"),
    ("stays", "doctor", "/stays/"),
    ("stays-down", "nurse", "/stays/?down=on"),
    ("stays-none", "head", "/stays/?department=9999999"),
    ("stay", "doctor", "/stays/{stay}/"),
    ("stay-left", "head", "/stays/{left}/"),
    ("package-new", "specialist", "/packages/new/{lies}/"),
    ("package-draft", "specialist", "/packages/new/{drafted}/"),
    ("plan-draft", "specialist", "/plans/{draft_plan}/"),
    ("plan", "doctor", "/plans/{plan}/"),
    ("plan-of-the-hospital", "specialist", "/plans/{plan}/"),
    ("plan-over", "doctor", "/plans/{plan_over}/"),
    ("followups", "doctor", "/followups/"),
    ("followups-mine", "doctor", "/followups/?mine=on"),
    ("followups-none", "specialist", "/followups/"),
    ("followup", "doctor", "/followups/{followup}/"),
    ("followup-measured", "nurse", "/followups/{measured}/"),
    ("followup-head", "head", "/followups/{followup}/"),
    ("stay-new", "nurse", "/stays/new/{resident}/"),
    ("visits-none", "doctor", "/visits/?since=2020-01-01&until=2020-01-01"),
    ("visits-wrong", "head", "/visits/?since=2026-13-01"),
    ("infections", "doctor", "/visits/infections/"),
    ("infections-none", "head", "/visits/infections/?since=2020-01-01&until=2020-01-01"),
    ("register-papers", "doctor", "/residents/new/passport/"),
    ("register-unknown", "doctor", "/residents/new/unknown/"),
    ("register-newborn", "doctor", "/residents/new/newborn/?mother={mother}"),
    ("resident-unknown", "doctor", "/residents/{unknown}/"),
    ("identify", "doctor", "/residents/{unknown}/identify/"),
    ("duplicates", "doctor", "/residents/duplicates/"),
    ("duplicates-none", "doctor", "/residents/duplicates/?state=distinct"),
    ("duplicate", "doctor", "/residents/duplicates/{pair}/"),
    ("duplicate-linked", "doctor", "/residents/duplicates/{joined}/"),
    ("down", "specialist", "/referrals/down/"),
    ("down-none", "doctor2", "/referrals/down/"),
    ("down-new", "specialist", "/referrals/down/{recovering}/"),
    ("down-acute", "specialist", "/referrals/down/{acute}/"),
    ("down-draft", "specialist", "/referrals/{down_draft}/"),
    ("down-draft-edit", "specialist", "/referrals/{down_draft}/edit/"),
    ("down-declined-edit", "specialist", "/referrals/{down_declined}/edit/"),
    ("down-offered", "doctor", "/referrals/{down_offered}/"),
    ("down-declined", "specialist", "/referrals/{down_declined}/"),
    ("down-arrived", "doctor", "/referrals/{down_arrived}/"),
    ("down-sent-back", "specialist", "/referrals/{down_back}/"),
    ("down-return", "desk", "/referrals/{down_up}/"),
    ("referrals-down", "specialist", "/referrals/?direction=down"),
    ("referral-new", "doctor", "/referrals/new/{visit}/"),
    ("referral-edit", "doctor", "/referrals/{draft}/edit/"),
    ("referral-review", "reviewer", "/referrals/{review}/"),
    ("referral-local", "doctor", "/referrals/{local}/"),
    ("referral-returned", "doctor", "/referrals/{returned}/"),
    ("referral-above", "desk", "/referrals/{above}/"),
    ("referral-review-late", "desk", "/referrals/{late}/"),
    ("review", "reviewer", "/referrals/review/"),
    ("review-result", "reviewer", "/referrals/review/?done={offered}~approved&done={review}~stale"),
    ("review-office", "desk", "/referrals/review/"),
    ("review-stands-in", "doctor2", "/referrals/review/"),
    ("delegations", "head", "/referrals/review/delegations/"),
    ("referral-offered", "desk", "/referrals/{offered}/"),
    ("referral-answered", "doctor", "/referrals/{answered}/"),
    ("referral-lapsed", "doctor", "/referrals/{lapsed}/"),
    ("referral-lapsed-desk", "desk", "/referrals/{lapsed}/"),
    ("referral-critical", "doctor", "/referrals/{critical}/"),
    ("referral-gone", "desk", "/referrals/{gone}/"),
    ("referral-superseded", "doctor", "/referrals/{replaced}/"),
    ("referral-late", "desk", "/referrals/{urgent}/"),
    ("referrals", "doctor", "/referrals/"),
    ("referral-slip", "doctor", "/referrals/{answered}/slip/"),
    ("referral-slip-draft", "doctor", "/referrals/{draft}/slip/"),
    ("referral-filing", "doctor", "/referrals/{answered}/filing/"),
    ("referral-register", "doctor", "/referrals/register/"),
    ("referral-register-none", "doctor", "/referrals/register/?month=2020-01"),
    ("resident-glass", "doctor", "/residents/{opened}/"),
    ("referral-glass", "doctor", "/referrals/{opened_case}/"),
    ("glass", "security", "/glass/"),
    ("glass-none", "security", "/glass/?show=open&kind=identity"),
    ("desk-security", "security", "/"),
    ("facts", "officer", "/facts/referrals/"),
    ("facts-wrong", "officer", "/facts/referrals/?since=2026-13-01"),
    ("security", "security", "/security/"),
    ("audit", "audit", "/audit/"),
    ("audit-none", "audit", "/audit/?subject=nothing"),
    ("audit-reads", "audit", "/audit/reads/"),
    ("audit-chain", "audit", "/audit/chain/"),
    ("fact", "officer", "/facts/referrals/{answered}/"),
    ("clinics", "desk", "/booking/?on={clinic_week}"),
    ("clinics-doctor", "doctor", "/booking/?on={clinic_week}"),
    ("clinics-none", "desk", "/booking/?on=2031-01-01"),
    ("clinics-silent", "doctor", "/booking/?org={city}&on={clinic_week}"),
    ("clinic", "desk", "/booking/sessions/{clinic}/"),
    ("clinic-cancelled", "desk", "/booking/sessions/{clinic_off}/"),
    ("clinic-new", "desk", "/booking/new/"),
    ("clinic-away", "desk", "/booking/away/"),
    ("clinic-waiting", "desk", "/booking/waiting/"),
    ("clinic-waiting-none", "citydesk", "/booking/waiting/"),
    ("clinic-to-move", "desk", "/booking/to-move/"),
    ("beds", "specialist", "/beds/"),
    ("beds-away", "doctor", "/beds/?org={hospital}"),
    ("beds-none", "citydesk", "/beds/?kind=long_term"),
    ("bed-hold", "doctor", "/beds/hold/?org={hospital}&sex=1"),
    ("bed-waiting", "desk", "/beds/waiting/"),
    ("bed-waiting-none", "citydesk", "/beds/waiting/"),
    ("case-bed", "doctor", "/referrals/{bed_case}/bed/"),
    ("case-bed-down", "specialist", "/referrals/{down_offered}/bed/"),
    ("case-bed-held", "doctor", "/referrals/{bed_case}/"),
    ("case-bed-waits", "doctor", "/referrals/{bed_waits}/"),
    ("ward-new", "director", "/beds/wards/new/"),
    ("ward", "director", "/beds/wards/{ward}/"),
    ("bed", "director", "/beds/one/{bed}/"),
    ("catalogues", "editor", "/catalogues/"),
    ("catalogue", "doctor", "/catalogues/1/"),
    ("catalogue-devolved", "insurer", "/catalogues/5/"),
    ("catalogue-draft", "editor", "/catalogues/{list_draft}/"),
    ("catalogue-changes", "editor", "/catalogues/{list_draft}/changes/"),
    ("catalogue-entry-new", "editor", "/catalogues/{list_draft}/entries/new/"),
    ("catalogue-entry", "editor", "/catalogues/{list_draft}/entries/{entry}/"),
    ("catalogue-submitted", "director", "/catalogues/{list_submitted}/"),
    ("catalogue-approved", "director", "/catalogues/{list_approved}/"),
    ("posts", "doctor", "/posts/"),
    ("policy", "officer", "/policy/"),
    ("policy-none", "doctor", "/policy/?q=zzzz"),
    ("policy-parameter", "officer", "/policy/parameters/referral.review_within/"),
    ("policy-parameter-reader", "doctor", "/policy/parameters/referral.review_catalogue/"),
    ("policy-waiting", "security", "/policy/waiting/"),
    ("policy-change", "security", "{change}"),
    ("policy-change-own", "officer", "{change}"),
    ("institutions", "system", "/institutions/"),
    ("institutions-city", "citysystem", "/institutions/?county=3504&tier=city&ended=1"),
    ("institutions-none", "doctor", "/institutions/?q=zzzz"),
    ("institution", "system", "/institutions/{hospital}/"),
    ("institution-doctor", "doctor", "/institutions/{centre}/"),
    ("institution-then", "doctor", "/institutions/{heir}/?on={then}"),
    ("institution-history", "citysystem", "/institutions/{heir}/"),
    ("institution-ended", "doctor", "/institutions/{old}/"),
    ("institution-not-then", "doctor", "/institutions/{old}/?on=2020-01-01"),
    ("institution-force", "system", "/institutions/{force}/"),
    ("institution-new", "system", "/institutions/new/"),
    ("institution-new-force", "system", "/institutions/new/?kind=task_force"),
    ("institution-change", "system", "/institutions/{centre}/change/"),
    ("institution-place", "system", "/institutions/{centre}/place/"),
    ("institution-move", "system", "/institutions/{centre}/move/"),
    ("institution-end", "system", "/institutions/{centre}/end/"),
    ("institution-merge", "system", "/institutions/{centre}/end/?how=merges&into=%23{hospital}&on={then}&document=1"),
    ("institution-close", "system", "/institutions/{centre}/end/?how=closes&on={then}"),
    ("institution-split", "system", "/institutions/{centre}/split/"),
    ("papers", "head", "/institutions/{centre}/papers/"),
    ("papers-reader", "doctor", "/institutions/{hospital}/papers/"),
    ("paper-new", "head", "/institutions/{centre}/papers/charter/new/"),
    ("named-lists", "system", "/institutions/lists/"),
    ("named-list", "doctor", "/institutions/lists/entries/?list={list}"),
    ("departments", "system", "/institutions/{hospital}/departments/"),
    ("department", "system", "/institutions/departments/301/"),
    ("relations", "system", "/institutions/{hospital}/relations/"),
    ("seats", "system", "/institutions/{force}/seats/"),
    ("staff", "head", "/institutions/{centre}/staff/"),
    ("staff-new", "head", "/institutions/{centre}/staff/new/"),
    ("staff-person", "head", "/staff/{staff}/"),
    ("staff-change", "head", "/staff/{staff}/change/"),
    ("duty", "head", "/institutions/{centre}/duty/"),
    ("duty-none", "doctor", "/institutions/{city}/duty/"),
    ("gaps", "officer", "/institutions/gaps/"),
    ("alliances", "system", "/alliances/"),
    ("alliance", "system", "/alliances/1/"),
    ("alliance-69", "doctor", "/alliances/{alliance}/?on={then}"),
    ("alliance-new", "citysystem", "/alliances/new/"),
    ("region", "citysystem", "/regions/{cityregion}/"),
    ("region-county", "citysystem", "/regions/{region}/"),
    ("region-change", "citysystem", "/regions/{region}/change/"),
    ("region-merge", "citysystem", "/regions/{region}/merge/"),
    ("not-found", "doctor", "/referrals/R350405-260915-99998-7/"),
    ("forbidden", "officer", "/referrals/"),
    ("facts-forbidden", "insurer", "/facts/referrals/"),
    ("public-find", None, "/p/"),
    ("public-county", None, "/p/?at=350405"),
    ("public-town", None, "/p/?at=350405101"),
    ("public-search", None, "/p/?q=gxy&at=350405101"),
    ("public-none", None, "/p/?q=zzzz"),
    ("public-disease", None, "/p/disease/hypertension/?at=350405101"),
    ("public-institution", None, "/p/{centre}/"),
    ("public-institution-en", None, "/p/{centre}/?lang=en"),
    ("public-hospital", None, "/p/3/"),
    ("public-notice", None, "/p/{centre}/notice/"),
    ("public-authority", None, "/p/6/"),
    ("public-down", None, "/p/3/down/"),
    ("public-guides", None, "/p/3/guide/"),
    ("public-techniques", None, "/p/{centre}/technique/"),
    ("public-promoted-en", None, "/p/3/technique_promoted/?lang=en"),
    ("public-items", None, "/p/6/devolved/"),
    ("public-missing", None, "/p/999999/"),
    ("publication", "head", "/publication/{centre}/"),
    ("publication-board", "officer", "/publication/board/"),
    ("announcements", "doctor", "/announcements/"),
    ("announcement", "doctor", "/announcements/{announced}/"),
    ("announcement-sent", "officer", "/announcements/{announced}/"),
    ("announcement-new", "officer", "/announcements/new/"),
    ("notices", "doctor", "/notices/?show=all"),
    ("notices-none", "doctor", "/notices/?show=all&q=R350405-260915-99998-7"),
    ("notices-sent", "desk", "/notices/?show=sent"),
    ("messages", "head", "/messages/"),
    ("messages-sent", "system", "/messages/?show=over"),
    ("own-ask", None, "{own}"),
    ("own-wrong", None, "{own}?no"),
    ("imports", "system", "/imports/"),
    ("imports-list", "system", "/imports/calendar/"),
    ("imports-judged", "system", "/imports/runs/{judged}/"),
    ("imports-going", "system", "/imports/runs/{going}/"),
    ("imports-done", "system", "/imports/runs/{done}/"),
    ("imports-failed", "system", "/imports/runs/{failed}/"),
    ("imports-slips", "system", "/imports/runs/{slips}/handouts/"),
]


def _axe(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})")
    return [f"{v['id']}: {v['help']} — {v['nodes'][0]['html'][:120]}" for v in found["violations"]]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "login", "path"), PAGES, ids=[p[0] for p in PAGES])
def test_every_page_is_accessible_and_fits_its_screen(
    visit: Visitors, cases: dict[str, str], imports: dict[str, str], name: str, login: str | None, path: str, size: str
) -> None:
    visitor = visit(login, size)
    page = visitor.open(path.format(**cases, **imports))
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{size}.png", full_page=True)
    assert _axe(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= SIZES[size]["width"], f"{name} scrolls sideways at {size}: {wide}"


@pytest.mark.parametrize("size", SIZES)
def test_an_officer_sees_who_it_is_after_a_reason_and_a_second_click_and_only_once(
    visit: Visitors, cases: dict[str, str], size: str
) -> None:
    visitor = visit("officer", size)
    page = visitor.open(f"/facts/referrals/{cases['answered']}/")
    expect(page.locator("#identity-head")).to_have_count(0)
    page.locator("details summary").filter(has=page.locator("use[href$='#lock'], use[href*='lock']")).click()
    page.locator("textarea[name=reason]").fill("群众信访件核查，编号 2026-17")
    page.locator("button.btn-danger").click()
    expect(page.locator("#identity-head")).to_be_visible()
    page.screenshot(path=PICTURES / f"fact-identity-{size}.png", full_page=True)
    assert _axe(page) == []
    page.reload()
    expect(page.locator("#identity-head")).to_have_count(0)


def test_a_verification_of_the_chain_shows_its_result_without_a_reload(visit: Visitors, cases: dict[str, str]) -> None:
    page = visit("audit", "1440", "en").open("/audit/chain/")
    expect(page.locator("#checks progress, #checks .tone-blue")).to_have_count(0, timeout=60_000)
    before = page.locator("#checks tbody tr").count()
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#checks tbody tr")).to_have_count(before + 1)
    expect(page.locator("#checks tbody tr").first).to_contain_text("the chain holds", timeout=60_000)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_speaks_one_language(visit: Visitors, cases: dict[str, str], language: str) -> None:
    page = visit("doctor", "1440", language).open(f"/referrals/{cases['answered']}/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    words = page.locator("main").inner_text()
    assert ("What you can do now" in words) == (language == "en")


def test_a_doctor_writes_a_referral_by_hand_and_the_verdict_follows_what_is_typed(visit: Visitors, house_file: Path) -> None:
    doctor = person("doctor")
    with transaction.atomic(), scope(doctor):
        resident = a_resident(doctor, 210)
    page = visit("doctor", "1440", "en").open("/residents/")
    page.locator("input[name=q]").last.fill(resident.pinyin)
    page.keyboard.press("Enter")
    page.locator(f"a[href*='{resident.id}']").first.click()
    page.locator(f"a[href='/visits/new/{resident.id}/']").first.click()
    page.locator("input[name=diagnosis]").fill("I21.900 急性心肌梗死")
    page.locator("textarea[name=complaint]").fill("chest pain")
    page.locator("button[name=ending][value=up]").click()
    expect(page.locator("body")).to_contain_text("May go up at once")
    page.locator("input[name=diagnosis]").fill("I10.x00")
    page.locator("input[name=diagnosis]").press("Tab")
    expect(page.locator("body")).to_contain_text("SM-3-5c")
    expect(page.locator("body")).to_contain_text("Goes to your reviewer first")
    page.locator("textarea[name=override_reason]").fill("two drugs did not bring it down")
    page.locator("select[name=consent_who]").select_option("patient")
    page.locator("#send").click()
    expect(page.locator("[data-state=in_review]")).to_be_visible()


def test_the_notice_for_the_board_prints_on_one_sheet_of_a4(visit: Visitors, cases: dict[str, str]) -> None:
    page = visit(None).open(f"/p/{cases['centre']}/notice/")
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.screenshot(path=PICTURES / "public-notice-a4.png")
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator("svg.qr")).to_be_visible()


def test_what_was_typed_survives_a_reload(visit: Visitors, cases: dict[str, str]) -> None:
    page = visit("doctor", "360", "en").open(f"/visits/new/{cases['resident']}/")
    page.locator("textarea[name=complaint]").fill("typed on the way")
    page.reload()
    expect(page.locator("textarea[name=complaint]")).to_have_value("typed on the way")


def test_slash_focuses_the_search_and_enter_sends_it(visit: Visitors) -> None:
    page = visit("doctor", "1440", "en").open("/")
    page.keyboard.press("/")
    expect(page.locator("input[name=q]").first).to_be_focused()
    page.keyboard.type("chen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/residents/?q=chen")


def test_a_session_that_ended_while_typing_loses_nothing(visit: Visitors, cases: dict[str, str]) -> None:
    from fenji.ground.access.actions import set_password
    from fenji.ground.access.queries import account_by_id

    set_password(account_by_id(person("doctor2").id), "a-long-password-1")
    visitor = visit("doctor2", "1440", "en")
    page = visitor.open(f"/visits/new/{cases['resident']}/")
    page.locator("input[name=diagnosis]").fill("J06.900")
    page.locator("textarea[name=complaint]").fill("typed before the session ended")
    page.context.clear_cookies(name="fenji_session")
    page.locator("button[name=ending][value=treated]").click()
    page.locator("input[name=username]").fill("doctor2")
    page.locator("input[name=password]").fill("a-long-password-1")
    page.locator("form[action='/login/'] button[type=submit], form[action='/login/'] button:not([type])").first.click()
    expect(page.locator("body")).to_contain_text("typed before the session ended")
    page.get_by_role("button", name="Send what I typed").click()
    page.wait_for_url(f"**/residents/{cases['resident']}/")
    expect(page.locator("main")).to_contain_text("急性上呼吸道感染")


def test_an_import_under_way_is_followed_without_reloading(visit: Visitors, imports: dict[str, str]) -> None:
    run = ImportRun.objects.using("owner").filter(pk=imports["going"])
    page = visit("system", "360", "en").open(f"/imports/runs/{imports['going']}/")
    expect(page.locator("#run")).to_contain_text("12400 of 20000 rows")
    page.evaluate("window.here = true")
    run.update(done=19_000)
    expect(page.locator("#run")).to_contain_text("19000 of 20000 rows", timeout=10_000)
    run.update(state="done")
    expect(page.locator("#run[data-state=done]")).to_contain_text("Rows written", timeout=10_000)
    assert page.evaluate("window.here") is True
    run.update(state="writing", done=12_400)


def test_a_file_that_is_too_large_is_said_to_be_so_before_it_is_sent(visit: Visitors, imports: dict[str, str]) -> None:
    page = visit("system", "1440", "en").open("/imports/calendar/")
    field = page.locator("input[type=file]")
    page.evaluate("document.querySelector('input[type=file]').dataset.largest = '10'")
    field.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"day,working\n" * 9})
    assert "larger than" in page.evaluate("document.querySelector('input[type=file]').validationMessage")
    field.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"a,b"})
    assert page.evaluate("document.querySelector('input[type=file]').validationMessage") == ""


def test_pages_stay_light(visit: Visitors, cases: dict[str, str]) -> None:
    """HTML, CSS and JS of a page after the first visit: at most 150 kB."""
    visitor = visit("doctor")
    visitor.open("/")
    weights: list[int] = []
    visitor.page.on("response", lambda r: weights.append(len(r.body())) if r.status == 200 and not r.from_service_worker else None)
    visitor.open(f"/referrals/{cases['answered']}/")
    html = len(visitor.page.content().encode())
    assert html < 150_000, html


def test_institutions_and_places_are_suggested_while_they_are_typed(visit: Visitors, cases: dict[str, str]) -> None:
    page = visit("system", "1440", "en").open("/institutions/new/?kind=task_force")
    page.locator("input[name=region]").type("夏茂")
    expect(page.locator("#places option").first).to_have_attribute("value", "350405101 夏茂镇")
    page.locator("input[name=region]").fill("350405101 夏茂镇")
    page.locator("input[name=parent]").type("沙县区卫")
    expect(page.locator("#institutions option").first).to_have_attribute("value", "沙县区卫生健康局（模拟） #4")
    page.locator("input[name=parent]").fill("沙县区卫生健康局（模拟） #4")
    page.locator("input[name=name]").fill("夏茂镇医改专班")
    page.locator("select[name=force_kind]").select_option("task_force")
    page.get_by_role("button", name="Enter the institution").click()
    expect(page.locator("main")).to_contain_text("Entered: 夏茂镇医改专班")
    expect(page.locator("main")).to_contain_text("沙县区卫生健康局")
