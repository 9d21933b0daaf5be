"""Who acts for a resident: a relative whom the resident names, or a guardian. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from fenji.care.registry.rules.residents import BadField, clean_name, clean_phone
from fenji.ground.common.identity import age_on
from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import half_width, has_hidden_characters
from fenji.ground.tasks.rules import may_be_texted

RELATIONS = ("spouse", "child", "parent", "sibling", "grandparent", "grandchild", "other")
"""What the proxy is to the resident."""
WAYS = ("oral", "written", "phone")
"""How consent was given."""


class TooManyProxies(Refused):
    """As many people act for this resident as the policy allows. detail: most."""

    code = "too_many_proxies"


@dataclass(frozen=True, slots=True)
class ProxyPolicy:
    """How many act for one resident at a time; from which age on a resident names a proxy instead of having a guardian."""

    proxies_at_once: int
    adult_years: int


@dataclass(frozen=True, slots=True)
class Term:
    """Days [start, end) on which somebody acts; no `end`: until it is taken back."""

    start: date
    end: date | None = None

    def covers(self, day: date) -> bool:
        """True on the first day, and not on the end any more."""
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True)
class NewProxy:
    """Somebody who will act for a resident. `guardian`: not named by the resident, but by law; `document`: what showed it.
    `instead`: messages go to them alone; `how`: the way in which the resident, or the guardian, consented."""

    name: str
    relation: str
    phone: str
    guardian: bool
    document: str
    instead: bool
    how: str
    term: Term


def new_proxy(typed: NewProxy, born: date, today: date, policy: ProxyPolicy) -> NewProxy:
    """What was typed, checked and folded. `born`: of the resident. Raises BadField.

    A child names nobody: a guardian acts for it, who shows a document.
    """
    phone, document = clean_phone(typed.phone), half_width(typed.document)
    if not may_be_texted(phone):
        raise BadField("phone", "mobile")
    if typed.relation not in RELATIONS:
        raise BadField("relation", "required")
    if typed.how not in WAYS:
        raise BadField("how", "required")
    if typed.guardian and not document:
        raise BadField("document", "required")
    if has_hidden_characters(document):
        raise BadField("document", "characters")
    if not typed.guardian and age_on(born, typed.term.start) < policy.adult_years:
        raise BadField("guardian", "child")
    if typed.term.start < today:
        raise BadField("start", "past")
    if typed.term.end is not None and typed.term.end <= typed.term.start:
        raise BadField("end", "order")
    kept = document if typed.guardian else ""
    return NewProxy(clean_name(typed.name), typed.relation, phone, typed.guardian, kept, typed.instead, typed.how, typed.term)


def check_room(new: Term, others: Collection[Term], policy: ProxyPolicy) -> None:
    """Raises TooManyProxies when on some day of `new` as many of the others act as the policy allows at once."""
    begins = {new.start, *(o.start for o in others if new.covers(o.start))}
    if any(sum(o.covers(day) for o in others) >= policy.proxies_at_once for day in begins):
        raise TooManyProxies(most=policy.proxies_at_once)
