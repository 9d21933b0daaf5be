"""What the leak matrix tries at each address: requests for the canary, and who may see it by them."""

from __future__ import annotations

from tests.app.addresses import care, house, measure
from tests.app.cells import Factory

FACTORIES: dict[str, Factory] = house.FACTORIES | care.FACTORIES | measure.FACTORIES
