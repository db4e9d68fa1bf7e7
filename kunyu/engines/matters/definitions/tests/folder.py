"""A folder that defines one whole matter, for tests: written anew each time, so that a test can spoil it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from kunyu.engines.matters.definitions.reading import MatterFolder, read_matter_folder

FLOWS = Path(__file__).resolve().parents[2] / "flows" / "tests" / "files"
CODE, BRANCH, COUNTY = "T-001", "30401-001", "990101"
STAGES = {
    "acceptance": ("case-clerk", ["accept", "correct", "reject"], []),
    "examination": ("case-examiner", ["agree", "return"], ["acceptance"]),
    "planning_review": ("case-reviewer", ["agree", "refuse"], []),
    "land_use_review": ("case-reviewer", ["agree", "refuse"], []),
    "verification": ("case-reviewer", ["agree", "return"], ["examination"]),
    "decision": ("case-decider", ["grant", "refuse", "return"], ["acceptance", "examination"]),
}
FORM: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["use", "declared_area_m2"],
    "x-groups": {"用地": "Land"},
    "properties": {
        "use": {"type": "string", "title": "用途", "x-title-en": "Use", "x-group": "用地", "oneOf": [
            {"const": "road", "title": "道路", "x-title-en": "road"},
            {"const": "school", "title": "学校", "x-title-en": "school"},
        ]},
        "declared_area_m2": {"type": "number", "x-type": "area", "title": "用地面积", "x-title-en": "Area",
                             "exclusiveMinimum": 0, "maximum": 10_000_000},
        "takes_farmland": {"type": "boolean", "title": "占用永久基本农田", "x-title-en": "Takes permanent farmland"},
        "farmland_reason": {"type": "string", "title": "占用理由", "x-title-en": "Why", "x-when": "takes_farmland",
                            "maxLength": 200},
        "area_ha": {"type": "number", "title": "面积（公顷）", "x-title-en": "Area in hectares", "x-unit": "ha", "minimum": 0},
    },
}  # fmt: skip
RULES = '''"""Rules of the sample."""

from kunyu.engines.matters.rules.registry import rule


@rule("TT-001", clause="《试验法》第一条", name_zh="甲", name_en="a", weight="warn")
def first(ask):
    """Nothing."""
'''


def matter(**values: Any) -> str:
    """``matters.toml`` of the sample; values given replace those of the table, None leaves a key out."""
    keys: dict[str, Any] = {
        "code": CODE, "name_zh": "试验事项", "name_en": "Sample matter", "kind": "01", "levels": ["city", "county"],
        "branch": BRANCH, "basis": ["《试验法》第一条"], "statutory_days": 20, "promised_days": 15,
        "form": "forms/sample.json", "process": "review", "rules": ["TT-001"], "licence_kind": "sample_licence",
        "licence_valid_years": 3, "number_scheme": "试字第{division}{year}{sequence:05d}号",
    }  # fmt: skip
    keys |= values
    lines = [
        "[sample]",
        *(f"{key} = {_value(one)}" for key, one in keys.items() if one is not None),
    ]
    lines += ["[sample.templates]", 'licence = "licence.html"', "[[sample.materials]]", 'code = "application"',
              'name_zh = "申请表"', 'name_en = "Application"', "[[sample.materials]]", 'code = "farmland_plan"',
              'name_zh = "补划方案"', 'name_en = "Plan"', "is_required = false", 'when = "takes_farmland"']  # fmt: skip
    for code, (role, outcomes, separate) in STAGES.items():
        lines += ["[[sample.stages]]", f'code = "{code}"', f'name_zh = "环节{code}"', f'name_en = "{code}"',
                  f'role = "{role}"', f"outcomes = {json.dumps(outcomes)}", f"separate_from = {json.dumps(separate)}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _value(one: Any) -> str:
    if isinstance(one, dict):
        return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in one.items()) + " }"
    return json.dumps(one, ensure_ascii=False)


def write(folder: Path, toml: str = "", form: dict[str, Any] | None = None) -> Path:
    """Write the sample into a folder; ``toml`` instead of its values, ``form`` instead of its form."""
    for name in ("forms", "decisions", "templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "matters.toml").write_text(toml or matter(), encoding="utf-8")
    (folder / "forms" / "sample.json").write_text(json.dumps(form or FORM, ensure_ascii=False), encoding="utf-8")
    (folder / "templates" / "licence.html").write_text("<p>{{ number }}</p>", encoding="utf-8")
    (folder / "rules.py").write_text(RULES, encoding="utf-8")
    shutil.copy(FLOWS / "review.bpmn", folder / "workflow.bpmn")
    shutil.copy(FLOWS / "level.dmn", folder / "decisions" / "level.dmn")
    return folder


def read(folder: Path, **values: Any) -> MatterFolder:
    """The sample, read; without rules, so that it can be published where no pack declares them."""
    return read_matter_folder(write(folder, matter(**({"rules": []} | values))))
