"""What states of accounts are called, and this room's refusals."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.access import rules
from fenji.ground.common.edge import register_refusals

ACCOUNT_STATES = {
    rules.ACTIVE: _("active"),
    rules.INVITED: _("invited"),
    rules.CODE_EXPIRED: _("needs a code"),
    rules.LOCKED: _("locked"),
    rules.PASSWORD_EXPIRED: _("password expired"),
    rules.DEACTIVATED: _("deactivated"),
}


def register() -> None:
    """Called once at start-up."""
    register_refusals(
        {
            "no_post": (
                _("This account holds no post at present."),
                _("Ask your administrator to appoint you to an institution."),
            ),
            "key_reused": (
                _("This form was already sent with other contents."),
                _("Open the form afresh and enter the change there."),
            ),
            "somebody_else": (
                _("Somebody else is signed in on this computer now. Nothing was sent."),
                _("Switch user: what was typed is kept for the person who typed it, and can be sent from there."),
            ),
            "slip_gone": (
                _("The code was shown already. It is shown only once."),
                _("Open the account and make a new code; the old one is dead then."),
            ),
        }
    )
