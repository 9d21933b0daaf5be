"""Pictures that a room shows without knowing the room of files.

What the public may see comes from a room that must not reach one with patients' files; its log shows pictures all the same. So the
room of files says at start-up how one is kept, and the other asks here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from fenji.ground.access.rules import Actor
    from fenji.ground.common.edge import SignedRequest


class Keep(Protocol):
    """Keep a picture that everybody signed in may see; returns its id: it is shown under `/files/<id>/`."""

    def __call__(self, name: str, content: bytes, org_id: int, *, by: Actor, at: datetime) -> UUID:
        """`org_id`: the institution that may take it out, beside whoever sent it. Raises a refusal for any other file."""


class TakeOut(Protocol):
    """Take a picture out: nobody sees it again. Raises Unknown."""

    def __call__(self, picture_id: UUID, *, by: Actor, at: datetime) -> None:
        """`by`: of the institution it was kept for, or of the one that sent it."""


@dataclass(frozen=True, slots=True)
class Album:
    """How pictures are kept. `largest_body`: bytes that a request with one may have; `largest`: those of one picture."""

    keep: Keep
    take_out: TakeOut
    largest_body: Callable[[SignedRequest], int]
    largest: Callable[[SignedRequest], int]


_ALBUM: list[Album] = []


def register_album(album: Album) -> None:
    """Called once at start-up, by the room of files."""
    _ALBUM[:] = [album]


def album() -> Album:
    """Where pictures are kept."""
    return _ALBUM[0]
