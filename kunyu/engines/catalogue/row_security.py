"""Row security of schema ``onemap``: what the serving role may read, decided by PostgreSQL itself. 行级安全.

The gateway (``security.scope``) composes every query; this is the backstop for the day when one is composed wrongly. The
connection carries ``kunyu.principal`` for one transaction; a policy on each layer table shows a row when the principal
may query or download its collection in its county at its label, and nothing when no principal is set. Two functions
(migrations 0003 and 0007 of ``security``) answer once per query, from the grants as they are at that moment.

Partitions have row security and no policy, and the serving role has no privilege on them: nobody reads past the layer.
Views run with the rights of whoever asks. Why the text is as it is: docs/reference/row-security.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from psycopg import sql

from kunyu.engines.catalogue.roles import READER, owner_role, role_exists
from kunyu.engines.catalogue.table_names import SCHEMA
from kunyu.kernel.digests import sm3_hex

POLICY = "serve"

# relations of the schema as row security sees them; `collection` is null for what the catalogue does not serve
STATE = f"""
SELECT c.relname, c.relkind::text, l.collection, c.relrowsecurity,
  has_table_privilege('{READER}', c.oid, 'SELECT') AS is_readable,
  coalesce('security_invoker=true' = ANY(c.reloptions), false) AS runs_as_invoker,
  (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
  (SELECT obj_description(p.oid, 'pg_policy') FROM pg_policy p
   WHERE p.polrelid = c.oid AND p.polname = '{POLICY}') AS policy_mark
FROM pg_class c LEFT JOIN catalogue_layer l ON l.table_name = c.relname
WHERE c.relnamespace = to_regnamespace('{SCHEMA}') AND c.relkind IN ('p', 'r', 'v', 'm', 'f')
ORDER BY c.relname
"""


@dataclass(frozen=True)
class Relation:
    """A table or view of the schema and how it is protected now (columns of :data:`STATE`)."""

    name: str
    kind: str
    collection: str | None
    has_row_security: bool
    is_readable: bool
    runs_as_invoker: bool
    policies: int
    policy_mark: str | None

    @property
    def is_layer(self) -> bool:
        return self.kind == "p" and self.collection is not None

    @property
    def is_protected(self) -> bool:
        """Whether nothing can be read through it that the reader's principal may not see."""
        if self.is_layer:
            mark = _mark(self.name, str(self.collection))
            return self.has_row_security and self.policies == 1 and self.policy_mark == mark
        if self.kind == "v":
            return self.runs_as_invoker
        if self.kind in ("p", "r"):
            return self.has_row_security and not self.is_readable and self.policies == 0
        return not self.is_readable


def layer_statements(table: str, collection: str) -> Iterator[str]:
    """SQL that protects a layer's table and opens it to the serving role."""
    name = _qualified(table)
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"DROP POLICY IF EXISTS {POLICY} ON {name}"
    yield f"CREATE POLICY {POLICY} ON {name} FOR SELECT TO {READER} USING ({condition(table, collection)})"
    yield f"COMMENT ON POLICY {POLICY} ON {name} IS {sql.quote(_mark(table, collection))}"
    yield f"GRANT SELECT ON {name} TO {READER}"


def partition_statements(partition: str) -> Iterator[str]:
    """SQL that closes a partition: rows are read through the layer's table only."""
    yield f"ALTER TABLE {_qualified(partition)} ENABLE ROW LEVEL SECURITY"
    yield f"REVOKE ALL ON {_qualified(partition)} FROM {READER}, PUBLIC"


def view_statements(view: str) -> Iterator[str]:
    """SQL that lets a view read with the rights of whoever asks, not with its owner's."""
    yield f"ALTER VIEW {_qualified(view)} SET (security_invoker = true)"


def _qualified(name: str) -> str:
    return sql.Identifier(SCHEMA, name).as_string()


def condition(table: str, collection: str) -> str:
    """The policy of a layer.

    Sub-selects run once per query, the second only when the first does not show a row. ``<> 0`` and not ``= 1``: the
    planner takes an unknown ``=`` for one row in two hundred and would choose plans for a nearly empty table.
    """
    wanted, oid = sql.quote(collection), f"{sql.quote(_qualified(table))}::regclass"
    everywhere = f"(SELECT public.security_reach_everywhere({wanted}))"
    by_county = f"((SELECT public.security_reach({wanted}, {oid})) ->> county)::bigint"
    return f"(({everywhere} >> label) & 1) <> 0 OR (({by_county} >> label) & 1) <> 0"


def _mark(table: str, collection: str) -> str:
    """What is written beside the policy, to see whether it is the one this program makes."""
    return f"kunyu {sm3_hex(condition(table, collection).encode())[:16]}"


def relations() -> list[Relation]:
    """Tables and views of the schema as they are protected now."""
    with connection.cursor() as cursor:
        if not role_exists(cursor, READER):
            return []
        cursor.execute(STATE)
        return [Relation(*row) for row in cursor.fetchall()]


@transaction.atomic
def ensure_row_security() -> list[str]:
    """Protect whatever is not: tables of older programs, restored ones, ones somebody changed; names what was mended.

    What is protected is left alone and not locked. Tables that the catalogue does not know are closed.
    """
    mended = [one for one in relations() if not one.is_protected]
    with connection.cursor() as cursor, owner_role(cursor):
        for one in mended:
            for statement in _mending(one):
                cursor.execute(statement)
    return [one.name for one in mended]


def _mending(one: Relation) -> Iterator[str]:
    if one.is_layer:
        yield from _without_policies(one.name)
        yield from layer_statements(one.name, str(one.collection))
    elif one.kind == "v":
        yield from view_statements(one.name)
    elif one.kind in ("p", "r"):
        yield from _without_policies(one.name)
        yield from partition_statements(one.name)
    else:
        yield f"REVOKE ALL ON {_qualified(one.name)} FROM {READER}, PUBLIC"


def _without_policies(table: str) -> Iterator[str]:
    """Policies add up: one that somebody made beside ours would show more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [_qualified(table)])
        for (name,) in cursor.fetchall():
            yield f"DROP POLICY {sql.Identifier(name).as_string()} ON {_qualified(table)}"
