"""Labels on pages: one person proposes, another decides; advice stays advice; what the zone may hold (R-041, R-360)."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.permissions import suggestions
from kunyu.engines.catalogue.permissions.tests.city import EVIL, administrator, entered, once, person
from kunyu.engines.reference.models import Division
from kunyu.engines.security import epochs, label_registry, labels
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Grant
from kunyu.engines.security.models import Label as LabelRow

pytestmark = pytest.mark.django_db

PARCELS = "10401-003"
PAGE = f"/admin/labels/{PARCELS}/"
PROPOSAL = {"secrecy": "2", "grading": "1", "sharing": "1", "reason": "全县图斑"}


@pytest.fixture
def chief(an: Client) -> Client:
    """A security administrator who answers for the node: only he decides labels that many divisions share."""
    return administrator("security", "")


@pytest.fixture
def owner(an: Client) -> Client:
    """He delivers data of the land survey and knows nothing of the rest."""
    li = person("li")
    Grant.objects.create(user=li, branch="104", action="edit", max_grading=2, max_sharing=2)
    return entered(li)


def in_force(code: str = PARCELS) -> Label | None:
    epochs.forget()
    return label_registry.approved_label(code)


def proposed(code: str = PARCELS, by: str = "li", **axes: int) -> LabelRow:
    LabelRow.objects.filter(collection=code, state="proposed").update(state="replaced")
    given = {"secrecy": 2, "grading": 0, "sharing": 1, "reason": "试"} | axes
    return LabelRow.objects.create(collection=code, proposed_by=by, **given)


def test_labels_are_for_security_administrators_and_owners_of_data(owner: Client) -> None:
    viewer = person("viewer")
    Grant.objects.create(user=viewer, action="query")
    for client in (administrator("system"), administrator("audit"), entered(viewer)):
        for address in ("/admin/labels/", PAGE, f"{PAGE}propose", "/admin/labels/decide", "/admin/zone/"):
            assert client.get(address).status_code == 404, address
            assert client.post(address, PROPOSAL).status_code == 404, address
    assert Client().get("/admin/labels/").status_code == 302
    assert owner.get(PAGE).status_code == 200
    assert owner.get("/admin/labels/20201-001/").status_code == 404
    page = owner.get("/admin/labels/").content.decode()
    assert "地类图斑" in page and "生态保护红线" not in page
    assert owner.get("/admin/zone/").status_code == owner.get("/admin/labels/decide").status_code == 404


def test_the_owner_proposes_and_another_approves(owner: Client, chief: Client) -> None:
    act = PROPOSAL | {"once": once(owner, f"{PAGE}propose")}
    assert owner.post(f"{PAGE}propose", act).status_code == owner.post(f"{PAGE}propose", act).status_code == 302
    row = LabelRow.objects.get(collection=PARCELS, state="proposed")
    assert (row.proposed_by, row.grading, row.reason) == ("li", 1, "全县图斑")
    assert in_force() is None
    assert owner.post(f"{PAGE}decide", {"label": row.pk, "decision": "approve"}).status_code == 404
    assert "全县图斑" in chief.get(PAGE).content.decode()
    act = {"label": row.pk, "decision": "approve", "reason": "同意", "once": once(chief, PAGE)}
    assert chief.post(f"{PAGE}decide", act).status_code == chief.post(f"{PAGE}decide", act).status_code == 302
    assert in_force() == Label(2, 1, 1)
    page = chief.get(PAGE).content.decode()
    assert "同意" in page and "li 提出" in page


def test_a_security_administrator_without_rights_on_data_proposes_nothing(chief: Client) -> None:
    assert chief.post(f"{PAGE}propose", PROPOSAL | {"once": "x"}).status_code == 404
    assert not LabelRow.objects.filter(proposed_by="security").exists()


def test_an_administrator_of_one_city_does_not_decide_for_all(an: Client) -> None:
    row = proposed()
    answer = an.post(f"{PAGE}decide", {"label": row.pk, "decision": "approve", "once": once(an, PAGE)})
    assert answer.status_code == 403 and in_force() is None


def test_a_state_secret_needs_its_basis_at_the_form(owner: Client) -> None:
    Grant.objects.update(max_secrecy=5)
    answer = owner.post(f"{PAGE}propose", PROPOSAL | {"secrecy": "3", "once": once(owner, f"{PAGE}propose")})
    assert answer.status_code in (400, 422) and "定密依据" in answer.content.decode()
    assert not LabelRow.objects.filter(proposed_by="li").exists()


def test_many_are_decided_with_one_remark_or_none_is(chief: Client) -> None:
    rows = [proposed(code) for code in (PARCELS, "10502-001", "20201-001")]
    token = once(chief, "/admin/labels/decide")
    wrong = {"label": [rows[0].pk, 10**9], "decision": "approve", "once": token}
    assert chief.post("/admin/labels/decide", wrong).status_code == 404
    assert in_force() is None
    page = chief.get("/admin/labels/decide").content.decode()
    assert page.count('name="label"') >= 3
    act = {
        "label": [row.pk for row in rows],
        "decision": "approve",
        "reason": "按目录",
        "once": once(chief, "/admin/labels/decide"),
    }
    assert chief.post("/admin/labels/decide", act).status_code == 302
    assert {in_force(row.collection) for row in rows} == {Label(2, 0, 1)}
    assert set(LabelRow.objects.filter(state="approved").values_list("decision_reason", flat=True)) == {"按目录"}


def test_returning_needs_a_reason(chief: Client) -> None:
    row = proposed()
    answer = chief.post(f"{PAGE}decide", {"label": row.pk, "decision": "reject", "once": once(chief, PAGE)})
    assert answer.status_code in (400, 422) and "原因" in answer.content.decode()
    chief.post(
        f"{PAGE}decide", {"label": row.pk, "decision": "reject", "reason": "应为重要", "once": once(chief, PAGE)}
    )
    row.refresh_from_db()
    assert (row.state, row.decision_reason) == ("rejected", "应为重要")


def test_state_secrets_are_never_approved_in_bulk(chief: Client) -> None:
    row = proposed(secrecy=3, grading=1, sharing=2, basis="目录")
    page = chief.get("/admin/labels/decide?q=10401-003").content.decode()
    assert "逐项" in page and 'name="label"' not in page
    answer = chief.post("/admin/labels/decide", {"label": [row.pk], "decision": "approve",
                                                 "once": once(chief, "/admin/labels/decide")})  # fmt: skip
    assert answer.status_code == 422 and in_force() is None


def test_hostile_reasons_are_text(chief: Client) -> None:
    proposed(reason=EVIL, basis=EVIL, by=EVIL)
    for address in ("/admin/labels/", PAGE, "/admin/labels/decide"):
        page = chief.get(address).content.decode()
        assert EVIL not in page and "alert(1)" in page, address


def test_states_are_filters_and_wildcards_are_letters(chief: Client) -> None:
    proposed()
    page = chief.get("/admin/labels/?state=proposed&q=10401-003").content.decode()
    assert "地类图斑" in page
    assert "地类图斑" not in chief.get("/admin/labels/?state=approved").content.decode()
    assert "没有相符的记录" in chief.get("/admin/labels/?q=10401-00_").content.decode()


def publish(counties: list[str], records: int = 10, code: str = PARCELS) -> Dataset:
    layer = Layer.objects.get(collection=code)
    for county in counties:
        DatasetVersion.objects.create(layer=layer, county=county, number=1, valid_from="2025-12-31", status="published",
                                      record_count=records)  # fmt: skip
    return Dataset.objects.get(code=code)


def advice(dataset: Dataset) -> dict[str, Label]:
    epochs.forget()
    return {one.rule: one.label for one in suggestions.of(dataset)}


def test_parcels_of_a_whole_province_are_advised_important(an: Client) -> None:
    """LS-04 and LS-07: one county is not a province; every county is."""
    Division.objects.create(code="990102", name_zh="乙县", level=3, parent_code="9901", source="test")
    dataset = publish(["990101"])
    assert "LS-04" not in advice(dataset) and "LS-07" not in advice(dataset)
    publish(["990102"])
    found = advice(dataset)
    assert found["LS-04"] == found["LS-07"] == Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL)
    LabelRow.objects.filter(collection=PARCELS).delete()
    LabelRow.objects.create(collection=PARCELS, secrecy=2, grading=1, sharing=1, reason="试", state="approved",
                            proposed_by="a", decided_by="b")  # fmt: skip
    found = advice(dataset)
    assert "LS-04" not in found and found["LS-07"] == Label(labels.SENSITIVE, labels.CORE, labels.CONDITIONAL)


@pytest.mark.parametrize(("records", "fires"), [(999_999, False), (1_000_000, True)])
def test_a_million_persons_are_advised_important(an: Client, records: int, fires: bool) -> None:
    """LS-02 and LS-03, at the boundary."""
    dataset = Dataset.objects.get(code=PARCELS)
    facts = suggestions.Facts(dataset, frozenset(), ("name",), records, 1, (), Label(1, 0, 0))
    assert suggestions.personal_fields_are_sensitive(facts).label == Label(2, 0, 1)
    found = suggestions.a_million_persons_are_important(facts)
    assert (found is not None) == fires
    assert suggestions.a_million_persons_are_important(suggestions.replace(facts, personal=())) is None


def test_advice_changes_nothing_and_fills_the_form(owner: Client) -> None:
    before = LabelRow.objects.count()
    page = owner.get(f"{PAGE}propose?label=23").content.decode()
    assert "LS-01" in page and '<option value="1" selected>重要</option>' in page
    for bad in ("54", "999999999999", "-1", "x", "１"):
        assert owner.get(f"{PAGE}propose?label={bad}").status_code == 200
    assert LabelRow.objects.count() == before


def test_the_zone_page_names_what_does_not_belong(chief: Client) -> None:
    LabelRow.objects.filter(collection=PARCELS).delete()
    LabelRow.objects.create(collection=PARCELS, secrecy=2, grading=0, sharing=1, reason="试", state="approved",
                            proposed_by="a", decided_by="b")  # fmt: skip
    publish(["990101"])
    epochs.forget()
    assert "没有不该在这里的数据" in chief.get("/admin/zone/").content.decode()
    with override_settings(KUNYU_ZONE="internet"):
        page = chief.get("/admin/zone/").content.decode()
    assert "不该在这里的数据" in page and "地类图斑" in page and "互联网（政务外网）" in page
