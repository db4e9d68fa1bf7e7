"""The PostgreSQL cluster that test runs share: kept between runs, stopped by the last run that ends.

Not a test module: ``conftest.py`` uses it. Several runs, each with several workers, may use it at the same time;
file locks decide who starts and who stops, and database names carry the process id of the run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from pathlib import Path
from typing import IO

import psutil
import psycopg
from psycopg import sql

from kunyu.project.runtime import provision
from kunyu.project.runtime.account import server_account
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.errors import FolderNotReachable

# A test cluster holds nothing of worth; the clusters of crash tests and benchmarks are made without this file.
FAST_SETTINGS = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 200\n"
DATABASE_PATTERN = re.compile(r"^test_kunyu_(\d+)(_gw\d+)?$")


class SharedTestCluster:
    """One user's hold on the shared cluster below a folder."""

    def __init__(self, root: Path) -> None:
        self.home = _reachable_home(root)
        self.cluster = PrivateCluster(self.home)
        self._hold: IO[str] | None = None

    def acquire(self) -> None:
        """Start the cluster if need be and hold it; databases of dead runs are dropped."""
        with self._gate():
            self._write_settings()
            self.cluster.ensure()
            self._hold = (self.home / ".test-runs").open("w")
            fcntl.flock(self._hold, fcntl.LOCK_SH)
            self._drop_orphans()

    def release(self) -> None:
        """Let go of the cluster; whoever lets go last stops it."""
        if self._hold is None:
            return
        with self._gate():
            self._hold.close()
            self._hold = None
            with (self.home / ".test-runs").open("w") as others:
                try:
                    fcntl.flock(others, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self.cluster.stop()

    def end_sessions(self, database: str) -> None:
        """End every connection to a database, so that it can be dropped although pools still hold some."""
        with psycopg.connect(self.cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])

    def _gate(self) -> IO[str]:
        gate = (self.home / ".test-gate").open("w")
        fcntl.flock(gate, fcntl.LOCK_EX)
        return gate  # closing it, as `with` does, opens the gate

    def _write_settings(self) -> None:
        if not (self.cluster.data / "PG_VERSION").exists():
            self.cluster.ensure()
        local = self.cluster.data / "local.conf"
        if not local.exists():
            local.write_text(FAST_SETTINGS)
            self.cluster.account.own(local)
            self.cluster.stop()

    def _drop_orphans(self) -> None:
        with psycopg.connect(self.cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
            for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall():
                match = DATABASE_PATTERN.match(name)
                if match and not psutil.pid_exists(int(match.group(1))):
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def serve_address(cluster: PrivateCluster, database: str) -> str:
    """Return the address of a database for the role that serves maps."""
    return cluster.dsn(provision.SERVE, database)


def _reachable_home(root: Path) -> Path:
    """Return ``root/var/test-cluster``, or a folder elsewhere when the server's account cannot enter it."""
    home = root / "var" / "test-cluster"
    home.mkdir(parents=True, exist_ok=True)
    try:
        server_account().require_reachable(home)
    except FolderNotReachable:
        digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
        home = Path("/var/tmp") / f"kunyu-test-{os.geteuid()}-{digest}"  # noqa: S108 - survives between runs  # nosec B108
        home.mkdir(mode=0o711, exist_ok=True)
    return home
