"""What the pages on the quality of referrals show in the browser: a cycle, an outlier, a bulletin."""

from __future__ import annotations

from datetime import timedelta

from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import now
from fenji.ground.network.models import Organisation
from fenji.measure.referral_quality import actions
from fenji.measure.referral_quality.models import Bulletin, OutlierCase, SampledCase
from fenji.world.county import COUNTY_HOSPITAL
from tests.cast import person


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
    return {"cycle": str(cycle.id), "sampled": str(sampled.id), "outlier": str(outlier.id)}
