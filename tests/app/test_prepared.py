"""A statement that is prepared once finds what Django finds, for each value and from each thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenji.care.booking.models import ClinicSession, Slot
from fenji.ground.common.prepared import prepared
from fenji.ground.network.models import Organisation, Post
from tests.cast import person, scope

_PARENTS = Subquery(Organisation.objects.filter(pk=OuterRef("pk")).values("name")[:1])


def _wide(org_ids: list[int], tier: str) -> QuerySet[Organisation]:
    found = Organisation.objects.filter(Q(pk__in=org_ids) | Q(care_tier=tier)).select_related("region")
    return found.annotate(called=_PARENTS).order_by("-pk")


@prepared
def _wide_once(org_ids: list[int], tier: str) -> QuerySet[Organisation]:
    found = Organisation.objects.filter(Q(pk__among=org_ids) | Q(care_tier=tier)).select_related("region")
    return found.annotate(called=_PARENTS).order_by("-pk")


def _seen(rows: list[Organisation]) -> list[tuple[Any, ...]]:
    return [(o.pk, o.name, o.region.kind, o.called) for o in rows]  # type: ignore[attr-defined]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(org_ids=st.lists(st.integers(1, 40), max_size=6), tier=st.sampled_from(["township", "county", "village", "none", "x'); --"]))
def test_it_finds_what_django_finds(db: None, org_ids: list[int], tier: str) -> None:
    with scope(person("doctor")):
        assert _seen(_wide_once(org_ids, tier)) == _seen(list(_wide(org_ids, tier)))


def test_the_comparison_would_notice_another_value(db: None) -> None:
    with scope(person("doctor")):
        assert _seen(_wide_once([], "township")) != _seen(_wide_once([], "county"))


def test_joined_rows_and_annotations_are_there_without_a_further_statement(db: None) -> None:
    with scope(person("doctor")), CaptureQueriesContext(connection) as said:
        assert _seen(_wide_once([], "township"))
    assert len(said) == 1


def test_each_shape_has_its_statement_and_tuples_come_as_tuples(db: None) -> None:
    @prepared
    def named(prefix: str, *, order: str, most: int) -> QuerySet[Organisation, tuple[int, str]]:
        return Organisation.objects.filter(path__gte=prefix).order_by(order).values_list("pk", "name")[:most]

    with scope(person("doctor")):
        up, down = named("35", order="pk", most=3), named("35", order="-pk", most=2)
        assert up == list(Organisation.objects.order_by("pk").values_list("pk", "name")[:3])
        assert down == list(Organisation.objects.order_by("-pk").values_list("pk", "name")[:2])


def test_single_values_and_counts_come_too(db: None) -> None:
    @prepared
    def tiers(tier: str) -> QuerySet[Organisation, str]:
        return Organisation.objects.filter(care_tier=tier).values_list("care_tier", flat=True).distinct()

    @prepared
    def posts(role: str) -> QuerySet[Post, dict[str, Any]]:
        return Post.objects.filter(role=role).values("org_id").annotate(n=Count("pk")).order_by("org_id")

    with scope(person("doctor")):
        assert tiers("township") == ["township"]
        assert posts("doctor") == list(
            Post.objects.filter(role="doctor").values("org_id").annotate(n=Count("pk")).order_by("org_id")
        )


def test_a_key_of_another_table_can_be_among_many(db: None) -> None:
    @prepared
    def slots(org_ids: list[int]) -> QuerySet[Slot]:
        return Slot.objects.filter(org_id__among=org_ids, session__org__among=org_ids).order_by("pk")

    with scope(person("doctor")):
        assert slots([3]) == list(Slot.objects.filter(org_id=3).order_by("pk"))
        assert slots([]) == []
        # values that are known when the statement is prepared stand for themselves
        assert list(ClinicSession.objects.filter(org_id__among=[3]).order_by("pk")) == list(
            ClinicSession.objects.filter(org_id=3).order_by("pk")
        )


def test_nothing_is_prepared_a_second_time(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    plain: Callable[..., Any] = SQLCompiler.as_sql

    def counted(self: SQLCompiler, *args: Any, **kwargs: Any) -> Any:
        made.append(str(self.query.model))
        return plain(self, *args, **kwargs)

    with scope(person("doctor")):
        _wide_once([1], "village")
        monkeypatch.setattr(SQLCompiler, "as_sql", counted)
        _wide_once([2], "county")
        assert made == []
        list(_wide([2], "county"))
        assert made  # the control: Django prepares it anew


def test_none_is_no_value_to_ask_for(db: None) -> None:
    with scope(person("doctor")), pytest.raises(ValueError, match="nothing equals it"):
        _wide_once([1], None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="org_ids, tier"):
        _wide_once([1])  # type: ignore[call-arg]


def test_threads_ask_at_once_each_on_its_own_connection(db: None) -> None:
    wanted = {tier: _count("owner", tier) for tier in ("township", "county", "village")}

    @prepared
    def numbers(tier: str) -> QuerySet[Organisation, int]:
        return Organisation.objects.using("owner").filter(care_tier=tier).order_by("pk").values_list("pk", flat=True)

    def ask(n: int) -> bool:
        tier = ("township", "county", "village")[n % 3]
        try:
            return all(numbers(tier) == wanted[tier] for _ in range(10))
        finally:
            connections["owner"].close()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))
    assert wanted["township"] != wanted["county"]


def _count(alias: str, tier: str) -> list[int]:
    return list(Organisation.objects.using(alias).filter(care_tier=tier).order_by("pk").values_list("pk", flat=True))
