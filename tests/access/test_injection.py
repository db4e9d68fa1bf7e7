"""Hostile values in every parameter of every address: no server error, no leak, no delay (T15; attacks of the plan).

SQL, path and template injection, wildcards, overlong and broken text. A payload that worked would show a telltale of
somebody else's data, break the statement (500) or hold the answer back (pg_sleep).
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.access.rules import Sample
from tests.access.test_access import ask, content, declared, leaks
from tests.access.world import PARCELS, ROLES, World

pytestmark = pytest.mark.django_db(transaction=False)

VIEWER = next(role for role in ROLES if role.name == "viewer")
PAYLOADS = (
    "' OR '1'='1",
    "') OR TRUE--",
    "1; SELECT pg_sleep(5)--",
    "'||(SELECT pg_sleep(5))||'",
    "1) UNION SELECT fid FROM onemap.dltb_tdt1057_2020--",
    "%",
    "_",
    "99010_",
    "990101%",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "{{7*7}}${7*7}<%=7*7%>",
    "<script>alert(1)</script>",
    "\x00",
    "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"),
    "9" * 400,
    "-1",
    "NaN",
    "1e309",
    "💥坤舆",
)
QUERY_NAMES = (
    "q", "bbox", "bbox-crs", "crs", "datetime", "valid_at", "known_at", "limit", "after", "properties", "f", "DLBM",
    "TBBH", "BSM", "collection", "collections", "lon", "lat", "zoom", "sort", "page", "columns", "format", "level",
    "status", "division", "theme", "text", "search", "since", "standard", "from", "to",
)  # fmt: skip
SLOW_SECONDS = 4.0


def addresses(world: World) -> list[str]:
    """Every readable address with each payload in its query and in each text part of its path."""
    found = []
    for route, rule in declared():
        if not route.reads or rule.write:
            continue
        sample: Sample = rule.samples(world)[0]
        plain = route.address(sample.values)
        for payload in PAYLOADS:
            bad = quote(payload, safe="")
            found.append(plain + "?" + "&".join(f"{name}={bad}" for name in QUERY_NAMES))
            names = [name for name in route.parameters if f"<int:{name}>" not in route.pattern]
            found += [route.address({**sample.values, name: bad}) for name in names]
    return found


def asked(world: World, address: str) -> tuple[Any, float]:
    """The answer, and the seconds it took: what sleeps in the database sleeps each time, a busy machine does not."""
    took = SLOW_SECONDS
    for _ in range(3):
        begun = time.monotonic()
        answer = ask(world, VIEWER, "GET", address)
        took = time.monotonic() - begun
        if took < SLOW_SECONDS:
            break
    return answer, took


def test_no_parameter_reaches_a_statement_a_path_or_a_template(world: World) -> None:
    faults = []
    for address in addresses(world):
        answer, took = asked(world, address)
        text = content(answer)
        if answer.status_code >= 500:
            faults.append(f"{answer.status_code} {address[:200]}")
        if took > SLOW_SECONDS:
            faults.append(f"{took:.1f} s {address[:200]}")
        faults += [f"shows {mark}: {address[:200]}" for mark in leaks(VIEWER, text, address)]
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if b"root:x:0:0" in text or (is_page and (b"<script>alert(1)</script>" in text or b">49<" in text)):
            faults.append(f"reflects or reads: {address[:200]}")
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:60])


@pytest.mark.parametrize(
    "name", ["bbox", "datetime", "limit", "after", "properties", "f", "crs", "DLBM", "TBBH", "BSM"]
)
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_one_hostile_parameter_of_features(world: World, name: str, payload: str) -> None:
    """One at a time, so that no earlier refusal hides a later hole."""
    address = f"/ogc/collections/{PARCELS}/items?{name}={quote(payload, safe='')}"
    answer, took = asked(world, address)
    assert answer.status_code < 500 and took < SLOW_SECONDS
    assert leaks(VIEWER, content(answer), address) == []
