"""Labels: how secret, how important, how shared. 数据标记：密级、分级、共享类型.

Three axes, each in order of strictness (domain facts: catalogue §3, security §5):

* ``secrecy``: 公开 · 内部 · 敏感 for data that is no state secret, then 秘密 · 机密 · 绝密;
* ``grading``: 一般 · 重要 · 核心 (GB/T 43697-2024);
* ``sharing``: 无条件共享 · 有条件共享 · 不予共享 (国发〔2016〕51号).

A label is one number, ``secrecy * 9 + grading * 3 + sharing``, 0 to 53: rows carry it as smallint, and a set of labels
is a 54-bit mask that SQL tests with ``(mask >> label) & 1``. One label dominates another when it is at least as strict
on every axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from kunyu.kernel.errors import UsageError

SECRECY = ("公开", "内部", "敏感", "秘密", "机密", "绝密")
SECRECY_EN = ("public", "internal", "sensitive", "secret", "confidential", "top secret")
GRADING = ("一般", "重要", "核心")
GRADING_EN = ("general", "important", "core")
SHARING = ("无条件共享", "有条件共享", "不予共享")
SHARING_EN = ("shared unconditionally", "shared on conditions", "not shared")

PUBLIC, INTERNAL, SENSITIVE, SECRET, CONFIDENTIAL, TOP_SECRET = range(6)
GENERAL, IMPORTANT, CORE = range(3)
UNCONDITIONAL, CONDITIONAL, NOT_SHARED = range(3)
COUNT = len(SECRECY) * len(GRADING) * len(SHARING)
EVERY = (1 << COUNT) - 1


class BadLabel(UsageError):
    """A value off the axes."""

    code = "bad_label"


@dataclass(frozen=True, order=True)
class Label:
    """A point on the three axes.

    Raises
    ------
    BadLabel
        A value is off its axis.
    """

    secrecy: int = PUBLIC
    grading: int = GENERAL
    sharing: int = UNCONDITIONAL

    def __post_init__(self) -> None:
        given = (("密级", self.secrecy, SECRECY), ("分级", self.grading, GRADING), ("共享类型", self.sharing, SHARING))
        for axis, value, names in given:
            if not 0 <= value < len(names):
                raise BadLabel(
                    f"{axis}取值 {value} 不存在；可用 0–{len(names) - 1}：{'、'.join(names)}。",
                    f"{axis} has no value {value}; use 0 to {len(names) - 1}.",
                )

    @property
    def code(self) -> int:
        return self.secrecy * 9 + self.grading * 3 + self.sharing

    @property
    def name_zh(self) -> str:
        return f"{SECRECY[self.secrecy]}·{GRADING[self.grading]}·{SHARING[self.sharing]}"

    @property
    def name_en(self) -> str:
        return f"{SECRECY_EN[self.secrecy]}, {GRADING_EN[self.grading]}, {SHARING_EN[self.sharing]}"

    @property
    def is_open(self) -> bool:
        """May be read by anybody, without signing in."""
        return self.code == 0

    @property
    def is_state_secret(self) -> bool:
        return self.secrecy >= SECRET

    def dominates(self, other: Label) -> bool:
        """At least as strict as ``other`` on every axis."""
        return self.secrecy >= other.secrecy and self.grading >= other.grading and self.sharing >= other.sharing

    def join(self, other: Label) -> Label:
        """The least strict label that dominates both: what a record has in a dataset with another label."""
        return Label(
            max(self.secrecy, other.secrecy), max(self.grading, other.grading), max(self.sharing, other.sharing)
        )


ORDINARY = Label(SENSITIVE, GENERAL, CONDITIONAL)
"""What a dataset counts as before anybody labelled it (nothing can be published there), and the ceiling of a grant
that names none: signed-in staff with a grant, never the public, never important data or state secrets."""


@lru_cache(maxsize=COUNT)
def label_of_code(code: int) -> Label:
    """The label of a number from 0 to 53."""
    if not 0 <= code < COUNT:
        raise BadLabel(f"标记编号 {code} 不存在；可用 0–{COUNT - 1}。", f"There is no label {code}; 0 to {COUNT - 1}.")
    return Label(code // 9, code // 3 % 3, code % 3)


@lru_cache(maxsize=256)
def under(ceiling: Label) -> int:
    """The set of labels that ``ceiling`` dominates, as a mask."""
    return mask(label for label in map(label_of_code, range(COUNT)) if ceiling.dominates(label))


def mask(labels: Iterable[Label]) -> int:
    """A set of labels as a 54-bit mask."""
    found = 0
    for label in labels:
        found |= 1 << label.code
    return found


def holds(labels: int, label: Label) -> bool:
    """Is ``label`` in the set?"""
    return bool(labels >> label.code & 1)


@lru_cache(maxsize=4096)
def rows_within(dataset: Label, allowed: int) -> int:
    """Labels that rows of a dataset may bear so that the two together are in ``allowed``."""
    return mask(row for row in map(label_of_code, range(COUNT)) if holds(allowed, dataset.join(row)))


def cleared(clearance: int) -> int:
    """What a clearance of 0 (none) to 3 (绝密) opens, whatever the grants say."""
    return under(Label(SENSITIVE + clearance, CORE, NOT_SHARED))


def needs_encryption(label: Label) -> bool:
    """Whether files with this label are encrypted at rest (security facts §5: 重要 needs encrypted storage)."""
    return label.secrecy >= SENSITIVE or label.grading >= IMPORTANT
