"""Forms: Tabler's markup, labels in two languages, errors beside their field and in a summary that links to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kunyu.engines.pages import once
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.kernel.errors import KunyuError

AT_THE_FORM = (400, 409, 413, 422)
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
        self.dress()

    def dress(self) -> None:
        """Words and classes of the fields; again by a form that adds fields to those it declares."""
        for name, field in self.fields.items():
            label = field.label or name
            field.error_messages["required"] = both(f"请填写“{label}”。", f"Fill in {label!s}.")
            field.widget.attrs.setdefault("class", _class_of(field.widget))


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


def handle(
    request: HttpRequest, form: forms.Form, do: Callable[[dict[str, Any]], once.Done], title: Pair, action: Pair, *,
    back: str, losses: Iterable[Pair] | None = None, **more: Any,
) -> HttpResponse:  # fmt: skip
    """One form from showing to done: ``do`` takes the cleaned values, once, and answers as in ``once.submit_once``.

    A refusal about what was filled in (400, 409, 413, 422) comes back beside the field that ``context['field']`` names,
    with everything typed kept; what may not be seen or done at all leaves as it is. A form that was sent before leads to
    where it led, even where the act has left it invalid.
    """
    if again := once.repeated(request):
        return again
    if request.method == "POST" and form.is_valid():
        try:
            return once.submit_once(request, lambda: do(form.cleaned_data))
        except KunyuError as error:
            if error.http_status not in AT_THE_FORM:
                raise
            field = error.context.get("field")
            form.add_error(field if field in form.fields else None, pick((error.detail_zh, error.detail_en)))
    if losses is not None:
        return confirm(request, title, losses, action, back=back, form=form, **more)
    return show(request, form, title, action, back=back, **more)


def confirm(
    request: HttpRequest, title: Pair, losses: Iterable[Pair], action: Pair, *, back: str,
    form: forms.Form | None = None, lead: Pair = ("", ""), **context: object,
) -> HttpResponse:  # fmt: skip
    """The page before a destructive act: it names what will be lost; its button sends a POST to the same address."""
    return show(
        request, form if form is not None else forms.Form(), title, action, back=back, lead=lead,
        template="pages/confirm.html", losses=list(losses), **context,  # type: ignore[arg-type]
    )  # fmt: skip
