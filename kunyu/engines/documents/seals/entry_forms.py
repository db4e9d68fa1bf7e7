"""Forms of seals. 印章表单."""

from __future__ import annotations

from django import forms

from kunyu.engines.documents.seals.services import LEAST_MM, LONGEST_LINE, LONGEST_NAME, LONGEST_REASON, MOST_MM
from kunyu.engines.documents.seals.settings import seals_settings
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import both


class SealForm(PageForm):
    """What a new seal is; without a picture one is drawn."""

    name_zh = forms.CharField(
        label=both("名称", "Name (Chinese)"),
        max_length=LONGEST_NAME,
        help_text=both("写在印章的弧上，一般为单位全称。", "Stands on the arc: usually the full name."),
    )
    name_en = forms.CharField(label=both("英文名称", "Name (English)"), max_length=160, required=False)
    second_line = forms.CharField(
        label=both("第二行", "Second line"),
        max_length=LONGEST_LINE,
        required=False,
        help_text=both("例如：行政审批专用章。", "For example 行政审批专用章."),
    )
    division_code = forms.CharField(
        label=both("区划代码", "Division"), max_length=12, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )
    organisation = forms.CharField(
        label=both("单位代码", "Code of the organisation"),
        max_length=24,
        required=False,
        help_text=both("不填则供该区划各单位使用。", "Empty: for every unit of the division."),
    )
    width_mm = forms.IntegerField(
        label=both("宽（毫米）", "Width (mm)"), min_value=LEAST_MM, max_value=MOST_MM, initial=42
    )
    height_mm = forms.IntegerField(
        label=both("高（毫米）", "Height (mm)"), min_value=LEAST_MM, max_value=MOST_MM, initial=42
    )
    years = forms.IntegerField(label=both("有效期（年）", "Valid (years)"), min_value=1, max_value=10, initial=5)
    picture = forms.FileField(
        label=both("印章图片", "Picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png"}),
        help_text=both(
            "透明底PNG。不选则由系统绘制演示印章（带“演示”字样）。",
            "A PNG with transparent ground. Without one a demonstration seal is drawn, marked as such.",
        ),
    )

    def clean_picture(self) -> object:
        """Refuse what is too large before it is read."""
        file = self.cleaned_data.get("picture")
        limit = seals_settings().picture_bytes_max
        if file and file.size > limit:
            raise forms.ValidationError(
                both(f"图片超过 {limit // 1024} KiB。", f"The picture has more than {limit // 1024} KiB.")
            )
        return file


class NoteForm(PageForm):
    """An act that may be explained."""

    reason = forms.CharField(label=both("说明", "Note"), max_length=LONGEST_REASON, required=False)


class ReasonForm(PageForm):
    """An act that must be explained."""

    reason = forms.CharField(
        label=both("原因", "Reason"),
        max_length=LONGEST_REASON,
        help_text=both("会记入审计。", "It goes on record."),
    )
