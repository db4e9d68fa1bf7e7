"""Scaffold a pack: ``python tools/new_pack.py land_conversion [中文名]``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "tools" / "pack_template"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def new_pack(name: str, name_zh: str = "", root: Path = ROOT) -> list[Path]:
    """Write the files of a new pack and return them; the entry point stands in ``pyproject.toml``.

    Raises
    ------
    ValueError
        The name is not lower_snake_case, or the pack exists.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"NAME={name!r}: a pack is named in lower_snake_case, for example land_conversion")
    folder = root / "kunyu" / "packs" / name
    if folder.exists():
        raise ValueError(f"{folder} exists already")
    values = {
        "{name}": name,
        "{name_zh}": name_zh or "TODO：正式名称",
        "{name_en}": name.replace("_", " ").capitalize(),
    }
    written = []
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        text = source.read_text("utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        target = folder / source.relative_to(TEMPLATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    _declare(root / "pyproject.toml", name)
    return written


def _declare(project: Path, name: str) -> None:
    head = '[project.entry-points."kunyu.packs"]\n'
    text = project.read_text("utf-8")
    project.write_text(text.replace(head, f'{head}{name} = "kunyu.packs.{name}"\n', 1), encoding="utf-8")


def main() -> int:
    """Scaffold and say what to do next."""
    try:
        written = new_pack(*sys.argv[1:3])
    except (ValueError, TypeError) as error:
        print(f"make new-pack NAME=land_conversion\n{error}", file=sys.stderr)
        return 2
    for path in written:
        print(path.relative_to(ROOT))
    print("next: fill in pack.toml and README.md; one model, one rule, one sample, one test; make check")
    return 0


if __name__ == "__main__":
    sys.exit(main())
