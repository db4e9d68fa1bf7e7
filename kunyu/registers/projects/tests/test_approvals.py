"""A licence becomes an approval, a project and a feature of the map; and from any number the chain is found (R-033)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import shapely
from django.db import connection
from django.utils import timezone

from kunyu.engines.catalogue.loading import load_catalogue, load_labelled_catalogue
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.documents import licence_states, licences
from kunyu.engines.documents.models import Licence, Seal
from kunyu.engines.documents.seals.tests.made import active_seal
from kunyu.engines.documents.tests.requests import CITIZEN, PLOT, USCC, request
from kunyu.engines.matters.rules.tests.applications import case, matter
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import ANONYMOUS, Principal, Right, operator
from kunyu.kernel.outbox.models import Event
from kunyu.registers.parties import handlers as parties
from kunyu.registers.parties.models import Party
from kunyu.registers.projects import handlers, queries, rules, services
from kunyu.registers.projects.errors import BadDocument, NumberTaken, UnknownProject
from kunyu.registers.projects.models import BRANCH, Project, ProjectDocument
from kunyu.registers.projects.services import Approval

pytestmark = pytest.mark.django_db
DECIDER = Principal("decider", "决定人", origin="tests")
WHY = ("隐瞒情况", "《行政许可法》第六十九条")
CODE = "2026-990101-84-01-000001"
TODAY = timezone.localdate()


@pytest.fixture
def catalogue() -> None:
    load_labelled_catalogue("security")


@pytest.fixture
def seal() -> Seal:
    return active_seal()


def heard(one: Licence) -> None:
    """Every event of the licence, twice: delivery is at least once."""
    for _ in range(2):
        for event in Event.objects.filter(topic=licence_states.CHANGED_TOPIC, payload__licence=one.pk).order_by("pk"):
            parties.licence_changed(event)
            handlers.licence_changed(event)


def rows() -> list[tuple[object, ...]]:
    """What is believed now: state, first day, end (exclusive), code."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT "ZZZT", lower(valid), upper(valid), "XMDM" FROM onemap."pzdk_kunyu_approvals_2026" '
            "WHERE upper_inf(known) ORDER BY lower(valid), fid"
        )
        return cursor.fetchall()


def test_an_issued_licence_is_on_the_map_with_its_project(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    day = TODAY - timedelta(days=5)
    one = licences.issue(DECIDER, request(tmp_path, seal, issued_on=day, valid_to=date(2099, 11, 1)))
    heard(one)
    assert rows() == [("valid", day, date(2099, 11, 2), CODE)]
    version = DatasetVersion.objects.get(layer__collection=BRANCH)
    assert (version.number, version.record_count, version.status, version.is_incremental) == (1, 1, "published", True)
    document = ProjectDocument.objects.get()
    assert (document.kind, document.number, document.project.code) == ("review", one.number, CODE)  # type: ignore[union-attr]
    assert document.feature == f"9901019001{one.pk:08d}" and document.plot_area_m2 == pytest.approx(61_150, rel=0.01)
    assert Project.objects.get().name == "坤舆县医院迁建"
    assert Party.objects.get().code == USCC and Project.objects.get().investor == Party.objects.get()
    assert AuditEntry.objects.filter(action="approval-mapped").count() == 1


def test_every_number_leads_to_the_chain_and_back(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    heard(one)
    feature = ProjectDocument.objects.get().feature
    for text in (CODE, CODE.replace("-", "—"), one.number, one.identifier, "T1", "case:T1", feature):
        chain = queries.resolve(operator(), text)
        assert chain.project is not None and chain.project.code == CODE and len(chain.documents) == 1, text
    said = queries.document_json(chain.documents[0])
    assert (
        said["feature"] == f"/ogc/collections/30401-001/items/{feature}"
        and said["verify"] == f"/verify/{one.identifier}"
    )
    assert queries.plots_geojson(chain)["features"][0]["geometry"]["type"] == "MultiPolygon"
    with pytest.raises(UnknownProject):
        queries.resolve(operator(), "2026-990101-84-01-000002")


def test_the_feature_is_served_like_every_other(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    from kunyu.engines.catalogue.served import queries as served
    from kunyu.engines.catalogue.served.layers import open_layer
    from kunyu.engines.catalogue.served.moments import Moment, ValidDays

    one = licences.issue(DECIDER, request(tmp_path, seal, issued_on=TODAY))
    heard(one)
    layer, granted = open_layer(operator(), BRANCH, "query")
    moment, here = Moment(ValidDays(TODAY, TODAY), None), ("county = %(in_county)s", {"in_county": "990101"})
    statement, parameters = served.rows(served.Selection(layer, granted, moment), ['"WSBH"', '"ZZBS"'], here)
    with connection.cursor() as wrapper:
        wrapper.cursor.execute(statement, parameters)
        assert [row[-2:] for row in wrapper.cursor.fetchall()] == [(one.number, one.identifier)]


def test_a_revoked_licence_leaves_the_map_that_day(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    day = TODAY - timedelta(days=5)
    one = licences.issue(DECIDER, request(tmp_path, seal, issued_on=day))
    heard(one)
    licence_states.revoke(DECIDER, one.pk, *WHY)
    heard(one)
    assert rows() == [("valid", day, TODAY, CODE)]
    document = ProjectDocument.objects.get()
    assert (document.state, document.ended_on) == ("revoked", TODAY)
    assert DatasetVersion.objects.filter(layer__collection=BRANCH, status="published").count() == 2
    with connection.cursor() as cursor:
        cursor.execute('SELECT count(*) FROM onemap."pzdk_kunyu_approvals_2026"')
        assert cursor.fetchone()[0] == 2  # the belief of before is kept


def test_both_events_heard_at_once_keep_the_days_in_force(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    day = TODAY - timedelta(days=5)
    one = licences.issue(DECIDER, request(tmp_path, seal, issued_on=day))
    licence_states.revoke(DECIDER, one.pk, *WHY)
    heard(one)
    assert rows() == [("valid", day, TODAY, CODE)]


def test_a_suspension_stands_on_the_map_until_it_ends(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    day = TODAY - timedelta(days=5)
    one = licences.issue(DECIDER, request(tmp_path, seal, issued_on=day, valid_to=None))
    heard(one)
    licence_states.suspend(DECIDER, one.pk, *WHY)
    heard(one)
    assert rows() == [("valid", day, TODAY, CODE), ("suspended", TODAY, None, CODE)]
    licence_states.resume(DECIDER, one.pk, *WHY)
    heard(one)
    assert rows() == [("valid", day, TODAY, CODE), ("valid", TODAY, None, CODE)]


def test_a_correction_takes_the_place_of_the_wrong_one(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    day = TODAY - timedelta(days=5)
    old = licences.issue(DECIDER, request(tmp_path, seal, issued_on=day, valid_to=None))
    heard(old)
    moved = shapely.box(113.001, 34.501, 113.004, 34.5035)
    new = licences.correct(
        DECIDER, old.pk, request(tmp_path, seal, key="b", issued_on=TODAY, plot=moved, valid_to=None), "界址有误"
    )
    heard(old)
    heard(new)
    assert rows() == [("valid", day, TODAY, CODE), ("valid", TODAY, None, CODE)]
    chain = queries.resolve(operator(), CODE)
    assert [(one.state, one.number) for one in chain.documents] == [("replaced", old.number), ("valid", old.number)]
    assert rules.report(chain.documents, queries.plots_of(chain.documents)) == []


def test_without_an_approved_label_nothing_is_written(tmp_path: Path, seal: Seal) -> None:
    """The event comes again until a security administrator has decided."""
    from kunyu.engines.security.label_errors import NotLabelled

    load_catalogue()
    one = licences.issue(DECIDER, request(tmp_path, seal))
    event = Event.objects.get(topic=licence_states.CHANGED_TOPIC)
    with pytest.raises(NotLabelled):
        handlers.licence_changed(event)
    assert (
        not DatasetVersion.objects.filter(layer__collection=BRANCH, status="published").exists()
        and one.state == "valid"
    )


def test_what_is_neither_a_projects_nor_about_land_is_left_to_others(
    catalogue: None, tmp_path: Path, seal: Seal
) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal, project_code="", plot=None, subject="x:1"))
    heard(one)
    assert not ProjectDocument.objects.exists() and not Project.objects.exists()


def test_a_plot_without_project_is_on_the_map_too(catalogue: None, tmp_path: Path, seal: Seal) -> None:
    """A rural house has no project code."""
    holder = licences.Holder("张三", "person", CITIZEN)
    one = licences.issue(
        DECIDER, request(tmp_path, seal, kind="rural_planning_permit", project_code="", holder=holder, issued_on=TODAY)
    )
    heard(one)
    assert rows() == [("valid", TODAY, date(2099, 11, 2), None)] and not Project.objects.exists()
    assert queries.resolve(operator(), one.number).documents[0].kind == "rural_permit"
    with connection.cursor() as cursor:
        cursor.execute('SELECT p::text FROM onemap."pzdk_kunyu_approvals_2026" p')
        assert "张三" not in cursor.fetchone()[0]  # no personal data on the map


# -- the register by itself -------------------------------------------------------------------------------------------


def approval(**changes: object) -> Approval:
    given = {
        "key": "entered:project:发改1", "kind": "project", "number": "坤发改〔2026〕1号", "issued_on": date(2026, 4, 1),
        "division": "990101", "project_code": CODE, "area_m2": 61_000.0, "plot": PLOT,
    }  # fmt: skip
    return Approval(**(given | changes))  # type: ignore[arg-type]


def test_approvals_of_other_systems_are_entered_once() -> None:
    one = services.add_approval(operator(), approval(), "医院")
    assert services.add_approval(operator(), approval()).pk == one.pk
    assert Project.objects.get().name == "医院"
    with pytest.raises(NumberTaken):
        services.add_approval(operator(), approval(key="another"))


def test_the_earlier_document_is_the_one_named_or_the_nearest_in_law() -> None:
    first = services.add_approval(
        operator(), approval(key="1", kind="review", number="用1", issued_on=date(2026, 3, 1))
    )
    second = services.add_approval(operator(), approval(key="2", kind="conversion", number="农1"))
    named = services.add_approval(
        operator(), approval(key="3", kind="land_permit", number="地1", previous_number="用1")
    )
    nearest = services.add_approval(operator(), approval(key="4", kind="works_permit", number="建1"))
    assert (second.previous, named.previous, nearest.previous) == (first, first, named)
    chain = queries.resolve(operator(), "建1")
    assert [one.number for one in chain.documents] == ["用1", "农1", "地1", "建1"]
    states = {
        one.state for one in rules.report(chain.documents, queries.plots_of(chain.documents)) if one.rule == "PR-003"
    }
    assert states == {"clear"}


def test_what_was_applied_for_together_names_what_came_first() -> None:
    """The form cannot know the number of an opinion given on the same application; what it names and is known goes first."""
    first = case(matter("S-001"), PLOT, state="granted", project_code=CODE, licence_number="用1")
    second = case(matter("S-006"), PLOT, application=first.application, project_code=CODE)
    form, kind = {"land_approval_number": "示政地〔2026〕1号"}, handlers.Kind.LAND_PERMIT
    assert handlers._previous_number(form, second, kind) == "示政地〔2026〕1号", "the opinion is not registered"
    services.add_approval(operator(), approval(key="1", kind="review", number="用1", project_code=CODE))
    assert handlers._previous_number(form, second, kind) == "用1"
    assert handlers._previous_number({}, first, handlers.Kind.REVIEW) == "", "nothing comes before an opinion"
    assert handlers._previous_number({}, case(matter("S-006"), PLOT, project_code=CODE), kind) == "", (
        "another application"
    )
    services.add_approval(
        operator(), approval(key="2", kind="conversion", number="示政地〔2026〕1号", project_code=CODE)
    )
    assert handlers._previous_number(form, second, kind) == "示政地〔2026〕1号"
    ProjectDocument.objects.filter(number="用1").update(state="revoked")
    assert handlers._previous_number({}, second, kind) == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": " "}, "number"),
        ({"number": "甲" * 81}, "number"),
        ({"kind": "licence"}, "number"),
        ({"division": "99"}, "division"),
        ({"plot": shapely.box(38_408_000, 3_819_000, 38_409_000, 3_820_000)}, "plot"),
        ({"area_m2": 0.0}, "area_m2"),
        ({"plot": shapely.Point(113, 34)}, "plot"),
        ({"plot": shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])}, "plot"),
    ],
)
def test_a_bad_approval_writes_nothing(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadDocument) as told:
        services.add_approval(operator(), approval(**change))
    assert told.value.context["field"] == field
    assert not ProjectDocument.objects.exists() and not Project.objects.exists()


def test_a_project_is_seen_by_grants_on_its_branch_and_division() -> None:
    services.add_approval(operator(), approval())
    neighbour = Principal("n", rights=(Right(BRANCH, "990102", "see"),))
    with pytest.raises(UnknownProject):
        queries.resolve(neighbour, CODE)
    assert queries.resolve(Principal("m", rights=(Right(BRANCH, "9901", "see"),)), CODE).name == CODE
    from kunyu.engines.security.errors import SignInNeeded

    with pytest.raises(SignInNeeded):
        queries.resolve(ANONYMOUS, CODE)
