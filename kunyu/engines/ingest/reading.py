"""Open what somebody delivered: a file, a folder or a zip → the layers in it. 读取汇交成果.

GeoPackage, Shapefile, File Geodatabase, GeoParquet, VCT 3.0, GeoJSON, GML, OSM extracts, FlatGeobuf, SpatiaLite and
lone DBF tables. Nothing is written beside the delivered files; zips are unpacked under ``safe_unpack``'s limits into a folder
that ``close`` removes. What a file leaves unsaid (encoding, coordinate system) becomes a note, never a guess in
silence. Django-free.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from kunyu.engines.ingest.layer_facts import read_layers
from kunyu.engines.ingest.source_layers import (
    GEOMETRY,
    Note,
    SourceField,
    SourceLayer,
    unreadable,
)
from kunyu.engines.ingest.unpacking import (
    DEFAULT_LIMITS,
    UnpackLimits,
    UnsafeArchive,
    is_archive,
    safe_unpack,
    unpack_gzip,
)
from kunyu.engines.ingest.vct.layers import read_vct
from kunyu.kernel.digests import canonical_json, sm3_file, sm3_hex
from kunyu.kernel.errors import UnreadableInput

__all__ = [
    "GEOMETRY", "DeliverySource", "Note", "SourceField", "SourceLayer", "UnpackLimits", "UnsafeArchive",
    "input_digest", "open_delivery", "safe_unpack",
]  # fmt: skip

VECTOR_SUFFIXES = (
    ".gpkg", ".shp", ".parquet", ".geoparquet", ".geojson", ".gml", ".pbf", ".osm", ".fgb", ".sqlite", ".vct",
)  # fmt: skip
ONLY_WHEN_NAMED = (".json", ".dbf", ".kml", ".xml")
"""Read when the path names the file itself; in a folder they are documents (a DBF without .shp is a table)."""
_SHAPE_PARTS = (".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qpj", ".shp.xml")


@dataclass(frozen=True)
class DeliverySource:
    """An opened delivery.

    ``path`` is what was handed in, ``layers`` its spatial layers and tables sorted by file and name, ``documents``
    every other file (names inside the delivery, POSIX slashes). ``headers`` are what a file says of itself before its
    layers (VCT): file name inside the delivery -> key -> value. Close it, or use it in ``with``.
    """

    path: Path
    layers: tuple[SourceLayer, ...]
    documents: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    root: Path | None = None
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _scratch: Path | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._scratch is not None:
            weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)

    def __enter__(self) -> DeliverySource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was unpacked; the layers cannot be read any more if there was an archive."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def layer(self, name: str) -> SourceLayer:
        """Return the layer of that name, whatever its case.

        Raises
        ------
        KeyError
            There is none.
        """
        for one in self.layers:
            if one.name.lower() == name.lower():
                return one
        raise KeyError(name)

    def input_sm3(self) -> str:
        """Return the digest of what was handed in (``input_digest``)."""
        return input_digest(self.path)


def open_delivery(
    path: str | Path,
    *,
    limits: UnpackLimits = DEFAULT_LIMITS,
    encoding: str | None = None,
    scratch: str | Path | None = None,
) -> DeliverySource:
    """Open a delivery and read what its layers declare; rows are read later.

    Parameters
    ----------
    path : path
        A file, a folder, a zip of either, or a ``.osm.gz``.
    limits : UnpackLimits
        What an archive may claim.
    encoding : str, optional
        Text encoding of shapefiles, when the person who delivers knows better than the files.
    scratch : path, optional
        Where to unpack; the system's temporary folder when left out.

    Raises
    ------
    UnreadableInput
        Nothing there, nothing readable, or damaged; names the file and the reason.
    UnsafeArchive
        See ``safe_unpack``.
    """
    given = Path(path)
    if not given.exists():
        raise unreadable(given.name, "no such file", "文件不存在")
    folder = Path(tempfile.mkdtemp(prefix="kunyu-", dir=scratch))
    try:
        return _open(given, folder, limits, encoding)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def input_digest(path: str | Path) -> str:
    """Return the SM3 that names an input: of the file, or of the sorted list (name, SM3) of a folder's files.

    A shapefile given by its ``.shp`` stands for all its parts.
    """
    given = Path(path)
    if given.is_dir():
        files = sorted(one for one in given.rglob("*") if one.is_file())
        names = [one.relative_to(given).as_posix() for one in files]
    elif given.suffix.lower() == ".shp":
        files = sorted({given, *_siblings(given)})
        names = [one.name for one in files]
    else:
        return sm3_file(given)
    return sm3_hex(canonical_json(sorted([name, sm3_file(one)] for name, one in zip(names, files, strict=True))))


def _open(given: Path, scratch: Path, limits: UnpackLimits, encoding: str | None) -> DeliverySource:
    root = given
    if given.is_file() and given.suffix.lower() == ".zip":
        root = scratch / "unpacked"
        root.mkdir()
        safe_unpack(given, root, limits)
    elif given.is_file() and given.name.lower().endswith((".osm.gz", ".osm.pbf.gz", ".gml.gz", ".geojson.gz")):
        root = unpack_gzip(given, scratch / given.name[:-3], limits)
    datasets, documents = _find(root)
    layers: list[SourceLayer] = []
    headers: dict[str, Mapping[str, str]] = {}
    for dataset, name in datasets:
        if dataset.suffix.lower() == ".vct":
            found, headers[name] = read_vct(dataset, name, scratch)
            layers.extend(found)
        else:
            layers.extend(read_layers(dataset, name, scratch, encoding))
    if not layers:
        raise _nothing_inside(given, documents)
    layers.sort(key=lambda one: (one.file, one.name))
    notes = tuple(_archive_note(name) for name in documents if is_archive(name))
    return DeliverySource(given, tuple(layers), tuple(documents), notes, root, headers, scratch)


def _find(root: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """Return the datasets (path, name inside the delivery) and the other files."""
    if root.is_file():
        if root.suffix.lower() not in (*VECTOR_SUFFIXES, *ONLY_WHEN_NAMED):
            raise unreadable(root.name, f"format {root.suffix} is unknown", f"不认识的格式 {root.suffix}")
        return [(root, root.name)], []
    if _is_geodatabase(root):
        return [(root, root.name)], []
    datasets: list[tuple[Path, str]] = []
    documents: list[str] = []
    for path in _walk(root):
        name = path.relative_to(root).as_posix()
        if _is_dataset(path):
            datasets.append((path, name))
        elif path.is_file() and not _is_part_of_shapefile(path):
            documents.append(name)
    return datasets, documents


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue  # a link could lead out of the delivery
        if path.is_dir() and not _is_geodatabase(path):
            yield from _walk(path)
        else:
            yield path


def _is_geodatabase(path: Path) -> bool:
    return path.is_dir() and (path.suffix.lower() == ".gdb" or (path / "a00000001.gdbtable").is_file())


def _is_dataset(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix == ".dbf":
        return not any(path.with_suffix(one).exists() for one in (".shp", ".SHP", ".Shp"))
    return path.is_dir() or suffix in VECTOR_SUFFIXES


def _is_part_of_shapefile(path: Path) -> bool:
    name = path.name.lower()
    suffix = next((one for one in _SHAPE_PARTS if name.endswith(one)), None)
    if suffix is None:
        return False
    stem = path.name[: -len(suffix)]
    return any((path.parent / (stem + one)).exists() for one in (".shp", ".SHP", ".Shp", ".dbf", ".DBF"))


def _siblings(shape: Path) -> list[Path]:
    return [one for one in shape.parent.iterdir() if one.is_file() and one.name.startswith(shape.stem + ".")]


def _archive_note(name: str) -> Note:
    return Note(
        "nested_archive", f"压缩包 {name} 在成果之内, 未打开", f"Archive {name} inside the delivery: not opened"
    )


def _nothing_inside(given: Path, documents: list[str]) -> UnreadableInput:
    nested = [name for name in documents if is_archive(name)]
    if nested:
        return unreadable(
            given.name, f"only an archive inside the archive, {nested[0]}: unpack it first",
            f"只有套在里面的压缩包 {nested[0]}, 请先解压",
        )  # fmt: skip
    listed = ", ".join(documents[:5])
    return unreadable(
        given.name, f"no readable layer inside ({listed or 'empty'})", f"没有可读的图层 ({listed or '空'})"
    )
