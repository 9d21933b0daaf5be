"""A house file for tests that damage it."""

from __future__ import annotations

import json
from pathlib import Path

from fenji.config import house
from fenji.ground.common.rls import ROLES


def a_house(folder: Path, **changes: object) -> Path:
    """A house file with some of its entries replaced."""
    file = folder / "house.json"
    urls = {r.removeprefix("fenji_"): f"postgresql://{r}@/none?host=/nowhere" for r in ROLES}
    house.write(house.fresh(urls, demo=True), file)
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return file
