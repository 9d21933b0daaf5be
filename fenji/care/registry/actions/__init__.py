"""The only writes of this room: residents and their documents, the door, emergency access, who acts for a
resident, and pairs of records of one person."""

from __future__ import annotations

from fenji.care.registry.actions.duplicates import (
    CannotLink,
    compare,
    link,
    look_for_duplicates,
    propose_for,
    register_linked,
    tell_apart,
    unlink,
)
from fenji.care.registry.actions.proxies import Hooks, end_proxy, name_proxy, register_proxies
from fenji.care.registry.actions.residents import (
    AlreadyIdentified,
    AlreadyRegistered,
    TooManyLookups,
    break_glass,
    find_by_document,
    find_by_identity,
    identify,
    inherit,
    register,
    resident_rows,
)

__all__ = [
    "AlreadyIdentified",
    "AlreadyRegistered",
    "CannotLink",
    "Hooks",
    "TooManyLookups",
    "break_glass",
    "compare",
    "end_proxy",
    "find_by_document",
    "find_by_identity",
    "identify",
    "inherit",
    "link",
    "look_for_duplicates",
    "name_proxy",
    "propose_for",
    "register",
    "register_linked",
    "register_proxies",
    "resident_rows",
    "tell_apart",
    "unlink",
]
