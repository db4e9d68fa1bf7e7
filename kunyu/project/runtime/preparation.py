"""What a database must hold before a node serves: migrations, divisions, catalogue, demonstration accounts.

Runs inside the supervisor before any child; every step is skipped quickly when it is done.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kunyu.project.home import ROOT
from kunyu.project.runtime.django_setup import prepare_django
from kunyu.project.runtime.production import require_no_demo_accounts
from kunyu.project.runtime.secret import load_secret

Say = Callable[[str, str], None]
CATALOGUE_MARK = "catalogue.digest"
DEMO_SECURITY_ADMINISTRATOR = "security"


@dataclass(frozen=True)
class Account:
    """A demonstration account as ``up`` prints it."""

    username: str
    password: str
    name_zh: str
    name_en: str


def prepare_database(home: Path, say: Say) -> list[Account]:
    """Bring the database up to this release and return the demonstration accounts (none in production).

    Parameters
    ----------
    home : Path
        State folder.
    say : callable
        Receives each step that does something, in Chinese and English.
    """
    prepare_django()
    from django.conf import settings
    from django.db import connections

    try:
        migrate(say)
        _load_reference(say)
        _load_catalogue(home, say)
        _protect_rows(say)
        _load_roles(say)
        _load_matters(say)
        if settings.PRODUCTION:
            require_no_demo_accounts(home)
        return _demo_accounts(home)
    finally:
        connections.close_all()  # the supervisor holds no connection while it waits


def migrations_pending() -> int:
    """Return how many migrations the database lacks."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate(say: Say) -> None:
    """Apply missing migrations."""
    from django.core.management import call_command

    pending = migrations_pending()
    if pending:
        say(f"升级数据库结构：{pending} 项", f"applying {pending} migrations")
        call_command("migrate", interactive=False, verbosity=0, stdout=io.StringIO())


def _load_reference(say: Say) -> None:
    from kunyu.engines.reference.models import Division, DivisionBoundary
    from kunyu.engines.reference.services import load_reference_data

    loaded = Division.objects.filter(is_fictional=False).exists()
    if not (loaded and DivisionBoundary.objects.exclude(source="sample").exists()):
        say("装载行政区划代码与界线", "loading division codes and boundaries")
        load_reference_data()


def _load_catalogue(home: Path, say: Say) -> None:
    """Load the catalogue when its files differ from those loaded last, or the tables are empty.

    On a demonstration node the proposed labels are approved in the name of its security administrator.
    """
    from django.conf import settings

    from kunyu.engines.catalogue.loading import load_catalogue
    from kunyu.engines.catalogue.models import Layer
    from kunyu.engines.security.label_services import approve_proposed
    from kunyu.engines.security.models import Label

    digest, mark = _catalogue_digest(), home / "run" / CATALOGUE_MARK
    loaded = mark.exists() and mark.read_text() == digest
    if not (loaded and Layer.objects.exists() and Label.objects.exists()):
        say("装载目录与标准", "loading the catalogue and the standards")
        load_catalogue()
        mark.write_text(digest)
    if settings.KUNYU_DEMO:
        approve_proposed(DEMO_SECURITY_ADMINISTRATOR)


def _protect_rows(say: Say) -> None:
    """Row security on what lacks it: tables of an older program, or of a restored backup."""
    from kunyu.engines.catalogue.row_security import ensure_row_security
    from kunyu.engines.security.zones import record_zone

    record_zone()
    mended = ensure_row_security()
    if mended:
        say(f"补上行级安全：{len(mended)} 张表", f"putting row security on {len(mended)} tables")


def _load_roles(say: Say) -> None:
    from kunyu.engines.security.roles import load_built_in
    from kunyu.engines.security.scope import operator

    made = load_built_in(operator("up"))
    if made:
        say(f"装载内置角色：{made} 个", f"loading {made} shipped roles")


def _load_matters(say: Say) -> None:
    """Publish the matters that ship and are not there yet: catalogue entries, and what installed packs define whole."""
    from kunyu.engines.matters.definitions.shipped import load
    from kunyu.engines.security.scope import operator

    made = load(operator("up"))
    if made:
        say(f"发布随系统事项：{made} 个版本", f"publishing {made} editions of shipped matters")


def _catalogue_digest() -> str:
    digest = hashlib.sha256()
    for folder in (ROOT / "kunyu/engines/catalogue/data", ROOT / "kunyu/standards"):
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".csv", ".toml")):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _demo_accounts(home: Path) -> list[Account]:
    from django.conf import settings

    from kunyu.engines.documents.seals import demonstration
    from kunyu.engines.security.scope import operator
    from kunyu.engines.security.services import ensure_demo_accounts

    if not settings.KUNYU_DEMO:
        return []
    made = ensure_demo_accounts(load_secret(home).demo_password, operator("up"))
    demonstration.ensure()
    return [Account(**account) for account in made]
