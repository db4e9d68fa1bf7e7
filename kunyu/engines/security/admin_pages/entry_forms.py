"""Forms of the administration. 管理表单."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import both, pick
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security.admin_pages.sections import managing_names
from kunyu.engines.security.models import Role

KINDS = [
    (Organisation.Kind.BUREAU, both("自然资源主管部门", "Bureau")),
    (Organisation.Kind.DEPARTMENT, both("内设机构", "Department")),
    (Organisation.Kind.UNIT, both("直属（技术）单位", "Technical unit")),
    (Organisation.Kind.OUTSIDE, both("外部单位", "Outside body")),
]


def _reason() -> forms.CharField:
    return forms.CharField(
        label=both("原因", "Reason"), max_length=300, help_text=both("会记入审计。", "It goes on record."),
        widget=forms.TextInput(attrs={"maxlength": 300}),
    )  # fmt: skip


class ReasonForm(PageForm):
    reason = _reason()


class UnitForm(PageForm):
    code = forms.CharField(
        label=both("单位代码", "Code"),
        max_length=24,
        help_text=both("字母、数字、点、横线，建成后不变。", "Never changes."),
    )
    name_zh = forms.CharField(label=both("名称", "Name (Chinese)"), max_length=120)
    name_en = forms.CharField(label=both("英文名称", "Name (English)"), max_length=160, required=False)
    kind = forms.ChoiceField(label=both("类别", "Kind"), choices=KINDS)
    division_code = forms.CharField(
        label=both("区划代码", "Division"), max_length=12, required=False,
        help_text=both("不填取上级单位的区划。", "Empty takes the parent's."), widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip
    uscc = forms.CharField(label=both("统一社会信用代码", "Unified social credit code"), max_length=18, required=False)


class NameForm(PageForm):
    name_zh = forms.CharField(label=both("名称", "Name (Chinese)"), max_length=120)
    name_en = forms.CharField(label=both("英文名称", "Name (English)"), max_length=160, required=False)
    reason = _reason()


class MoveForm(PageForm):
    parent_code = forms.CharField(
        label=both("新的上级单位代码", "Code of the new parent"), max_length=24,
        widget=forms.TextInput(attrs={"list": "units", "autocomplete": "off"}),
    )  # fmt: skip
    reason = _reason()


class PostForm(PageForm):
    name_zh = forms.CharField(label=both("岗位名称", "Name (Chinese)"), max_length=60)
    name_en = forms.CharField(label=both("英文名称", "Name (English)"), max_length=80, required=False)


class RolesForm(PageForm):
    roles = forms.MultipleChoiceField(
        label=both("角色", "Roles"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=both("不选即收回全部角色。", "None selected takes all roles away."),
    )  # fmt: skip
    reason = _reason()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = [  # type: ignore[attr-defined]
            (str(one.pk), f"{pick((one.name_zh, one.name_en))}（{one.code}）") for one in Role.objects.all()
        ]


def _day(**attrs: str) -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date", **attrs}, format="%Y-%m-%d")


class AppointForm(PageForm):
    username = forms.CharField(
        label=both("账号", "Account"),
        max_length=40,
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    starts_on = forms.DateField(label=both("任职起日", "First day"), widget=_day(), initial=timezone.localdate)
    ends_on = forms.DateField(
        label=both("任职止日（可不填）", "Last day (may be empty)"), widget=_day(), required=False
    )
    is_acting = forms.BooleanField(label=both("代理", "Acting"), required=False)
    reason = _reason()


class EndForm(PageForm):
    ends_on = forms.DateField(label=both("任职止日", "Last day"), widget=_day(), initial=timezone.localdate)
    reason = _reason()


class AccountForm(PageForm):
    username = forms.CharField(
        label=both("账号", "Account"), max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=both("小写字母、数字、点、横线；建成后不变。", "Small letters, digits, dots, dashes; never changes."),
    )  # fmt: skip
    name_zh = forms.CharField(label=both("姓名", "Name"), max_length=60)
    division_code = forms.CharField(label=both("所属区划代码", "Division"), max_length=12, required=False)
    first = forms.ChoiceField(
        label=both("首次登录", "First sign-in"), widget=forms.RadioSelect, initial="password",
        choices=[("password", both("一次性密码（当面或密封交给本人）", "One-time password, handed over in person")),
                 ("invitation", both("邀请链接（本人自设密码）", "Invitation link: the person sets the password"))],
    )  # fmt: skip


class CorrectForm(PageForm):
    name_zh = forms.CharField(label=both("姓名", "Name"), max_length=60)
    division_code = forms.CharField(label=both("所属区划代码", "Division"), max_length=12, required=False)
    reason = _reason()


class LeaveForm(PageForm):
    posts = forms.MultipleChoiceField(
        label=both("离开的岗位", "Posts left"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=both("停用账号时离开全部岗位。", "With the account disabled, all posts are left."),
    )  # fmt: skip
    successor = forms.CharField(
        label=both("接替人账号", "Successor's account"), max_length=40, required=False,
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
        help_text=both("未办结的任务移交给此人；不填则退回待领。", "Takes over the open tasks; empty: they are open to claim."),
    )  # fmt: skip
    disable = forms.BooleanField(
        label=both("同时停用账号（离开本单位）", "Disable the account too"), required=False, initial=True
    )
    reason = _reason()

    def __init__(self, *args: Any, held: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if held:
            self.fields["posts"].choices = [(str(pk), name) for pk, name in held]  # type: ignore[attr-defined]
            self.fields["posts"].initial = [str(pk) for pk, _ in held]
        else:
            del self.fields["posts"]


class AdministratorForm(PageForm):
    username = forms.CharField(
        label=both("账号", "Account"), max_length=40,
        help_text=both("须无岗位、无授权；任命后原有会话和令牌失效。", "Without posts and grants; its sessions and tokens end."),
    )  # fmt: skip
    division = forms.CharField(
        label=both("管理区划代码", "Division administered"), max_length=12, required=False,
        help_text=both("您的区划或其下级；不填为全国（仅限您管理全国时）。", "Yours or below; empty is the nation."),
    )  # fmt: skip
    reason = _reason()


class InvitationForm(PageForm):
    password = forms.CharField(
        label=both("新密码", "New password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), max_length=128,
        help_text=both("至少 10 个字符并含三种字符，或 16 个字符以上的短语。", "10 characters of three kinds, or a phrase of 16."),
    )  # fmt: skip
    again = forms.CharField(
        label=both("再输一次", "Again"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        max_length=128,
    )

    def clean_again(self) -> str:
        again = str(self.cleaned_data["again"])
        if again != self.cleaned_data.get("password"):
            raise forms.ValidationError(both("两次输入不一致。", "The two do not agree."))
        return again


class ImportForm(PageForm):
    file = forms.FileField(
        label=both(
            "表格（.xlsx 或 .csv，不超过 5 MB、5 万行）", "Spreadsheet (.xlsx or .csv, up to 5 MB, 50,000 rows)"
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
    )


DUTY_NAMES = dict(managing_names())
