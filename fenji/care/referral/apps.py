"""Django's handle on this room."""

from django.apps import AppConfig


class ReferralConfig(AppConfig):
    """Registers the policy, the task kinds, the texts and the encrypted column of this room."""

    name = "fenji.care.referral"
    label = "referral"

    def ready(self) -> None:
        from fenji.care.referral import panels, texts
        from fenji.care.referral.actions import inherit
        from fenji.care.referral.rules import ReferralPolicy, TransferPolicy
        from fenji.ground.common import sealed
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register

        register(ReferralPolicy, "referral")
        register(TransferPolicy, "transfer")
        sealed.register(sealed.Sealed("referral_case", "patient_phone", "case.phone:{number}"))
        texts.register()
        panels.register()
        register_heir(inherit)
