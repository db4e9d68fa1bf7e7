"""Requests made up from our own descriptions: never a 5xx, always a problem document (R-168).

Schemathesis draws requests, right and wrong ones, from ``/ogc/api`` and ``/api/openapi.json`` with a fixed seed. The
quick run draws a few of every operation; ``make test-long`` draws many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings

from kunyu.engines.maps.tests.county import PARCELS, County, _person
from kunyu.engines.security import scope

UNAVAILABLE = 503
"""A statement that ran into its timeout says so; everything else of 500 and more is a defect."""
_FIXED = {"collectionId": PARCELS, "tileMatrixSetId": "WebMercatorQuad", "featureId": County.bsm(3)}
# operations whose success would leave the node or change who may ask the rest
_LEFT_OUT = ("logout", "sessions", "tokens", "password")


@pytest.fixture(scope="module")
def everyone(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A committed county and the token of somebody with every right on data."""
    from kunyu.engines.catalogue.served.serving import close_pools
    from kunyu.engines.maps.tests import county
    from kunyu.engines.maps.tests.conftest import empty

    with django_db_blocker.unblock():
        try:
            county.build()
            yield _person("fuzz", scope.ACTIONS)
        finally:
            close_pools()
            empty()


def _document(address: str, token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Client(headers={"Authorization": f"Bearer {token}"}).get(address).content)
    return found


def _send(case: Any, token: str, prefix: str) -> Any:
    """The request of a case through Django, as a server would hand it over."""
    sent = case.as_transport_kwargs(base_url=f"http://testserver{prefix}")
    sent = {name: sent.get(name) for name in ("method", "url", "headers", "params", "json", "data", "files", "cookies")}
    try:
        prepared = requests.Request(**{name: value for name, value in sent.items() if value is not None}).prepare()
    except (requests.exceptions.RequestException, UnicodeError):
        return None  # no client can send it
    address = str(prepared.url).removeprefix("http://testserver")
    content_type = prepared.headers.get("Content-Type", "application/json")
    headers = {
        n: str(v) for n, v in prepared.headers.items() if n.lower() not in ("content-type", "content-length", "cookie")
    }
    client = Client(raise_request_exception=False, headers={**headers, "Authorization": f"Bearer {token}"})
    return client.generic(str(prepared.method), address, prepared.body or b"", content_type=content_type)


def _judge(answer: Any, case: Any) -> None:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    told = f"{case.method} {case.path} {case.query} {case.body!r}: {answer.status_code} {content[:600]!r}"
    assert answer.status_code < 500 or answer.status_code == UNAVAILABLE, told
    if answer.status_code >= 400 and case.method != "HEAD":
        assert answer["Content-Type"] == "application/problem+json", told
        problem = json.loads(content)
        assert problem["status"] == answer.status_code and problem["code"] and problem["detail_zh"], told
        assert "Traceback" not in told and "psycopg" not in problem["detail_en"], told


def _fuzz(address: str, prefix: str, token: str, examples: int) -> int:
    """Every operation of a description; the number of operations asked."""
    schema = schemathesis.openapi.from_dict(_document(address, token))
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if any(word in operation.path for word in _LEFT_OUT):
            continue
        _operation(operation, prefix, token, examples)()
        asked += 1
    return asked


def _operation(operation: Any, prefix: str, token: str, examples: int) -> Callable[[], None]:
    @seed(20261123)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def drawn(case: Any) -> None:
        # half of the cases ask for what exists: a made-up collection is refused before anything else is read
        if case.path_parameters and len(str(case.query)) % 2:
            case.path_parameters = {n: _FIXED.get(n, v) for n, v in case.path_parameters.items()}
        answer = _send(case, token, prefix)
        if answer is not None:
            _judge(answer, case)

    return drawn


@pytest.mark.django_db
def test_a_test_database_is_made() -> None:
    """pytest-django makes one only where a marked test asks for it."""


@pytest.mark.long
@pytest.mark.django_db
def test_a_test_database_is_made_where_only_the_long_ones_run() -> None:
    """As above."""


def test_the_ogc_description_is_kept(everyone: str) -> None:
    """Features with filters, order and edits, tiles, styles: a few requests of each operation."""
    assert _fuzz("/ogc/api", "/ogc", everyone, 4) > 15


@pytest.mark.long
def test_the_ogc_description_is_kept_at_length(everyone: str) -> None:
    """As above, many requests of each operation."""
    assert _fuzz("/ogc/api", "/ogc", everyone, 120) > 15


@pytest.mark.long
def test_the_house_api_is_kept(everyone: str) -> None:
    """Every operation of the house API."""
    assert _fuzz("/api/openapi.json", "", everyone, 15) > 60
