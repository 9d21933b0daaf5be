"""Steps shared by the commands: finding the house, starting its server, bringing its tables up to date."""

from __future__ import annotations

import io
import os
from pathlib import Path

from fenji.config import assets, database, embedded, house
from fenji.config.running import StartProblem
from fenji.ground.common.edge import now

FILE = "house.json"


def house_file(given: str | None = None) -> Path:
    """The house file: named here or by FENJI_HOUSE, else in the data folder, where `fenji db init` and the demo put it."""
    named = given or os.environ.get(house.VARIABLE, "")
    if named:
        return Path(named)
    own = embedded.default_data() / FILE
    if own.exists():
        return own
    place = embedded.locate(embedded.default_data())
    return place.data / FILE


def embedded_house(place: embedded.Place, *, demo: bool, name: str = database.DATABASE, durable: bool = True) -> Path:
    """Start the embedded server and make roles, database and house file as needed; returns the file."""
    embedded.start(place, durable=durable)
    admin = place.url("postgres", "postgres")
    file = place.data / FILE
    if not file.exists():
        database.make_roles(admin)
        urls = {r.removeprefix("fenji_"): place.url(r, name) for r in database.ROLES}
        house.write(house.fresh(urls, demo=demo, at=now()), file)
    database.make_database(admin, name)
    return file


def set_up(file: Path) -> int:
    """Configure Django, migrate, check; returns how many migrations ran."""
    database.configure(file)
    from django.core.management import call_command

    ran = database.migrate()
    _load_shipped()
    # prints nothing when all is well; raises SystemCheckError with the hints otherwise
    call_command("check", databases=["default", "job", "door"], stdout=io.StringIO())
    return ran


def _load_shipped() -> None:
    """Regions, working days, specialties and the demo dictionary, once: a house begins with what every house needs."""
    from fenji.care.catalogue.actions import load_dictionary
    from fenji.ground.network.actions import load_divisions, load_specialties
    from fenji.ground.policy.actions import load_calendar

    for load in (load_divisions, load_calendar, load_specialties, load_dictionary):
        load()


def collect_static() -> None:
    """Gather static files under hashed names, if they changed since last time."""
    from django.conf import settings
    from django.core.management import call_command

    if missing := [f.name for f in assets.FILES.values() if not f.is_file()]:
        raise StartProblem(f"web assets are missing ({', '.join(missing)}); run `make setup`")
    stamp = settings.STATIC_ROOT / ".collected"
    sources = [p for root in settings.STATICFILES_DIRS for p in root.rglob("*") if p.is_file()]
    state = "\n".join(sorted(f"{p} {p.stat().st_mtime_ns} {p.stat().st_size}" for p in sources))
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != state:
        call_command("collectstatic", verbosity=0, interactive=False, clear=settings.STATIC_ROOT.exists())
        stamp.write_text(state, encoding="utf-8")
