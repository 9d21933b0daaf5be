"""The resident's own page: made when a referral is offered, told by a text message, renewed and revoked by the sender."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from fenji.care.referral import queries, rules
from fenji.care.referral.models import Case, CaseLink
from fenji.care.referral.queries.links import address_of, link_of, link_place
from fenji.care.registry.models import Identity
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place
from fenji.ground.policy.queries import resolve
from fenji.ground.tasks import actions as tasks

OFFERED, ACCEPTED, CHANGED, APPOINTED = "referral.offered", "referral.accepted", "referral.changed", "referral.appointed"
"""Kinds of messages to the resident."""


def _secret(case: Case) -> tuple[str, str]:
    """What to ask the resident for: (kind, the four characters). Raises NoSecret."""
    number = Identity.objects.filter(pk=case.resident_id).values_list("last4", flat=True).first() or ""
    for asks, text in ((rules.ASK_IDENTITY, number), (rules.ASK_PHONE, queries.phone_of(case))):
        if four := rules.last_four(text):
            return asks, four
    raise rules.NoSecret


def _make(case: Case, *, by: Actor, at: datetime) -> CaseLink:
    asks, four = _secret(case)
    policy = resolve(rules.LinkPolicy, place(case.origin).policy_path, local_day(at))
    token = rules.new_token()
    link = CaseLink(id=uuid7(), case=case, asks=asks, made_at=at, made_by=by.account_id)
    link.token_hash, link.digest = rules.token_hash(token), rules.answer_digest(token, four)
    link.token = settings.DATABASE_KEYS.seal(token, link_place(link))
    link.most_tries, link.days_after = policy.link_tries, policy.link_days
    link.save(force_insert=True)
    audit(by=by, at=at, action="referral.link", subject=case.number, asks=asks)
    return link


def follow(case: Case, *, by: Actor, at: datetime) -> None:
    """After a step of the case: make the page when the sender has offered it, and tell the resident what is news to them.

    Where there is nothing to ask for there is no page; the sender tells the resident.
    """
    if case.state not in _NEWS:
        return
    link = link_of(case)
    if case.state == rules.OFFERED and link is None:
        if case.origin_id != by.org_id:
            return  # only the sender knows what to ask for
        try:
            link = _make(case, by=by, at=at)
        except rules.NoSecret:
            return
        _tell(case, link, OFFERED, at)
    elif link is not None:
        _tell(case, link, _NEWS[case.state], at)


_NEWS = {rules.ACCEPTED: ACCEPTED, rules.OFFERED: CHANGED, rules.DECLINED: CHANGED}


def _tell(case: Case, link: CaseLink, kind: str, at: datetime) -> None:
    tasks.tell_person(kind, phone=queries.phone_of(case), org_id=case.origin_id, subject=case.number, url=address_of(link), at=at)


def appointed(subject: str, *, at: datetime) -> None:
    """A hospital's desk has given the patient a slot, or another one: tell them. The page reads when and where by itself."""
    case = Case.objects.filter(number=subject).first()
    link = link_of(case) if case is not None else None
    if case is not None and link is not None:
        _tell(case, link, APPOINTED, at)


def _own(number: str, by: Actor) -> Case:
    """A case of the actor's institution, as its sender. Raises Unknown, NotPermitted."""
    case = queries.case(number)
    if case.origin_id != by.org_id or not by.may("referral.write"):
        raise NotPermitted
    return case


def _end(case: Case, shown: str, by: Actor, at: datetime) -> None:
    """Revoke the link that the form showed. Raises Stale when it is another now."""
    link = link_of(case)
    if (str(link.pk) if link else "") != shown:
        raise Stale
    if link is not None:
        CaseLink.objects.filter(pk=link.pk).update(revoked_at=at)
        audit(by=by, at=at, action="referral.unlink", subject=case.number)


@all_or_nothing
def renew(number: str, shown: str, *, by: Actor, at: datetime) -> CaseLink:
    """A new address for the resident's page; the old one opens nothing any more. For one that is lost, or closed by wrong tries.

    `shown`: id of the link that the form showed, "" for none. Raises Unknown, NotPermitted, Stale, NoSecret, NotPossible (before
    the case was offered, and on the way down).
    """
    case = _own(number, by)
    if case.direction != rules.UP or case.state in (rules.DRAFT, rules.IN_REVIEW, rules.RETURNED, rules.LOCAL):
        raise rules.NotPossible(state=case.state)
    _end(case, shown, by, at)
    link = _make(case, by=by, at=at)
    _tell(case, link, OFFERED, at)
    return link


@all_or_nothing
def revoke(number: str, shown: str, *, by: Actor, at: datetime) -> None:
    """Close the resident's page. `shown`: id of the link that the form showed. Raises Unknown, NotPermitted, Stale."""
    _end(_own(number, by), shown, by, at)
