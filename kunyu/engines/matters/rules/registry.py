"""The rules packs declare: a named function with its clause. 核验规则登记."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from kunyu.engines.matters.errors import UnknownRule
from kunyu.engines.matters.rules.answers import Answer, Ask, Weight
from kunyu.kernel.errors import Defect

Function = Callable[[Ask], Answer]


@dataclass(frozen=True)
class Rule:
    """A rule: what it needs and what a conflict of it means.

    Parameters
    ----------
    layers
        Collections of the one map whose overlap with the plot it reads.
    materials
        Kinds of material it reads.
    edition
        Grows when the rule answers otherwise than before: part of every digest.
    """

    id: str
    clause: str
    name_zh: str
    name_en: str
    weight: Weight
    function: Function
    layers: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    needs_plot: bool = False
    needs_earlier: bool = False
    edition: int = 1
    verified: bool = False

    def __call__(self, ask: Ask) -> Answer:
        return self.function(ask)


_rules: dict[str, Rule] = {}


def rule(
    id: str, *, clause: str, name_zh: str, name_en: str, weight: Weight, layers: tuple[str, ...] = (),
    materials: tuple[str, ...] = (), needs_plot: bool = False, needs_earlier: bool = False, edition: int = 1,
    verified: bool = False,
) -> Callable[[Function], Rule]:  # fmt: skip
    """Declare a function as a rule; two rules of one id are a defect."""

    def declare(function: Function) -> Rule:
        made = Rule(id, clause, name_zh, name_en, weight, function, layers, materials, needs_plot or bool(layers),
                    needs_earlier, edition, verified)  # fmt: skip
        known = _rules.get(id)
        if known is not None and known.function.__module__ != function.__module__:
            raise Defect(f"规则 {id} 重复登记。", f"Rule {id} is declared twice.")
        _rules[id] = made
        return made

    return declare


def load(modules: Mapping[str, str] | tuple[str, ...]) -> None:
    """Import the modules that declare rules (``kunyu.packs.*.rules``)."""
    for name in modules:
        import_module(name)


def find_rule(id: str) -> Rule:
    """The rule of an id, or ``UnknownRule``."""
    if id not in _rules:
        raise UnknownRule(f"没有规则 {id}。", f"There is no rule {id}.", rule=id)
    return _rules[id]


def every_rule() -> Iterator[Rule]:
    """All rules by id."""
    yield from (_rules[one] for one in sorted(_rules))
