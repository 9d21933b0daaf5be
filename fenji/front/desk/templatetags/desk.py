"""Tags and filters that speak of roles, referrals and policy: `{% load desk %}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fenji.care.referral import texts
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.decision import Reason
from fenji.ground.policy import queries as policy

register = template.Library()

_PLATFORM = "PF-"
_TRIED = re.compile(r"/do/([a-z_-]+)/$")

_NOT_BLOCKING = frozenset({"treatable_here", "bypassed_primary", "first_contact_here", "county_counts", "review_required"})

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
    """What a role is called; the house's own sweeps are called the platform."""
    return str(ROLE_NAMES[code]) if code in ROLE_NAMES else _("Platform")


@register.filter
def state_text(code: str) -> str:
    """What a state of a referral is called."""
    return str(texts.STATES.get(code, code))


@register.filter
def action_text(code: str) -> str:
    """What an action on a referral is called."""
    return str(texts.ACTIONS.get(code, code))


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
def field_text(name: str) -> str:
    """What a form's field is called; empty for fields that mean nothing to a person (receiver numbers, versions)."""
    return str(_FIELDS.get(name, ""))


@register.filter
def tried_action(path: str) -> str:
    """The action a refused form was sent to: `/referrals/…/do/approve/` → `approve`."""
    found = _TRIED.search(path)
    return found.group(1) if found else ""


@register.simple_tag
def clause(clause_id: str) -> SafeString:
    """A clause id that opens to the clause's title. Parameters no document sets are marked as the platform's default."""
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
