"""The pack's list of map layers names what the standard and the catalogue really have."""

import tomllib
from pathlib import Path

import pytest

from kunyu.engines.catalogue.loading import load_catalogue
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.standards import load_standard

PACK = Path(__file__).resolve().parents[1]


@pytest.mark.django_db
def test_listed_layers_exist() -> None:
    """Collection, layer, class field with colours, and label field of every entry are real."""
    load_catalogue()
    listed = tomllib.loads((PACK / "layers.toml").read_text(encoding="utf-8"))["layers"]
    assert len(listed) == 7
    for one in listed:
        standard = load_standard(one["standard"])
        fields = {field.code: field for field in standard.layers[one["layer"]].fields}
        assert Layer.objects.get(collection=one["collection"]).code == one["layer"]
        assert one.get("label", "BSM") in fields
        if "classes" in one:
            assert set(standard.styles[fields[one["classes"]].codelist]) == set(standard.codelists["DLBM"].codes)
