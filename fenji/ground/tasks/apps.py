"""Django's handle on this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    """Registers the notice that this room itself makes."""

    name = "fenji.ground.tasks"
    label = "tasks"

    def ready(self) -> None:
        from fenji.ground.network.actions import register_heir
        from fenji.ground.tasks import kinds
        from fenji.ground.tasks.actions import inherit

        register_heir(inherit)
        kinds.register_notice("escalated", _("%(subject)s is overdue and was brought to you"))
