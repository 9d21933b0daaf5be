"""Messages to residents: written in the caller's transaction, sent by a job, tried again, and brought to a person in the end.

A message is sent *at least once*: a worker that dies after the gateway has taken it and before that is written down leaves it to be
sent again. Each try carries the message's id as key, by which a gateway knows that it has taken it. Once it is written down that it
was taken, nothing sends it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from procrastinate.contrib.django import app as queue

from fenji.ground.access.actions import audit
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.crypto import Unreadable
from fenji.ground.common.ids import uuid7
from fenji.ground.common.refusal import NotPermitted, Stale, Unknown
from fenji.ground.common.text import half_width
from fenji.ground.common.whole import all_or_nothing
from fenji.ground.network.queries import place_of
from fenji.ground.policy.queries import resolve
from fenji.ground.tasks import kinds, queries, rules, senders
from fenji.ground.tasks.models import PersonMessage
from fenji.ground.tasks.rules import MessagePolicy

_SEND = "fenji.ground.tasks.jobs.send_person_message"  # by name: jobs stand above actions


def phone_place(message_id: UUID) -> str:
    """What a sealed phone is bound to."""
    return f"personmessage.phone:{message_id}"


def link_place(message_id: UUID) -> str:
    """What a sealed link is bound to."""
    return f"personmessage.link:{message_id}"


def _policy(org_id: int, at: datetime, using: str = "default") -> MessagePolicy:
    return resolve(MessagePolicy, place_of(org_id, using).policy_path, local_day(at))


def tell_person(
    kind: str,
    *,
    phone: str,
    org_id: int,
    subject: str,
    url: str,
    at: datetime,
    about: UUID | None = None,
    latest: datetime | None = None,
) -> UUID | None:
    """Write a message to a resident in the caller's transaction and defer the job that sends it; its id, or None for a phone that
    takes no text messages (none on file, a landline).

    `kind`: a registered template; `phone`: in clear, sealed here; `org_id`: on whose behalf, and whose people see whether it was
    sent; `subject`: what it is about, as that institution names it; `url`: an address of this house that says nothing itself;
    `about`: what that opens; `latest`: from when on this person must not be told any more. Raises KeyError, ValueError for what no
    message may hold.
    """
    kinds.template_text(kind)
    if not rules.is_plain_link(url):
        raise ValueError(f"no plain link: a message to a resident carries an address without words, not {url!r}")
    if not rules.may_be_texted(phone):
        return None
    place, ring, message_id = place_of(org_id), settings.DATABASE_KEYS, uuid7()
    policy = resolve(MessagePolicy, place.policy_path, local_day(at))
    PersonMessage.objects.create(
        id=message_id,
        kind=kind,
        org_id=org_id,
        path=place.path,
        subject=subject,
        phone=ring.seal(phone, phone_place(message_id)),
        link=ring.seal(url, link_place(message_id)),
        at=at,
        until=at + timedelta(hours=policy.message_hours),
        latest=latest,
        about=about,
        next_at=at,
    )
    queue.configure_task(_SEND).defer(message_id=str(message_id))
    return message_id


def send_to_person(message_id: UUID, *, at: datetime, using: str = "job") -> str:
    """Try to send one message. Returns the state that this try has brought it to, or "" when it was not to be sent now."""
    message = _claimed(message_id, at, using)
    if message is None:
        return ""
    try:
        phone, url = (
            settings.DATABASE_KEYS.open(bytes(sealed), bound)
            for sealed, bound in ((message.phone, phone_place(message.id)), (message.link, link_place(message.id)))
        )
        link = {"link": f"{settings.PUBLIC_URL}{url}"}
        receipt = senders.present().send(message.kind, phone, link, key=str(message.id))
    except Unreadable:
        return _failed(message, senders.ForGood(rules.UNREADABLE), at, using)
    except senders.Failed as failure:
        return _failed(message, failure, at, using)
    return _sent(message, receipt, at, using)


def send_due(*, at: datetime, using: str = "job", limit: int = 100) -> int:
    """Try the messages whose time has come, and stop at the first that has to come again: where one waits for a gateway that does
    not answer, the others need not use up their tries. Returns how many were sent."""
    due = PersonMessage.objects.using(using).filter(state=rules.TO_SEND, next_at__lte=at)
    sent = 0
    for message_id in list(due.order_by("next_at").values_list("id", flat=True)[:limit]):
        state = send_to_person(message_id, at=at, using=using)
        sent += state == rules.SENT
        if state == rules.TO_SEND:
            break
    return sent


def _claimed(message_id: UUID, at: datetime, using: str) -> PersonMessage | None:
    """Count a try and put the next one off, before anything is sent: so no second worker sends meanwhile, and a worker that dies
    leaves a message that comes up again. None when it is not to be sent now."""
    with transaction.atomic(using=using):
        found = PersonMessage.objects.using(using).select_for_update(skip_locked=True).filter(pk=message_id, state=rules.TO_SEND)
        message = found.filter(next_at__lte=at).first()
        if message is None:
            return None
        if message.latest is not None and message.latest <= at:
            found.update(phone=b"", link=b"")
            _bury(message, rules.ENDED, 0, using)
            return None
        if message.until <= at:
            _bury(message, message.problem or rules.TOO_OLD, message.status, using)
            return None
        message.tries += 1
        message.next_at = at + rules.wait_after(message.tries, _policy(message.org_id, at, using))
        found.update(tries=message.tries, next_at=message.next_at, version=F("version") + 1)
    return message


def _sent(message: PersonMessage, receipt: str, at: datetime, using: str) -> str:
    """Write down that it was taken, whoever else has counted a try meanwhile; the phone and the link have served."""
    PersonMessage.objects.using(using).filter(pk=message.pk, state__in=(rules.TO_SEND, rules.DEAD)).update(
        state=rules.SENT, sent_at=at, receipt=receipt, problem="", status=0, phone=b"", link=b"", version=F("version") + 1
    )
    return rules.SENT


def _failed(message: PersonMessage, failure: senders.Failed, at: datetime, using: str) -> str:
    enough = message.tries >= _policy(message.org_id, at, using).message_tries
    if enough or isinstance(failure, senders.ForGood):
        return _bury(message, failure.problem, failure.status, using)
    _this_try(message, using).update(problem=failure.problem, status=failure.status, version=F("version") + 1)
    return rules.TO_SEND


def _bury(message: PersonMessage, problem: str, status: int, using: str) -> str:
    _this_try(message, using).update(state=rules.DEAD, problem=problem, status=status, version=F("version") + 1)
    return rules.DEAD


def _this_try(message: PersonMessage, using: str) -> QuerySet[PersonMessage]:
    # a try that took very long does not decide about the one after it
    return PersonMessage.objects.using(using).filter(pk=message.pk, state=rules.TO_SEND, tries=message.tries)


def _decided(message_id: UUID, version: int, by: Actor) -> PersonMessage:
    """A dead message within the actor's reach. Raises NotPermitted, Unknown, Stale."""
    if not by.may("message.watch"):
        raise NotPermitted
    message = queries.messages().filter(pk=message_id).first()
    if message is None:
        raise Unknown(what="message")
    if message.version != version or message.state != rules.DEAD:
        raise Stale
    return message


def _change(message: PersonMessage, **changes: object) -> None:
    changed = PersonMessage.objects.filter(pk=message.pk, version=message.version, state=rules.DEAD)
    if not changed.update(**changes, version=message.version + 1):
        raise Stale


@all_or_nothing
def send_again(message_id: UUID, *, version: int, by: Actor, at: datetime) -> None:
    """Try a dead message anew, from the first try on. Raises NotPermitted, Unknown, Stale."""
    message = _decided(message_id, version, by)
    until = at + timedelta(hours=_policy(message.org_id, at).message_hours)
    _change(message, state=rules.TO_SEND, tries=0, next_at=at, until=until)
    audit(by=by, at=at, action="message.again", subject=str(message.pk), before=rules.DEAD, after=rules.TO_SEND)
    queue.configure_task(_SEND).defer(message_id=str(message.pk))


@all_or_nothing
def give_up(message_id: UUID, reason: str, *, version: int, by: Actor, at: datetime) -> None:
    """Do not send a dead message any more, and say why; its phone and link are wiped.

    Raises NotPermitted, Unknown, Stale, ReasonNeeded.
    """
    message = _decided(message_id, version, by)
    words = half_width(reason)
    if not words:
        raise rules.ReasonNeeded
    _change(message, state=rules.GIVEN_UP, phone=b"", link=b"", decided_at=at, decided_by=by.name, reason=words)
    audit(by=by, at=at, action="message.give_up", subject=str(message.pk), before=rules.DEAD, after=rules.GIVEN_UP)
