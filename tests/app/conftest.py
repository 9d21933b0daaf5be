"""Fixtures of several tests here: sessions of people, and a case that waits for the county desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from fenji.care.referral import actions, rules
from fenji.care.referral.models import Case
from fenji.ground.common.edge import now
from tests.app.forms import end_case
from tests.app.sessions import last_of
from tests.cast import NOT_IN_CATALOGUE, a_case, person, scope, token_for


@pytest.fixture(scope="module")
def doctor(house_file: object) -> str:
    return token_for(person("doctor"))


@pytest.fixture(scope="module")
def desk(house_file: object) -> str:
    return token_for(person("desk"))


@pytest.fixture
def offered(house_file: object) -> Iterator[str]:
    """A case that waits for the county desk."""
    who = person("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=150, code=NOT_IN_CATALOGUE)
    assert case.state == rules.OFFERED
    yield case.number
    end_case(case.number)


@pytest.fixture
def in_review(house_file: object) -> Iterator[Case]:
    """A case of the last township that waits for its reviewer."""
    who = last_of("doctor")
    with transaction.atomic(), scope(who) as by:
        case = a_case(by, who, number=0)
    assert case.state == rules.IN_REVIEW
    yield case
    row = Case.objects.using("load").get(pk=case.pk)
    with transaction.atomic(), scope(who) as by:
        actions.end(case.number, "withdraw", version=row.version, by=by, at=now(), note="end of the test")
