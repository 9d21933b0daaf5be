"""Tags and filters that speak of roles, referrals and policy: `{% load desk %}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fenji.care.referral import texts
from fenji.care.referral.models import Case, CaseEvent
from fenji.front.desk.texts import ACCOUNT_STATES
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.decision import Reason
from fenji.ground.policy import queries as policy

register = template.Library()

Line = tuple[str, object, bool, bool]
"""A step of the main line as the page gets it: code, text, passed?, present?"""

_PLATFORM = "PF-"
_TRIED = re.compile(r"/do/([a-z_-]+)/$")

_NOT_BLOCKING = frozenset(
    {"treatable_here", "treatable_nearby", "bypassed_primary", "first_contact_here", "county_counts", "review_required"}
    | {"emergency", "not_in_catalogue", "next_level"}
)

_FIELDS = {
    "diagnosis": gettext_lazy("Diagnosis"),
    "complaint": gettext_lazy("Complaint and findings"),
    "emergency": gettext_lazy("Emergency"),
    "summary": gettext_lazy("Summary for the receiver"),
    "override_reason": gettext_lazy("Reason, where the verdict asks for one"),
    "note": gettext_lazy("Reason or note"),
    "findings": gettext_lazy("Findings"),
    "advice": gettext_lazy("Advice"),
    "name": gettext_lazy("Name"),
    "phone": gettext_lazy("Phone"),
    "address": gettext_lazy("Address"),
    "identity": gettext_lazy("Identity number"),
}


@register.filter
def role_label(code: str) -> str:
    """What a role is called, that of a patient or relative too; the house's own sweeps are called the platform."""
    known = {**ROLE_NAMES, **texts.OWN_ROLES}
    return str(known[code]) if code in known else _("Platform")


@register.filter
def account_state_text(code: str) -> str:
    """What a state of an account is called."""
    return str(ACCOUNT_STATES[code])


@register.filter
def state_text(code: str) -> str:
    """What a state of a referral is called."""
    return str(texts.STATES.get(code, code))


@register.filter
def action_text(code: str) -> str:
    """What an action on a referral is called."""
    return str(texts.ACTIONS.get(code, code))


@register.filter
def event_text(code: str) -> str:
    """What an action on a referral is called once it is done."""
    return str(texts.EVENTS.get(code, code))


@register.filter
def outcome_text(code: str) -> str:
    """What an outcome of the verdict is called."""
    return str(texts.OUTCOMES.get(code, code))


@register.filter
def reason_text(code: str) -> str:
    """A reason of the verdict in words."""
    return str(texts.REASONS.get(code, code))


@register.filter
def blocking(reasons: Iterable[Reason]) -> list[Reason]:
    """The reasons that stand against sending there, without those that only ask for a review or a word of explanation."""
    return [r for r in reasons if r.code not in _NOT_BLOCKING]


@register.filter
def why(events: Sequence[tuple[CaseEvent, str]], state: str) -> CaseEvent | None:
    """The event that brought a case into its state and said why; None when no words were given."""
    return next((e for e, _text in reversed(events) if e.after == state and e.note), None)


@register.simple_tag
def steps(line: Sequence[Line], events: Sequence[tuple[CaseEvent, str]], case: Case) -> list[dict[str, str]]:
    """The stepper: past, skipped, now and next steps. A state beside the main line stands after the last step that was reached."""
    been = {e.after for e, _text in events}
    codes = [code for code, *_rest in line]
    reached = [i for i, code in enumerate(codes) if code in been]
    beside = case.state not in codes
    at = (max(reached, default=-1) + 1) if beside else codes.index(case.state)
    done = [{"code": c, "text": str(t), "kind": "past" if c in been else "skipped"} for c, t, *_rest in line[:at]]
    now = {"code": case.state, "text": state_text(case.state), "kind": "now"}
    rest = [] if beside and case.ended_at else line[at if beside else at + 1 :]
    return [*done, now, *({"code": c, "text": str(t), "kind": "next"} for c, t, *_rest in rest)]


@register.filter
def field_text(name: str) -> str:
    """What a form's field is called; empty for fields that mean nothing to a person (receiver numbers, versions)."""
    return str(_FIELDS.get(name, ""))


@register.filter
def tried_action(path: str) -> str:
    """The action a refused form was sent to: `/referrals/…/do/approve/` → `approve`."""
    found = _TRIED.search(path)
    return found.group(1) if found else ""


@register.simple_tag
def clause(clause_id: str, change: str = "") -> SafeString:
    """A clause id that opens to the clause's title. Parameters no document sets are marked as the platform's default; where an
    approved change gave the value, the id leads there."""
    if change:
        return format_html('<a class="clause-id" href="/policy/changes/{}/">{} · {}</a>', change, clause_id, _("changed"))
    found = policy.clause(clause_id)
    chinese = (get_language() or "").startswith("zh")
    title = (found.title_zh if chinese else found.title_en) if found else ""
    platform = clause_id.startswith(_PLATFORM)
    label = _("platform default") if platform else clause_id
    text = f"{clause_id} · {title}" if platform and title else title
    if not text:
        return format_html('<span class="clause-id">{}</span>', label)
    return format_html(
        '<details class="clause"><summary class="clause-id" title="{}">{}</summary><span class="clause-title">{}</span></details>',
        text,
        label,
        text,
    )
