"""Accounts in several states, for the pictures of the administrators' pages."""

from __future__ import annotations

from datetime import timedelta

from fenji.ground.access import actions, rules
from fenji.ground.access.models import Account
from fenji.ground.access.rules import DOCTOR, PasswordPolicy, house
from fenji.ground.common.edge import now
from fenji.ground.network.actions import appoint
from fenji.ground.network.models import Organisation
from fenji.world.county import COUNTY_HOSPITAL
from tests.app.machine_keys import a_key, a_machine
from tests.cast import person
from tests.plugin import once_a_house

_POLICY = PasswordPolicy(12, 2, 5, 180, 14)


def _account(name: str, username: str) -> Account:
    org, by = Organisation.objects.using("load").get(pk=COUNTY_HOSPITAL), house(COUNTY_HOSPITAL)
    new = rules.new_account(name, username, "staff", org.id, org.path)
    (made,) = actions.create_accounts([new], by=by, at=now(), using="load")
    appoint(made.pk, org.id, DOCTOR, now() - timedelta(days=40), by=by, at=now(), using="load")
    actions.new_activation([made.pk], by=by, at=now(), policy=_POLICY, using="load")
    return made


@once_a_house
def accounts_to_look_at() -> dict[str, str]:
    """Ids by what the pages call them. Made once a house."""
    someone, stand_in, off = _account("林晓燕", "linxiaoyan"), _account("黄志强", "huangzhiqiang"), _account("陈已离", "chenyili")
    by, at = house(COUNTY_HOSPITAL), now()
    load = Account.objects.using("load")
    load.filter(pk=someone.pk).update(password_set_at=at - timedelta(days=20))
    load.filter(pk=stand_in.pk).update(password_set_at=at, locked_until=at + timedelta(minutes=9))
    load.filter(pk=off.pk).update(active=False, deactivated_at=at, deactivated_reason="调离本院")
    appoint(*(stand_in.pk, COUNTY_HOSPITAL, "reviewer", at, at + timedelta(days=3)), by=by, at=at, using="load")
    reviewer = appoint(someone.pk, COUNTY_HOSPITAL, "desk", at - timedelta(days=2), by=by, at=at, using="load")
    appoint(
        *(stand_in.pk, COUNTY_HOSPITAL, "desk", at + timedelta(days=1), at + timedelta(days=4), reviewer.pk),
        by=by,
        at=at,
        using="load",
    )
    machine = a_machine(COUNTY_HOSPITAL, "县总医院 HIS")
    a_key(machine)
    return {"person": str(someone.pk), "off": str(off.pk), "administrator": str(person("audit").id), "machine": str(machine.pk)}
