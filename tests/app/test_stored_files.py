"""Files that are kept: sealed in parts, voided, wiped, and read by nobody else."""

from __future__ import annotations

import os

import pytest
from django.db import connections, transaction

from fenji.ground.access.models import AuditEvent
from fenji.ground.common.edge import now
from fenji.ground.documents import actions, rules
from fenji.ground.documents.models import Blob
from tests.cast import person, scope

# ---- stored files ----


def test_a_file_is_kept_in_sealed_parts_and_an_altered_one_does_not_open(house_file: object) -> None:
    content = b"%PDF-1.7 " + os.urandom(3 << 20)
    with transaction.atomic(), scope(person("officer")) as by:
        file = actions.store("order.pdf", content, by=by, at=now(), viewer_ids=[person("system").org_id])
    parts = Blob.objects.using("owner").filter(file=file)
    assert parts.count() == 4
    assert not any(bytes(p.content)[14:30] in content for p in parts)
    for name in ("officer", "system"):
        with transaction.atomic(), scope(person(name)) as by:
            opened = actions.open_file(file.pk, by=by, at=now())
            assert (opened.kind, opened.content == content) == ("pdf", True)
    with transaction.atomic(), scope(person("doctor")) as by, pytest.raises(actions_unknown()):
        actions.open_file(file.pk, by=by, at=now())
    last = parts.order_by("-part")[0]
    for change in ({"part": 17}, {"content": bytes(last.content)[:-1] + b"\0"}):
        before = {k: getattr(last, k) for k in change}
        Blob.objects.using("owner").filter(pk=last.pk).update(**change)
        with transaction.atomic(), scope(person("officer")) as by, pytest.raises(ValueError, match="altered"):
            actions.open_file(file.pk, by=by, at=now())
        Blob.objects.using("owner").filter(pk=last.pk).update(**before)


def actions_unknown() -> type[Exception]:
    from fenji.ground.common.refusal import Unknown

    return Unknown


def test_a_voided_file_opens_no_more_and_is_wiped(house_file: object) -> None:
    with transaction.atomic(), scope(person("officer")) as by:
        file = actions.store("a.pdf", b"%PDF-1.7 x", by=by, at=now())
        actions.void_file(file.pk, "mistake", by=by, at=now())
        with pytest.raises(actions_unknown()):
            actions.open_file(file.pk, by=by, at=now())
    assert actions.wipe(file.pk, at=now())
    assert AuditEvent.objects.using("owner").filter(subject=str(file.pk), action="file.void").count() == 1


def test_a_file_is_what_its_content_says(house_file: object) -> None:
    with transaction.atomic(), scope(person("officer")) as by:
        for content in (b"MZ\x90\x00 a program\x00", b"<svg xmlns='x' onload='y'/>"):
            with pytest.raises(actions.FileKind):
                actions.store("order.pdf", content, by=by, at=now())
        with pytest.raises(actions.FileTooLarge):
            actions.store("order.pdf", b"%PDF-" + b"0" * (20 << 20), by=by, at=now())
        with pytest.raises(actions.FileKind):
            actions.store("a.csv", b"a,b\n1,2\n", by=by, at=now(), kinds=("pdf",))


def test_the_job_role_reads_no_content(house_file: object) -> None:
    from django.db import DatabaseError

    for statement in (
        "SELECT content FROM documents_blob",
        "SELECT name FROM documents_storedfile",
        "SELECT detail FROM documents_importfault",
    ):
        with pytest.raises(DatabaseError, match="permission denied"), connections["job"].cursor() as cursor:
            cursor.execute(statement)


def test_the_state_of_a_run_is_one_that_there_is(house_file: object) -> None:
    from fenji.ground.documents.texts import STATES

    assert set(STATES) == set(rules.STATES)
