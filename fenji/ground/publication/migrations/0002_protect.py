"""Policies and grants of this room. Copies are read with no scope open; the log and the announcements are not."""

from django.db import migrations

from fenji.ground.common.rls import Grant, Protect
from fenji.ground.publication.models import Announcement, AnnouncementReceipt, ChannelEvent, Published, PublishedItem


class Migration(migrations.Migration):
    """Who reads and who adds. Of a copy only its end and the day it was last looked at can change."""

    dependencies = [("publication", "0001_initial"), ("access", "0003_reach")]

    operations = [
        Grant("publication_published", app='SELECT, INSERT, UPDATE ("end", checked_on)'),
        Protect("publication_published", Published.shape),
        Grant("publication_publisheditem", app="SELECT, INSERT"),
        Protect("publication_publisheditem", PublishedItem.shape),
        Grant("publication_channelevent", app="SELECT, INSERT, UPDATE (version, voided_at)"),
        Protect("publication_channelevent", ChannelEvent.shape),
        Grant("publication_announcement", app="SELECT, INSERT, UPDATE (version, withdrawn_at)"),
        Protect("publication_announcement", Announcement.shape),
        Grant("publication_announcementreceipt", app="SELECT, INSERT, UPDATE (confirmed_at)"),
        Protect("publication_announcementreceipt", AnnouncementReceipt.shape),
    ]
