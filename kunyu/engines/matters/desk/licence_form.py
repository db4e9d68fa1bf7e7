"""What may be corrected on an issued licence: its holder, its project, and the answers that stand on it. 证照更正.

The matter names the answers in ``extra.licence_fields``; each is asked by a field of its own kind, and judged again by the
form's own schema when it is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms

from kunyu.engines.matters.cases import routing
from kunyu.engines.matters.cases.closing import CORRECTABLE
from kunyu.engines.matters.definitions.form_fields import Choice
from kunyu.engines.matters.definitions.forms import FormField, fields_of
from kunyu.engines.matters.desk.forms import LONGEST, CaseForm
from kunyu.engines.matters.models import Case
from kunyu.engines.pages.words import both, pick

_ON_FORM = "form-"


def on_form(name: str) -> str:
    """Name of the input of an answer: kept apart from those of the act itself."""
    return f"{_ON_FORM}{name}"


def fields_on_licence(case: Case) -> list[FormField]:
    """Fields of the form that stand on the licence and are asked under the answers given."""
    definition, form = routing.definition(case), case.application.form
    fields = {one.name: one for one in fields_of(definition)}
    named = [fields[name] for name in definition.extra.get("licence_fields", ()) if name in fields]
    return [one for one in named if one.is_asked(form, fields)]


def initial_of(case: Case) -> dict[str, Any]:
    """What stands on the licence now, by name of input."""
    form = case.application.form
    answers = {on_form(one.name): _shown(one, form.get(one.name)) for one in fields_on_licence(case)}
    return {**{name: getattr(case, name) for name in CORRECTABLE}, **answers, "answers": form}


def _shown(field: FormField, value: Any) -> Any:
    return value.get("name", "") if field.type == "party" and isinstance(value, Mapping) else value


class LicenceForm(CaseForm):
    """Clerical errors on an issued licence."""

    applicant_name = forms.CharField(label=both("申请人", "Holder"), max_length=200)
    project_name = forms.CharField(label=both("项目名称", "Project"), max_length=300, required=False)
    project_code = forms.CharField(label=both("项目代码", "Project code"), max_length=40, required=False)

    def __init__(self, *args: Any, fields: Sequence[FormField] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_licence = tuple(fields)
        for one in fields:
            self.fields[on_form(one.name)] = _INPUTS[one.type](one)
        self.fields["text"] = forms.CharField(
            label=both("更正理由", "Why it is corrected"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3})
        )
        self.dress()

    def clean(self) -> dict[str, Any]:
        """Something must differ."""
        found: dict[str, Any] = super().clean() or {}
        changes = {name: found[name] for name in CORRECTABLE if found.get(name, "") != self.initial.get(name, "")}
        for one in self.on_licence:
            before = self.initial["answers"].get(one.name)
            if on_form(one.name) in found and (after := _answer(one, found[on_form(one.name)], before)) != before:
                changes[one.name] = after
        found["changes"] = changes
        if not changes and not self.errors:
            self.add_error(None, pick(("没有要更正的内容。", "Nothing is to be corrected.")))
        return found


def _answer(field: FormField, given: Any, before: Any) -> Any:
    """What was typed as the form keeps it; an empty input of what was not answered stays unanswered."""
    if given in (None, "", []) and before in (None, "", []):
        return before
    if field.type == "date" and given:
        return given.isoformat()
    if field.type == "party":
        return {**(before if isinstance(before, Mapping) else {}), "name": given}
    if field.type == "boolean" and before is None and given is False:
        return before
    return given


# -- one input for each kind of answer --------------------------------------------------------------------------------


def _words(one: FormField) -> dict[str, Any]:
    unit = (f"（{one.unit}）", f" ({one.unit})") if one.unit else ("", "")
    return {"label": both(one.title_zh + unit[0], one.title_en + unit[1]), "required": False,
            "help_text": both(one.help_zh, one.help_en or one.help_zh)}  # fmt: skip


def _text(one: FormField) -> forms.Field:
    widget = forms.Textarea(attrs={"rows": one.lines}) if one.lines > 1 else forms.TextInput()
    return forms.CharField(max_length=one.max_length, widget=widget, **_words(one))


def _number(one: FormField) -> forms.Field:
    if one.is_whole:
        return forms.IntegerField(**_words(one))
    return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **_words(one))


def _offered(choices: Sequence[Choice]) -> list[tuple[str, str]]:
    return [(one.value, both(one.title_zh, one.title_en)) for one in choices]


_INPUTS: Mapping[str, Callable[[FormField], forms.Field]] = {
    "text": _text, "division": _text, "party": _text, "number": _number, "area": _number,
    "date": lambda one: forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **_words(one)),
    "choice": lambda one: forms.ChoiceField(choices=[("", "—"), *_offered(one.choices)], **_words(one)),
    "multi": lambda one: forms.MultipleChoiceField(
        choices=_offered(one.choices), widget=forms.CheckboxSelectMultiple, **_words(one)
    ),
    "boolean": lambda one: forms.BooleanField(**_words(one)),
}  # fmt: skip
