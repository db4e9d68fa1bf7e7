"""``kunyu restore``: verify a backup whole, then make a node of it.

Nothing in the state folder changes before every digest was compared. Database passwords and the wrapped keys come with
the backup; the passphrase of a production node's keys does not.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from kunyu.engines.security import key_passphrase, keys
from kunyu.kernel.errors import NodeUnavailable, UsageError
from kunyu.project.runtime import node_state, provision
from kunyu.project.runtime.archive import DUMP, Manifest, unpack_archive
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.errors import BackupUnreadable, HomeNotEmpty, NodeRunning
from kunyu.project.runtime.node_settings import NodeSettings
from kunyu.project.runtime.postgres_programs import find_programs
from kunyu.project.runtime.preparation import Say

# a session that was ended after the backup was made must not come alive with it
_END_SESSIONS = """
DO $$ BEGIN
  IF to_regclass('security_signinsession') IS NOT NULL THEN
    UPDATE security_signinsession SET ended_at = now(), end_reason = 'restored' WHERE ended_at IS NULL;
  END IF;
END $$
"""
KEPT = ("postgres", "objects", "secret.json", "keys", "trust", "sample")


@dataclass(frozen=True)
class Restored:
    """A node that was restored."""

    home: str
    made_at: str
    objects: int

    def as_json(self) -> dict[str, object]:
        """Return the JSON of ``kunyu restore --json``."""
        return asdict(self)


def restore_backup(settings: NodeSettings, source: Path, force: bool, say: Say) -> Restored:
    """Restore into an empty state folder, or with `force` in place of what is there.

    Raises
    ------
    BackupUnreadable, HomeNotEmpty, NodeRunning
        Nothing was changed.
    """
    home = settings.home
    if settings.database_url:
        raise UsageError(
            "设置了 DATABASE_URL：恢复只写入私有数据库。请取消该变量；或解开备份，用 pg_restore 恢复 database.dump。",
            "DATABASE_URL is set, but a restore makes a private database. Unset it, or unpack the backup (tar) and "
            "restore database.dump with pg_restore.",
        )
    if not source.is_file():
        raise BackupUnreadable(f"没有备份文件 {source}。", f"There is no backup file {source}.", file=str(source))
    lock = node_state.take_lock(settings.run_folder)
    if lock is None:
        raise NodeRunning("节点正在运行。请先执行 kunyu down。", "The node is running. Run kunyu down first.")
    with lock:
        _require_empty(home, force)
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as folder:
            say("校验备份", "verifying the backup")
            manifest = unpack_archive(source.absolute(), Path(folder))
            _put_in_place(home, Path(folder))
            say("恢复数据库", "restoring the database")
            _restore_database(settings, Path(folder) / DUMP)
        _tell_passphrase(home, say)
    return Restored(str(home), manifest.made_at, _objects(manifest))


def _tell_passphrase(home: Path, say: Say) -> None:
    """The passphrase of a production node is in no backup: say what is needed before the node can start."""
    if keys.ring_path(home).exists() and not key_passphrase.candidates(home):
        say(
            f"密钥环的口令不在备份中：启动前请用 {key_passphrase.FILE_VARIABLE} 指明口令文件",
            f"the key ring's passphrase is in no backup: name its file in {key_passphrase.FILE_VARIABLE} before starting",
        )


def _require_empty(home: Path, force: bool) -> None:
    held = [name for name in KEPT if (home / name).exists()]
    if held and not force:
        raise HomeNotEmpty(
            f"状态文件夹 {home} 已有数据（{'、'.join(held)}）。加 --force 会永久替换它们；请先备份。",
            f"The state folder {home} holds data ({', '.join(held)}). --force replaces them for good; back up first.",
            home=str(home),
        )


def _put_in_place(home: Path, folder: Path) -> None:
    cluster = PrivateCluster(home)
    if (cluster.data / "PG_VERSION").exists():
        cluster.stop()
    for name in KEPT:
        path = home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if (folder / name).exists():
            (folder / name).rename(path)
    (home / "objects").mkdir(exist_ok=True)
    if (home / "keys").is_dir():
        (home / "keys").chmod(0o700)


def _restore_database(settings: NodeSettings, dump: Path) -> None:
    cluster = PrivateCluster(settings.home).ensure()
    try:
        with psycopg.connect(cluster.dsn("postgres", "postgres"), autocommit=True) as connection:
            # the empty database is remade without the prepared schema: the dump brings its own
            name, owner = sql.Identifier(provision.DATABASE), sql.Identifier(provision.OWNER)
            connection.execute(sql.SQL("DROP DATABASE {}").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(name, owner))
        url = cluster.dsn("postgres")
        command = [find_programs().path("pg_restore"), "--exit-on-error", "--single-transaction", "--no-password"]
        done = subprocess.run([*command, f"--dbname={url}", str(dump)], capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip()[-800:]
            raise NodeUnavailable(f"数据库恢复失败：{said}", f"The database could not be restored: {said}")
        with psycopg.connect(url, autocommit=True) as connection:
            provision.prepare_schema(connection)
            connection.execute(_END_SESSIONS)
            connection.execute("ANALYZE")
    finally:
        cluster.stop()


def _objects(manifest: Manifest) -> int:
    return sum(member.name.startswith("objects/") for member in manifest.members)
