"""Django's handle on this room."""

from django.apps import AppConfig


class ReferralQualityConfig(AppConfig):
    """Registers the policy and the texts of this room."""

    name = "fenji.measure.referral_quality"
    label = "referral_quality"

    def ready(self) -> None:
        from fenji.ground.policy.queries import register
        from fenji.measure.referral_quality import texts
        from fenji.measure.referral_quality.rules import QualityPolicy

        register(QualityPolicy, "referral_quality")
        texts.register()
