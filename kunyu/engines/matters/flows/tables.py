"""Decision tables out of DMN files, 1.1 to 1.5, as Camunda Modeler, dmn-js or Trisotech write them. 决策表文件.

One file may hold several decisions, each a table of its own; decisions that need other decisions are refused. Every
cell is read here, so that a table cannot fail on its form later, only on facts (:mod:`flows.decisions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from kunyu.engines.matters.flows.decisions import AGGREGATIONS, POLICIES, Input, Output, Policy, Row, Table
from kunyu.engines.matters.flows.expressions import NAME, read_expression
from kunyu.engines.matters.flows.faults import Fault, refuse
from kunyu.engines.matters.flows.feel import Cell, read_cell, read_value
from kunyu.engines.matters.flows.meaning import Forbidden
from kunyu.engines.matters.flows.xml import local_name, namespace, open_xml

NAMESPACES = frozenset(
    {
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20230324/MODEL/",
    }
)
LIMIT_ROWS, LIMIT_COLUMNS = 1_000, 50
RESERVED = frozenset({"outcome", "refused"})
"""Facts that the runner sets; no table may answer them."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "string": (str,),
    "date": (str,),
    **dict.fromkeys(("number", "integer", "long", "double"), (int, float)),
}


def read_tables(dmn: bytes) -> Mapping[str, Table]:
    """Read every decision of a file, by its id.

    Raises
    ------
    BadFlow
        With all faults of the file.
    """
    tables, faults = find_tables(dmn)
    if faults:
        refuse(*faults)
    return tables


def find_tables(dmn: bytes) -> tuple[dict[str, Table], list[Fault]]:
    """Read what can be read, and say what is wrong with the rest."""
    root = open_xml(dmn, "决策表文件", "DMN file")
    if local_name(root) != "definitions" or namespace(root) not in NAMESPACES:
        return {}, [Fault("dmn", "", f"不是 DMN 文件（根元素 {root.tag}）", f"not a DMN file (its root is {root.tag})",
                          "在建模工具中导出为 DMN 1.3", "export it as DMN 1.3")]  # fmt: skip
    tables: dict[str, Table] = {}
    faults: list[Fault] = []
    decisions = [element for element in root if local_name(element) == "decision"]
    if not decisions:
        faults.append(
            Fault("dmn", "", "文件中没有决策", "the file holds no decision", "加入一个决策表", "add a decision table")
        )
    for element in decisions:
        reader = _TableReader(element)
        table = reader.read()
        faults += reader.faults
        if table is not None and not reader.faults:
            tables[table.id] = table
    return tables, faults


@lru_cache(maxsize=64)
def _kept(dmn: bytes) -> Mapping[str, Table]:
    return read_tables(dmn)


def evaluate(dmn: bytes, decision_id: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate the decision ``decision_id`` of a DMN file over ``facts``; answers with its outputs by name.

    Raises
    ------
    BadFlow
        The file is no sound DMN, or has no such decision.
    FlowStopped
        No row applies, several do where one may, or a fact does not fit a column.
    """
    tables = _kept(dmn)
    if decision_id not in tables:
        refuse(unknown_decision("", decision_id, tables))
    return tables[decision_id].decide(facts)


def unknown_decision(element: str, decision: str, known: Iterable[str]) -> Fault:
    """A decision that no file declares."""
    names = sorted(known)
    return Fault(
        "decision",
        element,
        f"没有决策 {decision}（已有：{'、'.join(names) or '无'}）",
        f"there is no decision {decision} (there are: {', '.join(names) or 'none'})",
        "改正决策标识，或附上含有它的 DMN 文件",
        "correct the decision's id, or add the DMN file that holds it",
    )


class _TableReader:
    """Reads one decision; ``faults`` collects what is wrong with it."""

    def __init__(self, element: Any) -> None:
        self.element = element
        self.id = element.get("id", "")
        self.faults: list[Fault] = []

    def fault(self, zh: str, en: str, remedy_zh: str, remedy_en: str, code: str = "table") -> None:
        self.faults.append(Fault(code, self.id, zh, en, remedy_zh, remedy_en))

    def read(self) -> Table | None:
        children = [local_name(child) for child in self.element]
        table = next((child for child in self.element if local_name(child) == "decisionTable"), None)
        if not self.id or table is None:
            self.fault(
                "决策不是决策表", "the decision is not a decision table", "改用决策表", "make it a decision table"
            )
            return None
        if "informationRequirement" in children and self._needs_decision():
            self.fault("决策依赖其他决策，不支持", "it requires another decision, which is not supported",
                       "合并为一个决策表", "merge them into one table")  # fmt: skip
        policy, aggregation = self._policy(table)
        inputs, kinds = self._inputs(table)
        outputs = self._outputs(table)
        rows = self._rows(table, len(inputs), len(outputs), kinds)
        if aggregation and len(outputs) != 1:
            self.fault(f"汇总 {aggregation} 只能有一个输出列", f"{aggregation} needs exactly one output column",
                       "删去其余输出列，或不汇总", "remove the other outputs, or do not aggregate")  # fmt: skip
        name = self.element.get("name") or self.id
        return Table(self.id, name, policy, aggregation, tuple(inputs), tuple(outputs), tuple(rows))

    def _needs_decision(self) -> bool:
        return any(local_name(part) == "requiredDecision" for part in self.element.iter("{*}requiredDecision"))

    def _policy(self, table: Any) -> tuple[Policy, str]:
        written = table.get("hitPolicy", "UNIQUE").upper()
        policy = next((known for known in POLICIES if known == written), None)
        if policy is None:
            self.fault(f"不支持命中策略 {written}", f"the hit policy {written} is not supported",
                       "改用 UNIQUE、FIRST、ANY 或 COLLECT", "use UNIQUE, FIRST, ANY or COLLECT")  # fmt: skip
        aggregation = table.get("aggregation", "").upper()
        if aggregation and (policy != "COLLECT" or aggregation not in AGGREGATIONS):
            self.fault(f"不支持汇总方式 {aggregation}", f"the aggregation {aggregation} is not supported here",
                       "COLLECT 可用 SUM、MIN、MAX、COUNT", "COLLECT has SUM, MIN, MAX, COUNT")  # fmt: skip
            aggregation = ""
        return policy or "UNIQUE", aggregation

    def _inputs(self, table: Any) -> tuple[list[Input], list[tuple[type, ...] | None]]:
        inputs: list[Input] = []
        kinds: list[tuple[type, ...] | None] = []
        for column, element in enumerate(table.findall("{*}input"), 1):
            expression = element.find("{*}inputExpression")
            text = _text(expression)
            label = element.get("label") or text
            kinds.append(_KINDS.get(_local(expression.get("typeRef", "")) if expression is not None else ""))
            try:
                text = read_expression(text).text
            except Forbidden as stop:
                self.fault(f"第 {column} 个输入列“{label}”的表达式{stop.zh}", f"input {column} '{label}': {stop.en}",
                           "填写一个数据项的名称", "write the name of a fact", "expression")  # fmt: skip
            inputs.append(Input(label, text))
        if not inputs:
            self.fault("没有输入列", "it has no input column", "至少要有一个输入列", "add at least one")
        return inputs, kinds

    def _outputs(self, table: Any) -> list[Output]:
        outputs: list[Output] = []
        for column, element in enumerate(table.findall("{*}output"), 1):
            name, default = element.get("name", ""), _text(element.find("{*}defaultOutputEntry"))
            label = element.get("label") or name
            if not NAME.fullmatch(name) or name in RESERVED or name in {output.name for output in outputs}:
                self.fault(f"第 {column} 个输出列的名称“{name}”不能用", f"the name '{name}' of output {column} cannot be used",
                           "取一个未用过的名称（字母开头，不是 outcome、refused）",
                           "give it a name of its own that starts with a letter, not outcome or refused")  # fmt: skip
            self._read(lambda text: read_value(text) if text else None, default, f"输出列“{label}”的默认值",
                       f"default of output '{label}'")  # fmt: skip
            outputs.append(Output(name, label, default))
        if not 0 < len(outputs) <= LIMIT_COLUMNS:
            self.fault(f"有 {len(outputs)} 个输出列", f"it has {len(outputs)} output columns",
                       f"输出列应为 1 至 {LIMIT_COLUMNS} 个", f"1 to {LIMIT_COLUMNS} are allowed")  # fmt: skip
        return outputs

    def _rows(self, table: Any, inputs: int, outputs: int, kinds: list[tuple[type, ...] | None]) -> list[Row]:
        rows: list[Row] = []
        elements = table.findall("{*}rule")
        if not 0 < len(elements) <= LIMIT_ROWS:
            self.fault(f"有 {len(elements)} 行", f"it has {len(elements)} rows",
                       f"应为 1 至 {LIMIT_ROWS} 行", f"1 to {LIMIT_ROWS} are allowed")  # fmt: skip
        for number, element in enumerate(elements[:LIMIT_ROWS], 1):
            tests = tuple(_text(cell) for cell in element.findall("{*}inputEntry"))
            answers = tuple(_text(cell) for cell in element.findall("{*}outputEntry"))
            if len(tests) != inputs or len(answers) != outputs:
                self.fault(f"第 {number} 行有 {len(tests)} 个条件、{len(answers)} 个结果，应为 {inputs} 和 {outputs}",
                           f"row {number} has {len(tests)} tests and {len(answers)} answers, not {inputs} and {outputs}",
                           "补齐该行", "complete the row")  # fmt: skip
            self._check_row(number, tests, answers, kinds)
            rows.append(Row(tests, answers))
        return rows

    def _check_row(
        self, number: int, tests: tuple[str, ...], answers: tuple[str, ...], kinds: list[tuple[type, ...] | None]
    ) -> None:
        for column, text in enumerate(tests, 1):
            cell = self._read(read_cell, text, f"第 {number} 行第 {column} 个条件", f"row {number}, test {column}")
            kind = kinds[column - 1] if column <= len(kinds) else None
            if cell is not None and kind is not None and not _fits(cell, kind):
                self.fault(f"第 {number} 行第 {column} 个条件“{text}”与该列的类型不符",
                           f"row {number}, test {column}: '{text}' is not of the column's type",
                           "更正条件，或更正列的类型", "correct the test, or the column's type")  # fmt: skip
        for column, text in enumerate(answers, 1):
            if text:
                self._read(read_value, text, f"第 {number} 行第 {column} 个结果", f"row {number}, answer {column}")

    def _read(self, read: Callable[[str], Any], text: str, where_zh: str, where_en: str) -> Any:
        try:
            return read(text)
        except Forbidden as stop:
            self.fault(f"{where_zh}：{stop.zh}", f"{where_en}: {stop.en}",
                       "改用值、比较、区间或 -", "use values, comparisons, intervals or -", "expression")  # fmt: skip
            return None


def _fits(cell: Cell, kind: tuple[type, ...]) -> bool:
    values = [value for test in cell.tests for value in test.values() if value is not None]
    return all(isinstance(value, kind) and (kind == (bool,) or not isinstance(value, bool)) for value in values)


def _text(element: Any) -> str:
    """Text of a cell's or expression's ``text`` element."""
    if element is None:
        return ""
    return (element.findtext("{*}text") or "").strip()


def _local(type_ref: str) -> str:
    """``feel:number`` of DMN 1.1 is ``number``."""
    return type_ref.rsplit(":", 1)[-1].rsplit("}", 1)[-1].lower()
