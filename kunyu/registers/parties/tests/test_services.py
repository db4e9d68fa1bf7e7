"""Parties: each once by its code, codes encrypted and masked, duplicates merged by whoever may."""

from __future__ import annotations

import pytest
from django.db import connection

from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import ACTIONS, SEE, Principal, Right, operator
from kunyu.registers.parties import queries, services
from kunyu.registers.parties.errors import BadParty, CannotMerge, UnknownParty
from kunyu.registers.parties.models import Party, PartyLink
from kunyu.registers.parties.services import Entry, Link

pytestmark = pytest.mark.django_db
BRANCH = "30401-001"
USCC, CITIZEN = "91350100M000100Y43", "11010519491231002X"


def person(*actions: str, division: str = "990101", reveals: frozenset[str] = frozenset()) -> Principal:
    rights = tuple(Right(BRANCH, division, action, reveals=reveals) for action in actions)
    return Principal("officer", "经办", user_id=1, rights=rights)


def link(number: int, division: str = "990101") -> Link:
    return Link("applicant", f"case:{number}", str(number), BRANCH, division)


def test_a_party_is_entered_once_by_its_code() -> None:
    one = services.enter(operator(), Entry("organisation", "坤舆县医院", USCC), link(1))
    two = services.enter(operator(), Entry("organisation", "坤舆县人民医院", USCC.lower()), link(2))
    assert one.pk == two.pk and (two.name, two.former_names) == ("坤舆县人民医院", ["坤舆县医院"])
    assert Party.objects.count() == 1 and PartyLink.objects.count() == 2
    assert [one.action for one in AuditEntry.objects.filter(object_kind="party").order_by("pk")] == [
        "party-entered", "party-renamed",
    ]  # fmt: skip


def test_codes_stand_encrypted_and_are_shown_masked() -> None:
    one = services.enter(operator(), Entry("person", "张三", CITIZEN, phone="13812341234"), link(1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, phone, code_index FROM parties_party")
        code, phone, index = cursor.fetchone()
    assert code.startswith("kf1.") and phone.startswith("kf1.") and index.startswith("ki1.")
    detail = queries.detail(person(SEE), one.pk)
    assert (detail["name"], detail["code"], detail["phone"]) == ("张*", "110***********002X", "138****1234")
    assert queries.detail(person(SEE, reveals=frozenset({"name"})), one.pk)["name"] == "张三"


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry("organisation", " "), "name"),
        (Entry("company", "甲"), "name"),
        (Entry("organisation", "甲", "91350100M000100Y44"), "code"),
        (Entry("person", "甲", USCC), "code"),
    ],
)
def test_a_wrong_entry_writes_nothing(entry: Entry, field: str) -> None:
    with pytest.raises(BadParty) as told:
        services.enter(operator(), entry, link(1))
    assert told.value.context["field"] == field and Party.objects.count() == 0


def test_without_a_code_two_of_one_name_stay_two() -> None:
    one = services.enter(operator(), Entry("person", "张三"), link(1))
    two = services.enter(operator(), Entry("person", "张三"), link(2))
    again = services.enter(operator(), Entry("person", "张三"), link(2))
    assert one.pk != two.pk == again.pk


def test_duplicates_are_merged_and_the_record_stays() -> None:
    keep = services.enter(operator(), Entry("organisation", "甲公司"), link(1))
    other = services.enter(operator(), Entry("organisation", "甲公司", USCC), link(2))
    services.enter(operator(), Entry("organisation", "甲公司", USCC), link(1))
    merged = services.merge(person(*ACTIONS), keep.pk, other.pk, "同一单位")
    other.refresh_from_db()
    assert other.merged_into_id == keep.pk and merged.code == USCC
    assert sorted(keep.links.values_list("subject", flat=True)) == ["case:1", "case:2"]
    assert queries.party_of(operator(), other.pk).pk == keep.pk
    assert services.enter(operator(), Entry("organisation", "甲公司", USCC), link(3)).pk == keep.pk


def test_merging_is_refused_to_whoever_may_not() -> None:
    one = services.enter(operator(), Entry("person", "张三"), link(1))
    two = services.enter(operator(), Entry("person", "张三"), link(2, "990102"))
    with pytest.raises(NotAllowed):
        services.merge(person(SEE), one.pk, two.pk, "同一人")
    with pytest.raises(UnknownParty):
        services.merge(person(*ACTIONS), one.pk, two.pk, "同一人")
    assert not Party.objects.exclude(merged_into=None).exists()


@pytest.mark.parametrize(("first", "second"), [("organisation", "person"), ("organisation", "same")])
def test_what_is_not_one_is_not_merged(first: str, second: str) -> None:
    keep = services.enter(operator(), Entry(first, "甲", USCC), link(1))
    other = keep if second == "same" else services.enter(operator(), Entry(second, "甲", CITIZEN), link(2))
    with pytest.raises(CannotMerge):
        services.merge(person(*ACTIONS), keep.pk, other.pk, "理由")
    with pytest.raises(BadParty, match="理由"):
        services.merge(person(*ACTIONS), keep.pk, other.pk, " ")


def test_a_party_is_seen_through_its_links() -> None:
    one = services.enter(operator(), Entry("organisation", "甲", USCC), link(1, "990102"))
    assert list(queries.reached(operator())) == [one]
    assert not queries.reached(person(SEE)).exists()
    with pytest.raises(UnknownParty):
        queries.detail(person(SEE), one.pk)
