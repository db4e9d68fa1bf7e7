"""Text of OFD pages (GB/T 33190) from their XML, with places. OFD 文字读取.

Reads what text extraction needs: document root, pages, page templates, text objects and the pictures of scanned pages.
Entities and document types are refused; names that leave the archive are not followed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lxml import etree

from kunyu.engines.matters.materials.text_pages import Box, Line

LARGEST_XML = 64 << 20
_MOST_OBJECTS = 50_000
_TAG = "{*}"


class BrokenOfd(ValueError):
    """The file is no OFD that can be followed: the message says which part."""


@dataclass(frozen=True)
class OfdPage:
    """One page: its size in millimetres, the lines of its text, names of the pictures on it, largest first."""

    number: int
    width_mm: float
    height_mm: float
    lines: tuple[Line, ...]
    pictures: tuple[str, ...]


@dataclass
class _Run:
    """One text code: place in millimetres."""

    text: str
    box: Box


@dataclass
class _Document:
    archive: zipfile.ZipFile
    folder: PurePosixPath
    size: tuple[float, float]
    pages: list[str]
    templates: dict[str, str]
    media: dict[str, str] = field(default_factory=dict)


def page_count(path: Path) -> int:
    """Pages of all documents in the file. Raises BrokenOfd."""
    with _opened(path) as archive:
        return sum(len(one.pages) for one in _documents(archive))


def pages(path: Path) -> Iterator[OfdPage]:
    """Pages in order. Raises BrokenOfd."""
    number = 0
    with _opened(path) as archive:
        for document in _documents(archive):
            for place in document.pages:
                number += 1
                yield _page(document, place, number)


def picture(path: Path, name: str) -> bytes:
    """Bytes of a picture on a page."""
    with _opened(path) as archive:
        return archive.read(name)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError, OSError, EOFError, NotImplementedError) as error:
        raise BrokenOfd(str(error) or type(error).__name__) from error


def _documents(archive: zipfile.ZipFile) -> Iterator[_Document]:
    roots = _tree(archive, "OFD.xml").findall(f".//{_TAG}DocRoot")
    for root in roots[:50]:
        place = _within(PurePosixPath(""), root.text)
        tree, folder = _tree(archive, place), PurePosixPath(place).parent
        common = tree.find(f"{_TAG}CommonData")
        box = None if common is None else common.find(f"{_TAG}PageArea/{_TAG}PhysicalBox")
        document = _Document(
            archive, folder, _size(box),
            [_within(folder, one.get("BaseLoc")) for one in tree.findall(f"{_TAG}Pages/{_TAG}Page")],
            {str(one.get("ID")): _within(folder, one.get("BaseLoc")) for one in tree.iter(f"{_TAG}TemplatePage")},
        )  # fmt: skip
        if common is not None:
            _add_media(document, common)
        yield document


def _add_media(document: _Document, common: etree._Element) -> None:
    for kind in ("PublicRes", "DocumentRes"):
        for one in common.findall(f"{_TAG}{kind}"):
            place = _within(document.folder, one.text)
            tree = _tree(document.archive, place)
            base = PurePosixPath(place).parent / (tree.get("BaseLoc") or "")
            for media in tree.iter(f"{_TAG}MultiMedia"):
                file = media.find(f"{_TAG}MediaFile")
                if media.get("Type") == "Image" and file is not None:
                    document.media[str(media.get("ID"))] = _within(base, file.text)


def _page(document: _Document, place: str, number: int) -> OfdPage:
    tree = _tree(document.archive, place)
    box = tree.find(f"{_TAG}Area/{_TAG}PhysicalBox")
    width, height = _size(box, document.size)
    trees = [tree]
    for one in tree.findall(f"{_TAG}Template"):
        template = document.templates.get(str(one.get("TemplateID")))
        if template:
            trees.append(_tree(document.archive, template))
    runs = [run for one in trees for run in _runs(one)]
    return OfdPage(number, width, height, tuple(_lines(runs, width, height)), tuple(_pictures(document, trees)))


def _runs(tree: etree._Element) -> Iterator[_Run]:
    for count, shown in enumerate(tree.iter(f"{_TAG}TextObject")):
        if count >= _MOST_OBJECTS:
            return
        left, top, width, height = _numbers(shown.get("Boundary"), 4) or (0.0, 0.0, 0.0, 0.0)
        for code in shown.findall(f"{_TAG}TextCode"):
            text = code.text or ""
            if not text.strip():
                continue
            down = (_numbers(code.get("Y"), 1) or (0.0,))[0]
            size = (_numbers(shown.get("Size"), 1) or (height,))[0]
            base = top + down
            yield _Run(text, (left, base - size, left + width, base))


def _lines(runs: list[_Run], width: float, height: float) -> Iterator[Line]:
    """Runs of one height, from left to right; a gap wider than a letter and a half is a tab."""
    rows: list[list[_Run]] = []
    for run in sorted(runs, key=lambda one: (one.box[3], one.box[0])):
        tall = max(run.box[3] - run.box[1], 0.1)
        if rows and abs(rows[-1][0].box[3] - run.box[3]) < tall / 2:
            rows[-1].append(run)
        else:
            rows.append([run])
    for row in rows:
        row.sort(key=lambda one: one.box[0])
        text, end = "", row[0].box[0]
        for run in row:
            tall = max(run.box[3] - run.box[1], 0.1)
            text += ("\t" if run.box[0] - end > 1.5 * tall and text else "") + run.text
            end = run.box[2]
        box = (row[0].box[0], min(one.box[1] for one in row), end, max(one.box[3] for one in row))
        yield Line(text, 1.0, (box[0] / width, box[1] / height, box[2] / width, box[3] / height))


def _pictures(document: _Document, trees: list[etree._Element]) -> list[str]:
    found = []
    for tree in trees:
        for one in tree.iter(f"{_TAG}ImageObject"):
            name = document.media.get(str(one.get("ResourceID")))
            box = _numbers(one.get("Boundary"), 4)
            if name and box:
                found.append((box[2] * box[3], name))
    return [name for _, name in sorted(found, reverse=True)]


def _tree(archive: zipfile.ZipFile, name: str) -> etree._Element:
    info = archive.getinfo(name)
    if info.file_size > LARGEST_XML:
        raise BrokenOfd(f"{name}: {info.file_size} B > {LARGEST_XML} B")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    tree = etree.fromstring(archive.read(name), parser)
    if tree.getroottree().docinfo.doctype:
        raise BrokenOfd(f"{name}: DOCTYPE")
    return tree


def _within(folder: PurePosixPath, place: str | None) -> str:
    """A place named in the file, as a name of the archive."""
    text = (place or "").strip()
    path = PurePosixPath(text.lstrip("/")) if text.startswith("/") else folder / text
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if not parts:
                raise BrokenOfd(f"{text}: 指向文件之外 / leaves the file")
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _size(box: etree._Element | None, otherwise: tuple[float, float] = (210.0, 297.0)) -> tuple[float, float]:
    found = _numbers(None if box is None else box.text, 4)
    return (found[2], found[3]) if found and found[2] > 0 and found[3] > 0 else otherwise


def _numbers(text: str | None, count: int) -> tuple[float, ...] | None:
    try:
        found = tuple(float(one) for one in (text or "").split()[:count])
    except ValueError:
        return None
    return found if len(found) == count and all(abs(one) < 1e6 for one in found) else None
