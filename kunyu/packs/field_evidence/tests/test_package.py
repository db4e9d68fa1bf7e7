"""Packages that lie: names that climb, pictures that are not there, bombs, wild manifests (R-186)."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.engines.ingest.unpacking import UnsafeArchive
from kunyu.kernel.errors import UnreadableInput
from kunyu.packs.field_evidence.photos.checks import assess
from kunyu.packs.field_evidence.photos.package import MANIFEST, NotEvidence, is_package, open_package, read_photo
from kunyu.packs.field_evidence.samples.simulate import Simulated

pytestmark = pytest.mark.quick


def packed(path: Path, manifest: object, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(MANIFEST, manifest if isinstance(manifest, (str, bytes)) else json.dumps(manifest))
        for name, content in files.items():
            out.writestr(name, content)
    return path


HEAD = {"format": "kunyu-evidence", "version": 1, "division": "990101"}


@pytest.mark.parametrize(
    "manifest",
    [
        b"\xff\xfe",
        "[]",
        "null",
        "{}",
        '{"format": "kunyu-evidence", "version": 2}',
        "[" * 100_000,
        '{"format": NaN}',
        "1e99999",
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: str) -> None:
    path = packed(tmp_path / "x.zip", manifest)
    with pytest.raises(NotEvidence) as refused, open_package(path):
        pass
    assert "x.zip 不是举证包" in refused.value.detail_zh
    is_package(path)


def test_names_that_leave_the_package_find_nothing(tmp_path: Path) -> None:
    """A record may name any file; only those of the package are read."""
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    names = ["../secret.jpg", str(tmp_path / "secret.jpg"), "photos/../../secret.jpg", ".", "", "photos"]
    path = packed(tmp_path / "x.zip", {**HEAD, "photos": [{"file": name} for name in names]}, **{"photos/a.jpg": b"x"})
    with open_package(path) as package:
        assert [package.image(one) for one in package.photos] == [None] * len(names)


def test_members_that_climb_refuse_the_package(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", HEAD, **{"../out.jpg": b"x"})
    with pytest.raises(UnsafeArchive), open_package(path):
        pass
    assert not (tmp_path.parent / "out.jpg").exists()


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", HEAD, **{"photos/a.jpg": bytes(200 << 20)})
    with pytest.raises(UnsafeArchive), open_package(path):
        pass


def test_a_truncated_zip_is_unreadable(tmp_path: Path, honest: Simulated) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(honest.path.read_bytes()[:-2000])
    with pytest.raises(UnreadableInput), open_package(path):
        pass


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters(exclude_categories=()), max_size=80), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_record_is_read_and_judged(honest: Simulated, data: st.DataObject) -> None:
    """Whatever stands in a record, the photo is read, checked and marked; nothing raises."""
    with open_package(honest.path) as package:
        record = dict(package.photos[0].metadata)
        for name in data.draw(st.lists(st.sampled_from(sorted(record)), min_size=1, max_size=6)):
            record[name] = data.draw(_VALUES)
        from dataclasses import replace

        changed = replace(package, photos=(read_photo(record), package.photos[1]))
        found = assess(changed, {one.number: one.target for one in honest.parcels})
        assert len(found[0].verdicts) == len(found[1].verdicts) == 17
        if record != dict(package.photos[0].metadata):
            assert not found[0].good
