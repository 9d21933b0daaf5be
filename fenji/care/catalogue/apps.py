"""Django's handle on this room."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Code tables and disease lists."""

    name = "fenji.care.catalogue"
    label = "catalogue"
