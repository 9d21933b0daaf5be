"""The only reads of this room offered to others."""

from __future__ import annotations

from datetime import date

from fenji.ground.policy.queries import pack_hash, resolve, sources
from fenji.measure.journeys.rules import Grounds, JourneysPolicy


def grounds(path: tuple[str, ...], on: date) -> Grounds:
    """What is watched in a policy area, such as ("35", "350400"), on a day, with the clauses."""
    read = sources(JourneysPolicy, path, on)
    clauses = {name: parameter.clause_id for name, parameter in read.items()}
    changes = {name: parameter.change for name, parameter in read.items() if parameter.change}
    return Grounds(resolve(JourneysPolicy, path, on), clauses, pack_hash(), changes)
