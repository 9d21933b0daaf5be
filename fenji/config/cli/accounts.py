"""`fenji account`: the first accounts of a house, and a way in when nobody else is left to ask."""

from __future__ import annotations

import click

from fenji.config.cli import ready
from fenji.config.database import configure


@click.group()
def account() -> None:
    """Accounts."""


@account.command()
@click.argument("username")
@click.option("--house", help="The house file.")
def password(username: str, house: str | None) -> None:
    """Give an account a password, typed at the prompt and changed at the first sign-in. Example: fenji account password doctor"""
    configure(ready.house_file(house))
    from fenji.ground.access.actions import set_password
    from fenji.ground.access.models import Account
    from fenji.ground.access.rules import plain_username
    from fenji.ground.common.edge import now

    found = Account.objects.using("door").filter(username=plain_username(username)).first()
    if found is None:
        raise click.ClickException(f"there is no account {username!r}")
    word = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    set_password(found, word, at=now(), must_change=True)
    click.echo("Set; open sessions of this account have ended. Whoever signs in with it has to choose another one first.")


@account.command()
@click.argument("username")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", required=True, help="doctor, reviewer, desk, manager, editor, officer, or one of the three …_admin.")
@click.option("--org", type=int, help="Number of an institution that exists.")
@click.option("--office", help="Instead: the name of an agency to be entered, which administers --region.")
@click.option("--region", help="Code of the region of --office, as 350405.")
@click.option("--house", help="The house file.")
def new(username: str, name: str, role: str, org: int | None, office: str | None, region: str | None, house: str | None) -> None:
    """Make an account with a post, and print its activation code. The first three administrators of a house begin here.

    Example: fenji account new li.shenzhi --name 李慎之 --role security_admin --office 沙县区信息中心 --region 350405
    """
    configure(ready.house_file(house))
    from django.db import transaction

    from fenji.ground.access import rules
    from fenji.ground.access.actions import create_accounts, new_activation
    from fenji.ground.common.clock import local_day
    from fenji.ground.common.edge import now, refusal_text
    from fenji.ground.common.refusal import Refused
    from fenji.ground.network.actions import appoint
    from fenji.ground.network.queries import place_of
    from fenji.ground.policy.queries import resolve

    at = now()
    if role not in (*rules.ROLES_OF_KIND[rules.STAFF_KIND], *rules.ROLES_OF_KIND[rules.ADMINISTRATOR_KIND]):
        raise click.ClickException(f"there is no role {role!r}; see --help")
    try:
        with transaction.atomic(using="load"):
            place = place_of(_office(office, region) if org is None else org, "load")
            by = rules.house(place.id)
            wanted = rules.new_account(name, username, rules.kind_of(role), place.id, place.path)
            (made,) = create_accounts([wanted], by=by, at=at, using="load")
            appoint(made.pk, place.id, role, at, by=by, at=at, using="load")
            policy = resolve(rules.PasswordPolicy, place.policy_path, local_day(at))
            code = new_activation([made.pk], by=by, at=at, policy=policy, using="load")[made.pk]
    except Refused as refusal:
        raise click.ClickException(" ".join(refusal_text(refusal))) from None
    except rules.BadField as problem:
        raise click.ClickException(f"the {problem.field} cannot be taken ({problem.code})") from None
    click.echo(f"{place.name} ({place.id}) · {made.name} · user name {made.username}")
    click.echo(f"activation code {code}, good once for {policy.activation_days} days, at /activate/")


def _office(name: str | None, region: str | None) -> int:
    from fenji.ground.access.rules import house
    from fenji.ground.common.clock import local_day
    from fenji.ground.common.edge import now
    from fenji.ground.network.actions import NewOrganisation, found
    from fenji.ground.network.models import RegionName
    from fenji.ground.network.queries import region_id

    if not name or not region:
        raise click.ClickException("name an institution with --org, or an agency to be entered with --office and --region")
    try:
        facts = {"name": name, "region_id": region_id(region, "load")}
    except RegionName.DoesNotExist:
        raise click.ClickException(f"there is no region with the code {region!r}") from None
    wanted = NewOrganisation("agency", facts, local_day(now()), agency_kind="digital")
    return found(wanted, by=house(0), at=now(), using="load").id
