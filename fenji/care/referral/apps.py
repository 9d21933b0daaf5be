"""Django's handle on this room."""

from django.apps import AppConfig


class ReferralConfig(AppConfig):
    """Registers the policies, the task kinds, the texts and the encrypted columns of this room."""

    name = "fenji.care.referral"
    label = "referral"

    def ready(self) -> None:
        from fenji.care.booking.actions import register_given
        from fenji.care.continuity.queries import register_case_of
        from fenji.care.referral import panels, texts
        from fenji.care.referral.actions import inherit
        from fenji.care.referral.actions.links import appointed, proxy_begun, proxy_ended
        from fenji.care.referral.actions.meeting import met_by_links
        from fenji.care.referral.queries import down_case_of
        from fenji.care.referral.rules import LinkPolicy, ReferralPolicy, TransferPolicy
        from fenji.care.registry.actions import Hooks, register_linked, register_proxies
        from fenji.ground.common import sealed
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register

        register(ReferralPolicy, "referral")
        register(TransferPolicy, "transfer")
        register(LinkPolicy, "referral")
        sealed.register(sealed.Sealed("referral_case", "patient_phone", "case.phone:{number}"))
        sealed.register(sealed.Sealed("referral_caselink", "token", "caselink.token:{id}"))
        texts.register()
        register_linked(met_by_links)
        register_proxies(Hooks(proxy_begun, proxy_ended))
        panels.register()
        register_heir(inherit)
        register_given(appointed)
        register_case_of(down_case_of)
