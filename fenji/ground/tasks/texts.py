"""What states and problems of messages to residents are called, and this room's refusals."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from fenji.ground.common.edge import register_refusals

MESSAGE_STATES = {
    "to_send": _("to be sent"),
    "sent": _("sent to the phone"),
    "dead": _("not sent"),
    "given_up": _("given up"),
}
MESSAGE_TONES = {"to_send": "blue", "sent": "green", "dead": "red", "given_up": "grey"}

PROBLEMS = {
    "no_gateway": _("No gateway for text messages is set up on this server."),
    "no_address": _("This server does not know its own public address (FENJI_URL), so that no link can be sent."),
    "unreachable": _("The gateway for text messages does not answer."),
    "busy": _("The gateway for text messages was busy."),
    "refused": _("The gateway for text messages refused it: the phone number or the template is not accepted there."),
    "too_old": _("It could not be sent in time to be of use."),
    "unreadable": _("The phone number cannot be read with the keys of this server."),
    "ended": _("This person no longer acts for the resident."),
}


def register() -> None:
    """Called once at start-up."""
    register_refusals(
        {
            "message_reason": (
                _("A message is given up only with a reason."),
                _("Say in a few words how the resident is told instead, and send again."),
            ),
        }
    )
