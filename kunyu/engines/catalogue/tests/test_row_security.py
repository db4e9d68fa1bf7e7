"""Row security of layer tables: the gateway, PostgreSQL's policies and a naive reading of the grants say the same.

R-142, R-071, R-041; architecture.md §4 (row security).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kunyu.engines.catalogue import row_security, tables
from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.reading import as_reader
from kunyu.engines.security import epochs, labels, scope, zones
from kunyu.engines.security.audit.tests.emptying import empty_what_flush_leaves
from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.engines.security.labels import Label, label_of_code
from kunyu.engines.security.models import Grant, User
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import ANONYMOUS, Clause, Principal, Scope
from kunyu.engines.security.session import principal_of
from kunyu.engines.security.zones import ZONES

COLLECTION = "10401-003"
TABLE = 'onemap."dltb_tdt1057_2020"'
COUNTIES = ("990101", "990102", "980101")
LABELS = (0, 1, 9, 19, 22, 26, 27, 40, 53)
Row = tuple[int, str, int]


@pytest.fixture(scope="module")
def rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[Row]]:
    """Three counties with one row of each of nine labels, committed once for this module: (fid, county, label)."""
    with django_db_blocker.unblock():
        load_labelled_catalogue("security")
        layer = Layer.objects.get(collection=COLLECTION)
        for county in COUNTIES:
            partition = tables.ensure_partition(layer, county)
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO {partition} (county, valid, known, version_id, digest, label) "
                    "SELECT %s, '[2024-12-31,)', '[2025-01-01,)', 1, '\\x00', unnest(%s::int[])",
                    [county, list(LABELS)],
                )
        yield _asked(f"SELECT fid, county, label FROM {TABLE} ORDER BY fid")
        with transaction.atomic(), connection.cursor() as cursor, tables.owner_role(cursor):
            cursor.execute(f"DROP TABLE {TABLE} CASCADE")
        call_command("flush", interactive=False, verbosity=0)
        empty_what_flush_leaves()


def _asked(statement: str, parameters: list[Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _shown(identity: str) -> set[int]:
    """What PostgreSQL alone shows to an identity: the query has no condition."""
    with as_reader(Scope(COLLECTION, "query", (), "", row_identity=identity)):
        return {fid for (fid,) in _asked(f"SELECT fid FROM {TABLE}")}


def _set_label(label: Label) -> None:
    LabelRow.objects.filter(collection=COLLECTION).delete()
    LabelRow.objects.create(
        collection=COLLECTION, secrecy=label.secrecy, grading=label.grading, sharing=label.sharing, reason="试",
        state="approved", proposed_by="a", decided_by="b",
    )  # fmt: skip


def _person(name: str = "li", **fields: Any) -> User:
    return User.objects.create(username=name, name_zh=name, password="!", **fields)


def _grant(user: User, ceiling: Label = labels.ORDINARY, **fields: Any) -> Grant:
    values = {"branch": "", "division_prefix": "", "action": "query", **fields}
    return Grant.objects.create(
        user=user, max_secrecy=ceiling.secrecy, max_grading=ceiling.grading, max_sharing=ceiling.sharing, **values
    )


# -- the three ways to say who sees what --------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """One grant of a random world."""

    branch: str
    division_prefix: str
    action: str
    ceiling: int
    is_expired: bool


@dataclass(frozen=True)
class World:
    """A random world: one person, the label of one dataset, the zone of the node."""

    grants: tuple[Given, ...]
    clearance: int
    is_active: bool
    dataset: int
    zone: str


GIVEN = st.builds(
    Given,
    st.sampled_from(("", "1", "104", "10401", COLLECTION, "10401-0031", "2", "0")),
    st.sampled_from(("", "9", "99", "9901", "990101", "990102", "98", "990101001", "1")),
    st.sampled_from(("see", "query", "query", "download", "edit", "approve")),
    st.integers(0, 53),
    st.booleans() | st.just(False),
)
WORLDS = st.builds(
    World,
    st.lists(GIVEN, max_size=5).map(tuple),
    st.integers(0, 3),
    st.just(True) | st.booleans(),
    st.integers(0, 53),
    st.sampled_from(sorted(ZONES)),
)


def _naive(world: World, rows: list[Row]) -> set[int]:
    """Read the rules out loud, row by row and grant by grant."""
    zone, base = ZONES[world.zone].ceiling, label_of_code(world.dataset)
    cleared = Label(2 + world.clearance, 2, 2)
    shown = set()
    for fid, county, code in rows:
        effective = base.join(label_of_code(code))
        if effective == Label() and zone.dominates(effective):
            shown.add(fid)  # public, general, shared unconditionally: open to everybody
        for one in world.grants if world.is_active else ():
            if (
                one.action in ("query", "download")
                and not one.is_expired
                and COLLECTION.startswith(one.branch)
                and county.startswith(one.division_prefix)
                and all(limit.dominates(effective) for limit in (label_of_code(one.ceiling), cleared, zone))
            ):
                shown.add(fid)
    return shown


def _composed(principal: Principal) -> set[int]:
    """What queries with the gateway's conditions find, run where row security does not bind."""
    found: set[int] = set()
    for action in ("query", "download"):
        try:
            condition, values = scope.resolve(principal, COLLECTION, action, public=True).predicate()
        except (NotVisible, NotAllowed):
            continue
        found |= {fid for (fid,) in _asked(f"SELECT fid FROM {TABLE} WHERE {condition}", values)}
    return found


@pytest.mark.django_db
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(world=WORLDS)
def test_gateway_row_security_and_the_rules_read_aloud_agree(rows: list[Row], settings: Any, world: World) -> None:
    """Random grants, clearance, labels and zones: three ways of deciding give the same rows (R-142)."""
    with transaction.atomic():
        settings.KUNYU_ZONE = world.zone
        zones.record_zone()
        _set_label(label_of_code(world.dataset))
        user = _person(clearance=world.clearance, is_active=world.is_active)
        past = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        for one in world.grants:
            _grant(
                user, label_of_code(one.ceiling), branch=one.branch, division_prefix=one.division_prefix,
                action=one.action, expires_at=past if one.is_expired else None,
            )  # fmt: skip
        epochs.forget()
        by_rules, by_rows = _naive(world, rows), _shown(str(user.pk))
        by_gateway = _composed(principal_of(user) if world.is_active else ANONYMOUS_WITH_ACCOUNT)
        transaction.set_rollback(True)
    assert by_rows == by_rules
    assert by_gateway == by_rules


ANONYMOUS_WITH_ACCOUNT = Principal("disabled", user_id=10**9)  # a disabled account has no rights and is still somebody


@pytest.mark.django_db
def test_sets_of_labels_are_the_same_in_sql_and_in_python() -> None:
    """Every ceiling, and every dataset label under every ceiling."""
    ceilings = [label_of_code(code) for code in range(labels.COUNT)]
    found = _asked(
        "SELECT c, security_label_mask(c / 9, c / 3 % 3, c % 3), d, "
        "security_rows_within(d, security_label_mask(c / 9, c / 3 % 3, c % 3)) "
        "FROM generate_series(0, 53) c, generate_series(0, 53) d"
    )
    assert found == [
        (one.code, labels.under(one), dataset.code, labels.rows_within(dataset, labels.under(one)))
        for one in ceilings
        for dataset in ceilings
    ]


# -- identities ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_identity_unset_empty_or_odd_sees_nothing(rows: list[Row]) -> None:
    """Nothing fails open: no setting, an empty one, garbage, wildcards, SQL, numbers that nobody has (R-142)."""
    _set_label(Label())  # even open data are for those who have said who they are
    for identity in (
        "", " ", "%", "_", "-1", "1.0", "0x1", "1e3", " 1", "1 ", "operator ", "OPERATOR", "public%", "null", "true",
        "1 OR 1=1", "'; SELECT 1; --", "9" * 19, "٣", "一", "operator\noperator", "public\n", "\n1",
    ):  # fmt: skip
        assert _shown(identity) == set(), repr(identity)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE kunyu_serve")
        assert _asked(f"SELECT fid FROM {TABLE}") == []
        cursor.execute("SET LOCAL ROLE NONE")
    assert _shown(str(10**17)) == {fid for fid, _, label in rows if label == 0}  # an id that nobody has: as the public


@pytest.mark.django_db
def test_the_public_sees_open_rows_of_open_datasets_only(rows: list[Row]) -> None:
    """公开、一般、无条件共享 on the dataset and on the row; anything stricter on either is closed (R-041)."""
    assert ANONYMOUS.row_identity == "public"
    _set_label(Label())
    assert _shown("public") == {fid for fid, _, label in rows if label == 0}
    for closed in (Label(sharing=labels.CONDITIONAL), Label(grading=labels.IMPORTANT), Label(labels.INTERNAL)):
        _set_label(closed)
        assert _shown("public") == set()
    LabelRow.objects.filter(collection=COLLECTION).delete()
    assert _shown("public") == set()


@pytest.mark.django_db
def test_the_operator_sees_what_the_zone_holds(rows: list[Row], settings: Any) -> None:
    """The node's owner is bound by the zone, in the database too (R-058)."""
    _set_label(Label())
    for code, zone in ZONES.items():
        settings.KUNYU_ZONE = code
        zones.record_zone()
        assert _shown("operator") == {fid for fid, _, label in rows if zone.holds(label_of_code(label))}
    assert zones.current_zone().code == _asked("SELECT zone FROM security_nodestate")[0][0]


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["%", "_", "99%", "9_", "99'", "99\\", "九九", " 99", "*"])
def test_wildcards_never_get_into_a_grant(rows: list[Row], prefix: str) -> None:
    """The database refuses what is no code; and prefixes are compared letter by letter, whatever they hold."""
    user = _person()
    for fields in ({"division_prefix": prefix}, {"branch": prefix}):
        with pytest.raises(IntegrityError), transaction.atomic():
            _grant(user, **fields)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE security_grant DROP CONSTRAINT grant_prefixes_are_codes")
    _grant(user, Label(5, 2, 2), division_prefix=prefix)
    _grant(user, Label(5, 2, 2), branch=prefix)
    assert _shown(str(user.pk)) == set()


# -- changes ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_way_to_lose_a_right_holds_at_the_next_statement(rows: list[Row]) -> None:
    """Grant revoked, expired, label raised, clearance lowered, account disabled: the next query shows nothing."""
    _set_label(Label(labels.SENSITIVE))

    def lost(change: Any, fits: Any = lambda user: None) -> None:
        with transaction.atomic():
            user = _person(clearance=3)
            grant = _grant(user, Label(5, 2, 2))
            fits(user)
            seen = _shown(str(user.pk))
            assert seen and change(user, grant) is not False
            left = _shown(str(user.pk))
            transaction.set_rollback(True)
        assert left < seen and not left & {fid for fid, _, label in rows if label == 0}

    now = datetime.datetime.now(datetime.UTC)
    lost(lambda user, grant: grant.delete())
    lost(lambda user, grant: Grant.objects.filter(pk=grant.pk).update(expires_at=now - datetime.timedelta(hours=1)))
    lost(lambda user, grant: Grant.objects.filter(pk=grant.pk).update(action="see"))
    lost(lambda user, grant: Grant.objects.filter(pk=grant.pk).update(max_secrecy=1))
    lost(lambda user, grant: User.objects.filter(pk=user.pk).update(is_active=False))
    lost(lambda user, grant: _set_label(Label(labels.SECRET)))


@pytest.mark.django_db
def test_an_ended_appointment_takes_its_roles_along(rows: list[Row]) -> None:
    """Rights by role and post hold from the first to the last day, within the post's division (R-022)."""
    from kunyu.engines.reference.models import Organisation
    from kunyu.engines.security.models import Appointment, Post, Role

    _set_label(Label(labels.SENSITIVE))
    user, today = _person(), datetime.date.today()
    role = Role.objects.create(code="t-reader", name_zh="读者")
    Grant.objects.create(role=role, action="query", within_post=True, max_secrecy=2, max_grading=0, max_sharing=1)
    fields = {"code": "t-bureau", "name_zh": "示范局", "division_code": "990102"}
    known = {one.name for one in Organisation._meta.get_fields()}
    bureau = Organisation.objects.create(**{name: value for name, value in fields.items() if name in known})
    post = Post.objects.create(organisation=bureau, name_zh="科员")
    post.roles.add(role)
    held = Appointment.objects.create(user=user, post=post, starts_on=today)

    ordinary = {
        fid for fid, county, label in rows if county == "990102" and labels.ORDINARY.dominates(label_of_code(label))
    }
    assert _shown(str(user.pk)) == ordinary != set()
    held.ends_on = today - datetime.timedelta(days=1)
    held.starts_on = today - datetime.timedelta(days=9)
    held.save()
    assert _shown(str(user.pk)) == set()


# -- nothing else opens the schema ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_partitions_views_and_strange_tables(rows: list[Row]) -> None:
    """Partitions are closed, views ask as their reader, other tables of the schema (rasters, leftovers) are closed."""
    user = _person()
    _set_label(Label(labels.SENSITIVE))
    _grant(user, division_prefix="990102")
    with connection.cursor() as cursor:
        with tables.owner_role(cursor):
            cursor.execute("CREATE TABLE onemap.ortho_2025 (rast bytea)")
        granted = Scope(COLLECTION, "query", (), "", row_identity=str(user.pk))
        with as_reader(granted):
            cursor.execute(f'SELECT DISTINCT county FROM {TABLE[:-1]}_current"')
            assert cursor.fetchall() == [("990102",)]
        for name in ('"dltb_tdt1057_2020_p990102"', "ortho_2025"):
            with pytest.raises(ProgrammingError, match="permission denied"), as_reader(granted):
                cursor.execute(f"SELECT * FROM onemap.{name}")


@pytest.mark.django_db
def test_what_an_older_program_left_open_is_found_and_closed(rows: list[Row]) -> None:
    """Tables without row security, a policy that shows more, readable partitions, views with owner's rights: mended."""
    assert row_security.ensure_row_security() == []
    assert all(one.is_protected for one in row_security.relations())
    with connection.cursor() as cursor, tables.owner_role(cursor):
        for statement in (
            f"CREATE POLICY everybody ON {TABLE} FOR SELECT TO kunyu_serve USING (true)",
            'ALTER TABLE onemap."dltb_tdt1057_2020_p990101" DISABLE ROW LEVEL SECURITY',
            'GRANT SELECT ON onemap."dltb_tdt1057_2020_p990102" TO kunyu_serve',
            'ALTER VIEW onemap."dltb_tdt1057_2020_current" RESET (security_invoker)',
            "CREATE TABLE onemap.ortho_2025 (rast bytea)",
            "GRANT SELECT ON onemap.ortho_2025 TO kunyu_serve",
            "CREATE MATERIALIZED VIEW onemap.heap AS SELECT 1 AS n",
            "GRANT SELECT ON onemap.heap TO kunyu_serve",
        ):
            cursor.execute(statement)
    assert _shown(str(10**17)) == {fid for fid, _, _ in rows}  # the extra policy opens everything

    names = ["dltb_tdt1057_2020", "dltb_tdt1057_2020_current", "dltb_tdt1057_2020_p990101", "dltb_tdt1057_2020_p990102"]
    assert row_security.ensure_row_security() == [*names, "heap", "ortho_2025"]
    assert row_security.ensure_row_security() == []
    _set_label(Label(labels.SENSITIVE))
    assert _shown(str(10**17)) == set()


@pytest.mark.django_db
def test_a_collection_with_quotes_stays_a_literal(rows: list[Row]) -> None:
    """Whatever the catalogue calls a collection stands in the policy as one quoted text."""
    odd = "x'); DROP TABLE onemap.dltb_tdt1057_2020; --\\"
    Layer.objects.filter(collection=COLLECTION).update(collection=odd)
    assert row_security.ensure_row_security() == ["dltb_tdt1057_2020"]
    (text,) = _asked("SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = %s::regclass", [TABLE])[0]
    assert "DROP TABLE" in text and len(_asked(f"SELECT fid FROM {TABLE}")) == len(rows)
    assert _shown("operator") == {fid for fid, _, label in rows if zones.current_zone().holds(label_of_code(label))}


@pytest.mark.django_db
def test_a_failed_read_gives_the_role_back(rows: list[Row]) -> None:
    """After an error inside the block, the connection is the node's own again, and speaks for nobody."""
    granted = Scope(COLLECTION, "query", (Clause(""),), "", row_identity="operator")
    with pytest.raises(ProgrammingError), as_reader(granted):
        _asked("SELECT * FROM security_user")
    with pytest.raises(ZeroDivisionError), as_reader(granted):
        raise ZeroDivisionError
    asked = "SELECT current_user, current_setting('role'), coalesce(current_setting('kunyu.principal', true), '')"
    assert _asked(asked) == [("kunyu", "none", "")]
    with as_reader(granted):
        assert _asked(asked) == [("kunyu_serve", "kunyu_serve", "operator")]
    assert _asked(asked) == [("kunyu", "none", "")]
