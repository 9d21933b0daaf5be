"""Django's handle on this room."""

from django.apps import AppConfig


class PublicationConfig(AppConfig):
    """Registers the policy, the kinds of copies and the texts of this room."""

    name = "fenji.ground.publication"
    label = "publication"

    def ready(self) -> None:
        from fenji.ground.policy.queries import register
        from fenji.ground.publication import texts
        from fenji.ground.publication.rules import PublicationPolicy

        register(PublicationPolicy, "publication")
        texts.register()
