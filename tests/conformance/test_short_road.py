"""Known tiles ahead of the application: same bytes, and every change of rights, labels, data and tokens holds at once.

Changes are committed by a connection of their own, as another process of the node would make them. R-170, R-172.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from kunyu.engines.maps.tests.county import PARCELS
from tests.conformance.conftest import Node

pytestmark = pytest.mark.django_db
TILE = f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/14/6516/13335"
NEVER_ASKED = [
    f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/15/{13032 + n // 4}/{26670 + n % 4}" for n in range(8)
]
Sql = Callable[..., None]


@pytest.fixture
def sql(owner_dsn: str) -> Iterator[Sql]:
    with psycopg.connect(owner_dsn, autocommit=True) as connection:

        def run(statement: str, *values: Any) -> None:
            assert connection.execute(statement, values or None).rowcount != 0, statement

        yield run


def known(node: Node, who: str = "steward") -> tuple[bytes, str]:
    """The tile after every worker has answered it often: surely remembered."""
    answers = [node.open(TILE, who) for _ in range(12)]
    assert {one.status for one in answers} == {200}
    bodies = {one.read() for one in answers}
    assert len(bodies) == 1
    return bodies.pop(), answers[-1].headers["ETag"]


def statuses(node: Node, who: str = "steward", **headers: str) -> set[int]:
    """What many requests in a row are answered: two workers, each with a memory of its own."""
    return {node.open(TILE, who, **headers).status for _ in range(8)}


def test_remembered_answers_bear_the_same_headers(node: Node) -> None:
    """The first answer and a remembered one differ in nothing a client sees; 304 with its ETag."""
    first = node.open(f"{TILE}?properties=BSM")
    again = [node.open(f"{TILE}?properties=BSM") for _ in range(8)]
    body = first.read()
    for one in again:
        assert one.read() == body
        assert {n: v for n, v in one.headers.items() if n.lower() != "date"} == {
            n: v for n, v in first.headers.items() if n.lower() != "date"
        }  # fmt: skip
    unchanged = node.open(f"{TILE}?properties=BSM", **{"If-None-Match": first.headers["ETag"]})
    assert unchanged.status == 304 and unchanged.read() == b"" and unchanged.headers["ETag"] == first.headers["ETag"]
    assert statuses(node, **{"If-None-Match": '"another"'}) == {200}


def test_another_caller_never_gets_a_remembered_answer(node: Node) -> None:
    known(node)
    assert statuses(node, "neighbour") <= {200, 204} and node.open(TILE, "neighbour").read() != known(node)[0]
    assert statuses(node, "stranger") == {404}
    assert statuses(node, Authorization="") == {401}
    assert statuses(node, Authorization="Bearer ky_unknown") <= {401, 429}


@pytest.mark.parametrize(
    ("change", "back", "refused"),
    [
        ("UPDATE security_accesstoken SET revoked_at = now() WHERE user_id = {u}",
         "UPDATE security_accesstoken SET revoked_at = NULL WHERE user_id = {u}", {401}),
        ("UPDATE security_grant SET expires_at = now() - interval '1 day' WHERE user_id = {u}",
         "UPDATE security_grant SET expires_at = NULL WHERE user_id = {u}", {404}),
        ("UPDATE security_user SET is_active = false WHERE id = {u}",
         "UPDATE security_user SET is_active = true WHERE id = {u}", {401}),
    ],
)  # fmt: skip
def test_what_is_taken_away_is_gone_at_the_next_request(
    node: Node, sql: Sql, change: str, back: str, refused: set[int]
) -> None:
    """Token, grant, account: not one remembered tile, nor a 304, nor a new tile of that layer, once the change is committed."""
    _, tag = known(node)
    user = "(SELECT id FROM security_user WHERE username = 't-steward')"
    sql(change.format(u=user))
    try:
        assert statuses(node) <= refused | {429} and statuses(node, **{"If-None-Match": tag}) <= refused | {429}
        assert {node.open(one).status for one in NEVER_ASKED} <= refused | {429}
    finally:
        sql(back.format(u=user))
        sql("TRUNCATE security_signinfailures")
    assert statuses(node) == {200}


def test_a_publication_shows_at_the_next_request(node: Node, sql: Sql) -> None:
    """A version that is published, and one taken back: another ETag at once."""
    _, tag = known(node)
    newest = (
        "(SELECT max(v.id) FROM catalogue_datasetversion v JOIN catalogue_layer l ON l.id = v.layer_id "
        f"WHERE v.status = 'published' AND l.collection = '{PARCELS}')"
    )
    sql(f"CREATE TABLE public.kept_version AS SELECT {newest} AS id")
    sql("UPDATE catalogue_datasetversion SET status = 'abandoned' WHERE id = (SELECT id FROM public.kept_version)")
    try:
        tags = {node.open(TILE).headers["ETag"] for _ in range(8)}
        assert len(tags) == 1 and tag not in tags
    finally:
        sql("UPDATE catalogue_datasetversion SET status = 'published' WHERE id = (SELECT id FROM public.kept_version)")
        sql("DROP TABLE public.kept_version")
    assert {node.open(TILE).headers["ETag"] for _ in range(8)} == {tag}


def test_reads_of_labelled_data_stay_on_record_each_minute(node: Node, sql: Sql, owner_dsn: str) -> None:
    """Remembered or not, every minute of reading has its entry."""
    known(node)
    with psycopg.connect(owner_dsn) as connection:
        label = connection.execute("SELECT count(*) FROM security_auditentry WHERE action = 'read'").fetchone()
    assert label is not None and label[0] > 0
    took = []
    for _ in range(3):
        begun = time.monotonic()
        node.open(TILE)
        took.append(time.monotonic() - begun)
    assert min(took) < 2, took
