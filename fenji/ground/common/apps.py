"""Django's handle on this room."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """No tables; template tags and base classes."""

    name = "fenji.ground.common"
    label = "common"
