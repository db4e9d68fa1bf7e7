"""The catalogue's part of the house API answers with what the queries say, for whoever asks."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from kunyu.engines.catalogue import api
from kunyu.engines.catalogue.loading import Loaded
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal, operator


def test_tree_dataset_and_lineage(catalogue: Loaded, county: Callable[..., DatasetVersion]) -> None:
    """Each address passes the caller's principal to the query."""
    version = county("2024-12-31", "2025-01-10T00:00:00+08:00", {"a": "0101"})
    request = SimpleNamespace(principal=operator())

    assert [node["code"] for node in api.tree(request)] == ["1", "2", "3", "4", "9"]
    assert api.dataset(request, "10401-003")["versions"][0]["id"] == version.pk
    assert api.lineage(request, version.pk)["version"]["records"] == 1
    assert api.theme_links(request) == []
    with pytest.raises(NotVisible):
        api.dataset(SimpleNamespace(principal=Principal("nobody")), "10401-003")
