"""Forms: Tabler's markup, labels in two languages, errors beside their field and in a summary that links to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kunyu.engines.pages import once
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.kernel.errors import KunyuError

_CLASSES = {
    forms.CheckboxInput: "form-check-input",
    forms.CheckboxSelectMultiple: "form-check-input",
    forms.RadioSelect: "form-check-input",
    forms.Select: "form-select",
}


class PageForm(forms.Form):
    """A form whose fields speak both languages; give labels with ``words.both``.

    ``add_refusal`` puts an error of an engine at the field it is about, or above the form.
    """

    required_css_class = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            label = field.label or name
            field.error_messages["required"] = both(f"请填写“{label}”。", f"Fill in {label!s}.")
            field.widget.attrs.setdefault("class", _class_of(field.widget))

    def add_refusal(self, error: KunyuError, field: str | None = None) -> None:
        self.add_error(field, pick((error.detail_zh, error.detail_en)))


def _class_of(widget: forms.Widget) -> str:
    return next((name for kind, name in _CLASSES.items() if isinstance(widget, kind)), "form-control")


def show(
    request: HttpRequest, form: forms.Form, title: Pair, action: Pair, *, back: str = "", lead: Pair = ("", ""),
    template: str = "pages/form.html", status: int | None = None, **context: object,
) -> HttpResponse:  # fmt: skip
    """The page of one form with its token against double sending; 422 when the form has errors."""
    wrong = form.is_bound and not form.is_valid()
    return render(
        request,
        template,
        {"form": form, "title": title, "action": action, "back": back, "lead": lead, "once": once.new_token(request)}
        | context,
        status=status or (422 if wrong else 200),
    )


def confirm(
    request: HttpRequest, title: Pair, losses: Iterable[Pair], action: Pair, *, back: str,
    form: forms.Form | None = None, lead: Pair = ("", ""),
) -> HttpResponse:  # fmt: skip
    """The page before a destructive act: it names what will be lost; its button sends a POST to the same address."""
    return show(
        request, form if form is not None else forms.Form(), title, action, back=back, lead=lead,
        template="pages/confirm.html", losses=list(losses),
    )  # fmt: skip
