"""What a rule is, and how packs declare theirs. 检查规则.

A rule is a plain function in the pack that owns the law, marked with ``rule``::

    @rule("Q205", clause="TD/T 1057-2020 要素代码", severity="Z", scope="F",
          name_zh="要素代码与图层一致", name_en="Feature code equals the layer's")
    def feature_code_is_the_layers(delivery: Delivered) -> Iterator[Finding]: ...

It reads a ``Delivered`` and yields findings. It never raises because of a bad record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from kunyu.engines.ingest.checks.finding import Finding, Severity

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Standard

Scope = Literal["D", "T", "F", "G", "X", "H"]
Predicate = Callable[[Any], Iterable[Finding]]
"""Takes a ``Delivered``, whose module knows rules: naming the type here would make a cycle."""
Decliner = Callable[[Any], str | None]
"""Takes a ``Delivered``; returns why the rule does not concern it (Chinese; English), None when it does."""

SCOPE_NAMES: dict[Scope, tuple[str, str]] = {
    "D": ("成果包", "package"), "T": ("表", "table"), "F": ("字段", "field"), "G": ("几何", "geometry"),
    "X": ("图层之间", "across layers"), "H": ("变更", "history"),
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A named part of a rule that needs more than the rule itself; ``needs`` and ``declines`` as those of ``Rule``."""

    name: str
    needs: tuple[str, ...] = ()
    declines: Decliner | None = None


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``needs`` are layer codes of the standard that must be in the delivery, or ``ref:NAME`` for a part of the reference
    pack (``A|B``: either); without them the rule stands under ``rules_not_run``. ``optional_parts`` are parts of the
    predicate that need more: without it they stand there as ``Q508.control_area``. A rule that ``needs_crs`` does not
    run where none of these layers says what its coordinates are. ``declines`` says why a rule has no business with a
    delivery whose needs are met (the rules of a package, in a lone file). ``general`` rules ask only what a standard's own
    tables say, so they serve every standard; the others belong to the standards their pack names, or to those of them
    that ``standards`` names.
    """

    id: str
    clause: str
    severity: Severity
    scope: Scope
    unit: str
    needs: tuple[str, ...]
    name_zh: str
    name_en: str
    predicate: Predicate
    general: bool = False
    verified: bool = False
    optional_parts: tuple[Part, ...] = ()
    needs_crs: bool = False
    declines: Decliner | None = None
    standards: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """Parts of the reference that it looks at where they are there, without standing as not run where they are not."""

    def __call__(self, delivery: Any) -> Iterator[Finding]:
        return iter(self.predicate(delivery))

    @property
    def doc(self) -> str:
        """What the rule says of itself."""
        return (self.predicate.__doc__ or "").strip()


@dataclass(frozen=True)
class NotYet:
    """A rule of the law that this version does not run, so that a report says so; ``standards`` as in ``Rule``."""

    id: str
    reason: str
    standards: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """The rules that apply to one standard, sorted by id."""

    rules: tuple[Rule, ...]
    not_yet: tuple[NotYet, ...] = ()


def rule(
    id: str,
    *,
    clause: str,
    severity: Severity,
    scope: Scope,
    name_zh: str,
    name_en: str,
    unit: str = "",
    needs: tuple[str, ...] = (),
    general: bool = False,
    verified: bool = False,
    optional_parts: tuple[Part, ...] = (),
    needs_crs: bool = False,
    declines: Decliner | None = None,
    standards: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
) -> Callable[[Predicate], Rule]:
    """Make a function a ``Rule``; parameters as the attributes of ``Rule``."""

    def declare(predicate: Predicate) -> Rule:
        return Rule(
            id, clause, severity, scope, unit, needs, name_zh, name_en, predicate, general, verified,
            optional_parts, needs_crs, declines, standards, reads,
        )  # fmt: skip

    return declare


def rules_for(standard: Standard) -> RuleSet:
    """Return the rules of every installed pack that apply to ``standard``.

    A pack is an entry point of the group ``kunyu.packs``; its module ``quality`` names ``STANDARDS``, ``RULES`` and
    ``NOT_YET``. General rules of every pack are among them; a standard's own rule of the same id goes before.
    """
    own: dict[str, Rule] = {}
    general: dict[str, Rule] = {}
    not_yet: list[NotYet] = []
    for module in _quality_modules():
        applies = standard.id in module.STANDARDS or standard.extends in module.STANDARDS
        for one in module.RULES:
            if applies and _concerns(one, standard):
                own[one.id] = one
            elif one.general:
                general.setdefault(one.id, one)
        if applies:
            not_yet.extend(one for one in module.NOT_YET if _concerns(one, standard))
    chosen = general | own
    return RuleSet(tuple(chosen[key] for key in sorted(chosen)), tuple(sorted(not_yet, key=lambda one: one.id)))


def _concerns(one: Rule | NotYet, standard: Standard) -> bool:
    return not one.standards or standard.id in one.standards or standard.extends in one.standards


def _quality_modules() -> Iterator[Any]:
    names = sorted({point.value for point in entry_points(group="kunyu.packs")})
    for name in names:
        if find_spec(f"{name}.quality") is not None:
            yield import_module(f"{name}.quality")
