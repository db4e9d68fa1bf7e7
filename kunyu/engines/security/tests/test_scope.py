"""The gateway refuses by default and tells unseen from not allowed; labels, clearance, zone and masks decide with it.

R-022, R-070, R-071, R-142; contract.md, status codes.
"""

import pytest

from kunyu.engines.security import epochs, labels, scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right

pytestmark = pytest.mark.django_db


def someone(*rights: Right) -> Principal:
    return Principal("li", "李", 1, rights)


def approve(collection: str, label: Label) -> None:
    LabelRow.objects.create(
        collection=collection, secrecy=label.secrecy, grading=label.grading, sharing=label.sharing, reason="试",
        state="approved", proposed_by="a", decided_by="b",
    )  # fmt: skip
    epochs.forget()


EVERYTHING = labels.EVERY


def test_nobody_is_asked_to_sign_in():
    with pytest.raises(SignInNeeded) as refusal:
        scope.resolve(ANONYMOUS, "10401-003")
    assert refusal.value.http_status == 401


def test_opened_data_needs_no_account_but_only_for_reading_and_only_with_an_open_label():
    with pytest.raises(SignInNeeded):
        scope.resolve(ANONYMOUS, "11202-001", public=True)
    approve("11202-001", Label())
    found = scope.resolve(ANONYMOUS, "11202-001", public=True)
    assert found.is_public and found.predicate() == ("((((%s::bigint >> label) & 1) <> 0))", [1])
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
    rights = (Right("104", "9901", "query", EVERYTHING), Right("1", "410", "query", EVERYTHING))
    found = scope.resolve(someone(*rights), "10401-003")
    condition, values = found.predicate("t.county", "t.label")
    assert "(left(t.county, 3) = ANY(%s::text[]) OR left(t.county, 4) = ANY(%s::text[]))" in condition
    assert values[:2] == [["410"], ["9901"]]
    assert found.allows_division("990101") and not found.allows_division("980101")


def test_a_right_everywhere_swallows_narrower_ones():
    found = scope.resolve(someone(Right("104", "9901", "query"), Right("", "", "query")), "10401-003")
    assert found.prefixes == ("",)


def test_branch_is_a_prefix_not_a_pattern():
    with pytest.raises(NotVisible):
        scope.resolve(someone(Right("104%", "", "query")), "10401-003")
    with pytest.raises(NotVisible):
        scope.resolve(someone(Right("10401-0031", "", "query")), "10401-003")


def test_entitlement_changes_with_rights_and_not_with_their_order():
    one, two = Right("104", "", "query"), Right("202", "", "see")
    assert someone(one, two).entitlement == someone(two, one).entitlement != someone(one).entitlement
    assert someone(one).entitlement != someone(Right("104", "", "query", reveals=frozenset({"name"}))).entitlement


def test_division_outside_the_scope_is_refused():
    found = scope.resolve(someone(Right("104", "9901", "edit")), "10401-003", scope.EDIT)
    with pytest.raises(NotAllowed, match="410101"):
        scope.require_division(found, "410101")


def test_a_label_above_the_ceiling_of_the_grant_hides_the_dataset():
    approve("10401-003", Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL))
    with pytest.raises(NotVisible):
        scope.resolve(someone(Right("104", "", "query")), "10401-003")
    ceiling = labels.under(Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL))
    assert scope.resolve(someone(Right("104", "", "query", ceiling)), "10401-003").prefixes == ("",)


def test_the_zone_binds_even_the_operator(settings):
    approve("10101-001", Label(labels.SECRET, labels.CORE, labels.NOT_SHARED))
    with pytest.raises(NotVisible):
        scope.resolve(scope.operator(), "10101-001")
    settings.KUNYU_ZONE = "secret"
    assert scope.resolve(scope.operator(), "10101-001")


def test_rows_with_a_label_of_their_own_are_bounded_by_the_join_of_both():
    approve("10401-003", Label(labels.INTERNAL))
    ceiling = labels.under(Label(labels.SENSITIVE))
    found = scope.resolve(someone(Right("", "", "query", ceiling)), "10401-003")
    (clause,) = found.clauses
    assert labels.holds(clause.row_labels, Label(labels.SENSITIVE))
    assert not labels.holds(clause.row_labels, Label(labels.INTERNAL, labels.IMPORTANT))
    assert not labels.holds(clause.row_labels, Label(labels.SECRET))


def test_two_counties_with_two_ceilings_stay_two():
    low, high = labels.under(Label(labels.SENSITIVE)), EVERYTHING
    approve("10401-003", Label(labels.INTERNAL))
    rights = (Right("", "990101", "query", low), Right("", "990102", "query", high))
    found = scope.resolve(someone(*rights), "10401-003")
    condition, values = found.predicate()
    assert condition.count("county = ANY(%s::text[])") == 2 and condition.count("label") == 2
    assert [one for one in values if isinstance(one, list)] in ([["990101"], ["990102"]], [["990102"], ["990101"]])


def test_personal_fields_show_where_revealed_and_masked_elsewhere():
    plain = Right("", "990101", "query", EVERYTHING, frozenset({"name"}))
    found = scope.resolve(someone(plain), "10401-003")
    assert found.shown('"QLR"', "name", "'*'") == '"QLR"' and found.reveals("name")
    assert found.shown('"ZJHM"', "document", "'*'") == "'*'" and not found.reveals("document")
    mixed = scope.resolve(someone(plain, Right("", "9902", "query", EVERYTHING)), "10401-003")
    text = mixed.shown('"QLR"', "name", "'*'")
    assert text.startswith("CASE WHEN") and "'{990101}'" in text and text.endswith("""THEN "QLR" ELSE '*' END""")
