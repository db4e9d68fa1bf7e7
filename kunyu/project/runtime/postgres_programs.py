"""Where the PostgreSQL server programs are, and how large their buffers may be on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import psutil

from kunyu.project.runtime.errors import PostgresMissing

MINIMUM_MAJOR = 15
DEBIAN_ROOT = Path("/usr/lib/postgresql")
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
MIB = 1024 * 1024


@dataclass(frozen=True)
class Programs:
    """The folder of one PostgreSQL installation and its major version."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """Return the path of one program, such as ``pg_ctl``."""
        return str(self.folder / name)

    @cached_property
    def has_postgis(self) -> bool:
        """Does PostGIS stand beside this server? False also where its ``pg_config`` is missing."""
        try:
            asked = [self.path("pg_config"), "--sharedir"]
            shared = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return False
        return (Path(shared) / "extension" / "postgis.control").exists()

    def require_postgis(self) -> None:
        """Raise :class:`PostgresMissing` where a cluster of this server could hold no map."""
        if self.has_postgis:
            return
        package = f"postgresql-{self.major}-postgis-3"
        raise PostgresMissing(
            f"{self.folder} 的 PostgreSQL {self.major} 没有 PostGIS 扩展。Debian/Ubuntu 请执行 apt-get install {package}，"
            "或用 DATABASE_URL 指向带 PostGIS 的数据库。",
            f"PostgreSQL {self.major} in {self.folder} stands without PostGIS. On Debian or Ubuntu run "
            f"apt-get install {package}, or point DATABASE_URL at a database with PostGIS.",
            version=str(self.major),
        )


@lru_cache(maxsize=4)
def find_programs(major: int | None = None) -> Programs:
    """Return the newest installation, or that of one major version (a cluster can only run under its own).

    One that has PostGIS goes before a newer one that has not.

    Raises
    ------
    PostgresMissing
        No installation of the version asked for, or none of version 15 or newer.
    """
    found = [programs for programs in _installations() if programs.major >= MINIMUM_MAJOR]
    wanted = [programs for programs in found if major in (None, programs.major)]
    if wanted:
        return max(wanted, key=lambda programs: (programs.has_postgis, programs.major))
    version = str(major) if major else f"≥ {MINIMUM_MAJOR}"
    package = f"postgresql-{major} postgresql-{major}-postgis-3" if major else "postgresql postgresql-postgis"
    raise PostgresMissing(
        f"没有找到 PostgreSQL {version} 的服务程序。Debian/Ubuntu 请执行 apt-get install {package}，"
        "或用 DATABASE_URL 指向现有数据库。",
        f"No PostgreSQL {version} server programs were found. On Debian or Ubuntu run apt-get install {package}, "
        "or point DATABASE_URL at an existing database.",
        version=version,
    )


def _installations() -> list[Programs]:
    folders = [path.parent for path in sorted(DEBIAN_ROOT.glob("*/bin/initdb"))]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found = [Programs(folder, _major(folder)) for folder in folders if (folder / "pg_ctl").exists()]
    return [programs for programs in found if programs.major]


def _major(folder: Path) -> int:
    try:
        text = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"\b(\d+)(?:\.|devel|beta|rc|\b)", text)
    return int(match.group(1)) if match else 0


def usable_memory() -> int:
    """Return the memory in bytes that this machine or its container may use."""
    limits = [psutil.virtual_memory().total]
    for path in CGROUP_LIMITS:
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return min(limits)


def server_settings(socket_folder: Path, memory: int) -> str:
    """Return the text of ``kunyu.conf`` for a cluster on a machine with this memory (bytes).

    Durability stays at PostgreSQL's defaults on purpose (``fsync``, ``synchronous_commit`` and
    ``full_page_writes`` on); only sizes and intervals differ from them.
    """
    shared = _clamp(memory // 8, 128 * MIB, 4096 * MIB)
    maintenance = _clamp(memory // 32, 64 * MIB, 1024 * MIB)
    settings = {
        "listen_addresses": "''",
        "unix_socket_directories": _quote(str(socket_folder)),
        "unix_socket_permissions": "0777",  # the folder is closed; passwords are asked all the same
        "password_encryption": "'scram-sha-256'",
        "max_connections": "100",
        "shared_buffers": f"{shared // MIB}MB",
        "effective_cache_size": f"{memory // 2 // MIB}MB",
        "maintenance_work_mem": f"{maintenance // MIB}MB",
        "work_mem": "32MB",
        "wal_level": "replica",
        "max_wal_size": "4GB",  # one county's load fits between two checkpoints
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "max_locks_per_transaction": "512",  # a statement over all counties locks every partition
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "lc_messages": "'C'",
        "logging_collector": "on",
        "log_directory": "'log'",
        "log_filename": "'postgresql-%a.log'",
        "log_rotation_age": "1d",
        "log_truncate_on_rotation": "on",
        "log_min_duration_statement": "10s",
        "log_line_prefix": "'%m [%p] %u@%d '",
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "# Written by kunyu at each start; put local values into local.conf beside it.\n" + "\n".join(lines) + "\n"


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
