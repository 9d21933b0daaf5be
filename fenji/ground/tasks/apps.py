"""Django's handle on this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TasksConfig(AppConfig):
    """Registers the notice that this room itself makes, its policy, its encrypted columns and its texts."""

    name = "fenji.ground.tasks"
    label = "tasks"

    def ready(self) -> None:
        from fenji.ground.common import sealed
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register
        from fenji.ground.tasks import kinds, texts
        from fenji.ground.tasks.actions import inherit
        from fenji.ground.tasks.rules import MessagePolicy

        register(MessagePolicy, "tasks")
        sealed.register(sealed.Sealed("tasks_personmessage", "phone", "personmessage.phone:{id}"))
        sealed.register(sealed.Sealed("tasks_personmessage", "link", "personmessage.link:{id}"))
        texts.register()

        register_heir(inherit)
        kinds.register_notice("escalated", _("%(subject)s is overdue and was brought to you"))
