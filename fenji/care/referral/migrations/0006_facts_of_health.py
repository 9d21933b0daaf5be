"""Referrals without persons, and the persons behind them, for officers of health authorities alone: an insurer's officers reach
the same places and are none of those who may see them."""

from importlib import import_module

from django.db import migrations

_before = import_module("fenji.care.referral.migrations.0005_facts")
_FORMER = (_before._FACTS, _before._STEPS, _before._IDENTIFY, _before._IDENTITY)
_ROLE = "IF caller.role IS DISTINCT FROM 'officer' OR caller.reach = '' THEN"
_HEALTH = "IF caller.role IS DISTINCT FROM 'officer' OR caller.reach = '' OR NOT access_scope_health() THEN"


def _replaced(statements: tuple[str, ...]) -> list[str]:
    """The same functions again; their rights stay with them."""
    return [s.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1) for s in statements]


def _narrowed() -> tuple[str, ...]:
    """The four functions with the further condition. Raises ValueError when one has no place for it."""
    for statement in _FORMER:
        if statement.count(_ROLE) != 1:
            raise ValueError(f"no condition to narrow in: {statement[:80]}")
    return tuple(s.replace(_ROLE, _HEALTH) for s in _FORMER)


class Migration(migrations.Migration):
    """Four functions, narrower."""

    dependencies = [("referral", "0005_facts"), ("access", "0015_health")]

    operations = [migrations.RunSQL(_replaced(_narrowed()), _replaced(_FORMER))]
