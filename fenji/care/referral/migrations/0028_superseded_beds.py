"""An emergency that ends another case gives its bed back too: `referral_supersede` learns of holds of beds.

Whom it takes off the wait lists, and whose steps it closes, it knew already: who waits for a bed is on the same list.
"""

from django.db import migrations

_NAME = "referral_supersede(text, timestamptz, uuid, uuid)"
_BEFORE = "UPDATE tasks_workitem w SET closed_at = happened WHERE w.closed_at IS NULL AND w.subject ^@"
_HOLDS = (
    "UPDATE booking_bedhold h SET state = 'released', held_until = NULL, ended_at = happened, end_reason = 'superseded',"
    " version = h.version + 1 WHERE h.subject = old.number AND h.state IN ('held', 'confirmed');\n  "
)


def _replaced(before: str, after: str) -> str:
    """The function with another text in one place; an error when the place is not there."""
    return (
        "DO $do$ DECLARE old_text text := pg_get_functiondef($n$" + _NAME + "$n$::regprocedure); BEGIN"
        f" IF position($t${before}$t$ IN old_text) = 0 THEN RAISE EXCEPTION 'another referral_supersede'; END IF;"
        f" EXECUTE replace(old_text, $t${before}$t$, $t${after}$t$); END $do$"
    )


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("referral", "0027_protect_own_page"), ("booking", "0006_bed_lists")]

    operations = [migrations.RunSQL(_replaced(_BEFORE, _HOLDS + _BEFORE), _replaced(_HOLDS + _BEFORE, _BEFORE))]
