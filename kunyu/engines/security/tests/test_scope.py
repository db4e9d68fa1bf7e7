"""The gateway refuses by default and tells unseen from not allowed (R-070, R-071 seam; contract.md, status codes)."""

import pytest

from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right


def someone(*rights: Right) -> Principal:
    return Principal("li", "李", 1, rights)


def test_nobody_is_asked_to_sign_in():
    with pytest.raises(SignInNeeded) as refusal:
        scope.resolve(ANONYMOUS, "10401-003")
    assert refusal.value.http_status == 401


def test_public_data_needs_no_account_but_only_for_reading():
    assert scope.resolve(ANONYMOUS, "11202-001", public=True).predicate() == ("TRUE", [])
    with pytest.raises(SignInNeeded):
        scope.resolve(ANONYMOUS, "11202-001", scope.EDIT, public=True)


def test_what_one_may_not_see_does_not_exist():
    with pytest.raises(NotVisible) as refusal:
        scope.resolve(someone(Right("104", "", "query")), "30201-001")
    assert refusal.value.http_status == 404


def test_what_one_may_see_but_not_do_is_forbidden():
    with pytest.raises(NotAllowed) as refusal:
        scope.resolve(someone(Right("104", "", "see")), "10401-003", scope.DOWNLOAD)
    assert refusal.value.http_status == 403
    assert "下载" in refusal.value.detail_zh


def test_rows_are_bounded_by_division_with_parameters_not_text():
    found = scope.resolve(someone(Right("104", "9901", "query"), Right("1", "410", "query")), "10401-003")
    assert found.predicate("t.county") == ("(starts_with(t.county, %s) OR starts_with(t.county, %s))", ["410", "9901"])
    assert found.allows_division("990101") and not found.allows_division("980101")


def test_a_right_everywhere_swallows_narrower_ones():
    found = scope.resolve(someone(Right("104", "9901", "query"), Right("", "", "query")), "10401-003")
    assert found.prefixes == ("",)


def test_branch_is_a_prefix_not_a_pattern():
    with pytest.raises(NotVisible):
        scope.resolve(someone(Right("104%", "", "query")), "10401-003")


def test_entitlement_changes_with_rights_and_not_with_their_order():
    one, two = Right("104", "", "query"), Right("202", "", "see")
    assert someone(one, two).entitlement == someone(two, one).entitlement != someone(one).entitlement


def test_division_outside_the_scope_is_refused():
    found = scope.resolve(someone(Right("104", "9901", "edit")), "10401-003", scope.EDIT)
    with pytest.raises(NotAllowed, match="410101"):
        scope.require_division(found, "410101")
