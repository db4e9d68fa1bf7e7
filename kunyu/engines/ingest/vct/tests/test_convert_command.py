"""``kunyu convert`` as a user calls it. No node, no database."""

from __future__ import annotations

import json

from kunyu.engines.ingest.vct.tests.written import WHOLE, save
from kunyu.project.cli.main import run


def test_there_and_back(tmp_path, capsys):
    vct, gpkg, again = save(tmp_path / "a.vct"), tmp_path / "b.gpkg", tmp_path / "c.vct"
    assert run(["convert", str(vct), str(gpkg), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["layers"][1] == {"name": "DLTB", "records": 2, "geometry": "Polygon"}
    assert (told["losses"], told["notes"], told["left_out"], told["output"]) == ([], [], [], "b.gpkg")
    assert "对象标识码" in told["never_carried"][0]["zh"]
    assert run(["convert", str(gpkg), str(again)]) == 0
    shown = capsys.readouterr().out
    assert "DLTB  2  Polygon" in shown
    assert "没有损失。 Nothing was lost." in shown


def test_losses_and_notes_are_shown(tmp_path, capsys):
    vct = save(tmp_path / "a.vct", WHOLE.replace("9600.00", "much").replace("13,-12", "13,-99"))
    assert run(["convert", str(vct), str(tmp_path / "b.gpkg")]) == 0
    shown = capsys.readouterr().out
    assert "损失 Lost: DLTB.TBMJ 不是数的值没有写出 ×1 (much)" in shown
    assert "面引用的线不存在" in shown


def test_refusals(tmp_path, capsys):
    vct = save(tmp_path / "a.vct")
    assert run(["convert", str(vct), str(tmp_path / "b.shp")]) == 2
    assert run(["convert", str(vct), str(tmp_path / "no" / "b.vct")]) == 2
    assert run(["convert", str(vct), str(tmp_path / "b.vct"), "--mapping", "x.toml"]) == 2
    assert run(["convert", str(tmp_path / "none.vct"), str(tmp_path / "b.gpkg"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["code"] == "unreadable_input"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.vct"]
