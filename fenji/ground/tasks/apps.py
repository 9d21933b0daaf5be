"""Django's handle on this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    """Registers the notice that this room itself makes."""

    name = "fenji.ground.tasks"
    label = "tasks"

    def ready(self) -> None:
        from fenji.ground.tasks import kinds

        kinds.register_notice("escalated", _("%(subject)s is overdue and was brought to you"))
