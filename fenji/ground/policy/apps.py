"""Django's handle on this room."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """Registers the calendar as a list, and the policy classes of this room and of the rooms below it, which cannot call up."""

    name = "fenji.ground.policy"
    label = "policy"

    def ready(self) -> None:
        from fenji.ground.access.rules import AccessPolicy
        from fenji.ground.policy import listings
        from fenji.ground.policy.queries import TasksPolicy, register

        register(AccessPolicy, "access")
        register(TasksPolicy, "tasks")
        listings.register()
