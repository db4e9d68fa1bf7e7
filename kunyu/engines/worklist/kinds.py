"""The declared kinds of tasks, notifications and incidents: every installed application's ``worklist.toml``.

::

    [task.delivery_approval]
    name_zh = "审核发布"
    name_en = "Approve and publish"
    due_workdays = 3            # time limit; leave out for none
    yellow_workdays = 1         # yellow from this many remaining workdays on
    action = "approve"          # right that may take it; or duty = "security"
    by_subject = true           # done when its subject moves on (published, decided), never by hand

    [notice.delivery_returned]
    name_zh = "成果退回"
    name_en = "Delivery returned"
    mail = true                 # on until the person says otherwise; default false
    sms = false

Values may be changed for one node by ``worklist.toml`` in its state folder: time limits, channels, names; codes not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings

from kunyu.engines.worklist.errors import BadKinds, UnknownKind

FILE_NAME = "worklist.toml"


@dataclass(frozen=True)
class TaskKind:
    """What tasks of one kind have in common; workdays are whole."""

    code: str
    name_zh: str
    name_en: str
    due_workdays: int | None = None
    yellow_workdays: int = 1
    action: str = ""
    duty: str = ""
    by_subject: bool = False


@dataclass(frozen=True)
class NoticeKind:
    """What notifications or incidents of one kind have in common; ``mail`` and ``sms`` are the defaults."""

    code: str
    name_zh: str
    name_en: str
    mail: bool = False
    sms: bool = False


Kind = TypeVar("Kind", TaskKind, NoticeKind)


@dataclass(frozen=True)
class Kinds:
    """Every declared kind by its code."""

    tasks: Mapping[str, TaskKind]
    notices: Mapping[str, NoticeKind]


@lru_cache(maxsize=1)
def kinds() -> Kinds:
    """Read the declarations once per process.

    Raises
    ------
    BadKinds
        A file is no TOML, lacks a name, has an unknown value, or two applications declare the same code.
    """
    tasks: dict[str, TaskKind] = {}
    notices: dict[str, NoticeKind] = {}
    for path in _files():
        said = _read(path)
        _declare(path, said.get("task", {}), TaskKind, tasks)
        _declare(path, said.get("notice", {}), NoticeKind, notices)
    overlay = Path(settings.KUNYU_HOME) / FILE_NAME
    if overlay.is_file():
        said = _read(overlay)
        _change(overlay, said.get("task", {}), tasks)
        _change(overlay, said.get("notice", {}), notices)
    return Kinds(tasks, notices)


def task_kind(code: str) -> TaskKind:
    """Return one declared kind of tasks. Raises UnknownKind."""
    return _one(kinds().tasks, code)


def notice_kind(code: str) -> NoticeKind:
    """Return one declared kind of notifications. Raises UnknownKind."""
    return _one(kinds().notices, code)


def _one(known: Mapping[str, Kind], code: str) -> Kind:
    if code not in known:
        raise UnknownKind(
            f"没有声明事项类型 {code}；请写入所属应用的 {FILE_NAME}。",
            f"The kind {code} is not declared; add it to the {FILE_NAME} of the application it belongs to.",
            kind=code,
        )
    return known[code]


def _files() -> Iterator[Path]:
    for config in apps.get_app_configs():
        path = Path(config.path) / FILE_NAME
        if config.name.startswith("kunyu.") and path.is_file():
            yield path


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise _bad(path, str(error)) from error


def _declare(path: Path, said: dict[str, dict[str, Any]], kind: type[Kind], known: dict[str, Kind]) -> None:
    for code, values in said.items():
        if code in known:
            raise _bad(path, f"{code} is declared twice")
        try:
            known[code] = kind(code=code, **values)
        except TypeError as error:
            raise _bad(path, f"{code}: {error}") from error


def _change(path: Path, said: dict[str, dict[str, Any]], known: dict[str, Kind]) -> None:
    for code, values in said.items():
        if code not in known:
            raise _bad(path, f"{code} is not declared by any application")
        allowed = {field.name for field in fields(known[code])} - {"code", "action", "duty", "by_subject"}
        wrong = sorted(values.keys() - allowed)
        if wrong:
            raise _bad(path, f"{code}: {wrong[0]} may not be changed here")
        known[code] = replace(known[code], **values)


def _bad(path: Path, why: str) -> BadKinds:
    return BadKinds(f"事项类型文件 {path} 有误：{why}", f"The file of kinds {path} is wrong: {why}", file=str(path))
