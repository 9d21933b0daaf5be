"""A file may be shown to one more institution by those who see it: its subject got another party."""

from django.db import migrations


class Migration(migrations.Migration):
    """One column more that the app role may write."""

    dependencies = [("documents", "0004_protect_papers")]

    operations = [
        migrations.RunSQL(
            "GRANT UPDATE (viewer_ids) ON documents_storedfile TO fenji_app",
            "REVOKE UPDATE (viewer_ids) ON documents_storedfile FROM fenji_app",
        ),
    ]
