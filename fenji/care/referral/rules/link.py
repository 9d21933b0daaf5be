"""The resident's own page of a referral: what opens it, and how long. Pure."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from fenji.care.referral.rules.table import ACCEPTED, OFFERED
from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import compact
from fenji.ground.common.units import LINK_BYTES

WILL_COME, CANNOT_COME = WORDS = ("will_come", "cannot_come")
"""What may be said on the page: that the patient comes, once they are expected; that they cannot come."""

ASK_IDENTITY, ASK_PHONE = ASKS = ("identity", "phone")
"""What the page asks for: the last four characters of the identity number, or of the phone for residents without one."""

_FOUR = re.compile(r"[0-9]{3}[0-9X]", re.ASCII)


class NoSecret(Refused):
    """The resident has neither an identity number nor a phone on file: the page would have nothing to ask for."""

    code = "link_no_secret"


def words_open(state: str, said: str) -> tuple[str, ...]:
    """What may be said on the page now, after what was `said` last ("" for nothing) since the case was offered.

    Who cannot come has said all: what then happens is arranged by phone.
    """
    if said == CANNOT_COME or state not in (OFFERED, ACCEPTED):
        return ()
    return (CANNOT_COME,) if state == OFFERED or said == WILL_COME else WORDS


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """How many wrong tries close the page, and how many days it stays after the referral has ended."""

    link_tries: int
    link_days: int


def new_token() -> str:
    """The opaque word of an address: 128 bits by chance."""
    return secrets.token_urlsafe(LINK_BYTES)


def last_four(typed: str) -> str:
    """The last four characters of what somebody typed or has on file, as they are compared; "" when there are none such."""
    four = compact(typed).upper()[-4:]
    return four if _FOUR.fullmatch(four) else ""


def token_hash(token: str) -> bytes:
    """How the database knows a token."""
    return sha256(token.encode("utf-8", "replace")).digest()


def answer_digest(token: str, four: str) -> bytes:
    """How the database knows the answer that belongs to a token: bound to it, so that four characters are not soon guessed from the
    digest by somebody who has the database alone."""
    return sha256(f"{token}\0{four}".encode("utf-8", "replace")).digest()
