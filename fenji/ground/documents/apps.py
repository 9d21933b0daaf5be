"""Django's handle on this room."""

from django.apps import AppConfig


class DocumentsConfig(AppConfig):
    """Registers the room's policy, refusals, faults, encrypted columns, and what papers are missing; and keeps others' pictures."""

    name = "fenji.ground.documents"
    label = "documents"

    def ready(self) -> None:
        from fenji.ground.common import pictures, sealed
        from fenji.ground.documents import actions, queries, texts
        from fenji.ground.documents.rules import DocumentsPolicy
        from fenji.ground.network.texts import register_gaps
        from fenji.ground.policy.queries import register

        register(DocumentsPolicy, "documents")
        sealed.register(sealed.Sealed("documents_blob", "content", "documents.blob:{file_id}:{part}", most=16))
        sealed.register(sealed.Sealed("documents_importfault", "detail", "importfault.detail:{id}"))
        texts.register()
        register_gaps(queries.missing_papers, texts.GAPS)
        pictures.register_album(
            pictures.Album(actions.keep_picture, actions.take_out_picture, queries.largest_body, queries.largest_file)
        )
