"""Policies and grants of hand-overs, the register of notifiable diseases, and events of visits."""

from django.db import migrations

from fenji.care.visits.models import Handover, Infection, VisitEvent
from fenji.ground.common.rls import Grant, Protect

_VISIT = (
    "doctor_id, doctor_name, department_id, diagnosis_code, diagnosis_name, disease_group, group_version, suspected, grade,"
    " complaint, emergency, settled_at"
)
_INFECTION = (
    "version, grade, disease, found_at, due_at, measures, measures_by, measures_at, report_number, reported_by, reported_at,"
    " onset_on, contacts, registered_by, registered_at, voided_at"
)


class Migration(migrations.Migration):
    """Who sees them, and who writes."""

    dependencies = [("visits", "0004_schema"), ("access", "0002_functions")]

    operations = [
        Grant("visits_visit", load="", backup="", app=f"UPDATE ({_VISIT})"),
        Grant("visits_handover", app="SELECT, INSERT, UPDATE (version, state, answered_at, answered_by, answer)"),
        Protect("visits_handover", Handover.shape),
        Grant("visits_infection", app=f"SELECT, INSERT, UPDATE ({_INFECTION})"),
        Protect("visits_infection", Infection.shape),
        Grant("visits_visitevent", app="SELECT, INSERT"),
        Protect("visits_visitevent", VisitEvent.shape),
    ]
