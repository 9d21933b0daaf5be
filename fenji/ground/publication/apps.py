"""Django's handle on this room."""

from django.apps import AppConfig


class PublicationConfig(AppConfig):
    """See the room's docstring."""

    name = "fenji.ground.publication"
    label = "publication"
