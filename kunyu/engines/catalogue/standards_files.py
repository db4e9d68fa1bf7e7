"""Read the files of a standard: TOML and CSV, strictly. Pure."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kunyu.engines.catalogue.standards_model import BadStandard


def bad(where: str, zh: str, en: str) -> BadStandard:
    """The error of a standard whose files are wrong; ``where`` is file and, if known, key."""
    return BadStandard(f"标准文件 {where}：{zh}", f"Standard file {where}: {en}", file=where)


def read_toml(folder: Path, name: str, files: dict[str, Any]) -> dict[str, Any]:
    """Content of a TOML file; also kept in ``files`` under its name, for the digest."""
    where = f"{folder.name}/{name}"
    try:
        content = tomllib.loads((folder / name).read_bytes().decode("utf-8").replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise bad(where, f"无法读取：{why}", f"cannot be read: {why}") from why
    files[name] = content
    return content


def read_csv(folder: Path, name: str, columns: list[str], files: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of a CSV file that must have exactly ``columns``; also kept in ``files``, for the digest."""
    where = f"{folder.name}/{name}"
    try:
        text = (folder / name).read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as why:
        raise bad(where, f"无法读取：{why}", f"cannot be read: {why}") from why
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames != columns:
        raise bad(where, f"列应为 {','.join(columns)}", f"columns must be {','.join(columns)}")
    rows = list(reader)
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise bad(
                where,
                f"第 {number} 行列数不对",
                f"line {number} has the wrong number of columns",
            )
        if row["verified"] not in ("true", "false"):
            raise bad(
                where,
                f"第 {number} 行 verified 应为 true 或 false",
                f"line {number}: verified must be true or false",
            )
    files[name] = rows
    return rows


def require_known_keys(given: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    """Refuse keys nobody reads: a misspelt key would otherwise be silently without effect."""
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise bad(
            where,
            f"不认识的键 {'、'.join(unknown)}",
            f"unknown keys {', '.join(unknown)}",
        )


def require_choice(value: Any, allowed: tuple[str, ...], key: str, where: str) -> None:
    """Refuse a value outside a closed list."""
    if value not in allowed:
        choices = "/".join(allowed)
        raise bad(
            where,
            f"{key} = {value!r}，应为 {choices}",
            f"{key} = {value!r}, must be one of {choices}",
        )
