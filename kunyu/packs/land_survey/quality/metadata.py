"""What the metadata of a package says: producer, date, coordinate system, vertical datum. 成果元数据.

No printed metadata standard of the survey was at hand. Read are XML (any nesting: elements are known by their names) and
JSON, under the names below; whoever uses other names adds them here. [unverified]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from kunyu.engines.ingest.checks.delivered import Delivered

FIELDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "producer": ("生产单位", "producer", (
        "producer", "生产单位", "汇交单位", "调查单位", "organisationname", "organizationname", "rporgname",
    )),
    "date": ("日期", "date", ("date", "日期", "生产日期", "完成日期", "元数据日期", "datestamp", "mddatest")),
    "coordinate_system": ("坐标系", "coordinate system", (
        "coordinatesystem", "坐标系", "坐标系统", "坐标参照系", "referencesystem", "refsysname",
    )),
    "vertical_datum": ("高程基准", "vertical datum", ("verticaldatum", "高程基准", "高程系统", "vertdatum")),
}  # fmt: skip
"""What a metadata file says: its names in messages, and the names it is delivered under (lower case, no ``_ - space``)."""

LARGEST_BYTES = 5_000_000
_SUFFIXES = (".xml", ".json")
_MARKS = ("元数据", "metadata", "ysj")


def is_metadata(name: str) -> bool:
    """Whether a file of a package is metadata, by its name or that of its folder."""
    path = Path(name)
    return path.suffix.lower() in _SUFFIXES and any(mark in name.lower() for mark in _MARKS)


def metadata_of(delivery: Delivered) -> dict[str, dict[str, str]]:
    """Return what each metadata file of the delivery says: name in the delivery -> key of ``FIELDS`` -> text.

    A file that cannot be read says nothing: an empty mapping.
    """
    source = delivery.source
    if source is None or source.root is None or not source.root.is_dir():
        return {}
    root = source.root
    return {name: _read(root / name) for name in source.documents if is_metadata(name)}


def _read(path: Path) -> dict[str, str]:
    if path.stat().st_size > LARGEST_BYTES:
        return {}
    raw = path.read_bytes()
    try:
        pairs = list(_json_pairs(json.loads(raw)) if path.suffix.lower() == ".json" else _xml_pairs(raw))
    except (ValueError, ElementTree.ParseError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for key, (_, _, names) in FIELDS.items():
        found[key] = next((text for name, text in pairs if name in names and text), "")
    return {key: text for key, text in found.items() if text}


def _xml_pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:  # entities could grow without end, and metadata needs none
        raise ValueError("document type declarations are not read")
    for element in ElementTree.fromstring(raw).iter():  # noqa: S314 - no entities: see above; size is bounded  # nosec B314
        own = (element.text or "").strip()
        # national schemas wrap a text into elements that name its type
        text = own or " ".join(one.strip() for one in element.itertext() if one.strip())
        yield _plain(element.tag.rpartition("}")[2]), text
        for name, value in element.attrib.items():
            yield _plain(name), value.strip()


def _json_pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, (dict, list)):
                yield from _json_pairs(one)
            elif one is not None:
                yield _plain(name), str(one).strip()
    elif isinstance(value, list):
        for one in value:
            yield from _json_pairs(one)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")
