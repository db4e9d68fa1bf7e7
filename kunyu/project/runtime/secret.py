"""The node's secrets: ``secret.json`` in the state folder, readable by its owner alone.

It holds Django's signing key and the passwords of the database roles. It is written once; a value that is
missing (an older file) is added, no value is ever changed. The addresses of the private database stand there
too, so that every command on this machine finds it.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from kunyu.kernel import private_json
from kunyu.project.runtime.errors import SecretUnreadable

FILE_NAME = "secret.json"


@dataclass(frozen=True)
class Secret:
    """Random values of one node; letters and digits only, so that they need no quoting in addresses and SQL."""

    secret_key: str
    postgres_password: str
    kunyu_password: str
    serve_password: str
    demo_password: str

    def password(self, role: str) -> str:
        """Return the password of one login role (``postgres``, ``kunyu`` or ``kunyu_serve``)."""
        return {"postgres": self.postgres_password, "kunyu": self.kunyu_password, "kunyu_serve": self.serve_password}[
            role
        ]


def load_secret(home: Path) -> Secret:
    """Read the secrets of a state folder; make them when they are absent.

    Parameters
    ----------
    home : Path
        State folder; created when absent.

    Raises
    ------
    SecretUnreadable
        The file is not JSON or may not be read.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / FILE_NAME
    values = _read(path)
    if values is not None and all(values.get(field.name) for field in fields(Secret)):
        return Secret(**{field.name: values[field.name] for field in fields(Secret)})
    with private_json.locked(path):
        known = _read(path) or {}
        secret = Secret(**{field.name: known.get(field.name) or _draw(field.name) for field in fields(Secret)})
        private_json.write(path, {**known, **asdict(secret)})
    return secret


def _draw(name: str) -> str:
    """People type the password of the demonstration accounts, so it is shorter and without look-alike letters."""
    if name == "demo_password":
        # letters, digits and signs: the password policy wants three kinds, so a draw without digits is drawn again
        while True:
            drawn = "-".join(
                "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(3)
            )
            if any(map(str.isdigit, drawn)) and any(map(str.isalpha, drawn)) and len(set(drawn)) > 5:
                return drawn
    return secrets.token_hex(32)


def store_addresses(home: Path, addresses: dict[str, str]) -> None:
    """Write database addresses (``database_url``, ``serve_database_url``) beside the secrets when they changed."""
    load_secret(home)
    path = home / FILE_NAME
    private_json.update(path, lambda values: {**values, **addresses})


def _read(path: Path) -> dict[str, str] | None:
    try:
        return private_json.read(path)
    except (OSError, ValueError) as error:
        raise SecretUnreadable(
            f"密钥文件 {path} 无法读取：{error}。请从备份恢复该文件，不要删除它：其中有数据库口令。",
            f"The secret file {path} cannot be read: {error}. Restore it from a backup; do not delete it, "
            "it holds the database passwords.",
            path=str(path),
        ) from error
