"""Bring what is encrypted under the active versions of its keys, while the node works. 重新加密.

Every batch is a transaction of its own and finds what is left by itself, so an interrupted run is simply started again.
A value that does not open is left as it is, counted and named; it never stops the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models, transaction

from kunyu.engines.security import key_pairs, keys, node_identity
from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex, protected_models
from kunyu.kernel.crypto.errors import DecryptionFailed, KeyDestroyed, UnknownKey
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.objects import ObjectMissing
from kunyu.kernel.protected_store import ProtectedStore

BATCH = 500
NAMED = 10
Protected = tuple[type[models.Model], list[EncryptedText], list[EqualityIndex]]
Say = Callable[[str, int, int], None]
_UNREADABLE = (DecryptionFailed, UnknownKey, KeyDestroyed)


@dataclass
class Renewed:
    """What a run did: rows and files brought to the active versions, and what would not open."""

    rows: int = 0
    files: int = 0
    signing_key: bool = False
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return counts, and the first names of what failed."""
        return {"rows": self.rows, "files": self.files, "signing_key": self.signing_key,
                "failed": len(self.failed), "failed_first": self.failed[:NAMED]}  # fmt: skip


def renew_rows(ring: KeyRing, done: Renewed, say: Say, tables: list[Protected] | None = None) -> None:
    """Encrypt the fields of every protected table anew where their version is an old one."""
    for table in protected_models() if tables is None else tables:
        _Table(ring, *table).renew(done, say)


def renew_files(store: ProtectedStore, done: Renewed, say: Say) -> None:
    """Wrap the key of every encrypted object anew where its version is an old one."""
    names = list(store.names())
    for number, sm3 in enumerate(names, 1):
        try:
            done.files += store.renew(sm3)
        except _UNREADABLE as error:
            done.failed.append(f"{sm3} ({error.code})")
        except ObjectMissing:
            pass  # removed meanwhile
        if number % 100 == 0 or number == len(names):
            say("objects", number, len(names))


def renew_identity(ring: KeyRing, done: Renewed) -> None:
    """Put the passphrases of the node's signing key and of its key pairs under the active version."""
    done.signing_key = node_identity.renew(ring, keys.home_folder() / keys.FOLDER)
    done.files += key_pairs.renew(ring, keys.home_folder() / keys.FOLDER)


def uses_of(ring: KeyRing, store: ProtectedStore, name: str, version: int) -> dict[str, int]:
    """Return what is still encrypted under one version of a key: counts by table or kind, empty when nothing is."""
    found: dict[str, int] = {}
    for model, sealed, indexes in protected_models():
        for column in _columns(sealed, indexes):
            if column.key_name == name:
                prefix = _prefix(column, version)
                with connection.cursor() as cursor:
                    cursor.execute(
                        f"SELECT count(*) FROM {_quoted(model._meta.db_table)} WHERE starts_with({_quoted(str(column.column))}, %s)",
                        [prefix],
                    )
                    found[f"{model._meta.db_table}.{column.column}"] = cursor.fetchone()[0]
    if name == keys.FILE_KEY:
        found["objects"] = sum(store.key_version(sm3) == (name, version) for sm3 in store.names())
    if name == keys.NODE_SECRETS:
        found["keys/node.json"] = int(node_identity.secret_version(keys.home_folder() / keys.FOLDER) == version)
    if name == keys.PAIR_SECRETS:
        found["keys/pairs"] = key_pairs.uses_of(keys.home_folder() / keys.FOLDER, version)
    return {place: count for place, count in found.items() if count}


class _Table:
    """One table's protected columns."""

    def __init__(
        self, ring: KeyRing, model: type[models.Model], sealed: list[EncryptedText], indexes: list[EqualityIndex]
    ) -> None:
        self.ring, self.model, self.sealed, self.indexes = ring, model, sealed, indexes
        self.columns = [str(column.column) for column in (*sealed, *indexes)]

    def renew(self, done: Renewed, say: Say) -> None:
        table, last, seen = self.model._meta.db_table, None, 0
        total = self._count()
        while total:
            with transaction.atomic():
                rows = self._stale(last)
                changes = [change for row in rows if (change := self._changed(row, done)) is not None]
                self._write(changes)
            if not rows:
                return
            last, seen = rows[-1][0], seen + len(rows)
            done.rows += len(changes)
            say(table, min(seen, total), total)

    def _where(self) -> tuple[str, list[str]]:
        """Rows of which some column is under an old version."""
        parts, prefixes = [], []
        for column in _columns(self.sealed, self.indexes):
            parts.append(f"NOT starts_with({_quoted(str(column.column))}, %s)")  # NULL is neither old nor new
            prefixes.append(_prefix(column, self.ring.active(column.key_name).version))
        return "(" + " OR ".join(parts) + ")", prefixes

    def _count(self) -> int:
        where, prefixes = self._where()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {_quoted(self.model._meta.db_table)} WHERE {where}", prefixes)
            return int(cursor.fetchone()[0])

    def _stale(self, last: Any) -> list[tuple[Any, ...]]:
        where, parameters = self._where()
        pk = _quoted(str(self.model._meta.pk.column))
        names = ", ".join(_quoted(name) for name in self._row_columns())
        after = f"AND {pk} > %s" if last is not None else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {pk}, {names} FROM {_quoted(self.model._meta.db_table)} WHERE {where} {after} ORDER BY {pk} "
                f"LIMIT {BATCH} FOR UPDATE",
                [*parameters, *([last] if last is not None else [])],
            )
            return list(cursor.fetchall())

    def _row_columns(self) -> list[str]:
        row_keys = {one.row_key_column() for one in self.sealed}
        return [*self.columns, *sorted(row_keys)]

    def _changed(self, row: tuple[Any, ...], done: Renewed) -> list[Any] | None:
        """New values of the columns, then the key; None when the row does not open."""
        values = dict(zip(self._row_columns(), row[1:], strict=True))
        try:
            plain: dict[str, str] = {}
            for column in self.sealed:
                token = values[str(column.column)]
                if token is not None:
                    key = values[column.row_key_column()]
                    place, cipher = column.place_of(key), column.cipher()
                    plain[column.name] = cipher.decrypt(token, place)
                    values[str(column.column)] = cipher.renew(token, place)
            for index in self.indexes:
                text = plain.get(index.of)
                values[str(index.column)] = index.index().digest(text) if text else None
        except _UNREADABLE as error:
            done.failed.append(f"{self.model._meta.db_table} {row[0]} ({error.code})")
            return None
        return [*(values[name] for name in self.columns), row[0]]

    def _write(self, changes: list[list[Any]]) -> None:
        if not changes:
            return
        pk = _quoted(str(self.model._meta.pk.column))
        assigned = ", ".join(f"{_quoted(name)} = %s" for name in self.columns)
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {_quoted(self.model._meta.db_table)} SET {assigned} WHERE {pk} = %s", changes)


def _columns(sealed: list[EncryptedText], indexes: list[EqualityIndex]) -> list[EncryptedText | EqualityIndex]:
    return [*sealed, *indexes]


def _prefix(column: EncryptedText | EqualityIndex, version: int) -> str:
    return f"{'kf1' if isinstance(column, EncryptedText) else 'ki1'}.{version}."


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
