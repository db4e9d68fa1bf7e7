"""Materials as the applicant's page shows them: asked for or not, what was read, whether it agrees. 材料、通查通验 (R-305).

Each material is compared alone with what the application says, so that every sentence stands beside the paper it is about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import MaterialKind
from kunyu.engines.matters.materials import comparing, facts, formats, standing_in
from kunyu.engines.matters.materials.kinds import definitions_of, kinds_of
from kunyu.engines.matters.models import Application, Material
from kunyu.engines.matters.rules.answers import CLEAR, CONFLICT, Answer
from kunyu.engines.pages.words import Pair
from kunyu.engines.security.scope import Principal

MOST_FACTS = 12
MOST_EARLIER = 30
_FACTS: Mapping[str, Pair] = {
    facts.APPLICANT_NAME: ("申请人名称", "Applicant's name"), facts.APPLICANT_CODE: ("统一社会信用代码", "Credit code"),
    facts.CITIZEN_ID: ("公民身份号码", "Citizen id"), facts.PROJECT_NAME: ("项目名称", "Project"),
    facts.PROJECT_CODE: ("投资项目代码", "Project code"), facts.AREA: ("面积", "Area"), facts.NUMBER: ("文号", "Number"),
    facts.DATE: ("日期", "Date"),
}  # fmt: skip
_RULE_OF: Mapping[str, str] = {
    facts.APPLICANT_NAME: "MA-03", facts.APPLICANT_CODE: "MA-04", facts.PROJECT_NAME: "MA-05",
    facts.PROJECT_CODE: "MA-06", facts.AREA: "MA-07",
}  # fmt: skip
_EARLIER_NUMBERS = "MA-08"
_NAMES: Mapping[str, Pair] = {
    **{rule: _FACTS[name] for name, rule in _RULE_OF.items()}, _EARLIER_NUMBERS: ("前序文书编号", "number of the earlier document"),
}  # fmt: skip
_PICTURES = ("image/", "application/pdf")


@dataclass(frozen=True)
class Said:
    """A sentence of a comparison. ``tone``: danger for what differs, warn for what was not checked."""

    tone: str
    text: Pair
    remedy: Pair


@dataclass(frozen=True)
class Read:
    """One thing read out of a material."""

    name: Pair
    value: str
    page: int
    is_unsure: bool


@dataclass(frozen=True)
class Row:
    """One kind of material: what is asked, what is there, what may stand in, what is wrong with the last try."""

    kind: MaterialKind
    because: Pair
    is_needed: bool
    is_conditional: bool
    newest: Material | None
    older: tuple[Material, ...]
    has_picture: bool
    read: tuple[Read, ...]
    compared: tuple[Said, ...]
    agreeing: tuple[Pair, ...]
    licences: tuple[Licence, ...]
    earlier: tuple[Material, ...]
    accept: str
    takes_photos: bool
    fault: Pair | None

    @property
    def is_missing(self) -> bool:
        """Needed and not there."""
        return self.is_needed and self.newest is None

    @property
    def is_unneeded(self) -> bool:
        """Hangs on an answer of the form that does not call for it, and nothing of it is there or was refused."""
        return self.is_conditional and not self.is_needed and self.newest is None and self.fault is None

    @property
    def formats(self) -> str:
        """Formats taken, in capitals."""
        return "、".join(one.upper() for one in formats.allowed(self.kind.formats))


def rows(principal: Principal, application: Application, refused: Mapping[str, Pair]) -> list[Row]:
    """Every kind the matters ask for, in their order.

    Parameters
    ----------
    refused
        By kind, why the last upload was refused.
    """
    kinds, definitions = kinds_of(application), definitions_of(application)
    versions: dict[str, list[Material]] = {}
    for one in Material.objects.filter(application=application).order_by("kind", "-version"):
        versions.setdefault(one.kind, []).append(one)
    earlier = standing_in.earlier_materials(principal, application.pk)
    questions = {one.name: (one.title_zh, one.title_en) for one in fields_of(definitions)}
    return [
        _row(principal, application, kind, versions.get(kind.code, ()), earlier, questions, refused.get(kind.code))
        for kind in kinds.values()
    ]


def _row(
    principal: Principal, application: Application, kind: MaterialKind, versions: Sequence[Material],
    earlier: Iterable[Material], questions: Mapping[str, Pair], fault: Pair | None,
) -> Row:  # fmt: skip
    newest = next((one for one in versions if not one.is_withdrawn), None)
    taken = formats.allowed(kind.formats)
    images = any(one in formats.IMAGES for one in taken)
    answers = _answers(application, kind, newest, questions)
    return Row(
        kind, _because(kind, questions), bool(application.form.get(kind.when)) if kind.when else kind.is_required,
        bool(kind.when), newest, tuple(one for one in versions if one is not newest),
        newest is not None and newest.media_type.startswith(_PICTURES), _read(newest),
        tuple(_said(answer) for answer in answers.values() if answer.state != CLEAR),
        tuple(_NAMES[rule] for rule, answer in answers.items() if answer.state == CLEAR), tuple(_licences(principal, application, kind)),
        _reusable(kind, earlier, newest), _accept(taken), images, fault,
    )  # fmt: skip


def _because(kind: MaterialKind, questions: Mapping[str, Pair]) -> Pair:
    """Under which answer of the form it is needed."""
    zh, en = questions.get(kind.when, (kind.when, kind.when))
    return (f"表单“{zh}”填“是”时必须提交", f"needed where “{en}” is yes") if kind.when else ("", "")


def _accept(taken: Iterable[str]) -> str:
    """For the browser's file chooser: suffixes, and the media types by which phones offer camera and gallery."""
    found = [formats.FORMATS[one] for one in taken if one in formats.FORMATS]
    return ",".join(dict.fromkeys([*(one.suffix for one in found), *(one.media_type for one in found)]))


def _licences(principal: Principal, application: Application, kind: MaterialKind) -> list[Licence]:
    return standing_in.licences_for(principal, application.pk, kind.code) if kind.licence_kind else []


def _reusable(kind: MaterialKind, earlier: Iterable[Material], newest: Material | None) -> tuple[Material, ...]:
    """Papers of the same kind from earlier applications; the one that is here already is not offered."""
    here = newest.sm3 if newest is not None else ""
    return tuple(one for one in earlier if one.kind == kind.code and one.sm3 != here)[:MOST_EARLIER]


def _read(one: Material | None) -> tuple[Read, ...]:
    found = [] if one is None else list(one.facts.get("found", ()))
    unique = {(fact["name"], fact["value"]): fact for fact in reversed(found) if fact["name"] in _FACTS}
    order = list(_FACTS)
    listed = sorted(unique.values(), key=lambda fact: (order.index(fact["name"]), fact["page"]))
    return tuple(
        Read(_FACTS[fact["name"]], str(fact.get("written") or fact["value"]), int(fact["page"]),
             not fact.get("is_good", True) or float(fact.get("confidence", 1)) < _SURE)
        for fact in listed[:MOST_FACTS]
    )  # fmt: skip


_SURE = 0.6


def _answers(
    application: Application, kind: MaterialKind, newest: Material | None, questions: Mapping[str, Pair]
) -> dict[str, Answer]:
    """What this paper says against what the application says, by rule; nothing while it is still being read."""
    if newest is None or newest.reading == Material.Reading.WAITING:
        return {}
    answers = dict(zip(comparing.RULES, compare_one(application, kind, newest, questions), strict=True))
    wanted = [_RULE_OF[name] for name in kind.reads if name in _RULE_OF]
    if any(name.endswith("_number") for name in kind.reads):
        wanted.append(_EARLIER_NUMBERS)
    return {rule: answers[rule] for rule in wanted if not _says_nothing(answers[rule])}


def compare_one(
    application: Application, kind: MaterialKind, material: Material, questions: Mapping[str, Pair]
) -> list[Answer]:
    """The comparisons MA-01 to MA-08 of one material alone; ``questions``: titles of the form's fields."""
    known = {name: getattr(kind, name) for name in ("code", "name_zh", "name_en", "is_required", "when")}
    return comparing.compare(
        application.form,
        {"kind": application.applicant_kind, "name": application.applicant_name,
         "code_masked": application.applicant_code_masked},
        None if application.plot_area_m2 is None else round(application.plot_area_m2, 2),
        {kind.code: {"file_name": material.file_name, "sm3": material.sm3, "pages": material.pages,
                     "reading": material.reading, "facts": material.facts, "faults": material.faults}},
        kinds={kind.code: known | {"reads": list(kind.reads)}},
        project_code=application.project_code, project_name=application.project_name, titles=questions,
    )  # fmt: skip


def _says_nothing(answer: Answer) -> bool:
    """*Clear* because nothing had to be compared is no news to the applicant."""
    return answer.state == CLEAR and answer.message_zh.startswith(("没有", "申请表没有"))


def _said(answer: Answer) -> Said:
    tone = "danger" if answer.state == CONFLICT else "warn"
    return Said(tone, (answer.message_zh, answer.message_en), (answer.remedy_zh, answer.remedy_en))


def is_reading(found: Iterable[Row]) -> bool:
    """Is something still being read, so that the page should look again?"""
    return any(one.newest is not None and one.newest.reading == Material.Reading.WAITING for one in found)
