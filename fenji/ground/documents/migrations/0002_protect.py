"""Policies and grants of this room."""

from django.db import migrations

from fenji.ground.common.rls import Grant, Protect
from fenji.ground.documents.models import Blob, ImportFault, ImportRun, StoredFile


class Migration(migrations.Migration):
    """Who sees files, runs and faults. The job role wipes contents without reading them, and tells how far a run is."""

    dependencies = [("documents", "0001_initial"), ("access", "0002_functions")]

    operations = [
        Grant(
            "documents_storedfile",
            app="SELECT, INSERT, UPDATE (version, voided_at, voided_by, voided_reason)",
            job="SELECT (id, voided_at, wiped_at), UPDATE (voided_at, voided_reason, wiped_at)",
        ),
        Protect("documents_storedfile", StoredFile.shape, {"job": ("ALL", "true")}),
        Grant("documents_blob", app="SELECT, INSERT", job="SELECT (id, file_id), UPDATE (content)"),
        Protect("documents_blob", Blob.shape, {"job": ("ALL", "true")}),
        Grant(
            "documents_importrun",
            app="SELECT, INSERT, UPDATE (version, state, ended_at)",
            job="SELECT (id, version, state, handouts_id, handouts_until),"
            " UPDATE (version, state, done, total, error, error_detail, ended_at, handouts_until)",
        ),
        Protect("documents_importrun", ImportRun.shape, {"job": ("ALL", "true")}),
        Grant("documents_importfault", app="SELECT"),
        Protect("documents_importfault", ImportFault.shape),
    ]
