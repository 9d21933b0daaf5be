"""Care tiers, paths and the scope of a post. Pure."""

from __future__ import annotations

from fenji.ground.access.rules import CLINICAL, GOVERNING, Scope
from fenji.ground.common.units import REGION_CODE_WIDTH, REGION_PREFIXES

TIERS = ("village", "township", "county", "city", "province")
"""Care tiers, lowest first. "Up" means to a later one; grade (三甲 …) is another thing."""
PRIMARY = TIERS[:2]
ORGANISATION_KINDS = ("care", "agency", "task_force")
REGION_KINDS = ("province", "city", "county", "town", "township", "street", "zone", "village", "community")


def level(tier: str) -> int:
    """Rank of a care tier, 0 for village."""
    return TIERS.index(tier)


def path_of(region_code: str, org_id: int) -> str:
    """Fixed-width place of an organisation: `350405101000/00000017`. Rows carry it, so that one range covers a region."""
    return f"{region_code.ljust(REGION_CODE_WIDTH, '0')}/{org_id:08d}"


def prefix_range(prefix: str) -> tuple[str, str]:
    """The half-open range of all paths that begin with `prefix`."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)


def reach_of(role: str, kind: str, region_kind: str, region_code: str, org_id: int) -> str:
    """The beginning of the paths that a governing role administers; empty for other roles.

    An agency governs its region (350400 → "3504"), an institution of care only itself.
    """
    if role not in GOVERNING:
        return ""
    if kind == "care":
        return path_of(region_code, org_id)
    return region_code[: REGION_PREFIXES.get(region_kind, len(region_code))]


def scope_of(role: str, kind: str, tier: str, region_kind: str, region_code: str, org_id: int) -> Scope:
    """What a post reaches.

    A primary institution reaches the rows of its township or village; a hospital those of its own; roles that are not clinical
    reach no row about a patient.
    """
    reach = reach_of(role, kind, region_kind, region_code, org_id)
    if role not in CLINICAL or kind != "care":
        return Scope((org_id,), "", "", reach)
    prefix = region_code if tier in PRIMARY else path_of(region_code, org_id)
    return Scope((org_id,), *prefix_range(prefix))
