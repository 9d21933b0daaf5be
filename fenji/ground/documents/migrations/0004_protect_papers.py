"""Policies and grants of papers; files that everybody may open, and whose parts only their sender adds."""

from django.db import migrations

from fenji.ground.common.rls import Admit, Grant, Protect, Reshape
from fenji.ground.documents.models import Blob, Paper, StoredFile


class Migration(migrations.Migration):
    """Of a version only its end, and that it was taken back, can change."""

    dependencies = [("documents", "0003_schema"), ("access", "0003_reach")]

    operations = [
        Grant("documents_paper", app='SELECT, INSERT, UPDATE (version, "end", voided_at)'),
        Protect("documents_paper", Paper.shape),
        Admit("documents_storedfile", StoredFile.readers[0]),
        Reshape("documents_blob", Blob.shape),
    ]
