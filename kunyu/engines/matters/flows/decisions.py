"""A decision table that was read: what it answers over facts. 决策表.

SpiffWorkflow's own DMN engine is not used: it turns every cell into Python source and hands it to the script engine
(``DMNEngine.evaluate`` joins input and cell to one text), stops at the first row under UNIQUE without looking for a
second, and knows neither FIRST nor ANY. Here a cell is read by :mod:`flows.feel`, an input by :mod:`flows.expressions`,
once, when the table is read; two rows that both apply under UNIQUE are an error with their numbers.

When no row applies and no default is declared, the flow stops: a table that decides who decides may not answer null.
Nor does an unknown value count as "not so", as FEEL would have it: unless some cell of the column names ``null``, a row
that tests an unknown value stops the flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Literal, cast

from kunyu.engines.matters.errors import FlowStopped
from kunyu.engines.matters.flows.expressions import Expression, read_expression
from kunyu.engines.matters.flows.feel import Cell, read_cell, read_value
from kunyu.engines.matters.flows.meaning import Forbidden, same

Policy = Literal["UNIQUE", "FIRST", "ANY", "COLLECT"]
POLICIES: tuple[Policy, ...] = ("UNIQUE", "FIRST", "ANY", "COLLECT")
AGGREGATIONS: Mapping[str, Callable[[list[Any]], Any]] = {"SUM": sum, "MIN": min, "MAX": max, "COUNT": len}


@dataclass(frozen=True)
class Input:
    """A column that is tested: an expression over facts."""

    label: str
    expression: str


@dataclass(frozen=True)
class Output:
    """A column that is answered under ``name``; ``default`` is a cell, empty: none."""

    name: str
    label: str = ""
    default: str = ""


@dataclass(frozen=True)
class Row:
    """Cells of one row as they are written."""

    tests: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A decision table that was read and checked."""

    id: str
    name: str
    policy: Policy
    aggregation: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rows: tuple[Row, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """Facts the table reads."""
        return frozenset().union(*(expression.names for expression in self._expressions))

    @cached_property
    def _expressions(self) -> tuple[Expression, ...]:
        return tuple(read_expression(item.expression) for item in self.inputs)

    @cached_property
    def _cells(self) -> tuple[tuple[Cell, ...], ...]:
        return tuple(tuple(read_cell(text) for text in row.tests) for row in self.rows)

    @cached_property
    def _answers(self) -> tuple[tuple[Any, ...], ...]:
        return tuple(tuple(read_value(text) if text else None for text in row.outputs) for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The table as JSON-ready values."""
        return {
            "id": self.id,
            "name": self.name,
            "policy": self.policy,
            "aggregation": self.aggregation,
            "inputs": [[item.label, item.expression] for item in self.inputs],
            "outputs": [[item.name, item.label, item.default] for item in self.outputs],
            "rows": [[list(row.tests), list(row.outputs)] for row in self.rows],
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Table:
        """Read back what :meth:`as_json` wrote."""
        return Table(
            stored["id"],
            stored["name"],
            cast(Policy, stored["policy"]),
            stored["aggregation"],
            tuple(Input(*values) for values in stored["inputs"]),
            tuple(Output(*values) for values in stored["outputs"]),
            tuple(Row(tuple(tests), tuple(outputs)) for tests, outputs in stored["rows"]),
        )

    def decide(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the outputs by name.

        Raises
        ------
        FlowStopped
            No row applies, several do where one may, or a value does not fit a column.
        """
        values = [expression.value(facts) for expression in self._expressions]
        hits = self._hits(values)
        if self.policy == "COLLECT":
            return self._collected(hits)
        if not hits:
            return self._defaults(values)
        if self.policy == "UNIQUE" and len(hits) > 1:
            raise self._several(hits, "只允许一行", "only one may")
        answers = [self._answers[hit] for hit in hits]
        if any(not same(list(answers[0]), list(other)) for other in answers[1:]):
            raise self._several(hits, "结果应当相同", "all must answer alike")
        return self._named(answers[0])

    def _hits(self, values: list[Any]) -> list[int]:
        applying = (number for number in range(len(self.rows)) if self._applies(number, values))
        return list(islice(applying, 1) if self.policy == "FIRST" else applying)

    def _applies(self, number: int, values: list[Any]) -> bool:
        for column, (cell, value) in enumerate(zip(self._cells[number], values, strict=True)):
            try:
                if value is None and cell.tests and column not in self._columns_with_null:
                    raise Forbidden(
                        "没有值，而该列没有写明 null 如何处理", "it has no value, and no row says what null means"
                    )
                if not cell.holds(value):
                    return False
            except Forbidden as stop:
                label = self.inputs[column].label
                raise FlowStopped(
                    f"决策表 {self.id} 第 {number + 1} 行“{label}”：{stop.zh}。请补全或更正该数据。",
                    f"Decision table {self.id}, row {number + 1}, '{label}': {stop.en}. Complete or correct that fact.",
                    decision=self.id,
                    row=number + 1,
                ) from None
        return True

    @cached_property
    def _columns_with_null(self) -> frozenset[int]:
        """Columns in which some cell names null: there an unknown value is foreseen."""
        return frozenset(
            column
            for cells in self._cells
            for column, cell in enumerate(cells)
            if any(test.form in ("equal", "different") and test.low is None for test in cell.tests)
        )

    def _named(self, values: tuple[Any, ...]) -> dict[str, Any]:
        return {output.name: value for output, value in zip(self.outputs, values, strict=True)}

    def _defaults(self, values: list[Any]) -> dict[str, Any]:
        if all(output.default for output in self.outputs):
            return self._named(tuple(read_value(output.default) for output in self.outputs))
        given = "，".join(f"{item.label} = {value!r}" for item, value in zip(self.inputs, values, strict=True))
        raise FlowStopped(
            f"决策表 {self.id}（{self.name}）没有适用的行：{given}。请补全数据，或在表中增加一行。",
            f"Decision table {self.id} ({self.name}) has no row for {given.replace('，', ', ')}. "
            "Complete the facts, or add a row.",
            decision=self.id,
        )

    def _several(self, hits: list[int], zh: str, en: str) -> FlowStopped:
        rows = [hit + 1 for hit in hits]
        zh_rows, en_rows = "、".join(map(str, rows)), ", ".join(map(str, rows))
        return FlowStopped(
            f"决策表 {self.id}（{self.name}）第 {zh_rows} 行同时适用，按 {self.policy} {zh}。请修改表中的条件。",
            f"Rows {en_rows} of decision table {self.id} ({self.name}) all apply; under {self.policy} {en}. "
            "Correct their conditions.",
            decision=self.id,
            rows=rows,
        )

    def _collected(self, hits: list[int]) -> dict[str, Any]:
        columns: list[list[Any]] = [[self._answers[hit][column] for hit in hits] for column in range(len(self.outputs))]
        if not self.aggregation:
            return {output.name: values for output, values in zip(self.outputs, columns, strict=True)}
        values = columns[0]
        if self.aggregation in ("MIN", "MAX") and not values:
            return {self.outputs[0].name: None}
        return {self.outputs[0].name: AGGREGATIONS[self.aggregation](values)}
