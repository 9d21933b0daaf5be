"""Django's handle on this room."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Registers the room's policy, refusals and faults."""

    name = "fenji.ground.documents"
    label = "documents"

    def ready(self) -> None:
        from fenji.ground.documents import texts
        from fenji.ground.documents.rules import DocumentsPolicy
        from fenji.ground.policy.queries import register

        register(DocumentsPolicy, "documents")
        texts.register()
