"""The form of a backup: one tar file, manifest first, every member with its SM3 digest.

::

    manifest.json     {"format": 1, "kunyu", "made_at", "postgres", "members": [{"name", "size", "sm3"}]}
    database.dump     pg_dump, custom format, without owners' passwords
    secret.json       the node's secrets
    keys/…            key ring and signing key, wrapped; a production node's passphrase is not in the backup
    sample/…          progress of the sample county
    objects/…         every object of the store (they are named by their digest and never change)
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kunyu.kernel.digests import Sm3, sm3_file
from kunyu.project.runtime.errors import BackupUnreadable

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file of a backup; ``size`` in bytes."""

    name: str
    size: int
    sm3: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds and what made it."""

    kunyu: str
    made_at: str
    postgres: int
    members: tuple[Member, ...]

    def as_bytes(self) -> bytes:
        """Return the file ``manifest.json``."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1).encode()


def describe(path: Path, name: str) -> Member:
    """Return the manifest's line for a file."""
    return Member(name, path.stat().st_size, sm3_file(path))


def write_archive(target: Path, manifest: Manifest, files: dict[str, Path]) -> None:
    """Write the tar file beside its name and rename it when whole and on disk."""
    draft = target.with_name(f".{target.name}.part")
    try:
        with draft.open("wb") as raw:
            draft.chmod(0o600)  # it holds the node's secrets
            with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
                head = manifest.as_bytes()
                info = tarfile.TarInfo(MANIFEST)
                info.size = len(head)
                archive.addfile(info, io.BytesIO(head))
                for member in manifest.members:
                    _add(archive, member, files[member.name])
            raw.flush()
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, member: Member, path: Path) -> None:
    info = tarfile.TarInfo(member.name)
    info.size, info.mode = member.size, 0o600
    with path.open("rb") as file:
        archive.addfile(info, file)


def unpack_archive(source: Path, folder: Path) -> Manifest:
    """Unpack into a folder, comparing every digest while writing.

    Raises
    ------
    BackupUnreadable
        Not a backup, another format, a member missing, added, outside the folder, or with another digest.
    """
    try:
        with tarfile.open(source, "r:") as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members, None), source)
            awaited = {member.name: member for member in manifest.members}
            for info in members:
                _extract(archive, info, awaited.pop(info.name, None), folder, source)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _unreadable(source, str(error), str(error)) from error
    if awaited:
        name = next(iter(awaited))
        raise _unreadable(
            source, f"缺少 {len(awaited)} 个文件，例如 {name}", f"{len(awaited)} files lack, such as {name}"
        )
    return manifest


def _manifest(archive: tarfile.TarFile, info: tarfile.TarInfo | None, source: Path) -> Manifest:
    if info is None or info.name != MANIFEST:
        raise _unreadable(source, "不是坤舆备份文件", "it is not a backup of Kunyu")
    try:
        values = json.loads(b"".join(_blocks(archive, info)))
        if values["format"] != FORMAT:
            raise _unreadable(source, f"格式 {values['format']} 未知", f"its format {values['format']} is unknown")
        members = tuple(Member(**member) for member in values["members"])
        return Manifest(values["kunyu"], values["made_at"], values["postgres"], members)
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(source, "清单损坏", "its manifest is damaged") from error


def _extract(
    archive: tarfile.TarFile, info: tarfile.TarInfo, member: Member | None, folder: Path, source: Path
) -> None:
    target = folder / info.name
    if member is None or not info.isreg() or not target.resolve().is_relative_to(folder.resolve()):
        raise _unreadable(
            source, f"含有清单以外的文件 {info.name}", f"it holds {info.name}, which the manifest does not"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = Sm3()
    with target.open("wb") as file:
        target.chmod(0o600)
        for block in _blocks(archive, info):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != member.sm3:
        raise _unreadable(source, f"{info.name} 的 SM3 摘要不符", f"the SM3 digest of {info.name} differs")


def _blocks(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(info)
    while file is not None and (block := file.read(BLOCK)):
        yield block


def _unreadable(source: Path, zh: str, en: str) -> BackupUnreadable:
    return BackupUnreadable(
        f"备份文件 {source} 不能使用：{zh}。请换用另一份备份；没有写入任何数据。",
        f"The backup {source} cannot be used: {en}. Use another backup; nothing was written.",
        file=str(source),
    )
