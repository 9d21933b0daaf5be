"""Django's handle on this room."""

from django.apps import AppConfig


class ContinuityConfig(AppConfig):
    """Registers the policy, the texts, the encrypted column of this room, and what a merger hands on."""

    name = "fenji.care.continuity"
    label = "continuity"

    def ready(self) -> None:
        from fenji.care.continuity import texts
        from fenji.care.continuity.actions import inherit
        from fenji.care.continuity.rules import ContinuityPolicy
        from fenji.ground.common import sealed
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register

        register(ContinuityPolicy, "continuity")
        sealed.register(sealed.Sealed("continuity_package", "patient_phone", "package.phone:{id}"))
        texts.register()
        register_heir(inherit)
