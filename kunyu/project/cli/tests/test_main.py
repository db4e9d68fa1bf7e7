"""Exit codes, messages and the purity of ``--json`` (contract.md, "Commands")."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kunyu.kernel.errors import Defect, NodeUnavailable, NotFound, Refused, UnreadableInput, UsageError
from kunyu.project.cli.main import as_kunyu_error, fail, run
from kunyu.project.cli.report import write_defect_report

pytestmark = pytest.mark.quick


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUNYU_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (UnreadableInput, 3), (Refused, 4), (NotFound, 4), (NodeUnavailable, 5)]
)
def test_every_error_has_the_exit_code_of_the_contract(
    kind: type[UsageError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(kind("图斑 0012 有误", "parcel 0012 is wrong", parcel="0012"), as_json=True) == code

    said = capsys.readouterr()
    problem = json.loads(said.out)
    assert (problem["detail_zh"], problem["context"]) == ("图斑 0012 有误", {"parcel": "0012"})
    assert "图斑 0012 有误" in said.err
    assert "parcel 0012 is wrong" in said.err


def test_without_json_an_error_leaves_standard_output_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--nonsense"]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert "--nonsense" in said.err


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fly", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["code"] == "usage"


def test_version_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"kunyu"}


def test_a_bad_variable_names_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUNYU_PORT", "eighty")

    assert run(["up"]) == 2
    assert "KUNYU_PORT" in capsys.readouterr().err
    assert list(home.iterdir()) == []


def test_a_defect_leaves_a_report_and_no_stack_trace(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ZeroDivisionError("1/0")
    except ZeroDivisionError as error:
        shown = as_kunyu_error(error, ["check", "county.gpkg"])

    assert isinstance(shown, Defect)
    assert fail(shown, as_json=False) == 70
    assert "Traceback" not in capsys.readouterr().err
    (report,) = (home / "log").glob("defect-*.txt")
    text = report.read_text("utf-8")
    assert "Traceback" in text
    assert "kunyu check county.gpkg" in text


def test_a_report_holds_no_secrets(home: Path) -> None:
    error = ValueError("postgresql://kunyu:hush1@/kunyu?host=/x token ky_hush2 password=hush3")

    text = write_defect_report(error, []).read_text("utf-8")

    assert "hush" not in text
    assert "postgresql://kunyu:***@/kunyu" in text


def test_an_unreachable_database_is_not_a_defect(home: Path) -> None:
    from django.db.utils import OperationalError

    shown = as_kunyu_error(OperationalError("connection refused\nhint"), [])

    assert isinstance(shown, NodeUnavailable)
    assert "kunyu up" in shown.detail_zh


def test_help_lists_every_command_without_importing_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    words = capsys.readouterr().out.split()
    for name in ("up", "down", "doctor", "backup", "restore", "check", "sample", "deliver", "publish", "reject"):
        assert name in words


BLOCKED = ("django", "psycopg", "procrastinate", "ninja", "psutil", "granian", "rasterio")
PROBE = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("blocked: " + name, name=name)
sys.meta_path.insert(0, Block())
from kunyu.project.cli.main import run
sys.exit(run({words!r}))
"""


def _without_node(*words: str) -> subprocess.CompletedProcess[str]:
    program = PROBE.format(blocked=BLOCKED, words=list(words))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [("check", "--help"), ("sample", "county", "--help"), ("version",), ("--help",)])
def test_the_surveyors_commands_need_no_node(words: tuple[str, ...]) -> None:
    """``kunyu[check]`` has no Django, no PostgreSQL client and no server (architecture.md §1)."""
    done = _without_node(*words)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [("up",), ("deliver", "x.gpkg", "--json"), ("doctor",)])
def test_commands_of_a_node_say_what_to_install(words: tuple[str, ...]) -> None:
    done = _without_node(*words)

    assert done.returncode == 5
    assert "kunyu[node]" in done.stderr
