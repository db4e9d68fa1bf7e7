"""Taking a material in: versions, duplicates, who may, and that a refusal leaves nothing (R-305)."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from kunyu.engines.matters.errors import BadMaterial, NotYourStep, UnknownCase, WrongStep
from kunyu.engines.matters.materials.tests import samples

if TYPE_CHECKING:
    from kunyu.engines.matters.materials.tests.conftest import Desk

pytestmark = pytest.mark.django_db


def count() -> int:
    from kunyu.engines.matters.models import Material

    return Material.objects.count()


def test_versions_and_the_second_click(desk: Desk) -> None:
    first = desk.take(samples.form_pdf())
    assert (first.version, first.pages, first.media_type, first.reading) == (1, 1, "application/pdf", "waiting")
    again = desk.take(samples.form_pdf(), name="b.pdf")
    assert (again.pk, count()) == (first.pk, 1)
    second = desk.take(samples.form_pdf(samples.other(hectares="3.5")))
    assert (second.version, count()) == (2, 2)
    back = desk.take(samples.form_pdf())
    assert (back.version, back.sm3) == (3, first.sm3), "an older version handed in again is the newest one"


def test_what_is_stored_is_encrypted_and_whole(desk: Desk) -> None:
    from kunyu.engines.security.protection import object_store

    material = desk.take(samples.form_pdf())
    store = object_store()
    assert store.is_protected(material.sm3)
    with store.open(material.sm3) as content:
        assert content.read() == samples.form_pdf()
    assert material.size == len(samples.form_pdf())


def test_reading_is_queued_with_the_material(desk: Desk) -> None:
    from procrastinate.contrib.django.models import ProcrastinateJob

    material = desk.take(samples.form_pdf())
    (job,) = ProcrastinateJob.objects.filter(task_name="matters.read_material")
    assert job.args == {"material_id": material.pk}


def test_the_same_file_as_another_kind_is_told(desk: Desk) -> None:
    desk.take(samples.form_pdf())
    material = desk.take(samples.form_pdf(), kind="identity")
    (fault,) = material.faults
    assert fault["code"] == "same_as_other_kind"
    assert fault["zh"] == "与“申请表”（a.pdf）是同一个文件，请核对。"


def test_withdrawn_and_handed_in_again(desk: Desk) -> None:
    from kunyu.engines.matters.materials.taking import withdraw

    first = desk.take(samples.form_pdf())
    withdraw(desk.people["applicant"], desk.application.pk, first.pk)
    second = desk.take(samples.form_pdf())
    assert (second.version, count()) == (2, 2)


@pytest.mark.parametrize("make", [samples.script_pdf, samples.encrypted_pdf, lambda: b"", lambda: b"hello"])
def test_a_refused_file_leaves_nothing_but_the_audit(desk: Desk, make: Any) -> None:
    from kunyu.engines.security.protection import object_store
    from kunyu.kernel.digests import sm3_hex

    with pytest.raises(BadMaterial):
        desk.take(make())
    assert count() == 0
    assert not object_store().exists(sm3_hex(make()))


def test_a_file_larger_than_the_limit(desk: Desk, limits: Any) -> None:
    """Reading stops one piece after the limit: nobody's disk fills."""
    limits(material_mb=2)

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1, /) -> bytes:
            self.given += size
            return os.urandom(size)

    from kunyu.engines.matters.materials.taking import take

    stream = Endless()
    with pytest.raises(BadMaterial) as caught:
        take(desk.people["applicant"], desk.application.pk, "application", "大.pdf", stream)
    assert stream.given == 3 << 20
    assert caught.value.detail_zh == (
        "材料 大.pdf 超过 2 MB（已收到 3 MB）。请以 200—300 dpi、灰度重新扫描，或分成几份上传。"
    )
    assert count() == 0


def test_a_kind_nobody_asked_for(desk: Desk) -> None:
    with pytest.raises(BadMaterial) as caught:
        desk.take(samples.form_pdf(), kind="photo")
    assert caught.value.context["why"] == "kind"
    assert "application（申请表）" in caught.value.detail_zh


def test_names_of_files_lose_their_folders(desk: Desk) -> None:
    assert desk.take(samples.form_pdf(), name="C:\\docs\\..\\申请\x00.pdf").file_name == "申请.pdf"


# --- who may ---
def test_a_draft_is_the_applicants(desk: Desk) -> None:
    for who in ("somebody", "clerk", "viewer"):
        with pytest.raises(UnknownCase):
            desk.take(samples.form_pdf(), who=who)
    assert count() == 0


def test_a_submitted_application_is_the_offices(desk: Desk) -> None:
    desk.open_case()
    with pytest.raises(WrongStep):
        desk.take(samples.form_pdf())
    with pytest.raises(NotYourStep):
        desk.take(samples.form_pdf(), who="viewer")
    with pytest.raises(UnknownCase):
        desk.take(samples.form_pdf(), who="somebody")
    assert count() == 0
    assert desk.take(samples.form_pdf(), who="clerk").uploaded_by == "m-clerk"


def test_while_a_correction_is_asked_for_it_is_both(desk: Desk) -> None:
    desk.open_case("correcting")
    assert desk.take(samples.form_pdf()).version == 1
    assert desk.take(samples.form_pdf(samples.other(hectares="4")), who="clerk").version == 2


@pytest.mark.parametrize("state", ["granted", "decided"])
def test_an_ended_case_takes_nothing_more(desk: Desk, state: str) -> None:
    desk.open_case(state)
    for who in ("applicant", "clerk"):
        with pytest.raises(WrongStep):
            desk.take(samples.form_pdf(), who=who)
    assert count() == 0


def test_a_full_disk_is_told_and_leaves_nothing(desk: Desk, settings: Any) -> None:
    """No room for the upload, and none for the object: a sentence each, no material, no rest; with room it is taken."""
    from pathlib import Path

    from kunyu.engines.documents.tests.little_room import little_room
    from kunyu.kernel.objects import StoreFull

    content = samples.form_pdf()
    with little_room(2_000), pytest.raises(StoreFull) as told:
        desk.take(content)
    assert told.value.http_status == 503 and "没有保存" in told.value.detail_zh
    with little_room(len(content) + 16), pytest.raises(StoreFull):  # the upload fits, its encrypted copy does not
        desk.take(content)
    assert count() == 0
    assert [one for one in Path(settings.KUNYU_QUARANTINE).iterdir() if one.is_dir()] == []
    assert desk.take(content).version == 1
