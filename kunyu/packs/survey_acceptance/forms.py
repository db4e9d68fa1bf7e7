"""The forms of acceptance. 质检验收表单."""

from __future__ import annotations

from typing import Any

from django import forms

from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import both, pick
from kunyu.packs.survey_acceptance import lists

_RIGHT = [("1", both("正确", "right")), ("0", both("错误", "wrong"))]


class PlanForm(PageForm):
    """How a sample is drawn."""

    place = forms.ChoiceField(label=both("检查", "Check"), choices=[(k, both(*v)) for k, v in lists.PLACES.items()])
    method = forms.ChoiceField(
        label=both("抽样方法", "Method"), choices=[(k, both(*v)) for k, v in lists.METHODS.items()]
    )
    size_by = forms.ChoiceField(
        label=both("样本量", "Size"),
        choices=[("table", both("按批量查表", "by the table of lot sizes")), ("rate", both("按比例", "by rate"))],
    )
    rate = forms.FloatField(
        label=both("比例（%）", "Rate (%)"), required=False, min_value=0.001, max_value=100,
        help_text=both("按比例抽样时填写。", "Needed for a sample by rate."),
    )  # fmt: skip
    seed = forms.IntegerField(
        label=both("随机种子", "Seed"), required=False, min_value=0,
        help_text=both("不填由系统产生；公开抽签时填写抽得的数。种子会保存，任何人都可以重抽验证。",
                       "Empty: the node draws one. It is kept, so that anybody can draw the sample again."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """A rate where the size goes by rate."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("size_by") == "rate" and found.get("rate") is None and "rate" not in self.errors:
            self.add_error("rate", pick(("请填写比例。", "Give the rate.")))
        return found


class StepForm(PageForm):
    """A step's remark."""

    reason = forms.CharField(
        label=both("说明", "Remark"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class DecisionForm(PageForm):
    """Accept or return."""

    decision = forms.ChoiceField(
        label=both("决定", "Decision"), widget=forms.RadioSelect,
        choices=[("accept", both("通过：成果可以发布", "Accept: may be published")),
                 ("return", both("退回：成果被拒绝，须更正后重新汇交", "Return: rejected, to be corrected and delivered again"))],
    )  # fmt: skip
    reason = forms.CharField(
        label=both("意见（退回时必填，汇交人会看到）", "Opinion (needed for a return; whoever delivered reads it)"),
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip


class ItemForm(PageForm):
    """What was found at one parcel."""

    class_right = forms.ChoiceField(label=both("地类", "Class"), choices=_RIGHT, widget=forms.RadioSelect)
    class_found = forms.CharField(
        label=both("实际地类（判错时填写）", "Actual class (when wrong)"), required=False, max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )  # fmt: skip
    boundary_right = forms.ChoiceField(label=both("边界", "Boundary"), choices=_RIGHT, widget=forms.RadioSelect)
    deviation_m = forms.DecimalField(
        label=both("边界偏差（m）", "Boundary deviation (m)"), required=False, min_value=0, max_digits=7, decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.01"}),
    )  # fmt: skip
    attributes_right = forms.ChoiceField(
        label=both("其他属性", "Other attributes"), choices=_RIGHT, widget=forms.RadioSelect
    )
    note = forms.CharField(
        label=both("说明", "Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    photos = forms.CharField(
        label=both("举证照片编号（空格分开）", "Numbers of evidence photos (between spaces)"),
        required=False,
        max_length=500,
    )


class SheetForm(PageForm):
    """A sheet of results."""

    file = forms.FileField(label=both("CSV 或 XLSX 文件", "CSV or XLSX file"))


class SurveyorsForm(PageForm):
    """A list of villages and surveyors."""

    year = forms.IntegerField(label=both("年度", "Year"), min_value=2009, max_value=2200)
    file = forms.FileField(
        label=both("CSV 或 XLSX 文件", "CSV or XLSX file"),
        help_text=both(
            "表头：坐落单位代码、作业员、单位（可不填）。", "Headings: ZLDWDM, surveyor, unit (may be blank)."
        ),
    )
