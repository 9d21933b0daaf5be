"""The house's own file: where its database is and with which keys it works. One JSON file, mode 0600.

`FENJI_HOUSE` names it. The embedded server and `fenji db init` write it, `fenji keys` changes its keys; settings read it, and the
rings of keys look at it again whenever it has changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from fenji.ground.common.crypto import Keyring
from fenji.ground.common.rls import ROLES

PLACEHOLDER = "change-me"
VARIABLE = "FENJI_HOUSE"
PURPOSES = ("database", "index")
_SECRET_LENGTH = 32
_GATEWAY_SECRET_LENGTH = 16
KEY_IDS = digits[1:] + ascii_uppercase + ascii_lowercase
"""Ids of keys in the order they are given: each later one sorts after those before, and the last one seals."""


class NoHouse(RuntimeError):
    """There is no usable house file; the message says how to make one."""


@dataclass(frozen=True, slots=True)
class House:
    """`urls`: role without prefix → connection URL. `keys`: purpose → key id → 64 hex digits. `demo`: made by `fenji demo`.
    `made`: purpose → key id → when the key was made, where that is known. `gateway`: who sends text messages to residents (`url`,
    `secret`, `templates`: kind of message → the gateway's name for it); empty: nobody."""

    urls: dict[str, str] = field(repr=False)
    secret: str = field(repr=False)
    keys: dict[str, dict[str, str]] = field(repr=False)
    suite: str = "intl"
    demo: bool = False
    made: dict[str, dict[str, str]] = field(default_factory=dict)
    gateway: dict[str, Any] = field(default_factory=dict, repr=False)

    def ring(self, purpose: str) -> Keyring:
        """The keys of one purpose; the last id seals."""
        keys = {key_id: bytes.fromhex(value) for key_id, value in self.keys[purpose].items()}
        return Keyring(self.suite, max(keys), keys)

    def key_made(self, purpose: str) -> datetime | None:
        """When the key that seals was made; None when the file does not say."""
        text = self.made.get(purpose, {}).get(max(self.keys[purpose]), "")
        return datetime.fromisoformat(text) if text else None


def fresh(urls: dict[str, str], *, demo: bool, suite: str = "intl", at: datetime | None = None) -> House:
    """A house with new random keys."""
    keys = {purpose: {KEY_IDS[0]: secrets.token_hex(32)} for purpose in PURPOSES}
    made = {purpose: {KEY_IDS[0]: at.isoformat()} for purpose in PURPOSES} if at else {}
    return House(urls, secrets.token_urlsafe(48), keys, suite, demo, made)


def with_new_keys(house: House, at: datetime) -> House:
    """The same house with one more key for each purpose, which seals from now on. Raises NoHouse when the ids are used up."""
    keys, made = {}, {}
    for purpose in PURPOSES:
        key_id = next((k for k in KEY_IDS if k > max(house.keys[purpose])), None)
        if key_id is None:
            raise NoHouse(f"the {len(KEY_IDS)} ids that keys for {purpose} can have are used up; no further key can be added")
        keys[purpose] = {**house.keys[purpose], key_id: secrets.token_hex(32)}
        made[purpose] = {**house.made.get(purpose, {}), key_id: at.isoformat()}
    return replace(house, keys=keys, made=made)


def without_old_keys(house: House) -> House:
    """The same house with the keys that seal, and no others."""
    last = {purpose: max(house.keys[purpose]) for purpose in PURPOSES}
    keys = {purpose: {key_id: house.keys[purpose][key_id]} for purpose, key_id in last.items()}
    made = {p: {k: at for k, at in house.made.get(p, {}).items() if k == last[p]} for p in PURPOSES}
    return replace(house, keys=keys, made=made)


def write(house: House, file: Path) -> None:
    """Write atomically, readable by the owner alone; a file that was there keeps its owner."""
    body = {"urls": house.urls, "secret": house.secret, "keys": house.keys, "suite": house.suite, "demo": house.demo}
    gateway = {"gateway": house.gateway} if house.gateway else {}
    _put(json.dumps({**body, "made": house.made, **gateway}, indent=1).encode(), file)


def _put(content: bytes, file: Path) -> None:
    scratch = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        with contextlib.suppress(OSError):  # no file yet, or not ours to give: then it is the writer's
            there = file.stat()
            os.fchown(descriptor, there.st_uid, there.st_gid)
        handle.write(content)
        handle.flush()
        os.fsync(descriptor)
    scratch.replace(file)


def keep_copy(file: Path, at: datetime) -> Path:
    """Copy a house file beside itself before it is changed, for its owner alone; returns where the copy is."""
    stem = f"{file.name}.{at:%Y%m%dT%H%M%S}"
    copy = next(c for n in range(1000) if not (c := file.with_name(f"{stem}{f'-{n}' if n else ''}.bak")).exists())
    _put(file.read_bytes(), copy)
    return copy


def read(file: Path) -> House:
    """Read and check. Raises NoHouse."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        house = House(
            raw["urls"], raw["secret"], raw["keys"], raw["suite"], raw["demo"], raw.get("made", {}), raw.get("gateway", {})
        )
        missing = [r for r in ROLES if r.removeprefix("fenji_") not in house.urls]
        short = len(house.secret) < _SECRET_LENGTH
        for purpose in PURPOSES:
            house.ring(purpose).open(house.ring(purpose).seal("", purpose), purpose)
            house.key_made(purpose)
    except FileNotFoundError:
        raise NoHouse(
            f"{file} does not exist; run `fenji demo`, or `fenji db init --admin-url …` for a server of your own"
        ) from None
    except OSError as error:
        raise NoHouse(f"{file} cannot be read ({error.strerror}); give its owner and mode 0600 back, or name another") from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise NoHouse(f"{file} is damaged ({error}); restore it from a backup: without its keys the data cannot be read") from None
    if missing:
        raise NoHouse(f"{file}: no address for {', '.join(missing)}; run `fenji db init --admin-url …` again")
    if fault := _gateway_fault(house.gateway):
        raise NoHouse(f"{file}: the gateway for text messages {fault}; mend it, or take `gateway` out to send none")
    if not house.demo and (short or house.secret == PLACEHOLDER):
        raise NoHouse(f"{file}: the secret is a placeholder; put in at least {_SECRET_LENGTH} random characters")
    return house


def _gateway_fault(gateway: object) -> str:
    """What is wrong with the entry of the gateway; empty when nothing is. A secret travels only where nobody listens."""
    if gateway == {}:
        return ""
    if not isinstance(gateway, dict) or set(gateway) - {"url", "secret", "templates"}:
        return "has other entries than url, secret and templates"
    url, secret, templates = gateway.get("url"), gateway.get("secret"), gateway.get("templates", {})
    if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        return "needs an address that begins with https://"
    if not isinstance(secret, str) or len(secret) < _GATEWAY_SECRET_LENGTH:
        return f"needs a secret of at least {_GATEWAY_SECRET_LENGTH} characters"
    if not isinstance(templates, dict) or not all(isinstance(v, str) and v for v in templates.values()):
        return "names a template that is no text"
    return ""


def current() -> House:
    """The house of this process. Raises NoHouse."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        raise NoHouse(f"{VARIABLE} is not set; start with the `fenji` command, or set it to the house file")
    house = read(Path(name))
    url = os.environ.get("DATABASE_URL")
    return replace(house, urls={**house.urls, "app": url}) if url else house


class LiveRing:
    """The keys of one purpose as the house file has them at each use: a key that was added or retired while the house serves is
    known to all its processes at once. A file that cannot be read for a moment changes nothing."""

    def __init__(self, file: Path, purpose: str) -> None:
        self._file = file
        self._purpose = purpose
        self._seen = self._state()
        self._house = read(file)
        self._ring = self._house.ring(purpose)

    def _state(self) -> tuple[int, int, int] | None:
        with contextlib.suppress(OSError):
            there = self._file.stat()
            return there.st_mtime_ns, there.st_ino, there.st_size
        return None

    def present(self) -> Keyring:
        """The ring of this moment."""
        state = self._state()
        if state is not None and state != self._seen:
            with contextlib.suppress(NoHouse):
                self._house = read(self._file)
                self._ring = self._house.ring(self._purpose)
                self._seen = state
        return self._ring

    @property
    def made(self) -> datetime | None:
        """When the key that seals was made; None when the file does not say."""
        self.present()
        return self._house.key_made(self._purpose)

    def seal(self, text: str, context: str) -> bytes:
        """See Keyring."""
        return self.present().seal(text, context)

    def open(self, sealed: bytes, context: str) -> str:
        """See Keyring. Raises Unreadable."""
        return self.present().open(sealed, context)

    def seal_bytes(self, content: bytes, context: str) -> bytes:
        """See Keyring."""
        return self.present().seal_bytes(content, context)

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """See Keyring. Raises Unreadable."""
        return self.present().open_bytes(sealed, context)

    def index(self, text: str, purpose: str) -> bytes:
        """See Keyring."""
        return self.present().index(text, purpose)

    def indexes(self, text: str, purpose: str) -> list[bytes]:
        """See Keyring."""
        return self.present().indexes(text, purpose)
