"""Nothing a filter says becomes SQL: a corpus of attacks, and texts that hypothesis makes (R-168, T-rules of input)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kunyu.engines.catalogue.served.layers import find_layer
from kunyu.engines.maps.cql.evaluate import OPERATORS, evaluate
from kunyu.engines.maps.cql.json_form import parse_json
from kunyu.engines.maps.cql.text import parse_text
from kunyu.engines.maps.crs import DEFAULT
from kunyu.engines.maps.tests.county import PARCELS
from kunyu.engines.security import scope
from kunyu.kernel.errors import KunyuError

Ask = Callable[..., Any]
ITEMS = f"/ogc/collections/{PARCELS}/items"
CORPUS = [
    "1=1; DROP TABLE onemap.dltb_tdt1057_2020; --",
    "DLBM='0103'; SELECT pg_sleep(5)",
    "DLBM='0103' UNION SELECT 1",
    "DLBM = '0103'' OR ''1''=''1'",
    "DLBM = E'\\x27 OR 1=1'",
    "DLBM = $$0103$$",
    "DLBM /**/ = /**/ '0103'",
    "DLBM = '0103' -- x",
    '"DLBM"" OR 1=1 --" = \'x\'',
    '"fid" = 1',
    '"known" IS NULL',
    '"label" = 0',
    "county = '990102'",
    "version_id > 0",
    "DLBM::int = 1",
    "(SELECT current_user) = 'x'",
    "current_user = 'kunyu'",
    "pg_read_file('/etc/passwd') = 'x'",
    "lo_import('/etc/passwd') = 1",
    "set_config('role','postgres',false) = 'x'",
    "TBMJ = %(limit)s",
    "DLBM = '%(day)s'",
    "DLBM = '%s %% {0} {a0}'",
    "DLBM LIKE '%(x)s'",
    "DLBM = '\u0001'",
    "\u01010\u0001 = 1",
    "DLBM = '\U0001f600'",
    "S_INTERSECTS(geom, ST_GeomFromText('POINT(1 1)'))",
    "S_INTERSECTS(geom, POINT(1 1)); --)",
    "S_INTERSECTS(geom, SRID=4326;POINT(1 1))",
    "T_AFTER(valid, DATE('2025-01-01''; DROP TABLE x; --'))",
    '{"op":"= 1 OR 1=1 --","args":[{"property":"DLBM"},"x"]}',
    '{"op":"=","args":[{"property":"DLBM\\" OR 1=1 --"},"x"]}',
    '{"op":"=","args":[{"property":{"property":"DLBM"}},"x"]}',
    '{"op":["and"],"args":[]}',
    '{"op":"and","args":{"op":"and"}}',
    '{"op":"s_intersects","args":[{"property":"geom"},{"type":"Polygon","coordinates":"x"}]}',
    '{"op":"s_intersects","args":[{"property":"geom"},{"type":"Nothing","coordinates":[]}]}',
    '{"op":"t_after","args":[{"property":"valid"},{"interval":[1,2]}]}',
]


@pytest.mark.parametrize("text", CORPUS)
def test_attacks_are_refused_or_mean_their_letters(ask: Ask, text: str) -> None:
    """Each is a 400 with a sentence, or compares letters and matches nothing; the table stands, nobody waits."""
    answer = ask(ITEMS, filter=text)
    found = json.loads(_content(answer))
    if answer.status_code == 200:
        assert found["numberMatched"] == 0
    else:
        assert answer.status_code in (400, 403) and found["code"].startswith("maps-")
        assert "psycopg" not in found["detail_en"] and "SELECT" not in found["detail_en"].replace(text, "")
    assert json.loads(_content(ask(ITEMS, limit=1)))["numberMatched"] == 401


def _content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


_NAMES = st.sampled_from(["DLBM", "TBMJ", "BSM", "geom", "valid", "valid_from", "fid", "county", '"; DROP', "x"])
_LEAVES = st.one_of(
    _NAMES.map(lambda name: {"property": name}),
    st.text(max_size=12),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(
        [{"date": "2025-12-31"}, {"interval": ["..", "2025-12-31"]}, {"timestamp": "2025-12-31T00:00:00Z"}]
    ),
    st.sampled_from([{"type": "Point", "coordinates": [113.01, 34.51]}, {"bbox": [113, 34, 114, 35]}]),
    st.none(),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.builds(
        lambda op, args: {"op": op, "args": args},
        st.one_of(st.sampled_from(OPERATORS), st.text(max_size=6)),
        st.lists(st.one_of(inner, st.lists(inner, max_size=3)), max_size=4),
    ),
    max_leaves=12,
)
_BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_BOUNDED
@given(tree=_TREES)
def test_made_up_trees_never_break_the_node(ask: Ask, tree: Any) -> None:
    """Any JSON tree over real and false operators and names: a page of features or a problem document."""
    answer = ask(ITEMS, filter=json.dumps(tree), filter__lang="cql2-json", limit=2)
    content = _content(answer)
    assert answer.status_code in (200, 400, 403), content
    assert ("code" in json.loads(content)) == (answer.status_code != 200)


@_BOUNDED
@given(text=st.text(alphabet=st.sampled_from("DLBMTJ'\"() =<>+-*/%,;.01ANORLIKEINX\\{}[]:$"), max_size=60))
def test_made_up_texts_bind_every_value(county: Any, text: str) -> None:
    """Whatever parses has no quote and no letter of the text in its SQL but columns of the layer and our own words."""
    layer = find_layer(PARCELS)
    assert layer is not None
    granted = scope.resolve(scope.operator(), PARCELS)
    try:
        found = evaluate(parse_text(text), layer, granted, DEFAULT)
    except KunyuError:
        return
    assert "'" not in found.sql and ";" not in found.sql and "--" not in found.sql
    assert all(f"%({name})s" in found.sql for name in found.parameters)


@_BOUNDED
@given(value=st.text(max_size=40).filter(lambda one: "\0" not in one))
def test_texts_match_exactly_themselves(county: Any, db: None, value: str) -> None:
    """A quoted text arrives at the database as it is, in both encodings."""
    layer = find_layer(PARCELS)
    assert layer is not None
    granted = scope.resolve(scope.operator(), PARCELS)
    quoted = value.replace("'", "''")
    trees = [parse_json(json.dumps({"op": "=", "args": [{"property": "BZ"}, value]}))]
    if value.isprintable():
        trees.append(parse_text(f"BZ = '{quoted}'"))
    for tree in trees:
        found = evaluate(tree, layer, granted, DEFAULT)
        assert list(found.parameters.values()) == [value] and found.sql == '("BZ" = %(cql_0)s::text)'
