"""The PostgreSQL cluster that test runs share: kept between runs, stopped by the last run that ends.

Not a test module: ``conftest.py`` uses it. Several runs, each with several workers, may use it at the same time;
file locks decide who starts and who stops, and database names carry the process id of the run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import IO

import psutil
import psycopg
from psycopg import sql

from kunyu.project.runtime import provision
from kunyu.project.runtime.account import server_account
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.errors import FolderNotReachable
from kunyu.project.runtime.provision import OWNER

# A test cluster holds nothing of worth; the clusters of crash tests and benchmarks are made without this file.
FAST_SETTINGS = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 200\n"
DATABASE_PATTERN = re.compile(r"^test_kunyu_(\d+)(_gw\d+)?$")
# Databases that hold the tables of one state of the migrations; a few, for whoever goes back and forth between two.
MIGRATED, MIGRATED_KEPT = "kunyu_migrated_", 3
_PROGRAM = Path(__file__).resolve().parents[2]
_IMPORTED = re.compile(rb"^(?:from|import) (kunyu[\w.]*)", re.MULTILINE)


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

    def migrated(self) -> str:
        """Return the name of a database with all tables and nothing in them, to make others from; hold the cluster before.

        Running every migration takes ten times as long as a copy; it is done once for each state of the migrations.
        Raises ``subprocess.CalledProcessError`` when they do not run.
        """
        name = MIGRATED + _digest_of_migrations()
        with self._gate(), psycopg.connect(self.cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
            made = [row[0] for row in connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY oid DESC", [MIGRATED]
            ).fetchall()]  # fmt: skip
            if name not in made:
                half_made = sql.Identifier(f"half_{name}")
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(half_made))
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(half_made, sql.Identifier(OWNER)))
                self._migrate(f"half_{name}")
                connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(half_made, sql.Identifier(name)))
                for old in made[MIGRATED_KEPT - 1 :]:
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(old)))
        return name

    def _migrate(self, database: str) -> None:
        environment = {
            **os.environ,
            "KUNYU_HOME": str(self.home),
            "DATABASE_URL": self.cluster.dsn(OWNER, database),
            "KUNYU_SERVE_DATABASE_URL": serve_address(self.cluster, database),
            "DJANGO_SETTINGS_MODULE": "kunyu.project.settings",
        }
        command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
        subprocess.run(command, check=True, env=environment, cwd=_PROGRAM.parent)

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


def make_database(cluster: PrivateCluster, name: str, template: str) -> None:
    """Make a database of the node's role as a copy of another that nobody uses; one of this name is dropped."""
    new, old, owner = sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER)
    with psycopg.connect(cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(new))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(new, owner, old))


def _digest_of_migrations() -> str:
    """Change when a migration changes, what one imports, the list of applications, or who brings migrations along."""
    migrations = sorted(_PROGRAM.glob("**/migrations/*.py"))
    imported = {_file_of(name.decode()) for file in migrations for name in _IMPORTED.findall(file.read_bytes())}
    files = [*migrations, *sorted(imported), _PROGRAM / "project" / "settings.py", Path(provision.__file__)]
    digest = hashlib.sha256("".join(version(one) for one in ("django", "procrastinate", "psycopg")).encode())
    for file in files:
        digest.update(str(file.relative_to(_PROGRAM)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _file_of(module: str) -> Path:
    path = _PROGRAM.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


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
