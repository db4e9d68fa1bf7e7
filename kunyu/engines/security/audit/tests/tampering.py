"""Ten sealed acts, and the attacker who owns the tables and can take their guards away."""

from __future__ import annotations

from django.db import connection, transaction

from kunyu.engines.security import audit, keys
from kunyu.engines.security.audit import sealing
from kunyu.engines.security.scope import Principal

LI = Principal("li", "李四", 7)
TABLES = ("auditentry", "auditseal", "auditcheckpoint")


def ten_acts() -> None:
    """Ten sealed acts, checkpoints behind the fifth and the tenth."""
    signer = keys.node_signer()
    for number in range(1, 11):
        with transaction.atomic():
            audit.record(LI, "export", "collection", f"10401-{number:03d}", rows=number, note='引号"与\\反斜杠')
        if number % 5 == 0:
            sealing.seal_everything(signer.node_id, signer)


def attack(*statements: str) -> None:
    """As the owner of the tables: guards off, change, guards on again."""
    with connection.cursor() as cursor:
        for switch in ("DISABLE TRIGGER", None, "ENABLE ALWAYS TRIGGER"):
            for table in TABLES:
                for guard in ("append_only_row", "append_only_statement") if switch else ():
                    cursor.execute(f"ALTER TABLE security_{table} {switch} {guard}")
            for statement in statements if switch is None else ():
                cursor.execute(statement)
