"""What the invented institutions have made public, and two announcements, made by the real actions."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from fenji.care.catalogue.actions import demo_rows
from fenji.care.catalogue.rules import disease_group
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.units import ICD10_CATEGORY_LENGTH
from fenji.ground.network.models import Organisation
from fenji.ground.publication import actions
from fenji.ground.publication.models import Published
from fenji.world.county import COUNTY_HOSPITAL, SINCE, Person
from fenji.world.story import acting

_ASIDE = re.compile(r"（.*?）")


def body_of(column: str) -> dict[str, Any]:
    """The demo dictionary's groups marked in a column (`primary`, `township`) as the body of a public list."""
    groups: dict[str, dict[str, str]] = {}
    for row in demo_rows():
        code = disease_group(row["code"], row["group"])
        if row[column] == "1" and code not in groups:
            level = "township" if row["township"] == "1" else "county"
            icd = row["code"][:ICD10_CATEGORY_LENGTH]
            groups[code] = {"code": code, "zh": _ASIDE.sub("", row["name_zh"]), "en": row["name_en"], "level": level, "icd": icd}
    return {"groups": list(groups.values()), "version": 1, "clauses": []}


def _publish(kind: str, org_id: int, titles: tuple[str, str], body: dict[str, Any], by: Actor, at: datetime) -> Published:
    zh, en = titles
    return actions.publish(
        kind=kind, key="", org_id=org_id, title_zh=zh, title_en=en, body=body, start=SINCE, by=by, at=at, source="demo"
    )


def _log(copy: Published, channel: str, place: str, by: Actor, at: datetime) -> None:
    actions.log_channel(copy.id, actions.NewEntry(channel, local_day(at), place), by=by, at=at)


def tell(officer: Person, townships: list[Organisation], at: datetime) -> None:
    """Publish the lists once; log more channels at some centres than at others; send two announcements."""
    if Published.objects.using("load").exists():
        return
    began = at - timedelta(days=40)
    with acting(officer, began) as by:
        _publish("first_contact", COUNTY_HOSPITAL, ("基层首诊病种目录", "Where to go first"), body_of("primary"), by, began)
        for turn, centre in enumerate(townships):
            titles = ("本院可诊治的病种", "Diseases treated here")
            copy = _publish("treatable", centre.id, titles, body_of("township"), by, began)
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
