"""Django's handle on this room."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Registers the room's refusals with their texts."""

    name = "fenji.ground.access"
    label = "access"

    def ready(self) -> None:
        from fenji.ground.access import texts

        texts.register()
