"""How a process learns the passphrase that protects the node's key ring. 密钥环口令的来源.

Looked for afresh whenever the root has to be opened, so a running process follows a change of the root:

1. the file that ``KUNYU_KEY_PASSPHRASE_FILE`` names (a credential of the service manager): one line, or two while the
   passphrase is being changed, the coming one last;
2. ``KUNYU_KEY_PASSPHRASE`` in the environment, fixed for the life of a process;
3. ``secret.json`` in the state folder, where a node outside production draws its own. It lies beside the keys and so
   protects nothing against whoever reads the folder: production refuses it.

A certified device takes the passphrase's place as a `DeviceRoot`; none was at hand, and nothing here offers one yet.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kunyu.engines.security.key_errors import KeyPassphraseExposed, KeyPassphraseMissing
from kunyu.kernel import private_json
from kunyu.kernel.crypto.errors import DecryptionFailed
from kunyu.kernel.crypto.kdf import ITERATIONS, MINIMUM_ITERATIONS
from kunyu.kernel.crypto.provider import CryptoProvider, KeyHandle
from kunyu.kernel.crypto.roots import PassphraseRoot, RootProtector

FILE_VARIABLE, VARIABLE = "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_KEY_PASSPHRASE"
SECRET_FILE, SECRET_NAME, SECRET_NEXT = "secret.json", "key_passphrase", "key_passphrase_next"
MINIMUM_LENGTH = 12
"""Letters of a passphrase in production."""
MOST_CANDIDATES = 5


@dataclass(frozen=True)
class Passphrase:
    """A passphrase and where it was found: ``file``, ``environment`` or ``secret.json``."""

    text: str
    source: str

    @property
    def root(self) -> PassphraseRoot:
        """Return the protector; 256 drawn bits need no slow derivation, words of people do."""
        drawn = self.source == SECRET_FILE
        return PassphraseRoot(self.text.encode("utf-8"), MINIMUM_ITERATIONS if drawn else ITERATIONS)

    def __repr__(self) -> str:
        return f"Passphrase(source={self.source!r})"


@dataclass(frozen=True)
class _Candidate:
    """The passphrase that stands at ``position`` when it is needed."""

    home: Path
    position: int

    def describe(self, provider: CryptoProvider) -> dict[str, Any]:
        return self._root().describe(provider)

    def open(self, provider: CryptoProvider, description: Mapping[str, Any], *, production: bool) -> KeyHandle:
        return self._root().open(provider, description, production=production)

    def _root(self) -> PassphraseRoot:
        known = candidates(self.home)
        if self.position >= len(known):
            raise DecryptionFailed("没有更多口令可试。", "There is no further passphrase to try.")
        return known[self.position].root


def protectors(home: Path) -> tuple[RootProtector, ...]:
    """Return the protectors with which a ring is opened and reopened; they look for the passphrase when asked."""
    return tuple(_Candidate(home, position) for position in range(MOST_CANDIDATES))


def candidates(home: Path) -> list[Passphrase]:
    """Return every passphrase that is known now, the one to use for something new first."""
    found = [Passphrase(line, "file") for line in reversed(_file_lines())]
    if os.environ.get(VARIABLE):
        found.append(Passphrase(os.environ[VARIABLE], "environment"))
    secret = _secret(home)
    found += [Passphrase(str(secret[name]), SECRET_FILE) for name in (SECRET_NEXT, SECRET_NAME) if secret.get(name)]
    return found


def passphrase_for_new(home: Path, *, production: bool) -> Passphrase:
    """Return the passphrase for a new root; outside production one is drawn into ``secret.json`` when none is given.

    Raises
    ------
    KeyPassphraseMissing, KeyPassphraseExposed
        In production.
    """
    if production:
        require_safe(home)
    known = candidates(home)
    if known:
        return known[0]

    def with_passphrase(values: private_json.Values) -> private_json.Values:
        return {**values, SECRET_NAME: values.get(SECRET_NAME) or secrets.token_urlsafe(32)}

    home.mkdir(parents=True, exist_ok=True)
    return Passphrase(private_json.update(home / SECRET_FILE, with_passphrase)[SECRET_NAME], SECRET_FILE)


def draw_next(home: Path) -> Passphrase:
    """Draw the coming passphrase of a node outside production into ``secret.json``, beside the present one."""

    def with_next(values: private_json.Values) -> private_json.Values:
        return {**values, SECRET_NEXT: values.get(SECRET_NEXT) or secrets.token_urlsafe(32)}

    return Passphrase(private_json.update(home / SECRET_FILE, with_next)[SECRET_NEXT], SECRET_FILE)


def require_safe(home: Path) -> None:
    """Refuse what production does not accept of a passphrase.

    Raises
    ------
    KeyPassphraseExposed
        It lies in ``secret.json``, or its file may be read by others.
    KeyPassphraseMissing
        There is none, or it is shorter than `MINIMUM_LENGTH`.
    """
    secret = _secret(home)
    if secret.get(SECRET_NAME) or secret.get(SECRET_NEXT):
        raise KeyPassphraseExposed(
            f"生产环境不接受写在 {SECRET_FILE} 中的密钥口令：能读到密钥的人就能读到口令。请把新口令写入仅本账户可读的文件，"
            f"用 {FILE_VARIABLE} 指明，再执行 kunyu keys rotate-root。",
            f"Production refuses a key passphrase in {SECRET_FILE}: who reads the keys reads it too. Put a new one "
            f"into a file readable by this account only, name it in {FILE_VARIABLE}, and run kunyu keys rotate-root.",
        )
    _require_private_file()
    known = candidates(home)
    if not known:
        raise KeyPassphraseMissing(
            f"生产环境需要密钥口令。请用 {FILE_VARIABLE} 指明一个仅本账户可读的文件（或设置 {VARIABLE}），"
            f"口令至少 {MINIMUM_LENGTH} 个字符。",
            f"Production needs a key passphrase. Name a file readable by this account only in {FILE_VARIABLE} (or set "
            f"{VARIABLE}); it has at least {MINIMUM_LENGTH} letters.",
        )
    if len(known[0].text) < MINIMUM_LENGTH:
        raise KeyPassphraseMissing(
            f"密钥口令只有 {len(known[0].text)} 个字符，至少要 {MINIMUM_LENGTH} 个。请换用更长的口令。",
            f"The key passphrase has {len(known[0].text)} letters; at least {MINIMUM_LENGTH} are needed.",
            length=len(known[0].text),
            limit=MINIMUM_LENGTH,
        )


def _require_private_file() -> None:
    name = os.environ.get(FILE_VARIABLE)
    if not name:
        return
    try:
        mode = stat.S_IMODE(os.stat(name).st_mode)
    except OSError as error:
        raise _unreadable(name, error) from error
    if mode & 0o077:
        raise KeyPassphraseExposed(
            f"密钥口令文件 {name} 的权限为 {mode:04o}，他人可读。请执行 chmod 600 {name}。",
            f"The key passphrase file {name} has mode {mode:04o}: others may read it. Run chmod 600 {name}.",
            mode=f"{mode:04o}",
        )


def _file_lines() -> list[str]:
    name = os.environ.get(FILE_VARIABLE)
    if not name:
        return []
    try:
        lines = Path(name).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(name, error) from error
    return [line.strip() for line in lines if line.strip()][:2]


def _secret(home: Path) -> private_json.Values:
    try:
        return private_json.read(home / SECRET_FILE) or {}
    except (OSError, ValueError) as error:
        raise KeyPassphraseMissing(
            f"{home / SECRET_FILE} 无法读取：{error}。请从备份恢复该文件。",
            f"{home / SECRET_FILE} cannot be read: {error}. Restore it from a backup.",
        ) from error


def _unreadable(name: str, error: Exception) -> KeyPassphraseMissing:
    return KeyPassphraseMissing(
        f"密钥口令文件 {name} 无法读取：{error}。请核对 {FILE_VARIABLE}。",
        f"The key passphrase file {name} cannot be read: {error}. Check {FILE_VARIABLE}.",
    )
