"""``kunyu backup``: the whole node in one file, while it runs.

The database is dumped first, in one snapshot; keys and objects are taken afterwards, so every object that the dump names
is there, and every key version that it was encrypted under. An object's form may change while the backup is written (it
is encrypted, or its key is wrapped anew), so what is written are links made at one moment.

Keys are in the backup as they lie in the state folder: wrapped under the root. The passphrase is not, except for a node
outside production that keeps its own in ``secret.json``: whoever holds that backup can read everything in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from kunyu.kernel.digests import sm3_file
from kunyu.kernel.errors import NodeUnavailable, UsageError
from kunyu.kernel.private_folder import private_folder, sweep
from kunyu.project.runtime.archive import DUMP, Manifest, describe, write_archive
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.postgres_programs import find_programs
from kunyu.project.runtime.preparation import Say
from kunyu.project.runtime.sample_job import STATE_FILE
from kunyu.project.version import kunyu_version

LAST_BACKUP = "last-backup"
"""Mark in the state folder: when the newest backup was made."""

KEY_FILES = ("ring.json", "node.json")
LINKS = ".backup"


@dataclass(frozen=True)
class Made:
    """A backup that was written; ``size`` in bytes, ``sm3`` of the whole file."""

    path: str
    size: int
    sm3: str
    objects: int

    def as_json(self) -> dict[str, object]:
        """Return the JSON of ``kunyu backup --json``."""
        return asdict(self)


def back_up(settings: NodeSettings, target: Path, say: Say) -> Made:
    """Write a backup; a stopped private database is started for it and stopped again.

    Raises
    ------
    UsageError
        The target is a folder, or its folder does not exist.
    NodeUnavailable
        There is no node to back up, or pg_dump failed.
    """
    target = target.absolute()
    if target.is_dir() or not target.parent.is_dir():
        raise UsageError(
            f"无法写入 {target}：请给出现有文件夹中的文件名。",
            f"Cannot write {target}: name a file in an existing folder.",
        )
    cluster = None if settings.database_url else _existing_cluster(settings)
    was_running = cluster is None or cluster.running()
    try:
        if cluster is not None:
            cluster.ensure()
        url = settings.database_url or (cluster.dsn() if cluster else "")
        return _write(settings, url, target, say)
    finally:
        if cluster is not None and not was_running:
            cluster.stop()


def _existing_cluster(settings: NodeSettings) -> PrivateCluster:
    cluster = PrivateCluster(settings.home)
    if not (cluster.data / "PG_VERSION").exists():
        raise NodeUnavailable(
            f"状态文件夹 {settings.home} 中没有节点，没有可备份的内容。请检查 KUNYU_HOME。",
            f"There is no node in the state folder {settings.home}, nothing to back up. Check KUNYU_HOME.",
        )
    return cluster


def _write(settings: NodeSettings, url: str, target: Path, say: Say) -> Made:
    with (
        tempfile.TemporaryDirectory(prefix=".kunyu-backup-", dir=target.parent) as folder,
        _links(settings.home) as held,
    ):
        dump = Path(folder) / DUMP
        say("导出数据库", "dumping the database")
        major = dump_database(url, dump)
        files = {DUMP: dump, **_still(state_files(settings.home), Path(folder), held)}
        objects = sum(name.startswith("objects/") for name in files)
        say(f"收集 {objects} 个对象", f"collecting {objects} objects")
        if object_folder(settings.home) is None:
            say(
                "对象存储是 S3 桶，不在备份内，请另行备份", "the objects are in a bucket; back that up by its own means"
            )
        members = tuple(describe(path, name) for name, path in files.items())
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_archive(target, Manifest(kunyu_version(), now, major, members), files)
        (settings.home / LAST_BACKUP).write_text(f"{now} {target}\n", encoding="utf-8")
    return Made(str(target), target.stat().st_size, sm3_file(target), objects)


@contextmanager
def _links(home: Path) -> Iterator[Path | None]:
    """Yield a folder on the object store's own disk; None for a bucket or where there is no store yet."""
    store = object_folder(home)
    if store is None or not store.is_dir():
        yield None
        return
    sweep(store / LINKS)
    with private_folder(store / LINKS) as folder:
        yield folder


def _still(files: dict[str, Path], folder: Path, links: Path | None) -> dict[str, Path]:
    """Return the same members, none of which changes any more: small files copied, objects linked."""
    still = {}
    for name, path in files.items():
        copy = (links if links is not None and name.startswith("objects/") else folder) / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            if name.startswith("objects/"):
                os.link(path, copy)
            else:
                shutil.copyfile(path, copy)
        except FileNotFoundError:
            continue  # removed since it was listed: nothing in the dump names it
        except OSError:  # a disk without links
            shutil.copyfile(path, copy)
        still[name] = copy
    return still


def object_folder(home: Path) -> Path | None:
    """Return the folder of the object store; None for a bucket, which has a backup of its own."""
    given = os.environ.get("KUNYU_OBJECT_STORE", "")
    if "://" in given:
        return None
    return Path(given) if given else home / "objects"


def state_files(home: Path) -> dict[str, Path]:
    """Return what a backup holds beside the database: member name and path."""
    files = {"secret.json": home / "secret.json"}
    files |= {f"keys/{name}": home / "keys" / name for name in KEY_FILES if (home / "keys" / name).exists()}
    # roots and revocation lists by which people sign in
    files |= {f"trust/{path.name}": path for path in sorted((home / "trust").glob("*")) if path.is_file()}
    sample = home / "sample" / STATE_FILE
    if sample.exists():
        files[f"sample/{STATE_FILE}"] = sample
    store = object_folder(home)
    if store is None or not store.is_dir():
        return files
    for path in sorted(store.rglob("*")):
        name = path.relative_to(store)
        # the store keeps drafts under names with a dot until they are whole
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            files[f"objects/{name}"] = path
    return files


def dump_database(url: str, target: Path) -> int:
    """Dump one database in custom format; return the server's major version.

    pg_dump refuses a server newer than itself, so the programs of the server's version are wanted.
    """
    with psycopg.connect(url) as connection:
        major = connection.info.server_version // 10000
    command = [
        find_programs(major).path("pg_dump"),
        "--format=custom",
        "--compress=1",
        "--no-password",
        f"--file={target}",
    ]
    done = subprocess.run([*command, f"--dbname={url}"], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        raise NodeUnavailable(f"数据库导出失败：{said}", f"The database could not be dumped: {said}")
    return major
