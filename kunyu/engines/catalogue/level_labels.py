"""From a catalogue entry's level (公开 内部 敏感 涉密) to the label it proposes. 目录分级转为数据标记建议.

The levels and their reason keys are design on the seed's network rule (domain facts: catalogue §2). 涉密 becomes 秘密,
the lowest state secret grade, with grading 重要: the grade itself is decided by the procedure of 定密 and never by
software, so such a proposal is never approved in bulk. The catalogue's text is the reason, verbatim; where it names
several levels the strictest one is proposed and the reason says that this is not verified.
"""

from __future__ import annotations

from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.security import labels
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import Label

LABELS = {
    Dataset.Level.OPEN: Label(labels.PUBLIC, labels.GENERAL, labels.UNCONDITIONAL),
    Dataset.Level.INTERNAL: Label(labels.INTERNAL, labels.GENERAL, labels.CONDITIONAL),
    Dataset.Level.SENSITIVE: Label(labels.SENSITIVE, labels.GENERAL, labels.CONDITIONAL),
    Dataset.Level.SECRET: Label(labels.SECRET, labels.IMPORTANT, labels.NOT_SHARED),
}
_GRADES = ("公开", "内部", "敏感", "涉密", "秘密", "机密", "绝密")


def proposal_of(dataset: Dataset) -> Proposal:
    """The label that a dataset's catalogue entry proposes, with the entry's text as the reason."""
    text = dataset.classification or dataset.level
    label = LABELS[Dataset.Level(dataset.level)]
    reason = f"数据目录：{text}"
    if sum(grade in text for grade in _GRADES) > 1:
        reason += "（原文含多个级别，取最严，未核实）"
    basis = "数据目录所列，待定密程序确定密级" if label.is_state_secret else ""
    return Proposal(dataset.code, label, reason, basis)
