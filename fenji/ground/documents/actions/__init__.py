"""The only writes of this room: stored files (`files`), and lists on their way in (`runs`)."""

from fenji.ground.documents.actions.files import (
    FileKind,
    FileTooLarge,
    Opened,
    open_file,
    store,
    too_large,
    void_file,
    wipe,
    wipe_due,
)
from fenji.ground.documents.actions.runs import (
    NotYours,
    carry_out,
    destroy_handouts,
    discard,
    judge,
    open_handouts,
    upload,
    upload_rows,
    write,
)

__all__ = [
    "FileKind",
    "FileTooLarge",
    "NotYours",
    "Opened",
    "carry_out",
    "destroy_handouts",
    "discard",
    "judge",
    "open_file",
    "open_handouts",
    "store",
    "too_large",
    "upload",
    "upload_rows",
    "void_file",
    "wipe",
    "wipe_due",
    "write",
]
