"""What the codes in the traces are called. A code without a name here is shown as it stands."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.care.referral.texts import EVENTS

_ACTIONS = {
    "login": _("Signed in"),
    "login.refused": _("Sign-in refused"),
    "logout": _("Signed out"),
    "switch": _("Left the computer to a colleague"),
    "resident.register": _("Resident registered"),
    "resident.proxy": _("Relative or guardian recorded"),
    "resident.proxy_end": _("Relative or guardian taken back"),
    "visit.register": _("Visit written"),
    "visit.close": _("Visit closed"),
    "glass.break": _("Emergency access opened"),
    "glass.close": _("Emergency access closed"),
    "glass.review": _("Emergency access reviewed"),
    "facts.identify": _("Identity behind a referral asked for"),
    "audit.verify": _("Verification of the chain asked for"),
}
_PURPOSES = {
    "door": _("Looked up by identity number"),
    "glass": _("Seen in an emergency"),
    "identify": _("Identity asked for"),
    "identify.page": _("Identity seen"),
    "resident.page": _("Resident's page"),
    "resident.proxies": _("Relatives who act for a resident"),
    "resident.search": _("Search by name"),
    "visit.page": _("Visit"),
    "visit.form": _("Form for a visit"),
    "referral.page": _("Referral"),
    "referral.form": _("Form for a referral"),
    "referral.export": _("Referrals to Excel"),
    "desk.export": _("Desk to Excel"),
    "facts.list": _("Referrals of the region"),
    "facts.page": _("Referral without the person"),
    "facts.export": _("Referrals of the region to Excel"),
    "glass.list": _("List of emergency access"),
    "glass.export": _("Emergency access to Excel"),
    "security.page": _("Security"),
    "audit.list": _("Audit trail"),
    "audit.export": _("Audit trail to Excel"),
    "reads.list": _("Read log"),
    "reads.export": _("Read log to Excel"),
}
_REFERRAL, _ESCALATED = "referral.", "escalate."


def action_name(code: str) -> str:
    """An action in words; "" when it has no name."""
    if code.startswith(_REFERRAL):
        return str(EVENTS.get(code.removeprefix(_REFERRAL), ""))
    return str(_("Overdue, shown to the head")) if code.startswith(_ESCALATED) else str(_ACTIONS.get(code, ""))


def purpose_name(code: str) -> str:
    """A purpose of reading in words; "" when it has no name."""
    return str(_PURPOSES.get(code, ""))
