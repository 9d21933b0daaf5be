"""What a rule decided, why, and on which clauses it rests. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground of a decision. `key` and `value`: the policy parameter that was read, if any."""

    code: str
    clause_id: str
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with its reasons and the hash of the policy it was taken under. Stored on the row it decided."""

    outcome: str
    reasons: tuple[Reason, ...]
    pack_hash: str

    def as_rows(self) -> list[dict[str, str]]:
        """Plain rows for a JSON column."""
        return [{"code": r.code, "clause_id": r.clause_id, "key": r.key, "value": r.value} for r in self.reasons]
