"""What installed packs bring: folders that may define matters, rules by their source. 已安装的业务包."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

from kunyu.engines.matters.definitions import files
from kunyu.engines.matters.own_rules import OWN_RULES


def pack_folders() -> tuple[Path, ...]:
    """Folders of the installed packs, in the order of the setting."""
    found = (find_spec(name) for name in settings.INSTALLED_PACKS)
    return tuple(Path(one.origin).parent for one in found if one is not None and one.origin is not None)


def installed_rules() -> frozenset[str]:
    """Ids of the rules that installed packs and the engine itself declare: what a matter on this node may name."""
    return _rules(pack_folders()) | _own_rules()


@lru_cache(maxsize=8)
def _rules(folders: tuple[Path, ...]) -> frozenset[str]:
    """A program's files do not change while it runs."""
    return frozenset().union(*(files.rules_of(folder) or () for folder in folders))


@lru_cache(maxsize=1)
def _own_rules() -> frozenset[str]:
    sources = [Path(one.origin) for one in map(find_spec, OWN_RULES) if one is not None and one.origin is not None]
    return frozenset(
        rule for path in sources for rule in files.declared_rules(path.read_text(encoding="utf-8"), path.name)
    )
