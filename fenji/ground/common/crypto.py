"""Encryption of identifying fields, and keyed blind indexes.

Every ciphertext and index names the key and the suite that made it, so that keys can be rotated. Suites:
`intl` AES-256-GCM, HMAC-SHA-256; `gm` SM4-GCM (GB/T 32907), HMAC-SM3 (GB/T 32905).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC

_NONCE = 12
_TAG = 16
_SUITE_CODES = {"intl": b"i", "gm": b"g"}
_KEY_SIZE = {"intl": 32, "gm": 16}


class Unreadable(ValueError):
    """A ciphertext that this house's keys don't open: another house's, or altered."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys of one purpose. `keys`: key id (one ASCII letter or digit each) → 32 bytes; `current`: the id that seals."""

    suite: str
    current: str
    keys: Mapping[str, bytes] = field(repr=False)

    def _key(self, key_id: str, suite: str) -> bytes:
        try:
            return self.keys[key_id][: _KEY_SIZE[suite]]
        except KeyError:
            raise Unreadable(f"no key {key_id!r}") from None

    def seal(self, text: str, context: str) -> bytes:
        """Encrypt `text`; `context` (table, column, row id) is bound in and must be given again to open."""
        return self.seal_bytes(text.encode(), context)

    def seal_bytes(self, content: bytes, context: str) -> bytes:
        """`seal` for what is no text: parts of files."""
        nonce = secrets.token_bytes(_NONCE)
        cipher = Cipher(self._algorithm(self._key(self.current, self.suite), self.suite), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(context.encode())
        body = cipher.update(content) + cipher.finalize()
        return self.mark + nonce + body + cipher.tag

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt what `seal` made. Raises Unreadable."""
        return self.open_bytes(sealed, context).decode()

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal_bytes` made. Raises Unreadable."""
        suite = next((s for s, code in _SUITE_CODES.items() if sealed[:1] == code), None)
        if suite is None or len(sealed) < 2 + _NONCE + _TAG:
            raise Unreadable("not a ciphertext of this house")
        key = self._key(sealed[1:2].decode(), suite)
        nonce, body, tag = sealed[2 : 2 + _NONCE], sealed[2 + _NONCE : -_TAG], sealed[-_TAG:]
        cipher = Cipher(self._algorithm(key, suite), modes.GCM(nonce, tag)).decryptor()
        cipher.authenticate_additional_data(context.encode())
        try:
            return cipher.update(body) + cipher.finalize()
        except InvalidTag:
            raise Unreadable("altered, or sealed for another place") from None

    @property
    def mark(self) -> bytes:
        """How everything begins that is sealed or indexed now: suite and key."""
        return _SUITE_CODES[self.suite] + self.current.encode()

    def index(self, text: str, purpose: str) -> bytes:
        """Keyed blind index: equal texts give equal bytes, and nothing else can be read from them."""
        return self._index(self.current, text, purpose)

    def indexes(self, text: str, purpose: str) -> list[bytes]:
        """The blind index under each key, the present one first: rows that a rotation has not come to yet stand under an older."""
        others = sorted((key_id for key_id in self.keys if key_id != self.current), reverse=True)
        return [self._index(key_id, text, purpose) for key_id in (self.current, *others)]

    def _index(self, key_id: str, text: str, purpose: str) -> bytes:
        key, message = self._key(key_id, "intl"), f"{purpose}\0{text}".encode()
        if self.suite == "intl":
            digest = hmac.new(key, message, sha256).digest()
        else:
            mac = HMAC(key, hashes.SM3())
            mac.update(message)
            digest = mac.finalize()
        return _SUITE_CODES[self.suite] + key_id.encode() + digest

    @staticmethod
    def _algorithm(key: bytes, suite: str) -> algorithms.AES256 | algorithms.SM4:
        return algorithms.AES256(key) if suite == "intl" else algorithms.SM4(key)


def digest(parts: list[bytes], suite: str) -> bytes:
    """SHA-256 or SM3 over length-prefixed parts: one way to read them, so nothing can be moved between fields."""
    hasher = hashes.Hash(hashes.SHA256() if suite == "intl" else hashes.SM3())
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big") + part)
    return hasher.finalize()
