"""Reads a folder that defines matters. 读取事项文件夹.

``matters.toml`` has one table per matter; forms, flow, decision tables and templates are files beside it. Nothing is
executed and no database is asked: the same reading serves packs, an owner's upload and the check of a folder. Every
fault is ``BadMatter`` with file, key, value and what to do.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kunyu.engines.matters.definitions import files
from kunyu.engines.matters.definitions.canonical import in_order
from kunyu.engines.matters.definitions.checks import check_definition
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.matter import (
    KINDS,
    LEVELS,
    TEMPLATES,
    ZONES,
    Definition,
    Fee,
    MaterialKind,
    Stage,
)
from kunyu.engines.matters.definitions.tables import Table

FILE = "matters.toml"
FLOW = "workflow.bpmn"
MOST_MATTERS = 500
_MATTER = re.compile(r"[A-Z0-9][A-Za-z0-9-]{0,39}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_OUTCOME = re.compile(r"[a-z][a-z_]{0,39}")
_FORMAT = re.compile(r"[a-z0-9]{1,8}")
_BRANCH = re.compile(r"[0-9]{1,5}(-[0-9]{3})?")
_RULE = re.compile(r"[A-Z][A-Z0-9]{0,7}-[A-Z0-9]{1,8}")
_PROCESS = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,79}")


@dataclass(frozen=True)
class MatterFolder:
    """A folder as read: its matters by table, the flow file, decision tables by decision id, where they stand."""

    definitions: Mapping[str, Definition]
    flow: str = ""
    decisions: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None


def read_folder(folder: Path) -> list[Definition]:
    """The matters of a folder in the order of its file; see :func:`read_matter_folder`."""
    return list(read_matter_folder(folder).definitions.values())


def read_matter_folder(folder: Path) -> MatterFolder:
    """Everything of a folder that defines matters.

    Raises
    ------
    BadMatter
        The first fault met: file, key, value, remedy in its context and sentences.
    """
    tables = read_tables(files.text_of(folder, FILE), FILE)
    flow = files.text_of(folder, FLOW) if (folder / FLOW).exists() else ""
    decisions = files.decisions_of(folder)
    rules = files.rules_of(folder)
    found = {name: _definition(name, given, folder) for name, given in tables.items()}
    for name, one in found.items():
        check_definition(one, Place(FILE, name), rules)
        if one.process and not flow:
            raise bad(Place(FILE, name).at("process"), one.process, f"文件夹中没有 {FLOW}", f"the folder has no {FLOW}",
                      f"放入流程文件 {FLOW}", f"Put the flow {FLOW} beside it")  # fmt: skip
    _once(found)
    return MatterFolder(found, flow, decisions, folder)


def read_tables(text: str, file: str) -> dict[str, Mapping[str, Any]]:
    """The tables of a TOML text by name.

    Raises
    ------
    BadMatter
        It is no TOML, or something stands outside the tables of matters.
    """
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise bad(
            Place(file), None, f"不是 TOML：{error}", f"no TOML: {error}", "按提示的行列改正", "Mend the line it names"
        ) from error
    if not 0 < len(found) <= MOST_MATTERS:
        raise bad(Place(file), len(found), f"须有1至{MOST_MATTERS}个事项", f"holds 1 to {MOST_MATTERS} matters",
                  "每个事项一张表", "Write one table for each matter")  # fmt: skip
    return found


def definition_of_table(given: Any, place: Place, form: Mapping[str, Any] | None = None) -> Definition:
    """A definition from one table; ``form`` is the form it names, read already. Checked by itself, not with its files."""
    table = Table(given, place)
    kind = table.text("kind", needed=True)
    if kind not in KINDS:
        raise table.bad("kind", kind, "没有这个事项类型", "there is no such kind of matter", f"可用：{_listed(KINDS, 0)}",
                        f"One of {_listed(KINDS, 1)}")  # fmt: skip
    table.value("form")
    made = Definition(
        code=table.text("code", needed=True, shape=_MATTER, example="S-001"), kind=kind, form=in_order(form or {}),
        name_zh=table.text("name_zh", most=200, needed=True), name_en=table.text("name_en", most=300, needed=True),
        basic_code=table.text("basic_code"), basis=table.texts("basis", most=50),
        levels=table.texts("levels", among=LEVELS, needed=True),
        branch=table.text("branch", shape=_BRANCH, example="30401-001"),
        statutory_days=table.number("statutory_days", 0, 3650), promised_days=table.number("promised_days", 0, 3650),
        conditions_zh=table.texts("conditions_zh"), conditions_en=table.texts("conditions_en"),
        materials=tuple(_material(one) for one in table.tables("materials")),
        stages=tuple(_stage(one) for one in table.tables("stages", 60)), fee=_fee(table.table("fee")),
        window_zh=table.text("window_zh"), result_zh=table.text("result_zh"), result_en=table.text("result_en"),
        licence_kind=table.text("licence_kind", shape=_CODE, example="land_review_opinion"),
        licence_valid_years=table.number("licence_valid_years", 1, 99), number_scheme=table.text("number_scheme"),
        needs_plot=table.flag("needs_plot"), needs_project=table.flag("needs_project"),
        process=table.text("process", shape=_PROCESS, example="land_review"),
        rules=table.texts("rules", shape=_RULE, example="LR-001"), templates=_templates(table.table("templates")),
        zones=table.texts("zones", among=ZONES), is_verified=table.flag("is_verified"),
        is_complete=table.flag("is_complete", bool(form) and table.has("process")), extra=table.free("extra"),
    )  # fmt: skip
    table.finish()
    return made


def _definition(name: str, given: Any, folder: Path) -> Definition:
    place = Place(FILE, name)
    table = Table(given, place)
    path = table.text("form")
    definition = definition_of_table(given, place, files.form_of(folder, path, place.at("form")) if path else None)
    for kind, file in definition.templates.items():
        files.require_file(folder, f"templates/{file}", place.at("templates").at(kind))
    return definition


def _material(table: Table) -> MaterialKind:
    made = MaterialKind(
        code=table.text("code", needed=True, shape=_CODE, example="application"),
        name_zh=table.text("name_zh", most=200, needed=True), name_en=table.text("name_en", most=300, needed=True),
        is_required=table.flag("is_required", True), when=table.text("when", shape=_CODE, example="takes_farmland"),
        formats=table.texts("formats", shape=_FORMAT, example="pdf") or MaterialKind.formats,
        licence_kind=table.text("licence_kind", shape=_CODE, example="business_licence"),
        reads=table.texts("reads", shape=_CODE, example="area_m2"), note_zh=table.text("note_zh"),
        note_en=table.text("note_en"),
    )  # fmt: skip
    table.finish()
    return made


def _stage(table: Table) -> Stage:
    made = Stage(
        code=table.text("code", needed=True, shape=_PROCESS, example="acceptance"),
        name_zh=table.text("name_zh", most=60, needed=True), name_en=table.text("name_en", most=120, needed=True),
        role=table.text("role", needed=True, shape=_ROLE, example="case-clerk"),
        outcomes=table.texts("outcomes", most=12, needed=True, shape=_OUTCOME, example="accept"),
        due_workdays=table.number("due_workdays", 1, 3650), separate_from=table.texts("separate_from"),
        may_override=table.flag("may_override"),
    )  # fmt: skip
    table.finish()
    return made


def _fee(table: Table | None) -> Fee | None:
    if table is None:
        return None
    made = Fee(
        name_zh=table.text("name_zh", needed=True), amount_zh=table.text("amount_zh", needed=True),
        basis=table.text("basis", needed=True),
    )  # fmt: skip
    table.finish()
    return made


def _templates(table: Table | None) -> dict[str, str]:
    if table is None:
        return {}
    found = {kind: table.text(kind, needed=True) for kind in TEMPLATES if table.has(kind)}
    table.finish()
    return found


def _once(found: Mapping[str, Definition]) -> None:
    codes: dict[str, str] = {}
    for name, one in found.items():
        earlier = codes.setdefault(one.code, name)
        if earlier != name:
            raise bad(Place(FILE, name).at("code"), one.code, f"与 {earlier} 的编码重复", f"is the code of {earlier} too",
                      "每个事项一个编码", "Give each matter a code of its own")  # fmt: skip


def _listed(words: Mapping[str, tuple[str, str]], language: int) -> str:
    return "、".join(f"{code} {pair[language]}" for code, pair in words.items())
