"""Where the lists of an institution, of its community and of its members stand: what the page of all lists shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count

from fenji.care.catalogue import rules
from fenji.care.catalogue.models import ENTRIES, Entry, ListVersion, TechniqueEntry
from fenji.care.catalogue.queries.lists import is_central, owner_of, policy_at
from fenji.ground.access.rules import Actor
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import communities_within, members, place, place_of
from fenji.ground.network.queries.people import community_lead
from fenji.ground.network.rules import prefix_range


@dataclass(frozen=True, slots=True)
class Standing:
    """One list of one keeper. `coming`: published, begins later; `working`: not published yet; `size`: entries in force."""

    kind: str
    org: Organisation
    present: ListVersion | None
    coming: ListVersion | None
    working: ListVersion | None
    size: int
    counts: tuple[rules.Count, ...]
    clauses: Mapping[str, str]

    @property
    def short(self) -> bool:
        """True when a minimum that the policy sets is not reached."""
        return not all(c.met for c in self.counts)


def _sizes(versions: Iterable[ListVersion]) -> dict[int, tuple[int, int]]:
    """Version → (entries, categories of techniques), for many versions at once."""
    by_table: dict[type[Entry], list[int]] = defaultdict(list)
    for v in versions:
        by_table[ENTRIES[v.kind]].append(v.id)
    found: dict[int, tuple[int, int]] = {}
    for table, ids in by_table.items():
        categories = Count("category_zh", distinct=True) if table is TechniqueEntry else Count("id", distinct=True)
        rows = table.objects.filter(list_id__in=ids).values("list_id").annotate(size=Count("id"), categories=categories)
        found |= {r["list_id"]: (r["size"], r["categories"]) for r in rows}
    return found


def _counts(kind: str, size: tuple[int, int], *, central: bool, policy: rules.CataloguePolicy) -> tuple[rules.Count, ...]:
    entries, categories = size
    fields = {
        rules.TREATABLE: (("central_diseases" if central else "other_diseases", entries),),
        rules.TECHNIQUE: (("own_categories", categories), ("own_techniques", entries)),
        rules.PROMOTED: (("promoted_categories", categories), ("promoted_techniques", entries)),
        rules.DEVOLVED: (("devolved_items", entries),),
    }.get(kind, ())
    return tuple(rules.Count(field, value, getattr(policy, field)) for field, value in fields)


def standings(keepers: Sequence[tuple[Organisation, str]], kinds: Sequence[str], on: date) -> list[Standing]:
    """How lists of these kinds stand with each keeper, given with its role in its community; keepers in their order."""
    orgs = [org for org, _ in keepers]
    rows = ListVersion.objects.filter(org__in=orgs, kind__in=kinds).exclude(state=rules.WITHDRAWN).order_by("number")
    held: dict[tuple[int, str], list[ListVersion]] = defaultdict(list)
    for v in rows:
        held[v.org_id, v.kind].append(v)
    present = {key: next((v for v in found if _is_in_force(v, on)), None) for key, found in held.items()}
    sizes = _sizes(v for v in present.values() if v is not None)
    return [_standing(kind, org, role, held[org.id, kind], sizes, on) for org, role in keepers for kind in kinds]


def _is_in_force(v: ListVersion, on: date) -> bool:
    return v.state == rules.PUBLISHED and v.start <= on and (v.end is None or v.end > on)


def _standing(
    kind: str, org: Organisation, role: str, found: Sequence[ListVersion], sizes: Mapping[int, tuple[int, int]], on: date
) -> Standing:
    present = next((v for v in found if _is_in_force(v, on)), None)
    policy, clauses = policy_at(place(org), on)
    size = sizes.get(present.id, (0, 0)) if present else (0, 0)
    counted = kind not in rules.OF_INSTITUTION or org.care_tier == "township"
    return Standing(
        kind,
        org,
        present,
        next((v for v in found if v.state == rules.PUBLISHED and v.start > on), None),
        next((v for v in found if v.state in rules.OPEN), None),
        size[0],
        _counts(kind, size, central=is_central(org, role), policy=policy) if counted else (),
        clauses,
    )


@dataclass(frozen=True, slots=True)
class Overview:
    """The lists that concern somebody: those their organisation keeps, those of its community and city, those of the members."""

    mine: list[Standing]
    around: list[Standing]
    members: list[Standing]


def overview(actor: Actor, on: date) -> Overview:
    """The lists that concern an actor's organisation on a day. Members: for the lead, and for agencies within their reach."""
    org = Organisation.objects.get(pk=actor.org_id)
    owner = owner_of(org.id, on)
    role = "lead" if owner.leads else ""
    kept = [k for k in rules.KINDS if rules.may_keep(k, owner)]
    mine = standings([(org, role)], kept, on)
    return Overview(mine, _around(org, kept, on), _members(actor, owner, on))


def _around(org: Organisation, kept: Sequence[str], on: date) -> list[Standing]:
    lead = community_lead(org.id, on)
    found = standings([(lead, "lead")], [*rules.OF_COMMUNITY, rules.PROMOTED], on) if lead and lead.id != org.id else []
    city = place_of(org.id).policy_path[1][:4]
    lo, hi = prefix_range(city)
    insurers = Organisation.objects.filter(agency_kind="insurance", path__gte=lo, path__lt=hi, end=None).exclude(pk=org.id)
    return found + standings([(o, "") for o in insurers.order_by("path")], [rules.DEVOLVED], on)


def _members(actor: Actor, owner: rules.Owner, on: date) -> list[Standing]:
    if owner.leads:
        led = [m for m in communities_within(place_of(actor.org_id).path, on) if m.org_id == actor.org_id]
    else:
        led = communities_within(actor.reach, on) if actor.reach and owner.kind == "agency" else []
    found = [m for lead in led for m in members(lead.alliance_id, on) if m.org.care_tier == "township"]
    return standings([(m.org, m.role) for m in found], rules.OF_INSTITUTION, on)
