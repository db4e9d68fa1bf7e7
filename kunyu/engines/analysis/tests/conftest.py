"""The committed county and people who ask about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People

# Django is imported inside: pytest reads this file before it sets Django up.


def empty() -> None:
    """Drop the layer tables and empty every other table, the audit too."""
    from django.core.management import call_command
    from django.db import connection

    from kunyu.engines.security.audit.tests.emptying import empty_what_flush_leaves

    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'onemap' AND tablename !~ '_p[0-9]{6}$'")
        tables = [row[0] for row in cursor.fetchall()]
        cursor.execute("SET ROLE kunyu_onemap")
        for table in tables:
            cursor.execute(f'DROP TABLE onemap."{table}" CASCADE')
        cursor.execute("RESET ROLE")
    call_command("flush", interactive=False, verbosity=0)
    empty_what_flush_leaves()


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: Any) -> Iterator[People]:
    """The county of ``county.py``, committed, because the serving role has its own connections."""
    from kunyu.engines.analysis import coverage
    from kunyu.engines.analysis.tests import county
    from kunyu.engines.catalogue.served.serving import close_pools

    with django_db_blocker.unblock():
        coverage.forget()
        try:
            yield county.build()
        finally:
            close_pools()
            empty()
            coverage.forget()


@pytest.fixture
def ask(people: People, db: None) -> Callable[..., Any]:
    """``ask("POST", path, who, body)``: an HTTP request with JSON, as a person or nobody (None)."""
    from django.test import Client

    def asking(method: str, path: str, who: str | None = "steward", body: Any = None, **headers: str) -> Any:
        sent = {"Accept": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if who:
            sent["Authorization"] = f"Bearer {people.tokens[who]}"
        content = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        return Client(headers=sent).generic(method, path, content, content_type="application/json")

    return asking
