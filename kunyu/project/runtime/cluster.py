"""The private PostgreSQL cluster of a node: made with ``initdb`` in the state folder, reached by a unix socket.

No TCP port is opened. Under root the server runs as an unprivileged account, because PostgreSQL refuses root.
After a kill or a power loss the next start clears what the dead server left behind and recovers from its log.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from kunyu.project.runtime import provision
from kunyu.project.runtime.account import Account, server_account
from kunyu.project.runtime.errors import ClusterUnavailable
from kunyu.project.runtime.postgres_programs import Programs, find_programs, server_settings, usable_memory
from kunyu.project.runtime.secret import Secret, load_secret, store_addresses

PORT = 5432  # only names the socket file: nothing listens on the network
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path without its closing zero
START_SECONDS = 300  # recovery after a crash replays up to max_wal_size
# PostgreSQL's own three ways to end: fast (sessions are ended, buffers written), immediate (recovery follows), kill
STOP_STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
PREPARED_MARK = "kunyu.prepared"
PREPARED_EDITION = "2"  # raise it when provision.py changes, so that existing clusters are prepared again


class PrivateCluster:
    """One PostgreSQL cluster that belongs to one state folder.

    Parameters
    ----------
    home : Path
        State folder (``KUNYU_HOME``). The cluster lives in ``home/postgres``, its socket in ``home/run``.
    """

    def __init__(self, home: Path) -> None:
        self.home = Path(home).absolute()
        self.data = self.home / "postgres"
        self.account: Account = server_account()

    # -- where things are --------------------------------------------------------------------------------------

    @property
    def secret(self) -> Secret:
        """The node's secrets, made at first use."""
        return load_secret(self.home)

    @property
    def programs(self) -> Programs:
        """The PostgreSQL programs of the version that made this cluster, or the newest for a new one."""
        try:
            return find_programs(int((self.data / "PG_VERSION").read_text()))
        except FileNotFoundError:
            return find_programs()

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket: in the state folder, or a short private one when that path is too long."""
        folder = self.home / "run" / "postgres"
        name = f"{folder}/.s.PGSQL.{PORT}"
        # a comma separates hosts in a connection string, so such a path cannot be named there either
        if len(os.fsencode(name)) <= SOCKET_PATH_LIMIT and "," not in name:
            return folder
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"kunyu-{self.account.uid}-{digest}"

    def dsn(self, role: str = provision.OWNER, database: str = provision.DATABASE) -> str:
        """Return the connection URL of one login role (``kunyu``, ``kunyu_serve`` or ``postgres``)."""
        host = quote(str(self.socket_folder), safe="/")
        return f"postgresql://{role}:{self.secret.password(role)}@/{quote(database)}?host={host}&port={PORT}"

    def addresses(self, database: str = provision.DATABASE) -> dict[str, str]:
        """Return the addresses that settings read, by their names in ``secret.json``."""
        return {
            "database_url": self.dsn(provision.OWNER, database),
            "serve_database_url": self.dsn(provision.SERVE, database),
        }

    # -- life --------------------------------------------------------------------------------------------------

    def ensure(self) -> PrivateCluster:
        """Make the cluster when absent, start it when stopped, make roles, database, extension and schema.

        Raises
        ------
        PostgresMissing, FolderNotReachable, ClusterUnavailable
        """
        with self._locked():
            if not (self.data / "PG_VERSION").exists():
                self._create()
            if not self._is_ready():
                self._start()
            self._prepare()
        return self

    def start(self) -> None:
        """Start an existing cluster; a running one is left alone."""
        with self._locked():
            if not self._is_ready():
                self._start()

    def stop(self) -> bool:
        """Stop the server, ending its sessions; tell whether it ran."""
        with self._locked():
            ran = self.server_pid() is not None
            # not through pg_ctl: it takes a killed server that nobody has reaped yet for one that does not shut down
            for number, seconds in STOP_STEPS:
                if self._signal_server(number) and self._await_end(seconds):
                    break
            self._clear_stale()
            return ran

    def running(self) -> bool:
        """Tell whether the server of this cluster accepts connections."""
        return self._is_ready()

    def server_pid(self) -> int | None:
        """Return the process id of this cluster's living server, or None.

        The id in ``postmaster.pid`` alone proves nothing: after a reboot another program may bear it.
        """
        lines = self._pid_lines()
        try:
            pid = int(lines[0])
            process = psutil.Process(pid)
            ours = process.name().startswith("postgres") and Path(process.cwd()) == self.data.resolve()
        except (IndexError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return None
        return pid if ours and process.status() != psutil.STATUS_ZOMBIE else None

    # -- steps -------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / ".cluster.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _signal_server(self, number: signal.Signals) -> bool:
        """Send a signal to the server; tell whether there was one."""
        pid = self.server_pid()
        try:
            if pid is not None:
                psutil.Process(pid).send_signal(number)
        except psutil.NoSuchProcess:
            pass
        return pid is not None

    def _await_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.server_pid() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.server_pid() is None

    def _is_ready(self) -> bool:
        lines = self._pid_lines()
        # line 8 is written when the server begins to accept connections
        return len(lines) >= 8 and lines[7].strip() == "ready" and self.server_pid() is not None

    def _create(self) -> None:
        programs = find_programs()
        programs.require_postgis()
        self.account.require_reachable(self.home)
        draft = self.home / "postgres.new"  # renamed when whole: an interrupted initdb is never taken for a cluster
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        with tempfile.NamedTemporaryFile("w", prefix="kunyu-", suffix=".pw") as password:
            password.write(self.secret.postgres_password)
            password.flush()
            self.account.own(Path(password.name))
            self._run(
                [
                    programs.path("initdb"),
                    f"--pgdata={draft}",
                    "--username=postgres",
                    "--encoding=UTF8",
                    "--auth=scram-sha-256",
                    f"--pwfile={password.name}",
                    "--data-checksums",
                    *_locale_options(programs),
                ]
            )
        with (draft / "postgresql.conf").open("a") as file:
            file.write("\ninclude = 'kunyu.conf'\ninclude_if_exists = 'local.conf'\n")
        (draft / "pg_hba.conf").write_text(
            "# only the unix socket, always with a password\nlocal all all scram-sha-256\n"
        )
        draft.rename(self.data)

    def _start(self) -> None:
        self.account.require_reachable(self.data)
        self._clear_stale()
        self._make_socket_folder()
        (self.data / "kunyu.conf").write_text(server_settings(self.socket_folder, usable_memory()))
        self.account.own(self.data / "kunyu.conf")
        log = self.data / "start.log"
        log.write_bytes(b"")
        self.account.own(log)
        self._pg_ctl("start", "--wait", f"--timeout={START_SECONDS}", f"--log={log}")

    def _prepare(self) -> None:
        """Roles, database, extension, schema; skipped when the mark of this edition stands."""
        store_addresses(self.home, self.addresses())
        mark = self.data / PREPARED_MARK
        if mark.exists() and mark.read_text() == PREPARED_EDITION:
            return
        self.programs.require_postgis()
        with psycopg.connect(self.dsn("postgres", "postgres"), autocommit=True) as connection:
            provision.ensure_roles(connection, self.secret)
        # template1 first: the node's database and every test database are copies of it
        with psycopg.connect(self.dsn("postgres", "template1"), autocommit=True) as connection:
            provision.prepare_schema(connection)
        with psycopg.connect(self.dsn("postgres", "postgres"), autocommit=True) as connection:
            provision.ensure_database(connection)
        with psycopg.connect(self.dsn("postgres", provision.DATABASE), autocommit=True) as connection:
            provision.prepare_schema(connection)
        mark.write_text(PREPARED_EDITION)

    def _prepare_anew(self) -> None:
        """An upgrade of PostGIS makes its functions anew, without the LEAKPROOF that row security needs."""
        try:
            with psycopg.connect(self.dsn("postgres", provision.DATABASE), autocommit=True) as connection:
                provision.prepare_schema(connection)
        except psycopg.OperationalError as error:
            if 'database "' not in str(error):
                raise  # during a restore there is no database for a moment

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        # in a shared temp folder somebody else may have made this name first: never put a socket there
        if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), self.account.uid):
            raise ClusterUnavailable(
                f"套接字文件夹 {folder} 属于其他账户。请删除它，或把 KUNYU_HOME 设到更短的路径。",
                f"The socket folder {folder} belongs to another account. Remove it or choose a shorter KUNYU_HOME.",
                folder=str(folder),
            )
        self.account.own(folder)
        folder.chmod(0o700)
        self.account.require_reachable(folder)

    def _clear_stale(self) -> None:
        """Remove the lock files of a dead server whose process id may now belong to another program."""
        if self.server_pid() is not None:
            return
        self._await_orphans()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_folder / name).unlink(missing_ok=True)

    def _await_orphans(self) -> None:
        """Wait for the backends of a killed server: they end by themselves, within a second as a rule."""
        deadline = time.monotonic() + 10
        while self._backends() and time.monotonic() < deadline:
            time.sleep(0.1)

    def _backends(self) -> list[int]:
        data = self.data.resolve()
        found = []
        for process in psutil.process_iter(["name"]):
            try:
                if process.info["name"].startswith("postgres") and Path(process.cwd()) == data:
                    found.append(process.pid)
            except (psutil.Error, OSError):
                continue
        return found

    def _pg_ctl(self, action: str, *options: str) -> None:
        self._run([self.programs.path("pg_ctl"), action, f"--pgdata={self.data}", "--silent", *options])

    def _run(self, command: list[str]) -> None:
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
        # output goes to a file, not a pipe: the server inherits it and would keep a pipe open for ever
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # type: ignore[call-overload]
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", env=environment,
                start_new_session=True, check=False, **self.account.popen_options(),
            )  # fmt: skip
            if done.returncode == 0:
                return
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        program = Path(command[0]).name
        said = "\n".join(filter(None, [said, _tail(self.data / "start.log"), self._server_log_tail()]))
        raise ClusterUnavailable(
            f"{program} 没有成功（退出码 {done.returncode}）。数据库说明：\n{said}",
            f"{program} failed (exit code {done.returncode}). The database said:\n{said}",
            program=program,
        )

    def _server_log_tail(self) -> str:
        logs = sorted(self.data.glob("log/*.log"), key=lambda path: path.stat().st_mtime)
        return _tail(logs[-1]) if logs else ""


def _tail(path: Path, lines: int = 5) -> str:
    try:
        return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


def _locale_options(programs: Programs) -> list[str]:
    """Code-point order everywhere: the same order on every machine, and prefix searches can use plain indexes."""
    if programs.major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.lower().split()
    return ["--locale=C.UTF-8"] if {"c.utf8", "c.utf-8"} & set(listed) else ["--locale=C"]
