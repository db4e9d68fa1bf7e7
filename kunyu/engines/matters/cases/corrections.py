"""What a request for correction is about: a material, a field of the form, or a part of the application. 补正事项.

Officers write sentences; the applicant is led to the place where each is answered. Where a request names no place
itself, the sentence is read for names that the matter uses: nothing is guessed beyond that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition

_SHORTEST_NAME = 2
_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("plot", ("用地范围", "界址", "坐标", "地块", "宗地图")),
    ("project.code", ("项目代码", "项目名称", "立项")),
    ("applicant.code", ("申请人", "证件号", "统一社会信用代码", "身份证号")),
)
"""Words that name a part every application has; the field is the one a fault of that part is reported at."""


def located(definition: Definition, asked: Mapping[str, Any]) -> dict[str, Any]:
    """One thing asked for, with ``material`` or ``field`` added where its sentence names one.

    The longest name wins: “勘测定界图” is not the material “定界图”. What stands in brackets in a name may be left out.
    """
    found = dict(asked)
    if found.get("material") or found.get("field"):
        return found
    said = str(found.get("what", ""))
    kind, name = max(_named(definition, said), key=lambda one: len(one[2]), default=("", "", ""))[:2]
    if kind:
        found[kind] = name
        return found
    part = next((field for field, words in _PARTS if any(word in said for word in words)), "")
    return {**found, "field": part} if part else found


def _named(definition: Definition, said: str) -> Iterable[tuple[str, str, str]]:
    """Materials and fields whose name stands in a sentence: key, code, name."""
    things = [("material", one.code, one.name_zh) for one in definition.materials]
    things += [("field", one.name, one.title_zh) for one in fields_of(definition)]
    for key, code, title in things:
        for name in {title, title.partition("（")[0]}:
            if len(name) >= _SHORTEST_NAME and name in said:
                yield key, code, name
