"""Who acts for a resident: recorded with consent by who treats them, for days, and taken back at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.db import transaction

from fenji.care.referral.queries import acting
from fenji.care.registry import actions, queries
from fenji.care.registry.models import Proxy, Resident
from fenji.care.registry.rules import BadField, NewProxy, Term, TooManyProxies, new_resident
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.common.identity import identity_check
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from tests.cast import NOT_IN_CATALOGUE, a_case, a_resident, other_doctor, person, scope

TODAY = local_day(now())
TYPED = NewProxy("林小芳", "child", "139 1234 5678", False, "", False, "oral", Term(TODAY))


def name(resident: Resident, by: Actor, typed: NewProxy = TYPED) -> Proxy:
    return actions.name_proxy(resident.pk, typed, by=by, at=now())


def a_child(by: Actor) -> Resident:
    stem = f"350427{TODAY.year - 8}0607111"
    return actions.register(new_resident("林小宝", stem + identity_check(stem), "", "x", TODAY), by=by, at=now())


@pytest.mark.parametrize("login", ["doctor", "nurse"])
def test_a_doctor_or_nurse_records_who_consented_when_and_how_and_the_phone_lies_sealed(db: None, login: str) -> None:
    with scope(person(login)) as by:
        made = name(a_resident(person("doctor"), 5), by)
        assert (made.guardian, made.how, made.org_id, made.recorded_by_name) == (False, "oral", by.org_id, by.name)
        assert b"13912345678" not in bytes(made.phone)
        assert settings.DATABASE_KEYS.open(bytes(made.phone), queries.proxy_place(made.pk)) == "13912345678"
        assert [(p.pk, phone) for p, phone in queries.proxies_now(made.resident_id, TODAY)] == [(made.pk, "13912345678")]


@pytest.mark.parametrize("login", ["reviewer", "head", "desk", "officer"])
def test_others_record_nobody(db: None, login: str) -> None:
    with scope(person("doctor")):
        resident = a_resident(person("doctor"), 5)
    with scope(person(login)) as by, pytest.raises(NotPermitted):
        name(resident, by)


def test_another_institution_neither_sees_nor_ends_nor_adds_a_proxy(db: None) -> None:
    with scope(person("doctor")) as by:
        resident = a_resident(person("doctor"), 5)
        made = name(resident, by)
    with scope(other_doctor()) as by:
        assert not Proxy.objects.filter(pk=made.pk).exists()
        with pytest.raises(Unknown):
            actions.end_proxy(made.pk, version=1, by=by, at=now())
        with pytest.raises(Unknown):
            name(resident, by)


def test_a_child_has_a_guardian_who_shows_a_document(db: None) -> None:
    with scope(person("doctor")) as by:
        child = a_child(by)
        with pytest.raises(BadField) as wrong, transaction.atomic():
            name(child, by, replace(TYPED, relation="parent"))
        assert wrong.value.field == "guardian"
        made = name(child, by, replace(TYPED, relation="parent", guardian=True, document="出生医学证明"))
        assert (made.guardian, made.document) == (True, "出生医学证明")


def test_as_many_at_once_as_the_policy_says_and_a_place_is_free_when_one_is_taken_back(db: None) -> None:
    with scope(person("doctor")) as by:
        resident = a_resident(person("doctor"), 6)
        first = name(resident, by)
        name(resident, by)
        with pytest.raises(TooManyProxies), transaction.atomic():
            name(resident, by)
        actions.end_proxy(first.pk, version=first.version, by=by, at=now())
        name(resident, by)
        assert len(queries.proxies_of(resident.pk)) == 3


def test_several_follow_one_another_on_half_open_days(db: None) -> None:
    with scope(person("doctor")) as by:
        resident = a_resident(person("doctor"), 7)
        ends: list[date] = [TODAY + timedelta(days=n) for n in (10, 20)]
        first = name(resident, by, replace(TYPED, term=Term(TODAY, ends[0])))
        second = name(resident, by, replace(TYPED, term=Term(*ends)))
        held = {n: [p.pk for p, _ in queries.proxies_now(resident.pk, TODAY + timedelta(days=n))] for n in (0, 9, 10, 19, 20)}
    assert held == {0: [first.pk], 9: [first.pk], 10: [second.pk], 19: [second.pk], 20: []}


def test_it_is_taken_back_once_and_by_who_has_seen_it_as_it_is(db: None) -> None:
    with scope(person("doctor")) as by:
        made = name(a_resident(person("doctor"), 8), by)
        with pytest.raises(Stale), transaction.atomic():
            actions.end_proxy(made.pk, version=made.version + 1, by=by, at=now())
        ended = actions.end_proxy(made.pk, version=made.version, by=by, at=now())
        assert (ended.ended_by_name, ended.version) == (by.name, made.version + 1)
        assert queries.proxies_now(made.resident_id, TODAY) == []
        with pytest.raises(Stale), transaction.atomic():
            actions.end_proxy(made.pk, version=ended.version, by=by, at=now())


def test_a_proxy_of_one_record_acts_for_all_records_of_the_person(db: None) -> None:
    with scope(person("doctor")) as by:
        kept, other = a_resident(person("doctor"), 9), a_resident(person("doctor"), 10)
        made = name(other, by, replace(TYPED, guardian=True, document="户口簿"))
        pair = actions.compare(kept.pk, other.pk, by=by, at=now())
        actions.link(pair.pk, kept.pk, version=pair.version, by=by, at=now())
        assert [p.pk for p, _ in queries.proxies_now(kept.pk, TODAY)] == [made.pk]
        case = a_case(by, person("doctor"), number=9, code=NOT_IN_CATALOGUE)
        assert [p.proxy_id for p in acting(case)] == [made.pk]
