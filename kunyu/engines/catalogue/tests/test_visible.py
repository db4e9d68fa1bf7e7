"""The list of datasets shows what ``scope.may`` grants one by one, decided in one condition (R-142, R-071)."""

import random
from itertools import product

import pytest

from kunyu.engines.catalogue.loading import Loaded
from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.catalogue.visible import visible
from kunyu.engines.security import epochs, labels, scope
from kunyu.engines.security.labels import Label, label_of_code
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right


@pytest.fixture
def mixed(catalogue: Loaded) -> list[Dataset]:
    """Datasets with labels of every kind, some without one, some opened."""
    chance = random.Random(5)
    rows = list(Dataset.objects.all())
    LabelRow.objects.all().delete()
    for one in rows:
        one.is_public = chance.random() < 0.4
        if chance.random() < 0.8:
            label = label_of_code(chance.choice((0, 0, 1, 9, 19, 22, 26, 31)))
            LabelRow.objects.create(
                collection=one.code, secrecy=label.secrecy, grading=label.grading, sharing=label.sharing, reason="试",
                state="approved", proposed_by="a", decided_by="b",
            )  # fmt: skip
    Dataset.objects.bulk_update(rows, ["is_public"])
    epochs.forget()
    return rows


def test_the_list_is_what_may_says_of_each(mixed: list[Dataset]) -> None:
    chance = random.Random(6)
    codes = [one.code for one in mixed]
    branches = [
        "",
        "1",
        "104",
        "104%",
        "_0401",
        "9",
        *chance.sample(codes, 5),
        *(code[:5] for code in chance.sample(codes, 5)),
    ]
    people = [ANONYMOUS, scope.operator()]
    for _ in range(25):
        rights = tuple(
            Right(chance.choice(branches), chance.choice(("", "99", "990101")), chance.choice(scope.ACTIONS),
                  labels.under(label_of_code(chance.randrange(54))))
            for _ in range(chance.randrange(6))
        )  # fmt: skip
        people.append(Principal("li", user_id=1, rights=rights))
    shown = set()
    for principal, action in product(people, (scope.SEE, scope.EDIT)):
        expected = {one.code for one in mixed if scope.may(principal, one.code, action, public=one.is_public)}
        assert set(visible(principal, action).values_list("code", flat=True)) == expected
        shown.add(len(expected))
    assert len(shown) > 5


def test_nobody_sees_what_is_opened_and_labelled_open(mixed: list[Dataset]) -> None:
    found = set(visible(ANONYMOUS).values_list("code", flat=True))
    assert found == {
        one.code for one in mixed if one.is_public
        and LabelRow.objects.filter(collection=one.code, secrecy=0, grading=0, sharing=0).exists()
    } != set()  # fmt: skip
    assert Label().is_open
