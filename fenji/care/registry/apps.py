"""Django's handle on this room."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RegistryConfig(AppConfig):
    """Registers the room's policy, refusals, notice and encrypted columns."""

    name = "fenji.care.registry"
    label = "registry"

    def ready(self) -> None:
        from fenji.care.registry.actions import inherit
        from fenji.care.registry.rules import ProxyPolicy
        from fenji.ground.common import sealed
        from fenji.ground.common.edge import register_refusals
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register
        from fenji.ground.tasks import kinds

        register(ProxyPolicy, "registry")
        register_heir(inherit)
        sealed.register(sealed.Sealed("registry_resident", "phone", "resident.phone:{id}"))
        sealed.register(sealed.Sealed("registry_proxy", "phone", "proxy.phone:{id}"))
        sealed.register(
            sealed.Sealed(
                "registry_identity", "number", "identity.number:{resident_id}", "resident_id", "number_index", "identity.number"
            )
        )
        kinds.register_notice("glass.break", _("Emergency access was opened: %(subject)s"))
        register_refusals(
            {
                "too_many_lookups": (
                    _("You have looked up very many identity numbers in the last hour."),
                    _("Wait a little, or search by name. Look-ups are counted to protect the residents."),
                ),
                "already_registered": (
                    _("A resident with this identity number is on file already; the record has been opened for you."),
                    _("Compare the name with the card before you go on."),
                ),
                "already_identified": (
                    _("This record has a document already."),
                    _("If the person has another record, compare the two and link them."),
                ),
                "too_many_proxies": (
                    _("At most %(most)s people act for one resident at a time."),
                    _("End one of those below first, or choose other days."),
                ),
                "cannot_link": (
                    _("These two records cannot be linked."),
                    _("They are one already; or the one to be covered is kept elsewhere: let that one stand for both."),
                ),
            }
        )
