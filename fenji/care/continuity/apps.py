"""Django's handle on this room."""

from django.apps import AppConfig


class ContinuityConfig(AppConfig):
    """Registers the policy and the texts of this room. No tables yet."""

    name = "fenji.care.continuity"
    label = "continuity"

    def ready(self) -> None:
        from fenji.care.continuity import texts
        from fenji.care.continuity.rules import ContinuityPolicy
        from fenji.ground.policy.queries import register

        register(ContinuityPolicy, "continuity")
        texts.register()
