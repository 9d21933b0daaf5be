"""Django's handle on this room."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """See the room's docstring."""

    name = "fenji.ground.documents"
    label = "documents"
