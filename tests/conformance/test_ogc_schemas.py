"""The schemas of the conformance tests accept what OGC's own test suite calls right and refuse what it calls wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conformance import ogc_schemas

ANSWERS = "conformance/ogcapi_features_responses"


def _read(shared_data: Path, name: str) -> Any:
    path = shared_data / ANSWERS / name
    if not path.is_file():
        pytest.skip(f"the sample answers of OGC's test suite are not at {path.parent}")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("core/conformance/req-classes.json", "CONFORMANCE"),
        ("core/collections/collectionItems-flurstueck.json", "FEATURES"),
        ("core/collections/collectionItems-gebaeudebauwerk.json", "FEATURES"),
        ("crs/query/collectionItems-vineyards.json", "FEATURES"),
        ("crs/query/collectionItems-vineyards-25832.json", "FEATURES"),
        ("crs/query/collectionItem-vineyards.json", "FEATURE"),
        ("crs/query/collection-vineyards.json", "COLLECTION"),
    ],
)
def test_right_answers_pass(shared_data: Path, name: str, schema: str) -> None:
    """Answers of other servers that the official suite accepts."""
    jsonschema.validate(_read(shared_data, name), getattr(ogc_schemas, schema))


@pytest.mark.parametrize("name", ["req-classes_invalidConformsTo", "req-classes_invalidElementDataType"])
def test_wrong_answers_fail(shared_data: Path, name: str) -> None:
    """Answers that the official suite refuses."""
    document = _read(shared_data, f"core/conformance/{name}.json")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, ogc_schemas.CONFORMANCE)
