"""``kunyu overlap``: one JSON document, exit codes 0 clear, 1 conflict or not checked, 2, 3 (contract.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from kunyu.kernel.errors import KunyuError

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, Any]:
    """Exit code and document, an error's own as the main program would turn it."""
    import typer
    from typer.testing import CliRunner

    from kunyu.engines.analysis.cli import register

    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    done = CliRunner().invoke(app, ["overlap", *arguments, "--json"])
    if isinstance(done.exception, KunyuError):
        return done.exception.exit_code, done.exception.problem()
    return done.exit_code, json.loads(done.stdout)


def test_exit_codes(people: People, tmp_path: Path) -> None:
    """Clear is 0; a conflict 1; a layer that was not checked 1 too; an unreadable file 3."""
    from kunyu.engines.analysis.tests.county import HOLED, square

    def file(name: str, geometry: shapely.Geometry) -> str:
        path = tmp_path / name
        path.write_text(shapely.to_geojson(geometry), encoding="utf-8")
        return str(path)

    clear = file("clear.geojson", square(50))
    code, document = run(clear, "--layers", "20201-001")
    assert (code, document["plots"][0]["answer"]["layers"][0]["state"]) == (0, "clear")
    code, document = run(file("zone.geojson", HOLED), "--layers", "20201-001")
    assert (code, document["plots"][0]["answer"]["layers"][0]["state"]) == (1, "conflict")
    code, document = run(clear, "--layers", "20203-001")
    assert (code, document["plots"][0]["answer"]["layers"][0]["reason"]) == (1, "missing")
    code, document = run(file("far.geojson", shapely.box(80.0, 30.0, 80.001, 30.001)))
    (layer,) = document["plots"][0]["answer"]["layers"]  # nothing is published there: nothing was looked at
    assert (code, layer["collection"], layer["state"]) == (1, "10401-003", "not_checked")
    code, document = run(str(tmp_path / "none.geojson"))
    assert (code, document["code"]) == (3, "unreadable_input")
    code, document = run(clear, "--valid-at", "never")
    assert (code, document["code"]) == (2, "maps-bad-parameter")
