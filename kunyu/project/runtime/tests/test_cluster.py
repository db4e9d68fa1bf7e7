"""The private cluster: made, started, stopped, and started again after every kind of sudden death."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from kunyu.project.runtime import postgres_programs
from kunyu.project.runtime.account import server_account
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.errors import FolderNotReachable, PostgresMissing
from kunyu.project.runtime.postgres_programs import find_programs, server_settings
from kunyu.project.runtime.secret import load_secret, store_addresses


@pytest.fixture(scope="module")
def cluster() -> Iterator[PrivateCluster]:
    home = Path(tempfile.mkdtemp(prefix="ky-"))
    home.chmod(0o711)
    made = PrivateCluster(home).ensure()
    yield made
    made.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def running(cluster: PrivateCluster) -> PrivateCluster:
    return cluster.ensure()


def scalar(cluster: PrivateCluster, statement: str, role: str = "kunyu") -> object:
    with psycopg.connect(cluster.dsn(role), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def _kill(*processes: psutil.Process) -> None:
    """Kill without warning, and wait until the system has carried it out."""
    for process in processes:
        process.kill()
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
        time.sleep(0.01)


def test_durability_and_encoding_are_not_weakened(running: PrivateCluster) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert scalar(running, f"SHOW {setting}") == "on"
    assert scalar(running, "SHOW server_encoding") == "UTF8"


def test_no_network_port_is_opened(running: PrivateCluster) -> None:
    server = psutil.Process(running.server_pid())
    family = [server, *server.children(recursive=True)]
    assert [c for process in family for c in process.net_connections("inet") if c.status == "LISTEN"] == []


def test_the_server_never_runs_as_root(running: PrivateCluster) -> None:
    assert psutil.Process(running.server_pid()).uids().real != 0


def test_the_node_role_is_no_superuser_and_passwords_are_asked(running: PrivateCluster) -> None:
    assert scalar(running, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    wrong = running.dsn().replace(running.secret.kunyu_password, "0" * 64)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_secrets_are_closed_and_drawn_once(running: PrivateCluster) -> None:
    path = running.home / "secret.json"
    assert path.stat().st_mode & 0o777 == 0o600

    before = load_secret(running.home)
    store_addresses(running.home, {"serve_database_url": "elsewhere"})
    assert load_secret(running.home) == before
    running.ensure()
    assert "elsewhere" not in path.read_text()


def test_stop_and_start(running: PrivateCluster) -> None:
    assert running.stop() is True
    assert running.running() is False
    assert running.stop() is False
    running.start()
    assert scalar(running, "SELECT 1") == 1


def test_committed_rows_survive_kill_9_of_the_server(running: PrivateCluster) -> None:
    with psycopg.connect(running.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    _kill(psutil.Process(running.server_pid()))

    running.ensure()

    assert scalar(running, "SELECT max(n) FROM kept") == 42


def test_kill_9_of_every_process_at_once(running: PrivateCluster) -> None:
    """A power loss: socket, lock files and pid file stay behind."""
    server = psutil.Process(running.server_pid())
    _kill(server, *server.children(recursive=True))
    assert (running.socket_folder / ".s.PGSQL.5432").exists()
    assert running.running() is False

    running.ensure()

    assert scalar(running, "SELECT 1") == 1


def test_a_pid_file_that_names_another_living_process(running: PrivateCluster) -> None:
    """After a reboot the old process id may belong to somebody; PostgreSQL itself would refuse to start."""
    running.stop()
    options = running.account.popen_options()
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **options)  # type: ignore[call-overload]
    try:
        stale = running.data / "postmaster.pid"
        stale.write_text(f"{stranger.pid}\n{running.data}\n1\n5432\n{running.socket_folder}\n\n0 0\nready   \n")
        running.account.own(stale)
        assert running.running() is False

        running.ensure()

        assert scalar(running, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_of_a_server_that_dies_meanwhile(running: PrivateCluster) -> None:
    psutil.Process(running.server_pid()).kill()

    running.stop()

    assert running.server_pid() is None


def test_an_interrupted_initdb_is_not_taken_for_a_cluster(running: PrivateCluster) -> None:
    half = running.home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("15")
    running.ensure()
    assert scalar(running, "SELECT 1") == 1


def test_a_long_state_folder_gets_a_short_private_socket_folder(node_home: Path) -> None:
    deep = PrivateCluster(node_home / ("深" * 30) / "state")
    assert len(os.fsencode(f"{deep.socket_folder}/.s.PGSQL.5432")) <= 107
    deep.home.mkdir(parents=True)
    try:
        deep.ensure()
        assert scalar(deep, "SELECT 1") == 1
        assert deep.socket_folder.stat().st_mode & 0o777 == 0o700
    finally:
        deep.stop()
        shutil.rmtree(deep.socket_folder, ignore_errors=True)


def test_a_socket_folder_that_somebody_else_made_is_refused(node_home: Path) -> None:
    from kunyu.project.runtime.errors import ClusterUnavailable

    deep = PrivateCluster(node_home / ("x" * 100))
    deep.home.mkdir()
    deep.socket_folder.symlink_to(node_home)
    try:
        with pytest.raises(ClusterUnavailable, match="another account"):
            deep._make_socket_folder()
    finally:
        deep.socket_folder.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_a_closed_folder_above_the_state_is_named(node_home: Path) -> None:
    closed = node_home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(FolderNotReachable) as raised:
        PrivateCluster(closed / "state").ensure()
    assert f"chmod o+x {closed}" in raised.value.detail_zh
    assert raised.value.exit_code == 5
    assert not (closed / "state" / "postgres").exists()


def test_a_version_that_is_not_installed_is_named() -> None:
    with pytest.raises(PostgresMissing, match="postgresql-99"):
        find_programs(99)


def _server(root: Path, major: int, *, with_postgis: bool) -> Path:
    """The programs of a PostgreSQL as far as they are looked at before a cluster is made."""
    folder, extensions = root / str(major) / "bin", root / str(major) / "share" / "extension"
    folder.mkdir(parents=True)
    extensions.mkdir(parents=True)
    says = {"initdb": "", "pg_ctl": "", "postgres": f"postgres (PostgreSQL) {major}.1",
            "pg_config": extensions.parent}  # fmt: skip
    for name, text in says.items():
        (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (folder / name).chmod(0o755)
    if with_postgis:
        (extensions / "postgis.control").touch()
    return folder


@pytest.fixture
def other_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place where alone servers are looked for."""
    monkeypatch.setattr(postgres_programs, "DEBIAN_ROOT", tmp_path / "servers")
    monkeypatch.setattr(postgres_programs.shutil, "which", lambda name: None)
    find_programs.cache_clear()
    yield tmp_path / "servers"
    find_programs.cache_clear()


def test_a_server_with_postgis_goes_before_a_newer_one_without(other_servers: Path) -> None:
    _server(other_servers, 17, with_postgis=False)
    wanted = _server(other_servers, 15, with_postgis=True)

    assert find_programs().folder == wanted
    assert find_programs(17).major == 17  # a standing cluster runs under its own version alone


def test_a_server_without_postgis_is_refused_before_anything_is_made(other_servers: Path, node_home: Path) -> None:
    _server(other_servers, 16, with_postgis=False)

    with pytest.raises(PostgresMissing) as raised:
        PrivateCluster(node_home / "state").ensure()

    assert "postgresql-16-postgis-3" in raised.value.detail_zh
    assert "postgresql-16-postgis-3" in raised.value.detail_en
    assert not (node_home / "state" / "postgres").exists()


@pytest.mark.parametrize(("memory_gib", "shared_mib"), [(0.5, 128), (16, 2048), (512, 4096)])
def test_buffers_follow_the_memory(memory_gib: float, shared_mib: int) -> None:
    text = server_settings(Path("/x"), int(memory_gib * 2**30))
    assert f"shared_buffers = {shared_mib}MB" in text


def test_the_account_is_the_caller_unless_root() -> None:
    account = server_account()
    assert account.switch is (os.geteuid() == 0)
    assert account.uid != 0


def test_the_socket_speaks_unix_only(running: PrivateCluster) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(running.socket_folder / ".s.PGSQL.5432"))
