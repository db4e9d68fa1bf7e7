"""Archive packages: the same content, the same bytes; anything changed, added or lost is found offline."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kunyu.engines.documents import archives, licences, templates
from kunyu.engines.documents.archive_file import safe_name, verify_package
from kunyu.engines.documents.archives import ArchivedEvent, ArchivedFile, Contents
from kunyu.engines.documents.cli import app
from kunyu.engines.documents.errors import BadArchive
from kunyu.engines.documents.models import Archive
from kunyu.engines.documents.seals.tests.made import active_seal
from kunyu.engines.documents.tests.requests import request, template
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal

pytestmark = pytest.mark.django_db
DECIDER = Principal("decider", "决定人", origin="tests")


def contents(*more: ArchivedFile) -> Contents:
    """What a case hands in."""
    held = object_store().put_bytes(b"application form", protect=True)
    return Contents(
        "case:T1", "办件 T1", (("事项", "用地预审"),), (ArchivedFile("../申请表.pdf", "申请表", held.sm3), *more),
        (ArchivedEvent(datetime(2026, 11, 2, 1, tzinfo=UTC), "clerk", "受理", "材料齐全"),), {"form": {"a": 1}},
    )  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    templates.render(
        DECIDER, template(tmp_path), {}, key="a", kind="acceptance", subject="case:T1", title_zh="受理通知书"
    )
    licences.issue(DECIDER, request(tmp_path, active_seal()))
    made = archives.make(DECIDER, contents())
    path = tmp_path / "case.zip"
    object_store().copy_to(made.sm3, path)
    return path


def test_it_is_read_without_the_system(package: Path) -> None:
    with zipfile.ZipFile(package) as read:
        names = read.namelist()
        index = read.read("index.html").decode()
        described = json.loads(read.read("metadata.json"))
    assert names == [
        "documents/001_受理通知书.pdf", "documents/002_建设项目用地预审与选址意见书.pdf", "index.html", "materials/001_申请表.pdf",
        "metadata.json", "metadata.xml", "SM3SUMS", "SM3SUMS.sig",
    ]  # fmt: skip
    assert all(f'href="{name}"' in index for name in names if name.startswith(("documents", "materials")))
    assert "用字第9901012026XS0000001号" in index and "材料齐全" in index
    assert described["licences"][0]["state"] == "valid" and described["records"] == {"form": {"a": 1}}
    assert described["events"][0]["at"] == "2026-11-02T09:00:00+08:00"


def test_verified_offline_it_is_whole(package: Path) -> None:
    report = verify_package(package)
    assert (report.is_whole, report.files, report.subject) == (True, 6, "case:T1")
    assert report.signer != "" and len(report.fingerprint) == 64
    told = CliRunner().invoke(app, ["verify", str(package), "--json"])
    assert told.exit_code == 0 and json.loads(told.stdout)["whole"] is True


def test_made_again_it_is_the_same_file(package: Path) -> None:
    before = Archive.objects.get()
    again = archives.make(DECIDER, contents())
    assert (again.sm3, again.pk, Archive.objects.count()) == (before.sm3, before.pk, 1)
    held = object_store().put_bytes(b"one more", protect=True)
    more = archives.make(DECIDER, contents(ArchivedFile("补充.pdf", "补充", held.sm3)))
    assert more.sm3 != before.sm3 and Archive.objects.get().files == before.files + 1


def rewritten(package: Path, change: dict[str, bytes | None], add: dict[str, bytes] | None = None) -> Path:
    target = package.with_name("changed.zip")
    with zipfile.ZipFile(package) as read, zipfile.ZipFile(target, "w") as write:
        for name in read.namelist():
            content = change.get(name, read.read(name))
            if content is not None:
                write.writestr(name, content)
        for name, content in (add or {}).items():
            write.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("change", "add", "codes"),
    [
        ({"materials/001_申请表.pdf": b"another form"}, {}, ["altered"]),
        ({"materials/001_申请表.pdf": None}, {}, ["missing"]),
        ({}, {"materials/002.pdf": b"x"}, ["added"]),
        ({"SM3SUMS.sig": None}, {}, ["unsigned"]),
        ({"SM3SUMS.sig": b"{}"}, {}, ["signature"]),
    ],
)
def test_what_was_done_to_it_is_named(
    package: Path, change: dict[str, bytes | None], add: dict[str, bytes], codes: list[str]
) -> None:
    changed = rewritten(package, change, add)
    assert [one.code for one in verify_package(changed).findings] == codes
    assert CliRunner().invoke(app, ["verify", str(changed)]).exit_code == 1


def test_new_sums_for_a_changed_file_break_the_signature(package: Path) -> None:
    with zipfile.ZipFile(package) as read:
        sums = read.read("SM3SUMS").decode()
    from kunyu.kernel.digests import sm3_hex

    line = next(one for one in sums.splitlines() if one.endswith("申请表.pdf"))
    forged = sums.replace(line[:64], sm3_hex(b"another form")).encode()
    changed = rewritten(package, {"materials/001_申请表.pdf": b"another form", "SM3SUMS": forged})
    assert [one.code for one in verify_package(changed).findings] == ["signature"]


def test_a_material_that_is_not_what_it_was_is_not_archived(package: Path) -> None:
    missing = contents(ArchivedFile("x.pdf", "x", "0" * 64))
    with pytest.raises(Exception, match="0000"):
        archives.make(DECIDER, missing)
    assert Archive.objects.get().files == 3


@pytest.mark.quick
def test_other_files_are_no_packages(tmp_path: Path) -> None:
    plain = tmp_path / "x.zip"
    plain.write_bytes(b"no zip")
    with pytest.raises(BadArchive):
        verify_package(plain)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("申请 表.pdf", "申请_表.pdf"), ("..", "file"), ("a/b.pdf", "b.pdf")],
)
def test_names_stay_inside(name: str, kept: str) -> None:
    assert safe_name(name) == kept
