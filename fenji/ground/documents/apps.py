"""Django's handle on this room."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Registers the room's policy, refusals, faults and encrypted columns."""

    name = "fenji.ground.documents"
    label = "documents"

    def ready(self) -> None:
        from fenji.ground.common import sealed
        from fenji.ground.documents import texts
        from fenji.ground.documents.rules import DocumentsPolicy
        from fenji.ground.policy.queries import register

        register(DocumentsPolicy, "documents")
        sealed.register(sealed.Sealed("documents_blob", "content", "documents.blob:{file_id}:{part}", most=16))
        sealed.register(sealed.Sealed("documents_importfault", "detail", "importfault.detail:{id}"))
        texts.register()
