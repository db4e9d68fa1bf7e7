"""What a request that only reads may remember of a layer: until anything about it changed, and not a request longer."""

from __future__ import annotations

import datetime

import pytest
from django.db import transaction
from django.utils import timezone

from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.served import layers
from kunyu.engines.security import epochs, scope
from kunyu.engines.security.models import NodeState, User
from kunyu.engines.security.services import grant, issue_token
from kunyu.engines.security.session import principal_of_token

pytestmark = pytest.mark.django_db(transaction=True)
PARCELS = "10401-003"


class Reader:
    """Somebody with a token who opens the layer as a request for features does."""

    def __init__(self) -> None:
        user = User.objects.create_user("reader", "only-for-this-test", name_zh="读者")
        grant(user, (scope.SEE, scope.QUERY), actor=scope.operator("test"))
        self.token = issue_token(user, "t", scope.operator("test"))

    def open(self) -> layers.ServedLayer:
        epochs.forget()  # as the middleware does at the beginning of a request
        principal = principal_of_token(self.token, "test")
        return layers.open_layer(principal, PARCELS, scope.QUERY, only_reads=True)[0]


@pytest.fixture
def reader() -> Reader:
    NodeState.objects.get_or_create(id=1)
    load_labelled_catalogue("security")
    publish(1)
    return Reader()


def publish(number: int) -> None:
    DatasetVersion.objects.create(
        layer=Layer.objects.get(collection=PARCELS), county="990101", number=number,
        valid_from=datetime.date(2025, 1, number), status=DatasetVersion.Status.PUBLISHED, known_from=timezone.now(),
    )  # fmt: skip


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collections that the database is asked for from now on."""
    asked: list[str] = []
    find = layers.find_layer

    def finding(collection: str) -> layers.ServedLayer | None:
        asked.append(collection)
        return find(collection)

    monkeypatch.setattr(layers, "find_layer", finding)
    return asked


def test_asked_once_while_nothing_changes(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    assert [reader.open().state.count for _ in range(3)] == [1, 1, 1]
    assert asked == [PARCELS]


def test_what_was_published_opened_or_renamed_is_seen_at_the_next_request(reader: Reader) -> None:
    assert reader.open().state.count == 1
    publish(2)
    assert reader.open().state.count == 2
    code = reader.open().dataset_code
    Dataset.objects.filter(code=code).update(name_zh="新名称", is_public=True)
    assert (reader.open().dataset_name_zh, reader.open().is_public) == ("新名称", True)
    Layer.objects.filter(collection=PARCELS).update(name_zh="新图层")
    assert reader.open().name_zh == "新图层"
    DatasetVersion.objects.filter(number=2).update(status=DatasetVersion.Status.ABANDONED)
    assert reader.open().state.count == 1


def test_a_transaction_sees_its_own_changes(reader: Reader) -> None:
    reader.open()
    with transaction.atomic():
        publish(2)
        assert reader.open().state.count == 2
        transaction.set_rollback(True)
    assert reader.open().state.count == 1


def test_without_an_epoch_every_request_asks(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for somebody without an account, or on a node where nothing has raised the epoch yet."""
    asked = counted(monkeypatch)
    NodeState.objects.update(data_epoch=1)
    assert [reader.open().state.count for _ in range(2)] == [1, 1]
    assert len(asked) == 2
