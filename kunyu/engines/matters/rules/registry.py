"""The rules packs declare: a named function with its clause. 核验规则登记.

A pack of ``INSTALLED_PACKS`` declares its rules in its module or package ``rules``; they are imported once, when somebody
first asks for a rule. Whoever owns the law owns the rule; matters of other packs name it by its id. This engine's own
rules (MA-01 … of :mod:`materials`) any matter may name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from threading import Lock

from kunyu.engines.matters.errors import UnknownRule
from kunyu.engines.matters.own_rules import OWN_RULES
from kunyu.engines.matters.rules.answers import Answer, Ask, Weight
from kunyu.kernel.errors import Defect

Function = Callable[[Ask], Answer]
HOUSE_RULE = "本系统核验规则（不是法律条文）"
"""Beginning of the clause of a rule that no text of law states: it is its own source, and says so."""


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
    sums
        Collections of which it reads areas by class only: no geometry and no record of them is fetched.
    attributes
        What it reads of the records of ``layers``, as ``collection/field``, e.g. ``20201-001/HXLX``.
    fields
        Names of answers in the form that it reads.
    max_age_days
        Data of its layers that are older count as stale for it; None: what the layer itself says.
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
    """The clause was read in print, or is this house's own; otherwise it was recalled and pages say so."""
    sums: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    max_age_days: int | None = None

    @property
    def collections(self) -> tuple[str, ...]:
        """Every collection it reads, with places or as sums."""
        return (*self.layers, *self.sums)

    def __call__(self, ask: Ask) -> Answer:
        return self.function(ask)


_rules: dict[str, Rule] = {}
_loaded: set[str] = set()
_loading = Lock()


def rule(
    id: str, *, clause: str, name_zh: str, name_en: str, weight: Weight, layers: tuple[str, ...] = (),
    materials: tuple[str, ...] = (), needs_plot: bool = False, needs_earlier: bool = False, edition: int = 1,
    verified: bool = False, sums: tuple[str, ...] = (), attributes: tuple[str, ...] = (), fields: tuple[str, ...] = (),
    max_age_days: int | None = None,
) -> Callable[[Function], Rule]:  # fmt: skip
    """Declare a function as a rule; two rules of one id are a defect."""

    def declare(function: Function) -> Rule:
        made = Rule(
            id, clause, name_zh, name_en, weight, function, layers, materials, needs_plot or bool(layers or sums),
            needs_earlier, edition, verified, sums, attributes, fields, max_age_days,
        )  # fmt: skip
        known = _rules.get(id)
        if known is not None and known.function.__module__ != function.__module__:
            raise Defect(f"规则 {id} 重复登记。", f"Rule {id} is declared twice.")
        _rules[id] = made
        return made

    return declare


def load(modules: Iterable[str]) -> None:
    """Import the modules that declare rules (``kunyu.packs.*.rules``)."""
    for name in modules:
        import_module(name)


def load_installed() -> None:
    """Import the rules of every installed pack that has some; once in a process."""
    from django.conf import settings

    wanted = [one for one in settings.INSTALLED_PACKS if one not in _loaded]
    if not wanted:
        return
    with _loading:
        load(OWN_RULES)
        load(f"{pack}.rules" for pack in wanted if find_spec(f"{pack}.rules") is not None)
        _loaded.update(wanted)


def find_rule(id: str) -> Rule:
    """The rule of an id, or ``UnknownRule``."""
    load_installed()
    if id not in _rules:
        raise UnknownRule(f"没有规则 {id}。", f"There is no rule {id}.", rule=id)
    return _rules[id]


def every_rule() -> Iterator[Rule]:
    """All rules by id."""
    load_installed()
    yield from (_rules[one] for one in sorted(_rules))
