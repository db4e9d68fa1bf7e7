"""Local rule sets: rules of a local standard, written in TOML, with Python functions where logic is needed. 地方规则集.

A file names the standard it adds to, the divisions it holds for and its rules::

    id       = "DB99T-2026"
    name_zh  = "示范省国土调查补充规则"
    standard = "TDT1057-2020"
    edition  = "2026"
    divisions = ["99"]

    [[rule]]
    id       = "L101"
    clause   = "DB99/T 1-2026 5.2"
    severity = "Z"
    check    = "filled"
    layer    = "DLTB"
    where    = { DLBM = ["0601", "0602"] }
    fields   = ["BZ"]
    name_zh  = "工矿图斑注明企业"

``check`` is a function of `kunyu.engines.ingest.checks.local.functions`, or ``local:name``: the function ``name`` of the
Python file beside the TOML file that ``python`` names. Only files that the owner of the machine put there are read; a
node never takes a rule set from an upload.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kunyu.engines.ingest.checks.finding import SEVERITIES, Finding
from kunyu.engines.ingest.checks.local.ask import Ask, Check, chosen_rows
from kunyu.engines.ingest.checks.local.entry import entry_problem
from kunyu.engines.ingest.checks.local.functions import FUNCTIONS
from kunyu.engines.ingest.checks.rule import Rule, RuleSet
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Standard
    from kunyu.engines.ingest.checks.delivered import Delivered

HEAD: dict[str, type] = {"id": str, "name_zh": str, "standard": str, "edition": str}
MAY_HEAD: dict[str, type] = {"name_en": str, "divisions": list, "python": str, "note": str, "rule": list}


class BadRuleSet(UsageError):
    """A rule set that does not say what it must, or says what nobody understands."""

    code = "check.bad_rule_set"
    title_zh, title_en = "规则集有误", "Bad rule set"


@dataclass(frozen=True)
class LocalRuleSet:
    """A rule set as read; ``digest`` is the SM3 of its file and of its Python file."""

    id: str
    name_zh: str
    edition: str
    standard: str
    divisions: tuple[str, ...]
    rules: tuple[Rule, ...]
    digest: str

    def holds_for(self, division: str | None) -> bool:
        """Whether it holds for a division: always when it names none."""
        return not self.divisions or any((division or "").startswith(one) for one in self.divisions)

    def named(self) -> dict[str, str]:
        """What a report says of it."""
        return {"id": self.id, "edition": self.edition, "sm3": self.digest}


def load_rule_set(path: Path, standard: Standard) -> LocalRuleSet:
    """Read a rule set and bind its rules to ``standard``.

    Raises
    ------
    UnreadableInput
        It cannot be read, or is no TOML.
    BadRuleSet
        It is for another standard, lacks something, or names a layer, field or function that is not there.
    """
    text = _read(path)
    content = _parsed(path, text)
    _require_head(path, content, standard)
    python = path.parent / Path(content["python"]).name if "python" in content else None
    source = _read(python) if python else ""
    own = _functions(python) if python else {}
    rules = tuple(_rule(path, entry, at, standard, own) for at, entry in enumerate(content.get("rule", ()), 1))
    _require_distinct(path, rules)
    return LocalRuleSet(
        content["id"], content["name_zh"], content["edition"], content["standard"],
        tuple(str(one) for one in content.get("divisions", ())), rules, sm3_hex(canonical_json([text, source])),
    )  # fmt: skip


def standard_of(path: Path) -> str:
    """Return the standard a rule set is for; raises as ``load_rule_set``."""
    return str(_parsed(path, _read(path)).get("standard", ""))


def with_local(rules: RuleSet, sets: Sequence[LocalRuleSet]) -> RuleSet:
    """Return the rules of the packs and of local rule sets together.

    Raises
    ------
    BadRuleSet
        A local rule bears the id of another.
    """
    every = [*rules.rules, *(one for own in sets for one in own.rules)]
    ids = [one.id for one in every]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise BadRuleSet(
            f"规则编号 {'、'.join(twice)} 已被占用, 请为地方规则另编号。",
            f"Rule id {', '.join(twice)} is taken: give the local rule another.",
        )
    return RuleSet(tuple(sorted(every, key=lambda one: one.id)), rules.not_yet)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableInput(
            f"规则集文件 {path.name} 无法读取: {error}。", f"Rule set file {path.name} cannot be read: {error}."
        ) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableInput(
            f"规则集 {path.name} 不是 TOML: {error}。请改正该行。",
            f"Rule set {path.name} is no TOML: {error}. Correct that line.",
        ) from error


def _require_head(path: Path, content: Mapping[str, Any], standard: Standard) -> None:
    for key, kind in HEAD.items():
        if not isinstance(content.get(key), kind) or not content[key]:
            raise _bad(path, "", f"缺少 {key}", f"{key} is missing")
    for key, value in content.items():
        known = {**HEAD, **MAY_HEAD}.get(key)
        if known is None or not isinstance(value, known):
            raise _bad(path, "", f"不认识 {key}", f"{key} is not understood")
    if content["standard"] not in (standard.id, standard.extends):
        raise _bad(
            path, "", f"适用标准是 {content['standard']}, 不是 {standard.id}",
            f"it is for {content['standard']}, not for {standard.id}",
        )  # fmt: skip


def _require_distinct(path: Path, rules: tuple[Rule, ...]) -> None:
    ids = [one.id for one in rules]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    if twice is not None:
        raise _bad(path, twice, "编号重复", "this id occurs twice")


def _functions(path: Path) -> Mapping[str, Any]:
    """Run the Python file beside the rule set and return what it defines."""
    found = spec_from_file_location(f"kunyu_local_rules_{path.stem}", path)
    if found is None or found.loader is None:
        raise UnreadableInput(f"{path.name} 不是 Python 文件。", f"{path.name} is no Python file.")
    module = module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except Exception as error:  # whatever a local function file does wrong is said, not traced
        raise BadRuleSet(
            f"{path.name} 运行出错: {type(error).__name__}: {error}。",
            f"{path.name} fails: {type(error).__name__}: {error}.",
        ) from error
    return vars(module)


def _rule(path: Path, entry: Any, at: int, standard: Standard, own: Mapping[str, Any]) -> Rule:
    name = str(entry.get("id", f"#{at}")) if isinstance(entry, dict) else f"#{at}"
    problem = entry_problem(entry, standard, SEVERITIES)
    if problem is not None:
        raise _bad(path, name, *problem)
    check = _check(path, entry, name, own)
    values = {key: value for key, value in entry.items() if key not in ("id", "clause", "severity", "name_zh", "check")}
    needs = (entry["layer"], *([entry["other"]] if "other" in entry else []))

    def predicate(delivery: Delivered) -> Iterator[Finding]:
        layer = delivery.layers[entry["layer"]]
        rows = chosen_rows(layer, entry.get("where", {}))
        yield from check(Ask(declared, delivery, layer, rows, values, entry.get("remedy_zh", "")))

    predicate.__doc__ = entry.get("note") or check.__doc__
    spatial = entry["check"] in ("at_least_area", "inside", "apart_from")
    declared = Rule(
        entry["id"], entry["clause"], entry["severity"], "X" if "other" in entry else "G" if spatial else "F",
        entry.get("unit", ""), needs, entry["name_zh"], entry.get("name_en", entry["name_zh"]), predicate,
    )  # fmt: skip
    return declared


def _check(path: Path, entry: Mapping[str, Any], name: str, own: Mapping[str, Any]) -> Check:
    wanted = entry["check"]
    if wanted in FUNCTIONS:
        return FUNCTIONS[wanted][0]
    function = own.get(wanted.removeprefix("local:")) if wanted.startswith("local:") else None
    if not callable(function):
        known = ", ".join(FUNCTIONS)
        raise _bad(
            path, name, f"没有检查函数 {wanted}; 可用 {known} 或 local:函数名",
            f"there is no check {wanted}; use {known} or local:function",
        )  # fmt: skip
    return function  # type: ignore[no-any-return]


def _bad(path: Path, rule: str, zh: str, en: str) -> BadRuleSet:
    where_zh, where_en = (f"规则 {rule}: ", f"rule {rule}: ") if rule else ("", "")
    return BadRuleSet(
        f"规则集 {path.name}: {where_zh}{zh}。", f"Rule set {path.name}: {where_en}{en}.", rule_set=path.name, rule=rule
    )
