"""The form of a grant."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings

from kunyu.engines.catalogue.permissions import fields, names
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import both, pick
from kunyu.engines.security import rights_words
from kunyu.engines.security.grant_services import REASON_LONG, Wanted
from kunyu.engines.security.labels import ORDINARY
from kunyu.engines.security.models import Role, User
from kunyu.engines.security.scope import Principal


class GrantForm(PageForm):
    """Role or person × actions × data × division × ceiling × masks × end × reason; nothing else is taken."""

    role = forms.ChoiceField(
        label=both("角色", "Role"), required=False, help_text=both("与“人员”二选一。", "Either a role or a person.")
    )
    person = forms.CharField(
        label=both("人员", "Person"), required=False, max_length=60,
        help_text=both("填账号或姓名。", "Account or name."), widget=forms.TextInput(attrs={"list": "people"}),
    )  # fmt: skip
    actions = forms.MultipleChoiceField(label=both("可以", "May"), widget=forms.CheckboxSelectMultiple)
    branch = forms.ChoiceField(
        label=both("数据", "Data"), required=False,
        help_text=both("选到哪一级，就包括其下全部数据。", "Everything under the branch chosen is included."),
    )  # fmt: skip
    division = forms.CharField(
        label=both("区划", "Division"), required=False, max_length=40, widget=forms.TextInput(attrs={"list": "divisions"}),
        help_text=both("代码或全称；空着是全国。", "Code or full name; empty is the whole nation."),
    )  # fmt: skip
    within_post = forms.BooleanField(
        label=both("只限每个人岗位所在的区划（仅用于角色）", "Only the division of each holder's post (roles only)"),
        required=False,
    )
    reveals = forms.MultipleChoiceField(
        label=both("个人信息显示原文", "Personal data in clear"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=both("不选则一律脱敏。", "Masked unless chosen."),
    )  # fmt: skip
    expires_on = forms.DateField(
        label=both("有效至（含当日）", "Until (day included)"), required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=both("空着是长期有效；到期前 7 天提醒。", "Empty has no end; a reminder comes seven days before."),
    )  # fmt: skip
    reason = forms.CharField(
        label=both("理由", "Reason"), max_length=REASON_LONG, widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

    def __init__(self, principal: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.principal = principal
        roles = [(one.code, pick((one.name_zh, one.name_en))) for one in Role.objects.all()]
        self._offer("role", [("", "—"), *roles])
        self._offer("branch", names.branch_choices())
        self._offer("actions", [(key, pick(pair)) for key, pair in rights_words.ACTIONS.items()])
        self._offer("reveals", [(key, pick(pair)) for key, pair in rights_words.MASKED.items()])
        self.fields["division"].initial = principal.duty_division
        last = [self.fields.pop(name) for name in ("reveals", "expires_on", "reason")]
        fields.add_axes(self, ("至多：", "At most: "), ORDINARY)
        self.fields |= dict(zip(("reveals", "expires_on", "reason"), last, strict=True))

    def _offer(self, name: str, choices: list[Any]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_person(self) -> User | None:
        text = self.cleaned_data["person"].strip()
        return fields.person(self.principal, text) if text else None

    def clean_division(self) -> str:
        return fields.division(self.cleaned_data["division"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "person" in given and bool(given.get("role")) == bool(given["person"]):
            self.add_error(
                "role", pick(("请选择一个角色，或者填一个人，不能都填。", "Choose a role or name a person, not both."))
            )
        return given

    def wanted(self) -> Wanted:
        """What the form asks for."""
        given = self.cleaned_data
        return Wanted(
            actions=tuple(given["actions"]), user=given["person"],
            role=Role.objects.get(code=given["role"]) if given["role"] else None, branch=given["branch"],
            division=given["division"], within_post=given["within_post"], ceiling=fields.label_of(given),
            reveals=tuple(given["reveals"]), expires_at=end_of(given["expires_on"]), reason=given["reason"],
        )  # fmt: skip


def end_of(day: date | None) -> datetime | None:
    """The last instant of a day in the node's time zone."""
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(settings.TIME_ZONE)) if day else None


class ReasonForm(PageForm):
    """Why something is taken away."""

    reason = forms.CharField(
        label=both("理由", "Reason"), max_length=REASON_LONG, widget=forms.Textarea(attrs={"rows": 2})
    )
