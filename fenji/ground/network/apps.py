"""Django's handle on this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NetworkConfig(AppConfig):
    """Registers the room's refusals."""

    name = "fenji.ground.network"
    label = "network"

    def ready(self) -> None:
        from fenji.ground.common.edge import register_refusals

        register_refusals(
            {
                "roles_exclude": (
                    _("One person must not hold these roles together: %(roles)s."),
                    _("The three administrators exclude each other and any clinical role. End the other post first."),
                )
            }
        )
