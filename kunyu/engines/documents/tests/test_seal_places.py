"""A seal stands over the office's name at the end of the paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunyu.engines.documents.making import make
from kunyu.engines.documents.seal_places import place_of

OFFICE = "坤舆县自然资源局"
PAGE = """<style>@page {{ margin: 20mm }}</style><p class="plain">{office}</p>
<div style="position: absolute; left: {left}mm; top: {top}mm; text-indent: 0">{office}<br>2026年11月23日</div>"""


def paper(folder: Path, left: float, top: float) -> bytes:
    path = folder / "a.html"
    path.write_text(PAGE.format(office=OFFICE, left=left, top=top), encoding="utf-8")
    return make(path, {}, title="x", proof=None).content


def test_it_stands_below_the_last_name(tmp_path: Path) -> None:
    """14 pt letters, eight of them: 39.5 mm wide, so the middle is 20 mm right of where it begins."""
    found = place_of(paper(tmp_path, 90, 150), OFFICE)
    assert found is not None and found[0] == 0
    assert found[1] == (pytest.approx(20 + 90 + 19.75, abs=1.5), pytest.approx(297 - 20 - 150 - 12, abs=4))


def test_it_never_leaves_the_page(tmp_path: Path) -> None:
    found = place_of(paper(tmp_path, 130, 250), OFFICE)
    assert found is not None and found[1][0] <= 210 - 24 and found[1][1] >= 24


def test_where_the_office_is_not_named_the_usual_place_serves(tmp_path: Path) -> None:
    assert place_of(paper(tmp_path, 10, 10), "别的局") is None
    assert place_of(b"no pdf", OFFICE) is None
