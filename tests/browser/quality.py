"""What the pages on the quality of referrals show in the browser: a cycle, an outlier, alerts, a bulletin."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation
from fenji.measure.referral_quality import actions
from fenji.measure.referral_quality.models import Bulletin, OutlierCase, SampledCase
from fenji.world.county import COUNTY_HOSPITAL
from tests.alerts import a_visit, alert_on, discharged_instead, noon, somebody
from tests.cast import person, scope


def quality_to_look_at() -> dict[str, str]:
    """Names of things → their ids."""
    today, org_id = local_day(now()), person("doctor").org_id
    cycle = actions.open_cycle(org_id, today, seed="0a1b2c3d", at=now() + timedelta(days=1))
    assert cycle is not None
    sampled = SampledCase.objects.using("owner").filter(cycle=cycle).order_by("number")[0]
    org = Organisation.objects.using("load").get(pk=org_id)
    outlier = OutlierCase.objects.using("owner").create(
        lead_id=COUNTY_HOSPITAL, org=org, path=org.path, kind="branch", unit=str(org.pk), since=today - timedelta(days=90),
        until=today, contacts=1000, referred=120, expected=50.2, limits={"alarm_low": 30.2, "alarm_high": 71.5},
        verdict="alarm_high", state="opened", due_at=now(), opened_at=now(),
    )  # fmt: skip
    lines = [
        {"org": COUNTY_HOSPITAL, "name": "沙县区总医院", "hits": 3, "of": 62, "rank": 1},
        {"org": org_id, "name": org.name, "hits": 0, "of": 4, "rank": None},
    ]
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    Bulletin.objects.using("owner").create(county="350405", month=month, lines={"refusals": lines, "late": lines}, at=now())
    return {"cycle": str(cycle.id), "sampled": str(sampled.id), "outlier": str(outlier.id), **_alerts()}


def _alerts() -> dict[str, str]:
    """An alert that waits for an answer, one that was answered, and one of a visit that is asked about elsewhere."""
    waits, answered = discharged_instead(0), discharged_instead(1, days_ago=7)
    mute = a_visit(somebody(2), person("doctor").org_id, noon(6), "unstated")
    actions.look_for_alerts(at=now())
    found = {"alert": alert_on(waits[0]), "alert_answered": alert_on(answered[0]), "alert_counted": alert_on(mute)}
    with transaction.atomic(), scope(person("head")) as by:
        cause = "患者自行要求出院，次日胸闷加重，家属直接送至县级总医院；当班医生未开具转诊单。"
        actions.answer(found["alert_answered"].pk, cause, version=1, by=by, at=now())
    return {name: str(row.pk) for name, row in found.items()}
