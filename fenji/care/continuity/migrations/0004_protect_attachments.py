"""Policy and grant of attachments."""

from django.db import migrations

from fenji.care.continuity.models import Attachment
from fenji.ground.common.rls import Grant, Protect


class Migration(migrations.Migration):
    """Whoever sees the package sees which files go with it."""

    dependencies = [("continuity", "0003_attachments"), ("documents", "0005_show")]

    operations = [
        Grant("continuity_attachment", app="SELECT, INSERT, UPDATE (version, voided_at)"),
        Protect("continuity_attachment", Attachment.shape),
    ]
