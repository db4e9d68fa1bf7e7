"""``kunyu overlap``: one JSON document, exit codes 0 clear, 1 conflict or not checked, 2, 3 (contract.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

pytestmark = pytest.mark.django_db


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    from kunyu.project.cli.main import run as command

    code = command(["overlap", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_exit_codes(people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Clear is 0; a conflict 1; a layer that was not checked 1 too; an unreadable file 3."""
    from kunyu.engines.analysis.tests.county import HOLED, square

    def file(name: str, geometry: shapely.Geometry) -> str:
        path = tmp_path / name
        path.write_text(shapely.to_geojson(geometry), encoding="utf-8")
        return str(path)

    clear = file("clear.geojson", square(50))
    code, document = run(capsys, clear, "--layers", "20201-001")
    assert (code, document["plots"][0]["answer"]["layers"][0]["state"]) == (0, "clear")
    code, document = run(capsys, file("zone.geojson", HOLED), "--layers", "20201-001")
    assert (code, document["plots"][0]["answer"]["layers"][0]["state"]) == (1, "conflict")
    code, document = run(capsys, clear, "--layers", "20203-001")
    assert (code, document["plots"][0]["answer"]["layers"][0]["reason"]) == (1, "missing")
    code, document = run(capsys, str(tmp_path / "none.geojson"))
    assert (code, document["code"]) == (3, "unreadable_input")
    code, document = run(capsys, clear, "--valid-at", "never")
    assert (code, document["code"]) == (2, "maps-bad-parameter")
