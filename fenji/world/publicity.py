"""What the invented institutions have made public, and two announcements, made by the real actions."""

from __future__ import annotations

from datetime import datetime, timedelta

from fenji.care.catalogue.queries import PUBLIC_TITLES, in_force, public_body
from fenji.care.catalogue.rules import DEVOLVED, OF_COMMUNITY, PROMOTED, TECHNIQUE, TREATABLE
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.network.models import Organisation
from fenji.ground.publication import actions
from fenji.ground.publication.models import Published
from fenji.world.county import COUNTY_HOSPITAL, INSURER, SINCE, Person
from fenji.world.story import acting


def _publish(kind: str, org_id: int, by: Actor, at: datetime) -> Published:
    """The public copy of a list as it is in force, as the catalogue makes it when one is published."""
    (zh, en), found = PUBLIC_TITLES[kind], in_force(kind, org_id, SINCE)
    if found is None:
        raise RuntimeError(f"no {kind} list of {org_id}")
    common = {"key": "", "org_id": org_id, "start": SINCE, "source": f"list:{found.id}", "by": by, "at": at}
    return actions.publish(kind=kind, title_zh=zh, title_en=en, body=public_body(found), **common)


def _log(copy: Published, channel: str, place: str, by: Actor, at: datetime) -> None:
    actions.log_channel(copy.id, actions.NewEntry(channel, local_day(at), place), by=by, at=at)


def tell(officer: Person, insurer: Person, townships: list[Organisation], at: datetime) -> None:
    """Publish the lists once; log more channels at some centres than at others; send two announcements."""
    if Published.objects.using("load").exists():
        return
    began = at - timedelta(days=40)
    with acting(insurer, began) as by:
        _publish(DEVOLVED, INSURER, by, began)
    with acting(officer, began) as by:
        for kind in (*OF_COMMUNITY, PROMOTED):
            _publish(kind, COUNTY_HOSPITAL, by, began)
        for turn, centre in enumerate(townships):
            _publish(TECHNIQUE, centre.id, by, began)
            copy = _publish(TREATABLE, centre.id, by, began)
            if turn % 3 != 1:
                _log(copy, "board", "门诊大厅公告栏", by, began + timedelta(hours=1))
            if turn % 3 == 0:
                _log(copy, "app", "县总医院微信公众号", by, began + timedelta(hours=2))
    with acting(officer, at - timedelta(days=3)) as by:
        day = local_day(at - timedelta(days=3))
        text = "请各单位核对可诊治病种目录，在公告栏、手机应用公布，并在平台登记。登记完成后请点确认。"
        new = actions.NewAnnouncement("below", "请核对并公布可诊治病种目录", text, day, None, True)
        actions.announce(new, by=by, at=at - timedelta(days=3))
    with acting(officer, at - timedelta(days=1)) as by:
        text = "本周六上午八时起，平台维护约一小时，期间请用电话联系转诊。"
        day = local_day(at - timedelta(days=1))
        actions.announce(actions.NewAnnouncement("below", "平台维护通知", text, day, None, False), by=by, at=at - timedelta(days=1))
