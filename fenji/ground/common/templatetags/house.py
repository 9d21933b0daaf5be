"""Tags and filters every template may use without loading them. They know nothing of the rooms above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, Select
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fenji.ground.common.clock import SHANGHAI, local_day
from fenji.ground.common.units import HOURS_PER_DAY, MINUTES_PER_HOUR, SECONDS_PER_MINUTE

register = template.Library()

_FORMS = {"second": "%Y-%m-%d %H:%M:%S", "full": "%Y-%m-%d %H:%M", "short": "%m-%d %H:%M", "time": "%H:%M", "day": "%Y-%m-%d"}

_SEXES: dict[str, str | Promise] = {
    "0": gettext_lazy("sex unknown"),
    "1": gettext_lazy("male"),
    "2": gettext_lazy("female"),
    "9": gettext_lazy("sex not stated"),
}

_TIERS: dict[str, str | Promise] = {
    "village": gettext_lazy("Village"),
    "township": gettext_lazy("Township"),
    "county": gettext_lazy("County"),
    "city": gettext_lazy("City"),
    "province": gettext_lazy("Province"),
}

# what a colour means is fixed for the whole house: grey draft or over, blue waiting, amber needs rework, red not met, green met,
# purple needs a person's judgement
_TONES = {
    "draft": "grey",
    "in_review": "blue",
    "offered": "blue",
    "accepted": "blue",
    "arrived": "blue",
    "answered": "blue",
    "returned": "amber",
    "local": "amber",
    "declined": "amber",
    "missed": "amber",
    "closed": "green",
    "expired": "red",
    "allowed": "green",
    "needs_review": "purple",
    "not_allowed": "red",
    "submitted": "blue",
    "approved": "blue",
    "coming": "blue",
    "in_force": "green",
    "overdue": "red",
    "soon": "amber",
    "waiting": "blue",
    "active": "green",
    "invited": "blue",
    "code_expired": "amber",
    "locked": "red",
    "password_expired": "amber",
    "deactivated": "grey",
    "free": "green",
    "held": "blue",
    "confirmed": "blue",
    "used": "green",
    "to_move": "amber",
    "unknown": "purple",
}


@register.filter
def local(at: datetime | None, form: str = "full") -> str:
    """An instant as Fujian's clocks show it. form: full (default), second, short (no year), time, day."""
    return at.astimezone(SHANGHAI).strftime(_FORMS[form]) if at else ""


@register.filter
def soon(when: datetime, at: datetime) -> str:
    """A time to come, short: `today 15:00`, `tomorrow 09:00`, else month, day and minute."""
    days = (local_day(when) - local_day(at)).days
    if days > 1:
        return local(when, "short")
    return (_("today %(time)s") if days == 0 else _("tomorrow %(time)s")) % {"time": local(when, "time")}


@register.filter
def ends(at: datetime | None) -> str:
    """When something is over, as people say it: the last day when it runs to midnight, else the minute."""
    if at is None:
        return ""
    here = at.astimezone(SHANGHAI)
    return f"{here - timedelta(days=1):%Y-%m-%d}" if here.time() == time() else local(at)


@register.filter
def last_day(end: date) -> str:
    """The last day of half-open days, as people say it."""
    return f"{end - timedelta(days=1):%Y-%m-%d}"


@register.filter
def left(due: datetime | None, at: datetime) -> str:
    """How long is left until `due`, short, as people say it: `40 min left`, `today 17:00`, `2 h overdue`."""
    if due is None:
        return ""
    if at >= due:
        return _overdue(int((at - due).total_seconds()) // SECONDS_PER_MINUTE)
    minutes = -(-int((due - at).total_seconds()) // SECONDS_PER_MINUTE)
    if minutes < MINUTES_PER_HOUR:
        return _("%(n)s min left") % {"n": minutes}
    days = (local_day(due) - local_day(at)).days
    if days == 0:
        return _("today %(time)s") % {"time": local(due, "time")}
    if days == 1:
        return _("tomorrow %(time)s") % {"time": local(due, "time")}
    return local(due, "short" if due - at < timedelta(days=180) else "full")


def _overdue(minutes: int) -> str:
    if minutes < MINUTES_PER_HOUR:
        return _("%(n)s min overdue") % {"n": max(minutes, 1)}
    hours = minutes // MINUTES_PER_HOUR
    if hours < 2 * HOURS_PER_DAY:
        return _("%(n)s h overdue") % {"n": hours}
    return _("%(n)s d overdue") % {"n": hours // HOURS_PER_DAY}


@register.filter
def local_name(named: Any) -> str:
    """What has names in both languages, in the one of the page."""
    return str(named.name_en if get_language() == "en" else named.name_zh)


@register.filter
def sex(code: str) -> str:
    """The word for a code of GB/T 2261.1."""
    return str(_SEXES.get(code, _SEXES["0"]))


@register.filter
def tier(code: str) -> str:
    """The word for a care tier; empty for an organisation that is not of care."""
    return str(_TIERS.get(code, ""))


@register.filter
def state_tone(code: str) -> str:
    """The colour of a state, an outcome or an urgency: grey, blue, amber, red, green, purple."""
    return _TONES.get(code, "grey")


@register.filter
def beside(cells: Sequence[Any], columns: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The cells of a row, each with its column: `{% for column, cell in cells|beside:columns %}`."""
    return list(zip(columns, cells, strict=True))


@register.filter
def may(actor: Any, permission: str) -> bool:
    """True when somebody is signed in and their role permits it: `{% if actor|may:"resident.find" %}`."""
    return bool(actor and actor.may(permission))


@register.simple_tag(takes_context=True)
def key_fields(context: template.Context, version: int | None = None) -> SafeString:
    """The hidden fields of every form that changes something: CSRF token, idempotency key, who, and the row's version."""
    actor = context.get("actor")
    rows = [("csrfmiddlewaretoken", context.get("csrf_token", "")), ("_key", context.get("key", ""))]
    if actor:
        rows.append(("_who", actor.account_id))
    if version is not None:
        rows.append(("_version", version))
    return SafeString("".join(format_html('<input type="hidden" name="{}" value="{}">', name, value) for name, value in rows))


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, extra: str = "") -> SafeString:
    """A picture from the sprite; always beside a word, so hidden from screen readers. Kept: a page has dozens of the same."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>', extra, static("icons.svg"), name
    )


@register.simple_tag
def widget(bound: BoundField, **attributes: Any) -> SafeString:
    """A form field's input with the house's classes; `data_x="…"` becomes the attribute `data-x`."""
    kind = bound.field.widget
    base = "form-check-input" if isinstance(kind, CheckboxInput) else "form-select" if isinstance(kind, Select) else "form-control"
    extra = attributes.pop("class_", "")
    classes = " ".join(c for c in (base, "is-invalid" if bound.errors else "", extra) if c)
    named = {name.replace("_", "-"): value for name, value in attributes.items() if value not in ("", None)}
    return SafeString(bound.as_widget(attrs={"class": classes, **named}))


@register.inclusion_tag("components/field.html")
def labelled(bound: BoundField, hint: str = "", **attributes: Any) -> dict[str, Any]:
    """A field with label, hint and what is wrong with it, tied together for screen readers."""
    told = [f"{bound.auto_id}_hint"] if hint else []
    told += [f"{bound.auto_id}_error"] if bound.errors else []
    return {
        "bound": bound,
        "hint": hint,
        "check": isinstance(bound.field.widget, CheckboxInput),
        "input": widget(bound, **attributes, **({"aria_describedby": " ".join(told)} if told else {})),
    }
