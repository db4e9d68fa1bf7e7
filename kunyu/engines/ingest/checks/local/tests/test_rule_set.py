"""Rule sets that are wrong, and how a good one is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kunyu.engines.ingest.checks.local.rule_set import BadRuleSet, load_rule_set
from kunyu.engines.ingest.checks.local.tests.conftest import HEAD, STANDARD, entry
from kunyu.kernel.errors import UnreadableInput
from kunyu.project.cli.main import run


def load(folder: Path, text: str) -> None:
    path = folder / "r.toml"
    path.write_text(text, encoding="utf-8")
    load_rule_set(path, STANDARD)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('id = "x"\n', "name_zh is missing"),
        (HEAD + "colour = 1\n", "colour is not understood"),
        (HEAD.replace("TDT1057-2020", "OTHER"), "it is for OTHER"),
        (HEAD + entry("guess"), "there is no check guess"),
        (HEAD + entry("local:none"), "there is no check local:none"),
        (HEAD + entry("filled"), "filled needs fields"),
        (HEAD + entry("filled", fields='["NOPE"]'), "DLTB has no field NOPE"),
        (HEAD + entry("filled", fields='["BZ"]', where="{ NOPE = ['1'] }"), "DLTB has no field NOPE"),
        (HEAD + entry("filled", fields='["BZ"]', layer='"NOPE"'), "has no layer NOPE"),
        (HEAD + entry("filled", fields='["BZ"]', severity='"X"'), "severity X"),
        (HEAD + entry("matches", field='"BZ"', pattern='"("'), "no regular expression"),
        (HEAD + entry("filled", fields='["BZ"]', colour="1"), "colour = 1 is not understood"),
        (HEAD + entry("filled", fields='["BZ"]') * 2, "occurs twice"),
    ],
)
def test_a_bad_rule_set_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadRuleSet, match=r"r\.toml") as caught:
        load(tmp_path, text)
    assert says in caught.value.detail_en


@pytest.mark.parametrize("text", ["= broken", "\x00"])
def test_what_is_no_toml_is_unreadable(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableInput, match="TOML"):
        load(tmp_path, text)


def test_python_that_fails_is_said(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("1 / 0", encoding="utf-8")
    with pytest.raises(BadRuleSet, match="ZeroDivisionError"):
        load(tmp_path, HEAD + 'python = "own.py"\n')


def test_the_report_names_the_rule_set(county: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """R-188: a result records the edition of the rules it was judged by."""
    path = tmp_path / "r.toml"
    path.write_text(HEAD + entry("filled", fields='["BZ"]'), encoding="utf-8")
    run(["check", str(county), "--standard", "TDT1057-2020", "--rules", str(path), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["rule_sets"] == [{"id": "DB99-1", "edition": "2026", "sm3": load_rule_set(path, STANDARD).digest}]
    assert "L1" in report["rules_run"]
    assert [one["ids"] for one in report["findings"] if one["rule"] == "L1"] == [["b"], ["c"]]


def test_a_rule_may_not_take_the_id_of_another(county: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(HEAD + entry("filled", fields='["BZ"]', id='"Q303"'), encoding="utf-8")
    assert run(["check", str(county), "--standard", "TDT1057-2020", "--rules", str(path)]) == 2
