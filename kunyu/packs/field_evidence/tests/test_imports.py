"""Packages and task lists come in whole, once, verified and on record (R-186)."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from django.db import IntegrityError, connection, transaction

from kunyu.engines.ingest.reference_parts import AskedPart
from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.protection import object_store
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import KunyuError
from kunyu.packs.field_evidence import imports, references, services, task_list
from kunyu.packs.field_evidence.errors import BadDevice, BadTaskList
from kunyu.packs.field_evidence.models import (
    Device,
    EvidenceEvent,
    EvidenceImport,
    EvidencePhoto,
    EvidenceTask,
    PhotoCheck,
    State,
)
from kunyu.packs.field_evidence.photos.package import MANIFEST
from kunyu.packs.field_evidence.samples.simulate import Parcel, Simulated, write_task_list
from kunyu.packs.field_evidence.tests import people

pytestmark = pytest.mark.django_db


def listed(folder: Path, parcels: list[Parcel] | tuple[Parcel, ...], principal: people.Principal) -> task_list.Listed:
    path = folder / "list.gpkg"
    path.unlink(missing_ok=True)
    write_task_list(path, parcels)
    return task_list.import_list(path, path.name, principal)


def counts() -> dict[str, int]:
    kinds = (EvidenceTask, EvidenceEvent, EvidenceImport, EvidencePhoto, PhotoCheck, Device)
    return {kind.__name__: kind.objects.count() for kind in kinds}


def repacked(source: Path, target: Path, change) -> Path:
    """The package with another manifest; pictures as they were."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read(MANIFEST))
        # 1e999 is JSON and infinite; a lone surrogate is JSON and no text
        new.writestr(MANIFEST, json.dumps(change(manifest) or manifest).replace("Infinity", "1e999"))
        for name in old.namelist():
            if name != MANIFEST:
                new.writestr(name, old.read(name))
    return target


def test_an_honest_package_from_list_to_evidence(tmp_path: Path, honest: Simulated) -> None:
    """List → tasks; package → photos with checks, place, picture; the tasks have their sets. Numbers are exact."""
    me = people.surveyor()
    people.register(honest, me)
    assert listed(tmp_path, honest.parcels, me) == task_list.Listed(4, 0)
    entry = imports.import_package(honest.path, "包.zip", me).entry
    assert (entry.photos, entry.photos_bad, entry.already_known, entry.imported_by) == (12, 0, 0, "surveyor")
    assert counts()["PhotoCheck"] == 12 * 17
    task = EvidenceTask.objects.get(number=honest.parcels[0].number)
    assert (task.state, task.photos_good, task.photos_bad, task.is_complete) == (State.EVIDENCED, 3, 0, True)
    photo = task.photos.first()
    assert photo.surveyor == "u0007" and photo.device.number == photo.device_number
    with object_store().open(photo.image_sm3_stored) as stored:
        assert sm3_hex(stored.read()) == photo.image_sm3 == photo.image_sm3_stored
    assert object_store().is_protected(photo.image_sm3_stored)  # 敏感: encrypted at rest
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_X(geom), ST_Y(geom), ST_Intersects(geom, cone), ST_SRID(cone) "
                       "FROM field_evidence_evidencephoto WHERE id = %s", [photo.pk])  # fmt: skip
        assert cursor.fetchone() == (photo.lon, photo.lat, True, 4490)
    said = AuditEntry.objects.filter(action="import-evidence").latest("id")
    assert (said.result, said.detail["photos"], said.detail["bad"]) == ("done", 12, 0)


def test_bad_photos_are_kept_and_marked(tmp_path: Path, seeded: Simulated) -> None:
    """Every photo of a package with every defect is stored; those that bear one say which check failed, and why."""
    me = people.surveyor()
    people.register(seeded, me)
    listed(tmp_path, seeded.parcels, me)
    entry = imports.import_package(seeded.path, "seeded.zip", me).entry
    assert EvidencePhoto.objects.count() == seeded.photos == entry.photos
    failing: dict[str, list[str]] = {}
    for name, code in (
        PhotoCheck.objects.filter(outcome="fail").values_list("photo__name", "check_code").order_by().distinct()
    ):
        failing.setdefault(name, []).append(code)
    assert {name: sorted(codes) for name, codes in failing.items()} == {
        name: sorted(codes) for name, codes in seeded.truth.items()
    }
    assert not EvidenceTask.objects.get(number=seeded.incomplete[0]).is_complete


def test_the_second_click_changes_nothing(tmp_path: Path, honest: Simulated) -> None:
    """The same file answers with the first entry; the same photos in another file are known, not doubled."""
    me = people.surveyor()
    people.register(honest, me)
    listed(tmp_path, honest.parcels, me)
    first = imports.import_package(honest.path, "a.zip", me)
    before = counts()
    again = imports.import_package(honest.path, "b.zip", me)
    assert (again.existing, again.entry.pk, counts()) == (True, first.entry.pk, before)
    other = repacked(honest.path, tmp_path / "again.zip", lambda m: m.update(package="again"))
    third = imports.import_package(other, "again.zip", me)
    assert (third.existing, third.entry.already_known) == (False, 12)
    assert counts() == before | {"EvidenceImport": 2}
    assert listed(tmp_path, honest.parcels, me) == task_list.Listed(0, 4)


def test_nothing_is_half_done(tmp_path: Path, honest: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error after the rows were written leaves none of them."""
    me = people.surveyor()
    people.register(honest, me)
    listed(tmp_path, honest.parcels, me)
    before = counts()

    def fails(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(imports, "_advance", fails)
    with pytest.raises(RuntimeError), transaction.atomic():
        imports.import_package(honest.path, "a.zip", me)
    assert counts() == before


def test_photos_without_a_task_are_kept_apart(honest: Simulated) -> None:
    """Nobody asked for them: they stand with the import, and say so."""
    me = people.surveyor()
    imports.import_package(honest.path, "a.zip", me)
    photo = EvidencePhoto.objects.first()
    assert (photo.task, photo.is_good, photo.division_code) == (None, False, "990101")
    failed = set(photo.checks.filter(outcome="fail").values_list("check_code", flat=True))
    assert failed == {"task", "device"}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(photos=[{"photo": 7, "lon": 113, "taken_at": None, "file": "../../etc/passwd"}]),
        lambda m: m.update(photos=[None, "x", [], {}]),
        lambda m: m["photos"][0].update(lon="1e400", lat="NaN", azimuth="-1", mock="yes", sequence=-4, previous="zz"),
        lambda m: m["photos"][0].update(taken_at="0001-01-01T00:00:00+00:00", device_at="9999-12-31T23:59:59-14:00"),
        lambda m: m["photos"][0].update(photo="\u0000a" * 500, person="张三", device={"a": 1}),
        lambda m: m.update(devices=[{"device": "KY-D-0001", "certificate": "-----BEGIN CERTIFICATE-----"}]),
        lambda m: m.update(tasks="none", photos={}),
        lambda m: m["photos"][0].update(BSM="\ud800", kind="\udfff", note="\u0000", more=[float("inf")]),
    ],
)
def test_wild_records_are_marked_and_never_a_traceback(tmp_path: Path, honest: Simulated, change) -> None:
    """Personal names in place of user ids are refused as a malformed record, like everything else that is wrong."""
    me = people.surveyor()
    listed(tmp_path, honest.parcels, me)
    entry = imports.import_package(repacked(honest.path, tmp_path / "wild.zip", change), "wild.zip", me).entry
    assert EvidencePhoto.objects.filter(package=entry).count() == entry.photos
    assert not EvidencePhoto.objects.filter(surveyor="张三").exists()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x05\x06" + bytes(18), b"no zip", json.dumps({"format": "other"}).encode()]
)
def test_what_is_no_package_is_refused_and_on_record(tmp_path: Path, content: bytes) -> None:
    me = people.surveyor()
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(KunyuError) as refused:
        imports.import_package(path, "x.zip", me)
    assert refused.value.exit_code == 3
    assert counts()["EvidenceImport"] == 0
    assert AuditEntry.objects.filter(action="import-evidence").latest("id").result == "refused"


def test_a_neighbour_brings_nothing_here(tmp_path: Path, honest: Simulated) -> None:
    """Rights hold for the county of the package, whatever its photos say."""
    with pytest.raises(NotAllowed):
        imports.import_package(honest.path, "a.zip", people.surveyor("neighbour", "990102"))
    with pytest.raises(NotVisible):
        imports.import_package(honest.path, "a.zip", people.person("outsider", "990101", people.SURVEYOR, branch="2"))
    with pytest.raises(NotAllowed):
        listed(tmp_path, honest.parcels, people.surveyor("neighbour2", "990102"))
    assert counts()["EvidenceTask"] == counts()["EvidenceImport"] == 0


def test_a_package_of_another_county_reaches_no_task_here(tmp_path: Path, honest: Simulated) -> None:
    mine, theirs = people.surveyor(), people.surveyor("theirs", "990102")
    listed(tmp_path, honest.parcels, mine)
    moved = repacked(honest.path, tmp_path / "moved.zip", lambda m: m.update(division="990102"))
    imports.import_package(moved, "moved.zip", theirs)
    assert set(EvidenceTask.objects.values_list("state", flat=True)) == {State.PENDING}
    assert EvidencePhoto.objects.filter(task=None).count() == 12


def test_a_csv_list_and_what_is_wrong_with_one(tmp_path: Path, parcels: list[Parcel]) -> None:
    """A CSV with WKT works; a list with bad rows is refused whole, by row number."""
    me = people.surveyor()
    path = tmp_path / "list.csv"
    wkt = [one.geometry.wkt for one in parcels[:3]]
    head = "JCBH,XZQDM,TBLX,QSRQ,JZRQ,WKT\n"
    path.write_text(
        head + "".join(f'{p.JCBH},990101,20,2025-09-01,2025/11/30,"{w}"\n' for p, w in zip(parcels, wkt, strict=False))
    )
    assert task_list.import_list(path, "list.csv", me) == task_list.Listed(3, 0)
    path.write_text(
        head + f'a,99,20,,,"{wkt[0]}"\n,990101,20,soon,,"{wkt[1]}"\nb,990101,20,,,POINT (1 1)\nb,990101,20,,,\n'
    )
    with pytest.raises(BadTaskList) as refused:
        task_list.import_list(path, "list.csv", me)
    said = refused.value.detail_zh
    for text in ("没有 JCBH 或 BSM: 第 2 行", "XZQDM 不是 6、9 或 12 位数字: 第 1 行", "编号重复: 第 4 行", "没有多边形: 第 3、4 行",
                 "日期应为 YYYY-MM-DD: 第 2 行"):  # fmt: skip
        assert text in said
    assert EvidenceTask.objects.count() == 3
    plane = tmp_path / "nothing.gpkg"
    pyogrio.raw.write(plane, shapely.to_wkb(np.array([parcels[0].geometry])), [np.array(["x"], object)], ["JCBH"],
                      geometry_type="Polygon", crs=None)  # fmt: skip
    with pytest.raises(BadTaskList):
        task_list.import_list(plane, "nothing.gpkg", me)


def test_reference_parts_for_laptops(tmp_path: Path, honest: Simulated) -> None:
    """Monitoring patches and devices as the reference builder takes them; nothing for whoever may not download (R-186)."""
    me = people.surveyor()
    asked = AskedPart("monitoring_patches", "TDT1057-2020", "990101", me)
    assert references.monitoring_patches(asked) is None  # the node does not know the list
    people.register(honest, me)
    listed(tmp_path, honest.parcels, me)
    part = references.monitoring_patches(asked)
    assert part.rows.to_pydict() == {"JCBH": [p.JCBH for p in honest.parcels], "TBLX": ["20"] * 4}
    assert shapely.equals_exact(part.geometry[0].geoms[0], honest.parcels[0].geometry, 1e-9)
    assert references.devices(asked).rows.to_pydict() == {
        "device": sorted(honest.devices), "public_key": [honest.devices[one].hex() for one in sorted(honest.devices)]
    }  # fmt: skip
    services.revoke_device(me, "KY-D-0001", "遗失")
    assert references.devices(asked).rows.column("device").to_pylist() == ["KY-D-0002"]
    stranger = AskedPart("devices", "TDT1057-2020", "990101", people.reviewer("reader", "990101"))
    assert references.devices(stranger) is references.monitoring_patches(stranger) is None


def test_devices_are_registered_once_with_a_point_of_the_curve(honest: Simulated) -> None:
    me = people.surveyor()
    people.register(honest, me)
    key = next(iter(honest.devices.values())).hex()
    for number, given in (("KY-D-0001", key), ("a b", key), ("new", "04" + "11" * 64), ("new", "zz")):
        with pytest.raises(BadDevice):
            services.register_device(me, number, given, people.bureau().code)
    with pytest.raises(NotAllowed):
        services.register_device(me, "new", key, people.bureau("990102").code)
    assert Device.objects.count() == 2


@pytest.mark.parametrize("table", ["evidenceevent", "evidenceimport", "photocheck"])
def test_histories_are_only_ever_added_to(tmp_path: Path, honest: Simulated, table: str) -> None:
    me = people.surveyor()
    listed(tmp_path, honest.parcels, me)
    imports.import_package(honest.path, "a.zip", me)
    for act in (f"DELETE FROM field_evidence_{table}", f"UPDATE field_evidence_{table} SET id = id"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)


def test_pictures_follow_a_label_that_becomes_strict(honest: Simulated) -> None:
    """What was stored in plain under an open label is encrypted when the label asks for it; again: nothing to do."""
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import Label as LabelRow
    from kunyu.packs.field_evidence.access import COLLECTION

    def label(secrecy: int) -> None:
        LabelRow.objects.filter(collection=COLLECTION).update(state="replaced")
        LabelRow.objects.create(
            collection=COLLECTION, secrecy=secrecy, grading=0, sharing=0, reason="试验", state="approved", proposed_by="a",
            decided_by="b",
        )  # fmt: skip
        epochs.forget()

    label(1)
    plain = repacked(honest.path, honest.path.parent / "plain.zip", lambda m: m.update(package="plain"))
    with zipfile.ZipFile(plain) as packed:  # other bytes than any other test stores
        name = json.loads(packed.read(MANIFEST))["photos"][0]["file"]
        first = packed.read(name)
    assert imports.protect_stored() == 0
    me = people.surveyor()
    entry = imports.import_package(_with_other_pictures(plain, first, name), "plain.zip", me).entry
    stored = entry.items.get(position=0).image_sm3_stored
    assert not object_store().is_protected(stored)
    label(2)
    assert imports.protect_stored() >= 1
    assert object_store().is_protected(stored) and imports.protect_stored() == 0


def _with_other_pictures(source: Path, first: bytes, name: str) -> Path:
    target = source.with_name("other.zip")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for one in old.namelist():
            new.writestr(one, first + b"plain" if one == name else old.read(one))
    return target


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_one_instant(tmp_path: Path, honest: Simulated) -> None:
    """Two people send the same file at once: one entry, every photo once, both are answered with it."""
    from concurrent.futures import ThreadPoolExecutor

    me = people.surveyor()
    people.register(honest, me)
    listed(tmp_path, honest.parcels, me)

    def click(_: int) -> imports.Imported:
        try:
            return imports.import_package(honest.path, "a.zip", me)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(click, range(4)))
    assert len({one.entry.pk for one in answers}) == 1
    assert [one.existing for one in answers].count(False) == 1
    assert (EvidenceImport.objects.count(), EvidencePhoto.objects.count()) == (1, 12)
    assert EvidenceTask.objects.get(number=honest.parcels[0].number).photos_good == 3
