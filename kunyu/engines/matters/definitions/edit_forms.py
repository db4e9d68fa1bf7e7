"""Forms of the pages that change and compare matters. 事项修改表单."""

from __future__ import annotations

from typing import Any

from django import forms

from kunyu.engines.matters.definitions.editing import Upload
from kunyu.engines.matters.definitions.matter import LEVELS
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import both

MOST_BYTES = 2 << 20
MOST_TABLES = 20


class _ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files at once."""

    widget = _ManyFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(_FilesField, self).clean(one, initial) for one in given[: MOST_TABLES + 1]]


class ChangeForm(PageForm):
    """What an owner changes: values as TOML, files in their own formats."""

    values = forms.CharField(
        label=both("要素取值（TOML）", "Values (TOML)"), strip=False, max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 22, "spellcheck": "false", "class": "form-control font-monospace"}),
        help_text=both("时限、材料、环节、收费、办理地点等；各键见参考文档“事项文件夹”。",
                       "Limits, materials, stages, fee, window and others; the reference page on matters lists the keys."),
    )  # fmt: skip
    form_file = forms.FileField(
        label=both("表单（JSON Schema，不改则留空）", "Form (JSON Schema; empty keeps it)"), required=False,
        widget=forms.FileInput(attrs={"accept": ".json"}),
    )  # fmt: skip
    flow_file = forms.FileField(
        label=both("流程（BPMN，不改则留空）", "Flow (BPMN; empty keeps it)"), required=False,
        widget=forms.FileInput(attrs={"accept": ".bpmn,.xml"}),
    )  # fmt: skip
    decision_files = _FilesField(
        label=both("决策表（DMN，可多个；上传则替换全部）", "Decision tables (DMN, several; they replace all)"), required=False,
        widget=_ManyFiles(attrs={"accept": ".dmn,.xml"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in ("form_file", "flow_file"):
            if given.get(name) is not None and given[name].size > MOST_BYTES:
                self.add_error(name, both(f"文件大于 {MOST_BYTES >> 20} MiB。", f"Larger than {MOST_BYTES >> 20} MiB."))
        tables = [one for one in given.get("decision_files") or [] if one]
        if len(tables) > MOST_TABLES or any(one.size > MOST_BYTES for one in tables):
            self.add_error("decision_files", both(f"至多 {MOST_TABLES} 个文件，各不大于 {MOST_BYTES >> 20} MiB。",
                           f"At most {MOST_TABLES} files of {MOST_BYTES >> 20} MiB each."))  # fmt: skip
        return given

    def upload(self, name: str) -> Upload | None:
        """The file of a field; None when none was sent."""
        file = self.cleaned_data.get(name)
        return None if file is None else _upload(file)

    def uploads(self, name: str) -> tuple[Upload, ...]:
        """The files of a field."""
        return tuple(_upload(one) for one in self.cleaned_data.get(name) or () if one)


def _upload(file: Any) -> Upload:
    file.seek(0)
    return Upload(str(file.name)[:120], file.read())


class CompareForm(PageForm):
    """The list of another level."""

    file = forms.FileField(
        label=both("对方的事项清单（CSV、JSON 或 TOML）", "Their list (CSV, JSON or TOML)"),
        widget=forms.FileInput(attrs={"accept": ".csv,.json,.toml"}),
    )  # fmt: skip
    level = forms.ChoiceField(
        label=both("对方的层级", "Their level"), required=False,
        choices=[("", both("不限", "any")), *((code, both(*words)) for code, words in LEVELS.items())],
        help_text=both("选定层级后，只把该层级应有的事项算作缺少。", "With a level, only what that level handles counts as missing."),
    )  # fmt: skip


class ReasonForm(PageForm):
    """Why an edition is published."""

    reason = forms.CharField(
        label=both("理由", "Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=both("写明依据的文件或要求，留在版本记录中。", "Name the document behind it; it stays with the edition."),
    )  # fmt: skip
