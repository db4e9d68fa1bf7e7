"""The label that an exported file carries with it. 数据标记随文件走 (密级标识).

A GeoPackage carries it as metadata of the layer and a GeoJSON document as the member ``label``; beside a CSV stands a
second file ``<name>.csv.label.json``, since a table of values has no place for it. It is the strictest label that
records of the layer bear here, so that a file never claims less than it holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kunyu.engines.security import label_registry
from kunyu.engines.security.labels import Label

CSV_MARK = ".label.json"


@dataclass(frozen=True)
class Mark:
    """The label of one exported layer."""

    collection: str
    label: Label

    def document(self) -> dict[str, object]:
        """JSON-ready; ``code`` is secrecy * 9 + grading * 3 + sharing."""
        return {
            "collection": self.collection, "code": self.label.code, "secrecy": self.label.secrecy,
            "grading": self.label.grading, "sharing": self.label.sharing, "name_zh": self.label.name_zh,
            "name_en": self.label.name_en,
        }  # fmt: skip

    def text(self) -> str:
        return json.dumps(self.document(), ensure_ascii=False)

    def metadata(self) -> dict[str, str]:
        """Metadata of a GeoPackage layer."""
        return {"KUNYU_LABEL": self.text(), "KUNYU_LABEL_NAME": self.label.name_zh}


def mark_of(collection: str) -> Mark:
    """The mark of what is exported from a collection."""
    return Mark(collection, label_registry.strictest_of(collection))


def write_beside(path: Path, mark: Mark) -> None:
    """Put the second file beside a CSV that is in its place."""
    path.with_name(path.name + CSV_MARK).write_text(mark.text() + "\n", encoding="utf-8")
