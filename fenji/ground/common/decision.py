"""What a rule decided, why, and on which clauses it rests. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground of a decision. `key` and `value`: the policy parameter that was read, if any; `change`: id of the approved change
    that gave the value in place of the clause's own."""

    code: str
    clause_id: str
    key: str = ""
    value: str = ""
    change: str = ""

    def as_row(self) -> dict[str, str]:
        """Plain, for JSON; without a change no word of it."""
        row = {"code": self.code, "clause_id": self.clause_id, "key": self.key, "value": self.value}
        return {**row, "change": self.change} if self.change else row


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with its reasons and the hash of the policy it was taken under. Stored on the row it decided."""

    outcome: str
    reasons: tuple[Reason, ...]
    pack_hash: str

    def as_rows(self) -> list[dict[str, str]]:
        """Plain rows for a JSON column."""
        return [r.as_row() for r in self.reasons]
