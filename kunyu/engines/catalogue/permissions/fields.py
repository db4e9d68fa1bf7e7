"""Fields that the forms of permissions and labels share: people, divisions, data, the three axes, masks."""

from __future__ import annotations

from typing import Any

from django import forms

from kunyu.engines.catalogue.permissions import people
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.reference import queries as divisions
from kunyu.engines.security import rights_words
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal

AXES = (
    ("secrecy", "密级", "Secrecy", rights_words.SECRECY),
    ("grading", "分级", "Grading", rights_words.GRADING),
    ("sharing", "共享类型", "Sharing", rights_words.SHARING),
)


def choices(pairs: tuple[Pair, ...]) -> list[tuple[str, str]]:
    return [(str(place), pick(pair)) for place, pair in enumerate(pairs)]


def add_axes(form: forms.Form, prefix: Pair, initial: Label | None = None) -> None:
    """Three selects in words; ``prefix`` stands before their labels."""
    for name, zh, en, words in AXES:
        form.fields[name] = forms.TypedChoiceField(
            label=both(f"{prefix[0]}{zh}", f"{prefix[1]}{en}"), choices=choices(words), coerce=int,
            initial=str(getattr(initial, name)) if initial else None, widget=forms.Select(attrs={"class": "form-select"}),
        )  # fmt: skip


def label_of(cleaned: dict[str, Any]) -> Label:
    return Label(cleaned["secrecy"], cleaned["grading"], cleaned["sharing"])


def person(principal: Principal, text: str) -> User:
    """The one person meant by an account or a name; ValidationError names what is wrong."""
    found = people.named(principal, text)
    if not found:
        raise forms.ValidationError(
            pick(
                (
                    f"本辖区没有账号或姓名为“{text}”的在用人员。",
                    f"No active person of your divisions is called {text!r}.",
                )
            )
        )
    if len(found) > 1:
        named = "、".join(one.username for one in found)
        raise forms.ValidationError(
            pick(
                (
                    f"“{text}”有多人，请填账号：{named}。",
                    f"Several people are called {text!r}; give the account: {named}.",
                )
            )
        )
    return found[0]


def division(text: str) -> str:
    """The code of a division given by code or by its full name; '' is the nation."""
    given = text.strip()
    if not given or given in rights_words.NATION:
        return ""
    if given.isascii() and given.isdigit():
        if divisions.valid_at().filter(code=given).exists():
            return given
        raise forms.ValidationError(pick((f"没有区划代码 {given}。", f"There is no division {given}.")))
    found = list(divisions.valid_at().filter(name_zh=given).values_list("code", flat=True)[:6])
    if len(found) == 1:
        return str(found[0])
    said = "、".join(found) if found else pick(("没有", "none"))
    raise forms.ValidationError(
        pick((f"请填区划代码；名为“{given}”的区划：{said}。", f"Give the code; divisions called {given!r}: {said}."))
    )


def below(principal: Principal) -> list[tuple[str, str]]:
    """The administrator's division and those right below it, for the box that suggests."""
    top = principal.duty_division
    found = divisions.valid_at().filter(parent_code=top or "0") | divisions.valid_at().filter(code=top)
    return list(found.order_by("code").values_list("code", "name_zh")[:400])
