"""What a division may change of a matter, and how it is carried over to a new edition above. 区划差异.

Local variation is an overlay of values. What the law fixes (code, kind, name, basis, statutory limit, rules, the
licence) is the same everywhere (R-010); an office may promise less time, ask for fewer or other materials, say where
its window is, and draw its own flow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from kunyu.engines.matters.definitions.canonical import from_json, to_json
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.matter import Definition

LOCAL = ("promised_days", "window_zh", "fee", "materials", "form", "process", "stages", "templates", "extra")
"""Elements of a definition that a division may change."""
FLOW = "flow"
"""Key of an overlay: the division has a flow file and decision tables of its own."""


@dataclass(frozen=True)
class Content:
    """All of an edition: the definition, its flow file, its decision tables by decision id."""

    definition: Definition
    flow: str = ""
    decisions: Mapping[str, str] | None = None

    @property
    def tables(self) -> dict[str, str]:
        return dict(self.decisions or {})


def overlay_of(upper: Content, local: Content, division: str) -> dict[str, Any]:
    """What ``local`` changes of ``upper``, by key, as plain values; {} when nothing.

    Raises
    ------
    BadMatter
        It changes what a division may not.
    """
    above, here = to_json(upper.definition), to_json(local.definition)
    changed = [one.name for one in fields(Definition) if above.get(one.name) != here.get(one.name)]
    for key in changed:
        if key not in LOCAL:
            raise bad(
                Place(f"{local.definition.code} @ {division}", key), here.get(key, ""),
                f"区划不能改动这一项（上级为 {above.get(key, '空')}）", f"a division may not change this (above: {above.get(key, 'empty')})",
                f"恢复原值；区划可改：{'、'.join(LOCAL)}", f"Restore it; a division may change {', '.join(LOCAL)}",
            )  # fmt: skip
    found = {key: here.get(key) for key in changed}
    if local.flow != upper.flow or local.tables != upper.tables:
        found[FLOW] = True
    return found


def laid_over(upper: Content, overlay: Mapping[str, Any], local: Content) -> Content:
    """The edition of a division after its upper one changed: its own values over the new ones.

    A promise that the new law no longer allows is brought down to the statutory limit.
    """
    given = to_json(upper.definition)
    for key, value in overlay.items():
        if key == FLOW:
            continue
        if value is None:
            given.pop(key, None)
        else:
            given[key] = value
    made = from_json(given)
    if made.statutory_days is not None and (made.promised_days or 0) > made.statutory_days:
        made = replace(made, promised_days=made.statutory_days)
    kept = local if FLOW in overlay else upper
    return Content(made, kept.flow, kept.tables)
