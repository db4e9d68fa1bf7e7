"""What the documents of a case are filled with, and which template they are made of. 文书填充.

Names known to templates: ``case matter applicant project area_m2 area_ha decision form shown form_list opinions answers
today``; licences add ``number identifier issuer holder issued_on valid_to facts`` (:mod:`documents.licences`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.utils import timezone

from kunyu.engines.matters.cases import checks, machine, routing
from kunyu.engines.matters.definitions.forms import FormField, fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.packs import pack_folders
from kunyu.engines.matters.errors import BadMatter
from kunyu.engines.matters.models import Case, CheckAnswer, Decision
from kunyu.engines.matters.rules.disclosure import told
from kunyu.engines.security.scope import ANONYMOUS, Principal

PAPERS = Path(__file__).resolve().parents[1] / "data" / "papers"
"""Letters of the engine itself, for matters that have no wording of their own."""
FIRST_IDEOGRAPH = "\u2e80"


def filling(
    case: Case, decision: Decision | None, definition: Definition, reader: Principal = ANONYMOUS
) -> dict[str, Any]:
    """Values for the templates of a matter: case, decision, answers of the form, opinions and checks.

    Checks are told as ``reader`` may be told them (decision 0021): nobody in particular for what leaves the house.
    """
    form = case.application.form
    fields = {one.name: one for one in fields_of(definition)}
    shown = {name: shown_answer(fields[name], value) for name, value in form.items() if name in fields}
    return {
        "case": {"number": case.number, "submitted_on": _day(case.submitted_at), "accepted_on": _day(case.accepted_at),
                 "decided_on": _day(case.decided_at), "due_on": case.due_on.isoformat() if case.due_on else "",
                 "promised_days": case.promised_days, "division": case.division_code,
                 "state_zh": case.get_state_display()},
        "matter": {"code": case.matter.code, "name_zh": case.matter.name_zh, "kind": case.matter.kind},
        "applicant": {"name": case.applicant_name, "code": case.application.applicant_code_masked},
        "project": {"code": case.project_code, "name": case.project_name},
        "project_code": case.project_code,
        "area_m2": round(case.plot_area_m2, 2) if case.plot_area_m2 is not None else None,
        "area_ha": round(case.plot_area_m2 / 10_000, 4) if case.plot_area_m2 is not None else None,
        "decision": {} if decision is None else {
            "outcome": decision.outcome, "reason": decision.reason, "basis": list(decision.basis),
            "decided_by": decision.decided_by_zh, "decided_on": _day(decision.decided_at),
        },
        "form": dict(form),
        "shown": shown,
        "form_list": [[fields[name].title_zh, value] for name, value in shown.items() if value != ""],
        "opinions": _opinions(case, definition),
        "answers": _answers(case, reader),
        "today": timezone.localdate().isoformat(),
    }  # fmt: skip


def shown_answer(field: FormField, value: Any) -> str:
    """An answer as people read it: titles of choices, 是 or 否, with its unit."""
    if isinstance(value, bool):
        return "是" if value else "否"
    titles = {one.value: one.title_zh for one in field.choices}
    if isinstance(value, list):
        return "、".join(titles.get(str(one), str(one)) for one in value)
    if isinstance(value, Mapping):
        return str(value.get("name", ""))
    if value is None:
        return ""
    figure = f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, int | float) else str(value)
    # 7,377.9 m², but 30层
    space = " " if "" < field.unit[:1] < FIRST_IDEOGRAPH else ""
    return titles.get(str(value), f"{figure}{space}{field.unit}")


def public_facts(case: Case, definition: Definition) -> dict[str, Any]:
    """What stands on a licence and is shown to whoever verifies it.

    Besides project, size and case only the answers that the matter names in ``extra.licence_fields``: forms hold telephone
    numbers and names that are nobody's business. Each is named in both languages (``Licence.facts``).
    """
    facts: dict[str, Any] = {"办件编号|Case number": case.number}
    if case.project_name:
        facts["项目名称|Project name"] = case.project_name
    if case.plot_area_m2 is not None:
        facts["用地面积（公顷）|Plot area (ha)"] = round(case.plot_area_m2 / 10_000, 4)
    fields = {one.name: one for one in fields_of(definition)}
    form = case.application.form
    named = [name for name in definition.extra.get("licence_fields", ()) if name in fields]
    return facts | {_label(fields[name]): shown_answer(fields[name], form[name]) for name in named if name in form}


def _label(field: FormField) -> str:
    return f"{field.title_zh}|{field.title_en}" if field.title_en else field.title_zh


def _opinions(case: Case, definition: Definition) -> list[dict[str, str]]:
    names = {one.code: one.name_zh for one in definition.stages}
    return [
        {"stage_zh": names.get(one.stage, one.stage), "outcome_zh": machine.OUTCOMES.get(one.outcome, (one.outcome,))[0],
         "text": one.text, "author_zh": one.author_zh or one.author, "on": _day(one.at)}
        for one in case.opinions.all()
    ]  # fmt: skip


def _answers(case: Case, reader: Principal) -> list[dict[str, str]]:
    check = checks.newest(case)
    return [] if check is None else [
        {"rule": one.rule, "state": one.state, "state_zh": CheckAnswer.State(one.state).label,
         "message_zh": one.message_zh, "remedy_zh": one.remedy_zh}
        for one in told(check, reader)
    ]  # fmt: skip


def template_path(case: Case, which: str) -> Path:
    """The template of a matter in the folder of its pack; a letter that it names none for is the engine's. Raises BadMatter."""
    name = routing.definition(case).templates.get(which)
    folder = next((one for one in pack_folders() if one.name == case.matter.pack), None)
    path = PAPERS / f"{which}.html" if name is None else None if folder is None else folder / "templates" / name
    if path is None or not path.is_file():
        raise BadMatter(
            f"事项 {case.matter.code} 没有“{which}”模板（{case.matter.pack or '未定义文件夹'}/templates/{name or '?'}）。",
            f"Matter {case.matter.code} has no template '{which}' ({case.matter.pack or 'no folder'}/templates/{name or '?'}).",
            matter=case.matter.code,
        )
    return path


def _day(moment: Any) -> str:
    return timezone.localtime(moment).date().isoformat() if moment else ""
