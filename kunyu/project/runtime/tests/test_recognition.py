"""The doctor says what scanned materials need, and how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunyu.engines.matters.materials.recognition import missing_parts
from kunyu.project.runtime.doctor import recognition
from kunyu.project.runtime.result import OK, WARN


def test_without_tesseract_the_doctor_warns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = recognition()
    assert (found.level, found.name_zh) == (WARN, "光学识别")
    assert found.zh == (
        "缺少 tesseract，扫描件不能自动比对，显示为未核验；请执行 apt-get install tesseract-ocr tesseract-ocr-chi-sim"
    )


@pytest.mark.skipif(bool(missing_parts()), reason="tesseract or its data chi_sim is not installed")
def test_with_tesseract_it_is_content() -> None:
    assert recognition().level == OK
