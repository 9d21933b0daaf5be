"""Django's handle on this room."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """Registers the policy, the texts and the lists of this room."""

    name = "fenji.care.catalogue"
    label = "catalogue"

    def ready(self) -> None:
        from fenji.care.catalogue import imports, texts
        from fenji.care.catalogue.rules import CataloguePolicy
        from fenji.ground.policy.queries import register

        register(CataloguePolicy, "catalogue")
        texts.register()
        imports.register()
