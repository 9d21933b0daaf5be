"""Another county: an office with its administrators, a hospital and a doctor. Made once a house; nobody of the cast works there."""

from __future__ import annotations

from fenji.ground.access.models import Account
from fenji.ground.access.rules import DOCTOR, SECURITY_ADMIN, SYSTEM_ADMIN, house, kind_of
from fenji.ground.network import rules
from fenji.ground.network.actions import appoint, enter
from fenji.ground.network.models import Organisation
from fenji.ground.network.queries import region_id
from fenji.world.county import OPENED, SINCE, Person
from tests.plugin import once_a_house

COUNTY = "350424"
OFFICE, HOSPITAL = 900_001, 900_002


def _organisation(number: int, kind: str, tier: str, **facts: str) -> Organisation:
    path = rules.path_of(COUNTY, number)
    region = region_id(COUNTY, "load")
    return Organisation(
        id=number, kind=kind, name=f"异县{number}", region_id=region, care_tier=tier, path=path, start=SINCE, **facts
    )


@once_a_house
def people() -> dict[str, Person]:
    """`system`, `security` and `doctor` of the other county, written to the database."""
    enter(
        [
            _organisation(OFFICE, "agency", "", agency_kind="digital"),
            _organisation(HOSPITAL, "care", "county", ownership="government"),
        ],
        SINCE,
    )
    staff = {
        "system": Person("elsewhere.system", "异系统", SYSTEM_ADMIN, OFFICE),
        "security": Person("elsewhere.security", "异安全", SECURITY_ADMIN, OFFICE),
        "doctor": Person("elsewhere.doctor", "异医生", DOCTOR, HOSPITAL),
    }
    for person in staff.values():
        path = rules.path_of(COUNTY, person.org_id)
        Account.objects.using("load").create(
            id=person.id, username=person.username, name=person.name, kind=kind_of(person.role), org_id=person.org_id, path=path
        )
        appoint(person.id, person.org_id, person.role, OPENED, by=house(person.org_id), at=OPENED, using="load")
    return staff
