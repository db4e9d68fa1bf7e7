"""The matters that ship with the product: 55 entries of the catalogue, and what installed packs define whole. 随系统事项.

An edition as shipped is published once. A node whose owner published a newer one over it keeps that; a release that
changes a matter is published on top of whatever stands.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from django.db import transaction

from kunyu.engines.matters.definitions import canonical
from kunyu.engines.matters.definitions.editions import is_of_this_zone, publish
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.definitions.packs import pack_folders
from kunyu.engines.matters.definitions.reading import FILE, read_matter_folder
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.security import roles
from kunyu.engines.security.scope import Principal

DATA = Path(__file__).resolve().parents[1] / "data"
REASON = "随系统发布"


@transaction.atomic
def load(principal: Principal, codes: Collection[str] | None = None) -> int:
    """Publish what ships and is not there yet; run again it changes nothing (R-298, R-300).

    Parameters
    ----------
    codes : only these matters; None all.

    Returns
    -------
    int
        How many editions were published.

    Raises
    ------
    NotAllowed, BadMatter, BadFlow
    """
    wanted = {code: one for code, one in shipped().items() if codes is None or code in codes}
    known = _digests(wanted)
    roles.load_built_in(principal)
    made = 0
    for code, (content, pack) in wanted.items():
        if _digest(content) not in known.get(code, ()):
            publish(principal, content.definition, content.flow, content.tables, reason=REASON, pack=pack)
            made += 1
    _open_by_zone(wanted)
    return made


def shipped() -> dict[str, tuple[Content, str]]:
    """What ships, by code of the matter: its content, and the pack that defines it ('' for an entry of the catalogue)."""
    return dict(_read((DATA, *(folder for folder in pack_folders() if (folder / FILE).is_file()))))


@lru_cache(maxsize=8)
def _read(folders: tuple[Path, ...]) -> tuple[tuple[str, tuple[Content, str]], ...]:
    """A program's files do not change while it runs: packs later in the list define a matter over earlier ones."""
    found: dict[str, tuple[Content, str]] = {}
    for folder in folders:
        read = read_matter_folder(folder)
        pack = "" if folder == DATA else folder.name
        for one in read.definitions.values():
            flow, tables = (read.flow, read.decisions) if one.process else ("", {})
            found[one.code] = (Content(one, flow, tables), pack)
    return tuple(found.items())


def _digests(codes: Collection[str]) -> dict[str, set[str]]:
    rows = MatterEdition.objects.filter(matter__code__in=codes, division_code="").exclude(state="draft")
    found: dict[str, set[str]] = {}
    for code, digest in rows.values_list("matter__code", "digest"):
        found.setdefault(code, set()).add(digest)
    return found


def _digest(content: Content) -> str:
    return canonical.digest_of_edition(canonical.to_json(content.definition), content.flow, content.tables)


def _open_by_zone(wanted: dict[str, tuple[Content, str]]) -> None:
    """A node moved to another network takes applications for the matters of that network only (R-310)."""
    closed = [code for code, (content, _) in wanted.items() if not is_of_this_zone(content.definition)]
    opened = [code for code, (content, _) in wanted.items() if content.definition.is_complete and code not in closed]
    Matter.objects.filter(code__in=closed, is_open=True).update(is_open=False)
    Matter.objects.filter(code__in=opened, is_open=False).update(is_open=True)
