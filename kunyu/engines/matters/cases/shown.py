"""What officers and applicants are shown of a case alike: its clock, its flow, its form, its letters. 办件展示."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from kunyu.engines.documents.models import Document
from kunyu.engines.matters.cases import queries, routing
from kunyu.engines.matters.cases.words import days_used, time_left
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import TEMPLATES
from kunyu.engines.matters.errors import BadFlow
from kunyu.engines.matters.flows.drawing import draw
from kunyu.engines.matters.models import Case, Decision, Pause
from kunyu.engines.pages.listing import Cell
from kunyu.engines.pages.record import Fact
from kunyu.engines.pages.words import Pair, is_english


@dataclass(frozen=True)
class ClockShown:
    """Where the clock stands: workdays used and promised, the share for the bar (0 to 100), the last day."""

    used: int
    promised: int | None
    share: int
    left: Cell
    due_on: Any
    is_provisional: bool
    tone: str
    pause: Pause | None
    pause_words: Pair


def clock(case: Case) -> ClockShown:
    """The clock of a case today."""
    used = days_used(case)
    share = min(100, round(100 * used / case.promised_days)) if case.promised_days else 0
    pause = case.pauses.filter(ended_at=None).first()
    words = ("", "") if pause is None else (pause.get_kind_display(), pause.kind)
    return ClockShown(
        used, case.promised_days, share, time_left(case), case.due_on, case.due_is_provisional,
        queries.colour_of(case).name.lower(), pause, words,
    )  # fmt: skip


def flow_picture(case: Case) -> SafeString | None:
    """The flow with what is passed and what waits; ``draw`` builds it as a tree: names are text, never markup."""
    kept = getattr(case, "flow", None)
    if kept is None or not case.edition.flow:
        return None
    try:
        svg = draw(
            case.edition.flow.encode(), kept.passed, kept.waiting if case.closed_at is None else (),
            process=routing.definition(case).process, language="en" if is_english() else "zh",
        )  # fmt: skip
    except BadFlow:
        return None
    return mark_safe(svg)  # noqa: S308  # nosec B308, B703


def form_facts(case: Case) -> tuple[Fact, ...]:
    """The answers of the form in its order."""
    form = case.application.form
    found = []
    for field in fields_of(routing.definition(case)):
        if field.name not in form or form[field.name] in (None, "", []):
            continue
        unit = f"（{field.unit}）" if field.unit else "", f" ({field.unit})" if field.unit else ""
        titles = {choice.value: (choice.title_zh, choice.title_en) for choice in field.choices}
        counted = field.type in ("number", "area")
        found.append(
            Fact(
                (field.title_zh + unit[0], field.title_en + unit[1]), _answer(form[field.name], titles, counted=counted)
            )
        )
    return tuple(found)


def _answer(value: Any, titles: Mapping[str, Pair], *, counted: bool) -> object:
    if isinstance(value, list):
        words = [titles.get(str(one), (str(one), str(one))) for one in value]
        return "、".join(zh for zh, _ in words), ", ".join(en for _, en in words)
    if counted and isinstance(value, int | float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return value if isinstance(value, bool) else titles.get(str(value), str(value))


def letters(case: Case) -> list[dict[str, Any]]:
    """Letters that went out, each in its sealed form."""
    rows = Document.objects.filter(subject=f"case:{case.number}", kind__in=set(TEMPLATES) - {"licence"}).order_by("id")
    newest = {one.key.removesuffix(":sealed"): one for one in rows}  # the sealed one follows the plain one
    return [{"document": one, "title": TEMPLATES[one.kind]} for one in newest.values()]


def decision(case: Case) -> Decision | None:
    """The decision, once there is one."""
    return Decision.objects.filter(case=case).first()
