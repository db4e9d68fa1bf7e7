"""The forms of officers' acts. 办件表单.

Each carries the revision of the case as it was shown: an act on what has changed since is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from kunyu.engines.matters.cases.machine import CORRECT, GRANT, NEEDS_TEXT, REFUSE
from kunyu.engines.matters.cases.words import outcome_words
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.desk.available import Doubts, decides
from kunyu.engines.matters.models import Pause
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import both, pick
from kunyu.engines.security.models import User

LONGEST = 4000
_PAUSES_EN = {"hearing": "hearing", "experts": "expert review", "inspection": "inspection or survey",
              "auction": "tender or auction", "other": "another procedure the law names"}  # fmt: skip


def _words(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class CaseForm(PageForm):
    """Any act on a case as it was shown."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)


class ReasonForm(CaseForm):
    """An act that needs its reason."""

    text = forms.CharField(label=both("理由", "Reason"), max_length=LONGEST, widget=_words())


class RemarkForm(CaseForm):
    """An act that may bear a remark."""

    text = forms.CharField(label=both("说明", "Remark"), max_length=LONGEST, required=False, widget=_words())


class SuperviseForm(CaseForm):
    """What is urged."""

    text = forms.CharField(
        label=both("督办要求", "What is urged"), max_length=LONGEST, widget=_words(),
        help_text=both("送达办件当前在手的人员，记入办理轨迹。", "Goes to whoever has the case in hand and stays on its record."),
    )  # fmt: skip


class BasisForm(CaseForm):
    """An act that needs reason and articles of law."""

    text = forms.CharField(label=both("理由", "Reason"), max_length=LONGEST, widget=_words())
    basis = forms.CharField(
        label=both("法律依据（每行一条）", "Articles of law (one a line)"), max_length=LONGEST, widget=_words()
    )


class PauseForm(CaseForm):
    """A special procedure that stops the clock."""

    kind = forms.ChoiceField(
        label=both("特别程序", "Procedure"), widget=forms.RadioSelect,
        choices=[(value, both(str(Pause.Kind(value).label), en)) for value, en in _PAUSES_EN.items()],
    )  # fmt: skip
    text = forms.CharField(label=both("事由", "Reason"), max_length=LONGEST, widget=_words())
    basis = forms.CharField(label=both("法律依据", "Basis in law"), max_length=300, required=False)


class CorrectForm(CaseForm):
    """Everything that is to be corrected, said once."""

    asked = forms.CharField(
        label=both("需要补正的内容（每行一项）", "What is to be corrected (one a line)"), max_length=LONGEST, widget=_words(6),
        help_text=both("应当一次性告知全部内容，一个办件只能告知一次。写出材料或表单项的名称，申请人可以直接打开对应的页面。",
                       "Everything at once: a case has one correction only. Name materials and fields as the matter does: "
                       "the applicant is led there."),
    )  # fmt: skip
    answer_by = forms.DateField(
        label=both("补正期限", "Answer by"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text=both("不填按节点设置的工作日数。", "Left empty: as many workdays as the node's setting says."),
    )  # fmt: skip

    def clean_answer_by(self) -> date | None:
        """A day that is still to come."""
        day: date | None = self.cleaned_data["answer_by"]
        if day is not None and day <= timezone.localdate():
            raise forms.ValidationError(pick(("补正期限应在今天之后。", "The last day must lie after today.")))
        return day


class GiveForm(CaseForm):
    """A stage given to a colleague."""

    user = forms.ChoiceField(label=both("交给", "To"))
    text = forms.CharField(label=both("说明", "Remark"), max_length=LONGEST, required=False, widget=_words(2))

    def __init__(self, *args: Any, colleagues: Iterable[User], needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(one.username, f"{one.name_zh or one.username} ({one.username})") for one in colleagues]
        self.fields["user"].choices = [("", pick(("请选择", "Choose"))), *names]  # type: ignore[attr-defined]
        if needs_reason:
            self.fields["text"].required = True
            self.fields["text"].label = both("移交原因", "Why it is handed over")


class MoveForm(CaseForm):
    """The county whose office goes on with a case."""

    county = forms.ChoiceField(label=both("移交到", "To"))
    text = forms.CharField(label=both("移交原因", "Why it is moved"), max_length=LONGEST, widget=_words())

    def __init__(self, *args: Any, counties: Iterable[tuple[str, tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(code, f"{pick(name)} {code}") for code, name in counties]
        self.fields["county"].choices = [("", pick(("请选择", "Choose"))), *named]  # type: ignore[attr-defined]


class StepForm(CaseForm):
    """An opinion at a stage; at the last one, the decision. The override is asked only where something needs it."""

    stage = forms.CharField(widget=forms.HiddenInput, max_length=60)
    suggested = forms.BooleanField(widget=forms.HiddenInput, required=False)
    outcome = forms.ChoiceField(label=both("办理结果", "Outcome"), widget=forms.RadioSelect)
    text = forms.CharField(label=both("意见", "Opinion"), max_length=LONGEST, required=False, widget=_words(6))
    basis = forms.CharField(
        label=both("法律依据（每行一条）", "Articles of law (one a line)"),
        max_length=LONGEST,
        required=False,
        widget=_words(),
    )
    override = forms.CharField(
        label=both("仍然决定的理由", "Why it is decided all the same"), max_length=LONGEST, required=False, widget=_words(),
        help_text=both(
            "存在未核验项或不得准予的冲突，未核验不等于通过；理由连同您的姓名记入决定。",
            "Something was not checked, or a conflict forbids granting. Not checked is not clear; the reason is kept with your name.",
        ),
    )  # fmt: skip
    passed_over = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, of_stage: Stage, doubts: Doubts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.doubts, self.is_decision = doubts, decides(of_stage)
        words = [(code, both(*outcome_words(code))) for code in of_stage.outcomes]
        self.fields["outcome"].choices = words  # type: ignore[attr-defined]
        if CORRECT in of_stage.outcomes:
            self.fields["text"].help_text = both(
                "选择补正时，每行写一项需要补正的内容，一次性告知。",
                "For a correction: one thing a line, everything at once.",
            )
        if not self.is_decision:
            del self.fields["basis"]
        if not self.is_decision or not doubts.any:
            del self.fields["override"], self.fields["passed_over"]
            return
        self.saw = str(self.data.get("passed_over", "")) if self.is_bound else doubts.named
        self.initial["passed_over"] = doubts.named
        if self.is_bound:  # shown again, the form names what it shows now
            shown: Any = self.data
            self.data = shown = shown.copy()
            shown["passed_over"] = doubts.named

    def clean(self) -> dict[str, Any]:
        """What the chosen outcome needs, said at the field that lacks it."""
        found: dict[str, Any] = super().clean() or {}
        if "passed_over" in self.fields:
            found["passed_over"] = [one for one in self.saw.split(",") if one]
        outcome, final = found.get("outcome", ""), found.get("outcome") in (GRANT, REFUSE) and self.is_decision
        if (outcome in NEEDS_TEXT or final) and not found.get("text", "").strip():
            self.add_error("text", pick(("请写明理由。", "Say why.")))
        if final and outcome == REFUSE and not found.get("basis", "").strip():
            self.add_error(
                "basis", pick(("不予许可应当写明法律依据。", "A refusal names the articles of law it stands on."))
            )
        if final and self.doubts.forbid(outcome) and not found.get("override", "").strip():
            self.add_error("override", pick(("请写明在此情况下仍然决定的理由，或先重新核验。",
                                             "Say why it is decided all the same, or check again first.")))  # fmt: skip
        return found
