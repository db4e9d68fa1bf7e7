"""What production refuses, each with its remedy (R-070; GB/T 39786 key management asks for protected keys)."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunyu.project.runtime.errors import ProductionRefused
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.production import objections, require_no_demo_accounts, require_production
from kunyu.project.runtime.secret import load_secret


@pytest.fixture
def safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings) -> dict[str, str]:
    """An environment that production accepts."""
    file = tmp_path / "passphrase"
    file.write_text("a passphrase of people\n")
    file.chmod(0o600)
    monkeypatch.setenv("KUNYU_KEY_PASSPHRASE_FILE", str(file))
    monkeypatch.delenv("KUNYU_KEY_PASSPHRASE", raising=False)
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    return {"KUNYU_PRODUCTION": "1", "KUNYU_HOSTS": "zrzy.example"}


def found(home: Path, environment: dict[str, str]) -> list[str]:
    return [one.zh for one in objections(NodeSettings(home), environment)]


def test_a_safe_node_starts(tmp_path: Path, safe: dict[str, str]) -> None:
    assert found(tmp_path, safe) == []
    require_production(NodeSettings(tmp_path), safe)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KUNYU_SECRET_KEY", "laptop-only-key-refused-in-production"),
        ("KUNYU_SECRET_KEY", "thirty-one letters are too few!"),
        ("KUNYU_DEMO", "1"),
        ("KUNYU_SAMPLE", "1"),
        ("KUNYU_HOSTS", "zrzy.example,*"),
    ],
)
def test_each_variable_is_refused_by_name(tmp_path: Path, safe: dict[str, str], variable: str, value: str) -> None:
    told = found(tmp_path, {**safe, variable: value})
    assert len(told) == 1 and variable in told[0]


def test_long_secret_key_is_taken(tmp_path: Path, safe: dict[str, str]) -> None:
    assert found(tmp_path, {**safe, "KUNYU_SECRET_KEY": "k" * 32}) == []


@pytest.mark.parametrize("name", ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"])
def test_cookies_over_plain_http_are_refused(tmp_path: Path, safe: dict[str, str], settings, name: str) -> None:
    setattr(settings, name, False)
    told = found(tmp_path, safe)
    assert len(told) == 1 and name in told[0]


@pytest.mark.parametrize(("name", "mode", "remedy"), [
    ("secret.json", 0o640, "chmod 600"), ("keys", 0o750, "chmod 700"), ("keys/ring.json", 0o604, "chmod 600"),
])  # fmt: skip
def test_files_that_others_may_read_are_refused(
    tmp_path: Path, safe: dict[str, str], name: str, mode: int, remedy: str
) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    path = tmp_path / name
    if name != "keys":
        path.write_text("{}")
    path.chmod(mode)
    told = found(tmp_path, safe)
    assert len(told) == 1 and f"{remedy} {path}" in told[0] and f"{mode:04o}" in told[0]


def test_all_objections_are_told_at_once(tmp_path: Path, safe: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUNYU_KEY_PASSPHRASE_FILE")
    with pytest.raises(ProductionRefused) as refused:
        require_production(NodeSettings(tmp_path), {**safe, "KUNYU_DEMO": "1"})
    assert refused.value.context["count"] == 2 and refused.value.exit_code == 4
    assert "1. KUNYU_DEMO" in refused.value.detail_zh and "2. " in refused.value.detail_en


def test_nothing_is_asked_outside_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUNYU_KEY_PASSPHRASE_FILE", raising=False)
    require_production(NodeSettings(tmp_path), {"KUNYU_DEMO": "1", "KUNYU_HOSTS": "*"})


def test_demonstration_accounts_are_refused_while_their_password_works(db: None, tmp_path: Path) -> None:
    from kunyu.engines.security.models import User

    require_no_demo_accounts(tmp_path)
    user = User.objects.create_user("steward", load_secret(tmp_path).demo_password, name_zh="数据管理员")
    with pytest.raises(ProductionRefused, match="steward"):
        require_no_demo_accounts(tmp_path)
    user.set_password("another password of theirs")
    user.save()
    require_no_demo_accounts(tmp_path)
