"""Django's handle on this room."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """No tables; registers the refusals of the middleware and of signing in, and lets accounts follow a merger."""

    name = "fenji.front.desk"
    label = "desk"

    def ready(self) -> None:
        from fenji.front.desk import texts
        from fenji.ground.access.actions import inherit
        from fenji.ground.network.actions import register_heir

        texts.register()
        register_heir(inherit)
