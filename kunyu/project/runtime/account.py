"""Under whose name PostgreSQL runs: the caller, or an unprivileged account when the caller is root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kunyu.project.runtime.errors import ClusterUnavailable, FolderNotReachable

PREFERRED = ("postgres", "kunyu")


@dataclass(frozen=True)
class Account:
    """An operating-system account; ``switch`` tells whether the caller must become it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen_options(self) -> dict[str, object]:
        """Return the ``subprocess`` arguments that run a program under this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give one file or folder to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def require_reachable(self, folder: Path) -> None:
        """Refuse a folder that this account may not enter, naming the one that stops it.

        Raises
        ------
        FolderNotReachable
            With the first folder from the top that lacks the permission.
        """
        if not self.switch or self._may_enter(folder):
            return
        for parent in (*reversed(folder.parents), folder):
            if not self._may_enter(parent):
                raise FolderNotReachable(
                    f"数据库以账户 {self.name} 运行，但该账户不能进入文件夹 {parent}。"
                    f"请执行 chmod o+x {parent}，或把 KUNYU_HOME 设到别处，例如 KUNYU_HOME=/var/lib/kunyu。",
                    f"The database runs as account {self.name}, which may not enter the folder {parent}. "
                    f"Run chmod o+x {parent}, or set KUNYU_HOME elsewhere, for example KUNYU_HOME=/var/lib/kunyu.",
                    folder=str(parent),
                    account=self.name,
                )

    def _may_enter(self, folder: Path) -> bool:
        # asked of the system rather than read from the mode bits: access control lists count too
        command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
        answer = subprocess.run(command, capture_output=True, cwd="/", check=False, **self.popen_options())  # type: ignore[call-overload]
        return bool(answer.returncode == 0)


def server_account() -> Account:
    """Return the account for the database server; under root make ``kunyu`` when no account is there."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=False)
    for name in PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    return _create_account("kunyu")


def _create_account(name: str) -> Account:
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise ClusterUnavailable(
            f"PostgreSQL 不能以 root 运行，系统账户 {name} 也无法创建：{reason}。请先创建账户 {name}。",
            f"PostgreSQL refuses root, and the system account {name} cannot be created: {reason}. Create it first.",
        ) from error
    entry = pwd.getpwnam(name)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
