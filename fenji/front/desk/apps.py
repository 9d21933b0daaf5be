"""Django's handle on this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeskConfig(AppConfig):
    """No tables; registers the refusals of the middleware and of signing in."""

    name = "fenji.front.desk"
    label = "desk"

    def ready(self) -> None:
        from fenji.ground.common.edge import register_refusals

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
            }
        )
