"""What this room's refusals, findings, states and units are called."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fenji.ground.common.clock import Span
from fenji.ground.common.edge import register_refusals
from fenji.ground.common.units import MINUTES_PER_DAY, MINUTES_PER_HOUR
from fenji.ground.policy.rules import Finding, Value

STATES = {
    "proposed": _("waits for a decision"),
    "approved": _("approved"),
    "rejected": _("rejected"),
    "withdrawn": _("withdrawn by the proposer"),
    "ended": _("ended early"),
}
AUTHORITIES = {"order": _("order (binding)"), "reply": _("reply (describes policy)"), "platform": _("platform default")}
COUNTED = {"natural": _("around the clock"), "duty": _("in duty hours")}
ROOMS = {
    "access": _("Signing in"),
    "policy": _("Changes of parameters"),
    "tasks": _("Work and deadlines"),
    "network": _("Institutions"),
    "referral": _("Referrals"),
    "booking": _("Booking"),
}
OVERRIDES = {
    "free": _("may be changed freely"),
    "tighten": _("may only be made stricter"),
    "never": _("fixed for everybody"),
}
TIGHTER = {
    "lower": _("lower is stricter"),
    "higher": _("higher is stricter"),
    "on": _("on is stricter"),
    "off": _("off is stricter"),
}
DECIDERS = {
    "province": _("the province decides"),
    "city": _("the city decides"),
    "county": _("the county decides"),
    "institution": _("the institution decides"),
}
_UNITS = {
    "min": _("minutes"),
    "h": _("hours"),
    "d": _("days"),
    "a": _("years"),
    "count": _("times"),
    "count/h": _("times an hour"),
    "count/min": _("times a minute"),
    "level": _("levels"),
    "B": _("bytes"),
    "kind": _("kinds"),
    "person": _("people"),
    "percent": "%",
    "permille": "‰",
    "number": "",
    "switch": "",
    "local time": "",
}

_FINDINGS = {
    "wrong_form": _("The value has another form than the parameter. Write it as the present value is written."),
    "not_a_choice": _("The document can be read in the given ways only. Choose one of them."),
    "out_of_bounds": _("Enter a whole number from %(least)s to %(most)s."),
    "too_long": _("The time limit is too long: at most %(most)s minutes, counted this way."),
    "unusable": _("The program cannot work with this value. Write it exactly as the present value is written."),
    "too_early": _("Choose a day after %(day)s: a change begins on a later day than its approval."),
    "end_first": _("The last day lies before the first. Choose a later one, or leave it empty."),
    "not_inside": _("Choose a day while the change is in force: from its first day on, and before its present end."),
    "tie": _("%(clause)s begins on the same day for the same place with the same authority. Choose another day."),
    "never": _("%(clause)s (region %(region)s) may not be overruled by anybody."),
    "looser": _("%(clause)s (region %(region)s) may only be made stricter. Choose a value at least as strict."),
    "not_comparable": _("%(clause)s (region %(region)s) counts its minutes in another way. Count them in the same way."),
    "never_above": _("%(clause)s (region %(region)s) would overrule this value, which may not be. End that value first."),
    "looser_above": _("%(clause)s (region %(region)s) is less strict and would overrule this value. End that value first."),
    "not_comparable_above": _("%(clause)s (region %(region)s) would overrule this value and counts its minutes in another way."),
    "no_effect": _("It would never bind: %(clause)s has more weight at this place. Choose a stronger authority."),
}


def finding_text(finding: Finding) -> str:
    """What stands against a change, and what to do."""
    return str(_FINDINGS[finding.code]) % dict(finding.detail)


def _hours(minutes: int) -> str:
    hours, left = divmod(minutes, MINUTES_PER_HOUR)
    parts = [gettext("%(n)s h") % {"n": hours}] if hours else []
    parts += [gettext("%(n)s min") % {"n": left}] if left or not hours else []
    return " ".join(parts)


def span_words(span: Span) -> str:
    """A span as people say it. Duty minutes are never turned into days: a day of duty has fewer hours."""
    days, rest = divmod(span.minutes, MINUTES_PER_DAY) if span.counted == "natural" else (0, span.minutes)
    parts = [gettext("%(n)s d") % {"n": days}] if days else []
    parts += [_hours(rest)] if rest or not days else []
    return gettext("%(length)s %(counted)s") % {"length": " ".join(parts), "counted": COUNTED[span.counted]}


def unit_words(unit: str) -> str | Promise:
    """A unit in words; one that has no words stays as it is."""
    return _UNITS.get(unit, unit)


def value_words(value: Value, unit: str) -> str:
    """A value in words, with its unit."""
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    if isinstance(value, Span):
        return span_words(value)
    told = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{told} {unit_words(unit)}".strip()


def register() -> None:
    """Called once at start-up."""
    register_refusals(
        {
            "policy_out_of_reach": (
                _("This place lies outside the area that your post administers."),
                _("Ask the authority of that area, or choose a place within yours."),
            ),
            "second_person": (
                _("You proposed this change, so you cannot decide on it yourself."),
                _("Another person who may decide must do it."),
            ),
            "not_your_proposal": (
                _("Only who proposed a change can withdraw it."),
                _("Reject it instead, with the reason."),
            ),
            "change_does_not_fit": (
                _("The change cannot be made like this: %(why)s"),
                _("Correct what is named; if it was proposed already, reject it and propose it anew."),
            ),
            "change_decided": (
                _("This change is no longer open for that."),
                _("Look at its present state below."),
            ),
            "end_proposed": (
                _("An earlier end of this change has been proposed already."),
                _("Decide on that proposal first; you find it under the changes that wait."),
            ),
        }
    )
