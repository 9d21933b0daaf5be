"""Django's handle on this room."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Registers the policies, the texts, the list of sessions, and what a merger hands on."""

    name = "fenji.care.booking"
    label = "booking"

    def ready(self) -> None:
        from fenji.care.booking import imports, texts
        from fenji.care.booking.actions import inherit
        from fenji.care.booking.rules import BedPolicy, BookingPolicy
        from fenji.ground.network.actions import register_heir
        from fenji.ground.policy.queries import register

        register(BookingPolicy, "booking")
        register(BedPolicy, "booking")
        texts.register()
        imports.register()
        register_heir(inherit)
