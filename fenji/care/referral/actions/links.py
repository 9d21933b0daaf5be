"""The resident's own page: made when a referral is offered, told by text messages, renewed and revoked by the sender; for those who
act for the resident as well; and what is said on it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, time
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q

from fenji.care.referral import queries, rules
from fenji.care.referral.models import Case, CaseLink
from fenji.care.referral.queries.links import Acting, address_of, link_of, link_place
from fenji.care.registry.models import Identity, Proxy
from fenji.care.registry.queries import linked
from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place
from fenji.ground.policy.queries import resolve
from fenji.ground.tasks import actions as tasks

OFFERED, ACCEPTED, CHANGED, APPOINTED = "referral.offered", "referral.accepted", "referral.changed", "referral.appointed"
DOWN_OFFERED, DOWN_ACCEPTED, PLANNED = "referral.down_offered", "referral.down_accepted", "referral.planned"
"""Kinds of messages to the resident, and to those who act for them."""

_FIRST = {rules.UP: OFFERED, rules.DOWN: DOWN_OFFERED}
_NEWS = {
    rules.UP: {rules.ACCEPTED: ACCEPTED, rules.OFFERED: CHANGED, rules.DECLINED: CHANGED},
    rules.DOWN: {rules.ACCEPTED: DOWN_ACCEPTED, rules.OFFERED: CHANGED, rules.DECLINED: CHANGED, rules.CLOSED: PLANNED},
}
_UNSENT = (rules.DRAFT, rules.IN_REVIEW, rules.RETURNED, rules.LOCAL)
_RUNNING = (rules.OFFERED, rules.ACCEPTED)


def _secret(case: Case, proxy: Acting | None) -> tuple[str, str]:
    """What the page asks for: (kind, the four characters); the patient's, so that who holds the phone does not have it. Raises
    NoSecret."""
    number = Identity.objects.filter(pk=case.resident_id).values_list("last4", flat=True).first() or ""
    phones = [(rules.ASK_PHONE, queries.phone_of(case)), (rules.ASK_PHONE, proxy.phone if proxy else "")]
    for asks, text in ((rules.ASK_IDENTITY, number), *phones):
        if four := rules.last_four(text):
            return asks, four
    raise rules.NoSecret


def _make(case: Case, proxy: Acting | None, *, by: Actor, at: datetime) -> CaseLink:
    asks, four = _secret(case, proxy)
    policy = resolve(rules.LinkPolicy, place(case.origin).policy_path, local_day(at))
    token = rules.new_token()
    link = CaseLink(id=uuid7(), case=case, proxy_id=proxy.proxy_id if proxy else None, asks=asks, made_at=at, made_by=by.account_id)
    link.token_hash, link.digest = rules.token_hash(token), rules.answer_digest(token, four)
    link.token = settings.DATABASE_KEYS.seal(token, link_place(link))
    link.most_tries, link.days_after = policy.link_tries, policy.link_days
    link.save(force_insert=True)
    whose = {"proxy": str(proxy.proxy_id)} if proxy else {}
    audit(by=by, at=at, action="referral.link", subject=case.number, asks=asks, **whose)
    return link


def follow(case: Case, *, by: Actor, at: datetime) -> None:
    """After a step of the case: make the page when the sender has offered it, and tell the resident and those who act for them what
    is news.

    Where there is nothing to ask for there is no page; the sender tells the resident.
    """
    kind = _NEWS[case.direction].get(case.state)
    if kind is None or (kind == PLANNED and case.door_at is None):
        return
    offered_here = case.state == rules.OFFERED and case.origin_id == by.org_id  # only the sender knows what to ask for
    _tell_all(case, kind, by=by if offered_here else None, at=at)


def _tell_all(case: Case, kind: str, *, by: Actor | None, at: datetime) -> None:
    """Tell the resident, unless somebody acts in their place, and all who act for them. `by`: makes the pages that are missing."""
    proxies = queries.acting(case)
    for proxy in (None, *proxies):
        link, news = link_of(case, proxy.proxy_id if proxy else None), kind
        if link is None and by is not None:
            with suppress(rules.NoSecret):
                link, news = _make(case, proxy, by=by, at=at), _FIRST[case.direction]
        if link is not None and (proxy is not None or not any(p.instead for p in proxies)):
            _tell(case, link, news, proxy, at)


def _tell(case: Case, link: CaseLink, kind: str, proxy: Acting | None, at: datetime) -> None:
    phone = proxy.phone if proxy else queries.phone_of(case)
    latest = datetime.combine(proxy.end, time(), SHANGHAI) if proxy and proxy.end else None
    told = {"org_id": case.origin_id, "subject": case.number, "url": address_of(link), "about": link.pk, "latest": latest}
    tasks.tell_person(kind, phone=phone, at=at, **told)


def appointed(subject: str, *, at: datetime) -> None:
    """A hospital's desk has given the patient a slot, or another one: tell them. The page reads when and where by itself."""
    case = Case.objects.filter(number=subject).first()
    if case is not None:
        _tell_all(case, APPOINTED, by=None, at=at)


def proxy_begun(proxy: Proxy, *, by: Actor, at: datetime) -> None:
    """Somebody begins to act for a resident: they get the pages of the referrals that this institution has under way."""
    person, running = linked(proxy.resident_id), Q(origin_id=by.org_id, state__in=_RUNNING)
    for case in Case.objects.filter(running, resident_id__in=person).order_by("number"):
        acting = next((p for p in queries.acting(case) if p.proxy_id == proxy.pk), None)
        if acting is not None:  # their first day may be yet to come
            with suppress(rules.NoSecret):
                _tell(case, _make(case, acting, by=by, at=at), _FIRST[case.direction], acting, at)


def proxy_ended(proxy_id: UUID) -> None:
    """Somebody acts no more: their pages are closed, wherever the cases lie, and what was not sent to them yet is wiped."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT referral_proxy_ended(%s)", [proxy_id])


def say(token: str, answer: bytes, word: str) -> bool:
    """The patient, or who acts for them, says on the page that they come or cannot come; both institutions are told. False when the
    address, the answer or the state does not allow it; whoever says it is not signed in."""
    with connection.cursor() as cursor:
        ids = [uuid7() for _ in ("event", "audit", "to the sender", "to the receiver")]
        cursor.execute("SELECT referral_own_word(%s, %s, %s, %s::uuid[])", [rules.token_hash(token), answer, word, ids])
        return bool(cursor.fetchone()[0])


def _own(number: str, by: Actor) -> Case:
    """A case of the actor's institution, as its sender. Raises Unknown, NotPermitted."""
    case = queries.case(number)
    if case.origin_id != by.org_id or not by.may("referral.write"):
        raise NotPermitted
    return case


def _end(case: Case, shown: str, by: Actor, at: datetime) -> None:
    """Revoke the link that the form showed, and those of people who act for the resident. Raises Stale when it is another now."""
    link = link_of(case)
    if (str(link.pk) if link else "") != shown:
        raise Stale
    if CaseLink.objects.filter(case=case, revoked_at=None).update(revoked_at=at):
        audit(by=by, at=at, action="referral.unlink", subject=case.number)


@all_or_nothing
def renew(number: str, shown: str, *, by: Actor, at: datetime) -> None:
    """New addresses for the resident's page, and for those who act for them; the old ones open nothing any more. For one that is
    lost, or closed by wrong tries.

    `shown`: id of the resident's link that the form showed, "" for none. Raises Unknown, NotPermitted, Stale, NoSecret, NotPossible
    (before the case was offered).
    """
    case = _own(number, by)
    if case.state in _UNSENT:
        raise rules.NotPossible(state=case.state)
    _end(case, shown, by, at)
    _tell_all(case, _FIRST[case.direction], by=by, at=at)
    if not CaseLink.objects.filter(case=case, revoked_at=None).exists():
        raise rules.NoSecret


@all_or_nothing
def revoke(number: str, shown: str, *, by: Actor, at: datetime) -> None:
    """Close the resident's page, for whoever acts for them too. `shown`: id of the link that the form showed.

    Raises Unknown, NotPermitted, Stale.
    """
    _end(_own(number, by), shown, by, at)
