"""Errors carry what contract.md promises: a code, two languages, an exit code, a problem document."""

import json
import pickle

import pytest

from kunyu.kernel.errors import Defect, KunyuError, NodeUnavailable, NotFound, Refused, UnreadableInput, UsageError


@pytest.mark.parametrize(
    ("kind", "exit_code", "status"),
    [
        (UsageError, 2, 400),
        (UnreadableInput, 3, 422),
        (Refused, 4, 403),
        (NotFound, 4, 404),
        (NodeUnavailable, 5, 503),
        (Defect, 70, 500),
    ],
)
def test_exit_codes_and_statuses_are_the_contract(kind, exit_code, status):
    error = kind("图斑 1 无效", "Parcel 1 is invalid", parcel="1")

    assert (kind.exit_code, kind.http_status) == (exit_code, status)
    assert error.problem()["status"] == status
    assert error.problem()["detail_zh"] == "图斑 1 无效"
    assert error.problem()["detail_en"] == "Parcel 1 is invalid"
    assert str(error) == f"{kind.code}: 图斑 1 无效 / Parcel 1 is invalid"


def test_codes_differ():
    kinds = [KunyuError, UsageError, UnreadableInput, Refused, NotFound, NodeUnavailable, Defect]

    assert len({kind.code for kind in kinds}) == len(kinds)


def test_problem_is_json_whatever_the_context_holds():
    error = Refused("不", "No", where={1: float("nan")}, who={"b", "a"}, what=object, deep=[(1, 2.5)])

    context = json.loads(json.dumps(error.problem(), allow_nan=False))["context"]

    assert context["where"] == {"1": "nan"}
    assert context["who"] == ["a", "b"]
    assert context["deep"] == [[1, 2.5]]


class WithItsOwnArguments(Refused):
    code = "own"

    def __init__(self, parcel: str) -> None:
        super().__init__(f"图斑 {parcel}", f"Parcel {parcel}", parcel=parcel)


def test_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(WithItsOwnArguments("7")))

    assert type(error) is WithItsOwnArguments
    assert error.context == {"parcel": "7"}
    assert error.detail_en == "Parcel 7"
