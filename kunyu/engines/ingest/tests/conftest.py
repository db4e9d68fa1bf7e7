"""A catalogued node with county 990101, and ways to look at its tables. Django is imported inside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ALL_TABLES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'onemap'::regnamespace AND c.relkind = 'p' ORDER BY 1"
)


@pytest.fixture
def node(transactional_db: None, onemap_emptied: None) -> None:
    """Catalogue and county, committed: publishing uses sessions of its own."""
    from kunyu.engines.catalogue.loading import load_labelled_catalogue
    from kunyu.engines.reference.services import NewDivision, register_fictional

    load_labelled_catalogue("security")
    register_fictional(
        [NewDivision("99", "示范省", "0"), NewDivision("9901", "示范市", "99"), NewDivision("990101", "坤舆县", "9901"),
         NewDivision("990102", "示范二县", "9901")]
    )  # fmt: skip


@pytest.fixture
def sql(node: None) -> Callable[..., list[tuple[Any, ...]]]:
    """Run one statement and answer with its rows."""
    from django.db import connection

    def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, list(parameters) or None)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def map_digest(sql: Callable[..., list[tuple[Any, ...]]]) -> Callable[[], str]:
    """Digest of every row of every layer table and of the published versions: equal means the map is unchanged."""

    def digest() -> str:
        whole = hashlib.sha256()
        for (table,) in sql(ALL_TABLES):
            whole.update(table.encode())
            for (row,) in sql(f'SELECT t::text FROM onemap."{table}" t ORDER BY fid'):
                whole.update(row.encode())
        for (row,) in sql("SELECT v::text FROM catalogue_datasetversion v WHERE status = 'published' ORDER BY id"):
            whole.update(row.encode())
        return whole.hexdigest()

    return digest


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample county with 400 parcels and its change package."""
    from kunyu.project.sample_county.generate import generate_county

    folder = tmp_path_factory.mktemp("county")
    generate_county(folder, 400, 3)
    return folder
