"""An owner's change to a matter: new values, another form, flow or decision table, over the edition that holds. 事项修改.

What is not given stays as it is. The result is checked whole before anything is kept.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from kunyu.engines.matters.definitions import canonical, files
from kunyu.engines.matters.definitions.checks import check_definition
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.overlays import LOCAL, Content
from kunyu.engines.matters.definitions.reading import definition_of_table
from kunyu.engines.matters.definitions.toml_text import toml_text
from kunyu.kernel.errors import KunyuError

VALUES = "values"
T = TypeVar("T")


@dataclass(frozen=True)
class Upload:
    """A file as it was sent."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Change:
    """What is given; None keeps what stands. ``decisions`` replaces all tables when it is not empty."""

    values: str | None = None
    form: Upload | None = None
    flow: Upload | None = None
    decisions: tuple[Upload, ...] = ()


def editable_keys(division: str) -> tuple[str, ...]:
    """Keys whose values an owner writes as TOML: all of the edition as shipped, the local ones of a division's."""
    every = [key for key in canonical.element_names() if key not in ("form", "code")]
    return tuple(key for key in every if not division or key in LOCAL)


def values_text(content: Content, division: str) -> str:
    """The values as TOML for the owner to change."""
    stored = canonical.to_json(content.definition)
    return toml_text({key: stored[key] for key in editable_keys(division) if key in stored})


def changed(base: Content, change: Change, division: str) -> Content:
    """The content after the change.

    Raises
    ------
    BadMatter, BadFlow
        With ``field`` in the context: ``values``, ``form_file``, ``flow_file`` or ``decision_files``.
    """
    form = base.definition.form
    if change.form is not None:
        upload = change.form
        form = _at("form_file", lambda: files.read_json(files.decoded(upload.content, _json(upload.name)), upload.name))
    flow = base.flow
    if change.flow is not None:
        sent = change.flow
        flow = _at("flow_file", lambda: files.decoded(sent.content, "workflow.bpmn"))
    tables: Mapping[str, str] = base.tables
    if change.decisions:
        tables = _at("decision_files", lambda: _decisions(change.decisions))
    table = canonical.to_json(base.definition)
    table.pop("form", None)
    if change.values is not None:
        table = _at(VALUES, lambda: _with_values(table, change.values or "", division))
    made = _at(VALUES, lambda: definition_of_table(table, Place(base.definition.code), form))
    _at("form_file" if change.form is not None else VALUES, lambda: check_definition(made, Place(made.code)))
    return Content(made, flow, tables)


def _json(name: str) -> str:
    return name if name.lower().endswith(".json") else name + ".json"


def _with_values(table: Mapping[str, Any], text: str, division: str) -> dict[str, Any]:
    keys = editable_keys(division)
    try:
        given = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise bad(
            Place(VALUES),
            None,
            f"不是 TOML：{error}",
            f"no TOML: {error}",
            "按提示的行列改正",
            "Mend the line it names",
        ) from error
    for key in given:
        if key not in keys:
            raise bad(Place(VALUES, key), given[key], "这里不能改这一项", "this cannot be changed here",
                      f"删去；可改：{'、'.join(keys)}", f"Remove it; what can be changed: {', '.join(keys)}")  # fmt: skip
    return {key: value for key, value in table.items() if key not in keys} | given


def _decisions(uploads: Iterable[Upload]) -> dict[str, str]:
    return files.decisions_by_id([(one.name, files.decoded(one.content, "decision.dmn")) for one in uploads])


def _at(field: str, do: Callable[[], T]) -> T:
    """Run a step; its refusal names the field of the page that it is about."""
    try:
        return do()
    except KunyuError as error:
        error.context.setdefault("field", field)
        raise
