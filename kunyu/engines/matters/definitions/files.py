"""The files beside ``matters.toml``: forms, flow, decision tables, templates, rules. 事项文件.

Files are read as data within stated sizes; a name never leads out of the folder; rules are found by reading the
source, not by running it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.flows.xml import local_name, open_xml

MOST_BYTES = {".toml": 1 << 20, ".json": 256 << 10, ".bpmn": 2 << 20, ".dmn": 1 << 20, ".py": 1 << 20}
MOST_DECISIONS = 40
_NESTING = 24


def text_of(folder: Path, name: str) -> str:
    """The text of a file of the folder.

    Raises
    ------
    BadMatter
        It is not there, too large, or not UTF-8.
    """
    path = folder / name
    if not path.is_file():
        raise bad(
            Place(name),
            None,
            "没有这个文件",
            "there is no such file",
            f"在文件夹中放入 {name}",
            f"Put {name} into the folder",
        )
    return decoded(path.read_bytes(), name)


def decoded(content: bytes, name: str) -> str:
    """The text of a file's content, with the limits of its suffix."""
    most = MOST_BYTES.get(Path(name).suffix.lower(), 1 << 20)
    if len(content) > most:
        raise bad(
            Place(name),
            len(content),
            f"大于 {most} 字节",
            f"is larger than {most} bytes",
            "精简文件",
            "Make it smaller",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad(
            Place(name), None, "不是 UTF-8 文本", "is not UTF-8 text", "以 UTF-8 保存", "Save it as UTF-8"
        ) from error


def form_of(folder: Path, name: str, place: Place) -> dict[str, Any]:
    """The form of a matter: a JSON file under ``forms/``."""
    require_file(folder, name, place)
    if not name.startswith("forms/") or not name.endswith(".json"):
        raise bad(place, name, "表单须放在 forms/ 下的 .json 文件中", "a form is a .json file under forms/",
                  "如 forms/land_review.json", "For instance forms/land_review.json")  # fmt: skip
    return read_json(text_of(folder, name), name)


def read_json(text: str, name: str) -> dict[str, Any]:
    """A JSON object; a key that stands twice, NaN and deep nesting are refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = next(key for key, _ in pairs if sum(1 for other, _ in pairs if other == key) > 1)
            raise bad(
                Place(name, twice), None, "同一个键出现两次", "a key stands twice", "只保留一个", "Keep one of them"
            )
        return found

    def refuse(constant: str) -> Any:
        raise bad(Place(name), constant, "不是 JSON 数", "is no number of JSON", "改为数字", "Write a number")

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (json.JSONDecodeError, RecursionError) as error:
        raise bad(
            Place(name), None, f"不是 JSON：{error}", f"no JSON: {error}", "按提示的行列改正", "Mend the line it names"
        ) from error
    if not isinstance(found, dict) or _depth(found) > _NESTING:
        raise bad(Place(name), None, f"须为嵌套不超过 {_NESTING} 层的对象", f"must be an object of at most {_NESTING} levels",
                  "简化结构", "Make it simpler")  # fmt: skip
    return found


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= _NESTING:
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        depth += 1
    return depth


def decisions_of(folder: Path) -> dict[str, str]:
    """Every ``decisions/*.dmn`` by the id of its first decision."""
    paths = sorted((folder / "decisions").glob("*.dmn"))
    return decisions_by_id([(f"decisions/{one.name}", text_of(folder, f"decisions/{one.name}")) for one in paths])


def decisions_by_id(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """DMN texts, given with their file names, by the id of their first decision; ids are unique over all of them."""
    found, known = {}, set[str]()
    for name, text in texts:
        ids = decision_ids(text, name)
        for one in ids:
            if one in known:
                raise bad(Place(name, one), None, "决策编号重复", "a decision of this id stands there already",
                          "改一个编号", "Rename one of them")  # fmt: skip
            known.add(one)
        found[ids[0]] = text
    return found


def decision_ids(text: str, name: str) -> list[str]:
    """Ids of the decisions in a DMN file.

    Raises
    ------
    BadMatter, BadFlow
        BadFlow: it is no XML, or brings a document type of its own. BadMatter: it holds no decision.
    """
    root = open_xml(text.encode("utf-8"), f"决策表 {name}", f"decision file {name}")
    found = [one.get("id", "") for one in root.iter("{*}decision")]
    if local_name(root) != "definitions" or not 0 < len(found) <= MOST_DECISIONS or not all(found):
        raise bad(Place(name), len(found), f"须是有1至{MOST_DECISIONS}个带编号决策的 DMN 文件",
                  f"must be DMN with 1 to {MOST_DECISIONS} decisions that have ids", "从建模器重新导出",
                  "Export it from the modeller again")  # fmt: skip
    return found


def require_file(folder: Path, name: str, place: Place) -> None:
    """Refuse a name that is not of a file inside the folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise bad(place, name, "文件夹中没有这个文件", "the folder has no such file", f"放入 {name} 或改正路径",
                  f"Put {name} there or mend the path")  # fmt: skip


def rules_of(folder: Path) -> frozenset[str] | None:
    """Ids of the rules that ``rules.py`` (or the folder ``rules/``) declares by ``@rule("…")``; None without any."""
    sources = [folder / "rules.py", *sorted((folder / "rules").glob("*.py"))]
    found: set[str] = set()
    for path in (one for one in sources if one.is_file()):
        found |= set(declared_rules(decoded(path.read_bytes(), path.name), path.name))
    return frozenset(found) if any(one.is_file() for one in sources) else None


def declared_rules(source: str, name: str) -> list[str]:
    """Ids in the ``@rule("…")`` decorators of a source text."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise bad(
            Place(name), None, f"不是 Python：{error}", f"no Python: {error}", "改正语法", "Mend the syntax"
        ) from error
    calls = [
        call for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for call in node.decorator_list
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "rule"
    ]  # fmt: skip
    named = [
        one.args[0] if one.args else next((keyword.value for keyword in one.keywords if keyword.arg == "id"), None)
        for one in calls
    ]
    return [str(one.value) for one in named if isinstance(one, ast.Constant)]
