"""The checklist as text, JSON or a page to print."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path

from kunyu.kernel.digests import canonical_json
from kunyu.project.compliance.controls import MET, NAMES_ZH, NOT_MET, OUTSIDE, PARTLY, Answer, answer, controls

SIGNS = {MET: "✓", PARTLY: "~", NOT_MET: "✗", OUTSIDE: "–"}
NOTE_ZH = "由运行中的节点生成，供自查；不替代等级测评与密码应用安全性评估。条款凭记忆整理，未核对原文。"
NOTE_EN = (
    "Made from the running node, for self-examination; it replaces no official evaluation. "
    "The clauses were written from memory and not compared with the standards."
)


def answers() -> list[Answer]:
    """Look at every control now."""
    from kunyu.project.compliance.observed import CHECKS

    return [answer(control, CHECKS) for control in controls()]


def as_json(found: list[Answer]) -> dict[str, object]:
    """The JSON of ``kunyu compliance --json``."""
    counts = Counter(one.observed.state for one in found)
    return {
        "schema": 1,
        "verified": False,
        "note_zh": NOTE_ZH,
        "note_en": NOTE_EN,
        "summary": {state: counts[state] for state in NAMES_ZH},
        "controls": [one.as_json() for one in found],
    }


def as_text(found: list[Answer], lang: str) -> str:
    """One line per control, grouped by area."""
    lines, area = [], ""
    for one in found:
        control, seen = one.control, one.observed
        if control.area_zh != area:
            area = control.area_zh
            lines.append(f"\n{control.area_en if lang == 'en' else area}")
        wanted, said = (control.en, seen.en) if lang == "en" else (control.zh, seen.zh)
        lines.append(f"  {SIGNS[seen.state]} {control.id} {wanted}\n      {said}")
    counts = Counter(one.observed.state for one in found)
    total = " · ".join(f"{name if lang == 'en' else NAMES_ZH[name]} {counts[name]}" for name in NAMES_ZH)
    return "\n".join([*lines, "", total, NOTE_EN if lang == "en" else NOTE_ZH])


def write(found: list[Answer], path: Path) -> None:
    """Write ``.json`` or ``.html``."""
    if path.suffix == ".json":
        path.write_bytes(canonical_json(as_json(found)) + b"\n")
        return
    rows = "".join(
        f"<tr class='{one.observed.state.replace(' ', '-')}'><td>{one.control.id}</td><td>{_text(one.control.area_zh)}</td>"
        f"<td>{_text(one.control.zh)}<br><small>{_text(one.control.en)}</small></td>"
        f"<td>{SIGNS[one.observed.state]} {NAMES_ZH[one.observed.state]}</td>"
        f"<td>{_text(one.observed.zh)}<br><small>{_text(one.observed.en)}</small></td>"
        f"<td><small>{_text('、'.join(one.control.evidence))}</small></td></tr>"
        for one in found
    )
    path.write_text(_PAGE.format(rows=rows, note=f"{NOTE_ZH}<br>{NOTE_EN}"), encoding="utf-8")


def _text(value: str) -> str:
    return html.escape(value)


_PAGE = """<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>等级保护与密码应用自查表</title>
<style>body{{font:14px/1.5 "Noto Sans CJK SC",sans-serif;margin:2rem;color:#1b2b2e}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #c9d6d8;padding:.35rem .5rem;vertical-align:top;
text-align:left}}small{{color:#5b6b6e}}tr.not-met td:nth-child(4){{color:#b3261e}}tr.partly td:nth-child(4){{color:#8a5a00}}
tr.met td:nth-child(4){{color:#0b5c63}}</style>
<h1>等级保护（三级）与密码应用自查表</h1><p>{note}</p>
<table><tr><th>编号</th><th>方面</th><th>要求</th><th>结论</th><th>现状</th><th>测试证据</th></tr>{rows}</table></html>
"""
