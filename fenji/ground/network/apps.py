"""Django's handle on this room."""

from django.apps import AppConfig


class NetworkConfig(AppConfig):
    """Registers the room's refusals."""

    name = "fenji.ground.network"
    label = "network"

    def ready(self) -> None:
        from fenji.ground.network.rules import NetworkPolicy
        from fenji.ground.policy.queries import register

        register(NetworkPolicy, "network")
        from fenji.ground.network import imports, texts

        texts.register()
        imports.register()
