"""The house's own file: where its database is and with which keys it works. One JSON file, mode 0600, made once.

`FENJI_HOUSE` names it. The embedded server and `fenji db init` write it; settings read it.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fenji.ground.common.crypto import Keyring
from fenji.ground.common.rls import ROLES

PLACEHOLDER = "change-me"
VARIABLE = "FENJI_HOUSE"
PURPOSES = ("database", "index")
_SECRET_LENGTH = 32


class NoHouse(RuntimeError):
    """There is no usable house file; the message says how to make one."""


@dataclass(frozen=True, slots=True)
class House:
    """`urls`: role without prefix → connection URL. `keys`: purpose → key id → 64 hex digits. `demo`: made by `fenji demo`."""

    urls: dict[str, str] = field(repr=False)
    secret: str = field(repr=False)
    keys: dict[str, dict[str, str]] = field(repr=False)
    suite: str = "intl"
    demo: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def ring(self, purpose: str) -> Keyring:
        """The keys of one purpose; the last id seals."""
        keys = {key_id: bytes.fromhex(value) for key_id, value in self.keys[purpose].items()}
        return Keyring(self.suite, max(keys), keys)


def fresh(urls: dict[str, str], *, demo: bool, suite: str = "intl") -> House:
    """A house with new random keys."""
    keys = {purpose: {"1": secrets.token_hex(32)} for purpose in PURPOSES}
    return House(urls, secrets.token_urlsafe(48), keys, suite, demo)


def write(house: House, file: Path) -> None:
    """Write atomically, readable by the owner alone."""
    body = {"urls": house.urls, "secret": house.secret, "keys": house.keys, "suite": house.suite, "demo": house.demo}
    scratch = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(body, handle, indent=1)
    scratch.replace(file)


def read(file: Path) -> House:
    """Read and check. Raises NoHouse."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        house = House(raw["urls"], raw["secret"], raw["keys"], raw["suite"], raw["demo"])
        missing = [r for r in ROLES if r.removeprefix("fenji_") not in house.urls]
        short = len(house.secret) < _SECRET_LENGTH
        for purpose in PURPOSES:
            house.ring(purpose).open(house.ring(purpose).seal("", purpose), purpose)
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
    if not house.demo and (short or house.secret == PLACEHOLDER):
        raise NoHouse(f"{file}: the secret is a placeholder; put in at least {_SECRET_LENGTH} random characters")
    return house


def current() -> House:
    """The house of this process. Raises NoHouse."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        raise NoHouse(f"{VARIABLE} is not set; start with the `fenji` command, or set it to the house file")
    house = read(Path(name))
    url = os.environ.get("DATABASE_URL")
    return House({**house.urls, "app": url}, house.secret, house.keys, house.suite, house.demo) if url else house
