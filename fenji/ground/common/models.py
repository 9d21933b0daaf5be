"""Base of all tables: privacy class per field, C-collated text, versions.

Every concrete model names the privacy class of each of its fields; a test turns red for a field without one.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from fenji.ground.common.ids import uuid7
from fenji.ground.common.rls import Reader, Shape

PRIVACY_CLASSES = frozenset({"public", "internal", "person", "patient", "pay", "secret"})
"""public: anybody. internal: any signed-in person of the house. person: about staff. patient: about residents.
pay: about pay. secret: keys and hashes nobody reads. Tables with person, patient, pay or secret fields carry policies."""


class CText(models.TextField):
    """Text compared and sorted by code point, the same on every PostgreSQL and usable by `^@` with a plain index."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs["db_collation"] = "C"
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        del kwargs["db_collation"]
        return name, path, args, kwargs


class StartsWith(models.Lookup):
    """`field__starts='陈'` as `field ^@ '陈'`: the prefix match whose operator is leakproof, so that it may use an index
    under row-level security (LIKE may not)."""

    lookup_name = "starts"

    def as_sql(self, compiler, connection):
        lhs, lhs_params = self.process_lhs(compiler, connection)
        rhs, rhs_params = self.process_rhs(compiler, connection)
        return f"{lhs} ^@ {rhs}", (*lhs_params, *rhs_params)


CText.register_lookup(StartsWith)


class House(models.Model):
    """Abstract base. `privacy`: field name → class. `shape`: who sees which rows, as the migration installed it; `readers`: who
    reads others besides."""

    privacy: ClassVar[dict[str, str]] = {}
    shape: ClassVar[Shape | None] = None
    readers: ClassVar[tuple[Reader, ...]] = ()

    class Meta:
        abstract = True


class Keyed(House):
    """Abstract base of rows with a UUIDv7 key and a version that every change must name."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.IntegerField(default=1)

    class Meta:
        abstract = True


def org_array(**kwargs: object) -> ArrayField:
    """An array of organisation ids."""
    return ArrayField(models.IntegerField(), default=list, **kwargs)
