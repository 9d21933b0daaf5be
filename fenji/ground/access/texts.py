"""What this room's refusals and roles are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.access import rules
from fenji.ground.common.edge import register_refusals

ROLE_NAMES = {
    rules.DOCTOR: _("Doctor"),
    rules.NURSE: _("Nurse"),
    rules.REVIEWER: _("Referral reviewer"),
    rules.DESK: _("Referral desk"),
    rules.MANAGER: _("Head of institution"),
    rules.EDITOR: _("Medical affairs"),
    rules.OFFICER: _("Commission officer"),
    rules.SYSTEM_ADMIN: _("System administrator"),
    rules.SECURITY_ADMIN: _("Security administrator"),
    rules.AUDIT_ADMIN: _("Audit administrator"),
    rules.MACHINE: _("Machine account"),
}

GLASS_NAMES = {
    rules.RECORDS: _("Records of all institutions"),
    rules.IDENTITY: _("Identity behind a referral"),
}


def register() -> None:
    """Called once at start-up."""
    register_refusals(
        {
            "wrong_password": (
                _("The user name or the password is not right."),
                _("Check both and try again. After several wrong passwords the account is locked for a while."),
            ),
            "account_locked": (
                _("This account is locked after too many wrong passwords."),
                _("Try again after %(until)s, or ask your administrator."),
            ),
            "reason_too_short": (
                _("A reason in words is needed: at least %(least)s characters."),
                _("Say in a few words why; blanks and signs are not counted. It is read by the security administrator."),
            ),
            "check_running": (
                _("A verification of the chain is running already."),
                _("Wait until it has ended; its result appears on this page."),
            ),
            "too_many_openings": (
                _("You have opened very many records beyond your own in the last hour."),
                _("Wait a little, or ask a colleague. Openings are counted to protect the patients."),
            ),
            "wrong_code": (
                _("The user name or the activation code is not right, or the code was used or is too old."),
                _("Compare both with the slip. A code works once; your administrator can print a new one."),
            ),
            "mistyped_code": (
                _("This is not an activation code: a character was mistyped or is missing."),
                _("It has seven groups of four letters and digits. Compare it with the slip."),
            ),
            "weak_password": (
                _("This password will not do."),
                _("Choose a longer one of several words."),
            ),
            "password_short": (
                _("The password is too short."),
                _("It needs at least %(length)s characters; a few words in a row are easy to keep in mind."),
            ),
            "password_plain": (
                _("The password is of one kind of characters only."),
                _("Use at least %(kinds)s kinds: small letters, capitals, Chinese characters, digits, signs."),
            ),
            "password_guessable": (
                _("This password is easy to guess."),
                _("Leave out your own name, usual words and rows of digits or keys."),
            ),
            "password_used": (
                _("You have used this password before."),
                _("Choose one that is none of your last %(history)s."),
            ),
            "username_taken": (
                _("The user name %(username)s is taken."),
                _("Choose another, or leave the field empty: one is made from the name."),
            ),
            "key_too_long": (
                _("A key must end after today, and within %(days)s days."),
                _("Choose an earlier day. A new key can be made before the old one ends."),
            ),
            "not_permitted": (
                _("Your role may not do this."),
                _("Ask a colleague whose role permits it, or switch to another of your posts."),
            ),
            "health_only": (
                _("Referrals of the region are shown to officers of health authorities alone."),
                _("Ask the health authority of the region for the figures you need, or switch to another of your posts."),
            ),
            "unknown": (
                _("There is no such record, or it is not one of your institution's."),
                _("Check the number. Records of other institutions open only through a referral or the identity number."),
            ),
            "stale": (
                _("Somebody else acted on this while your form was open. Nothing of yours was saved over it."),
                _("Look at the present state below; what you typed is kept. Send it again if it is still right."),
            ),
        }
    )
