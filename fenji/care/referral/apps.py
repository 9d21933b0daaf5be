"""Django's handle on this room."""

from django.apps import AppConfig


class ReferralConfig(AppConfig):
    """Registers the policy, the task kinds and the texts of this room."""

    name = "fenji.care.referral"
    label = "referral"

    def ready(self) -> None:
        from fenji.care.referral import panels, texts
        from fenji.care.referral.actions import inherit
        from fenji.care.referral.rules import ReferralPolicy
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register

        register(ReferralPolicy, "referral")
        texts.register()
        panels.register()
        register_heir(inherit)
