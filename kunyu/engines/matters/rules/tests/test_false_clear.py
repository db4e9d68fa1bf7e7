"""No layer reads as empty because the reader was not shown it: every such look is *not checked*, with its reason.

The serving role reads on connections of its own, so what a test has not committed is exactly what row security has not
heard of; what is committed here is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People
    from kunyu.engines.matters.models import Check, CheckAnswer
    from kunyu.engines.security.scope import Principal, Right

pytestmark = pytest.mark.django_db
RED, PARCELS = "20201-001", "10401-003"
TABLE = "onemap.stbhhx_mnr_control_2021"


def free_plot() -> shapely.Geometry:
    """In county 990101, away from every red line."""
    return shapely.box(113.0201, 34.5101, 113.0221, 34.5121)


def across_the_line() -> shapely.Geometry:
    """Half in 990101, half in 990102, away from every red line."""
    return shapely.box(113.0390, 34.5101, 113.0410, 34.5121)


def check(principal: Principal, plot: shapely.Geometry, *rules: str, **more: Any) -> Check:
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter

    matter("T-1", *rules)
    return run_checks(principal, application(plot, "T-1", **more))


def red_line(principal: Principal, plot: shapely.Geometry | None = None, **more: Any) -> tuple[str, str]:
    """State and reason of C-03 over a plot that no red line touches."""
    said: CheckAnswer = check(principal, plot or free_plot(), "C-03", **more).answers.get()
    return said.state, said.reason


@contextmanager
def committed(dsn: str, change: str, back: str) -> Iterator[None]:
    """What somebody else commits, and its undoing."""
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute(change)
        try:
            yield
        finally:
            other.execute(back)


@contextmanager
def owned(dsn: str, *changes: tuple[str, str]) -> Iterator[None]:
    """Committed by the owner of the layer tables, and undone in the other order."""
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SET ROLE kunyu_onemap")
        for change, _ in changes:
            other.execute(change)
        try:
            yield
        finally:
            for _, back in reversed(changes):
                other.execute(back)


def as_it_was(reader: Principal) -> Principal:
    """The same person with the rights read at sign-in, which nothing reads again."""
    return replace(reader, rights=tuple(reader.rights))


@pytest.fixture
def steward(people: People) -> Principal:
    return as_it_was(people.principals["steward"])


def test_whoever_was_looked_for_everywhere_is_clear(people: People, steward: Principal) -> None:
    """The other tests mean something: an officer, one with half the layers, an applicant and the node see nothing here."""
    from kunyu.engines.matters.cases.people import system
    from kunyu.engines.matters.rules.tests.applications import somebody

    readers = (steward, people.principals["surveyor"], people.principals["neighbour"], somebody("t-citizen"), system())
    for reader in readers:
        assert red_line(reader) == ("clear", ""), reader.name


def test_somebody_row_security_does_not_know(people: People) -> None:
    """An account not yet committed, and a principal of the program's own making with rights and no account."""
    from kunyu.engines.matters.rules.tests.applications import somebody
    from kunyu.engines.security import labels, scope
    from kunyu.engines.security.scope import Principal

    assert red_line(somebody("t-new", branch="")) == ("not_checked", "not_shown")
    rights: tuple[Right, ...] = tuple(scope.Right("", "", one, labels.EVERY) for one in ("see", "query"))
    assert red_line(Principal("some-job", rights=rights)) == ("not_checked", "not_shown")


def test_a_right_that_ended_since_it_was_read(steward: Principal, owner_dsn: str) -> None:
    """Expired grant: the gateway still lets him through, row security no more."""
    one = f"WHERE user_id = {steward.user_id} AND action = 'query'"
    ended = committed(
        owner_dsn, f"UPDATE security_grant SET expires_at = now() - interval '1 s' {one}",
        f"UPDATE security_grant SET expires_at = NULL {one}",
    )  # fmt: skip
    with ended:
        assert red_line(steward) == ("not_checked", "not_shown")
    assert red_line(steward) == ("clear", "")


def test_an_account_switched_off_since(steward: Principal, owner_dsn: str) -> None:
    one = f"WHERE id = {steward.user_id}"
    off = committed(
        owner_dsn,
        f"UPDATE security_user SET is_active = false {one}",
        f"UPDATE security_user SET is_active = true {one}",
    )
    with off:
        assert red_line(steward) == ("not_checked", "not_shown")


def test_a_label_raised_while_it_is_read(steward: Principal, owner_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the gateway opened the layer and before it is read the label becomes 绝密."""
    from kunyu.engines.matters.rules import looking

    with psycopg.connect(owner_dsn, autocommit=True) as other:
        (before,) = other.execute("SELECT secrecy FROM security_label WHERE collection = %s", [RED]).fetchone() or (0,)

        def raised(*given: Any, **more: Any) -> Any:
            other.execute("UPDATE security_label SET secrecy = 5 WHERE collection = %s", [RED])
            return read(*given, **more)

        read = looking.read_pieces
        monkeypatch.setattr(looking, "read_pieces", raised)
        try:
            assert red_line(steward) == ("not_checked", "not_shown")
        finally:
            other.execute("UPDATE security_label SET secrecy = %s WHERE collection = %s", [before, RED])


def test_a_zone_the_database_was_told_otherwise(steward: Principal, owner_dsn: str) -> None:
    """The setting says business network, the database still public cloud: row security holds back what is 敏感."""
    state = "UPDATE security_nodestate SET zone_labels = {} WHERE id = 1"
    with psycopg.connect(owner_dsn) as other:
        (zone,) = other.execute("SELECT zone_labels FROM security_nodestate").fetchone() or (0,)
    with committed(owner_dsn, state.format(1), state.format(zone)):
        assert red_line(steward) == ("not_checked", "not_shown")


def test_a_zone_that_holds_less_than_the_layer(people: People, settings: Any) -> None:
    """In the internet zone nobody reads 敏感 data, and nobody is told that nothing is there."""
    from kunyu.engines.security import epochs

    settings.KUNYU_ZONE = "internet"
    epochs.forget()
    for name in ("steward", "onlooker"):
        assert red_line(people.principals[name]) == ("not_checked", "missing")


def test_records_above_the_readers_ceiling(people: People, steward: Principal) -> None:
    """A higher right in another county shows nothing here; below the pre-check's own ceiling that one looks instead."""
    from kunyu.engines.security import epochs, label_registry, labels, scope
    from kunyu.engines.security.models import RecordLabel

    dataset = label_registry.label_of(RED)
    narrow = replace(steward, rights=tuple(
        scope.Right("", county, action, allowed)
        for action in ("see", "query")
        for county, allowed in (("990101", labels.under(dataset)), ("990102", labels.EVERY))
    ))  # fmt: skip
    assert red_line(narrow) == ("clear", "")
    marked = RecordLabel.objects.create(
        collection=RED, county="990101", keys=["990101301000000009"], secrecy=2, grading=2, sharing=2, reason="试",
        state="approved", proposed_by="a", decided_by="b",
    )  # fmt: skip
    epochs.forget()
    assert red_line(narrow) == ("not_checked", "hidden_records")
    RecordLabel.objects.filter(pk=marked.pk).update(secrecy=2, grading=0, sharing=1)
    epochs.forget()
    inner = replace(
        steward, rights=tuple(scope.Right("", "990101", one, labels.under(dataset)) for one in ("see", "query"))
    )
    assert red_line(inner) == ("clear", "")
    epochs.forget()


def test_half_the_layers(people: People) -> None:
    """Who may query the survey and not the control lines gets both answered; each read on record for what it was."""
    said = {one.rule: one for one in check(people.principals["surveyor"], free_plot(), "C-03", "C-13").answers.all()}
    assert (said["C-03"].state, said["C-13"].reason) == ("clear", "no_ledger")


@pytest.mark.parametrize("who", ["steward", "onlooker", "neighbour"])
def test_over_the_county_line(people: People, who: str) -> None:
    """The red line is published for one of the two counties: the half that nobody published is not clear, whoever asks."""
    assert red_line(people.principals[who], across_the_line()) == ("not_checked", "not_covered")


def test_a_plot_of_another_county_than_it_says(people: People) -> None:
    """Applied for in 990101, drawn in 990102: nothing of it is looked at for the first."""
    east = shapely.box(113.0501, 34.5101, 113.0521, 34.5121)
    assert red_line(people.principals["onlooker"], east) == ("not_checked", "not_covered")
    assert red_line(people.principals["steward"], east) == ("not_checked", "not_covered")


def test_a_county_without_any_version(people: People) -> None:
    said = check(people.principals["steward"], free_plot(), "C-05", form={"project_type": "urban"}).answers.get()
    assert (said.state, said.reason) == ("not_checked", "missing")


def test_one_of_two_partitions_is_gone(steward: Principal, owner_dsn: str) -> None:
    """The survey of both counties is published, the table of one is detached: what the other shows is not the whole."""
    from kunyu.engines.analysis import services

    parent, part = "onemap.dltb_tdt1057_2020", "onemap.dltb_tdt1057_2020_p990102"
    gone = (
        f"ALTER TABLE {parent} DETACH PARTITION {part}", f"ALTER TABLE {parent} ATTACH PARTITION {part} FOR VALUES IN ('990102')"
    )  # fmt: skip
    with owned(owner_dsn, gone):
        (layer,) = services.overlap(steward, across_the_line(), [PARCELS])["layers"]
        assert (layer["state"], layer["reason"]) == ("conflict", "not_shown")
        assert "990102" in layer["reason_zh"]
        east = shapely.box(113.0501, 34.5101, 113.0521, 34.5121)
        said = check(steward, east, "C-13", division_code="990102").answers.get()
        assert (said.state, said.reason) == ("not_checked", "not_shown")
        both = check(steward, across_the_line(), "C-13").answers.get()
        assert (both.state, both.reason) == ("not_checked", "not_shown")


def test_a_layer_whose_records_have_all_ended_is_clear(steward: Principal, owner_dsn: str) -> None:
    """Published for the county, looked at, and nothing is true any more on the day: clear there, and there alone."""
    ended = (f"UPDATE {TABLE} SET valid = '[2024-12-31,2025-06-01)'", f"UPDATE {TABLE} SET valid = '[2024-12-31,)'")
    with committed(owner_dsn, *ended):
        assert red_line(steward) == ("clear", "")
        east = shapely.box(113.0501, 34.5101, 113.0521, 34.5121)
        assert red_line(steward, east) == ("not_checked", "not_covered"), "nothing was ever delivered there"


def test_rows_of_other_versions_do_not_speak_for_the_newest(steward: Principal, owner_dsn: str) -> None:
    """All ended, and not one row of the version that counts two is there: a copy that lags behind proves nothing."""
    from kunyu.engines.catalogue.models import DatasetVersion

    version = DatasetVersion.objects.get(layer__collection=RED, county="990101")
    lagging = (
        f"UPDATE {TABLE} SET valid = '[2024-12-31,2025-06-01)', version_id = {version.pk} - 1",
        f"UPDATE {TABLE} SET valid = '[2024-12-31,)', version_id = {version.pk}",
    )
    with committed(owner_dsn, *lagging):
        assert red_line(steward) == ("not_checked", "not_shown")


def test_a_version_that_the_other_connection_does_not_see_yet(people: People) -> None:
    """Published in a transaction that is not committed, or on a copy that lags: it counts records and shows none.

    A version that counts none is an empty layer, looked at and clear.
    """
    from datetime import date

    from kunyu.engines.catalogue.models import DatasetVersion, Layer

    east = shapely.box(113.0501, 34.5101, 113.0521, 34.5121)
    made = DatasetVersion.objects.create(
        layer=Layer.objects.get(collection=RED), county="990102", number=1, valid_from=date(2024, 12, 31),
        status=DatasetVersion.Status.PUBLISHED, known_from=datetime(2026, 1, 10, 8, tzinfo=UTC), record_count=3,
        extent=[113.04, 34.5, 113.08, 34.54],
    )  # fmt: skip
    steward = people.principals["steward"]
    assert red_line(steward, east, division_code="990102") == ("not_checked", "not_shown")
    made.record_count = 0
    made.save(update_fields=["record_count"])
    assert red_line(steward, east, division_code="990102") == ("clear", "")


def _published_anew(times: int) -> Callable[..., Any]:
    """A reader before which another version of the red line is published, so many times."""
    from kunyu.engines.analysis.pieces import read_pieces
    from kunyu.engines.catalogue.models import DatasetVersion

    left = times

    def read(*given: Any, **more: Any) -> Any:
        nonlocal left
        found = read_pieces(*given, **more)
        if left:
            left -= 1
            last = DatasetVersion.objects.filter(layer__collection=RED, county="990101").order_by("-number")[0]
            number = last.number + 1
            last.pk, last.number, last.known_from = None, number, datetime.now(UTC)
            last.rows_known_from = last.known_from
            last.save(force_insert=True)
        return found

    return read


def test_published_while_it_is_read(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read again as it was known when asked, and names that version; moved at every reading, it is not checked."""
    from kunyu.engines.matters.rules import looking

    steward = people.principals["steward"]
    monkeypatch.setattr(looking, "read_pieces", _published_anew(1))
    said = check(steward, free_plot(), "C-03").answers.get()
    assert (said.state, [one["number"] for one in said.versions]) == ("clear", [1])
    monkeypatch.setattr(looking, "read_pieces", _published_anew(99))
    assert red_line(steward) == ("not_checked", "failed")


def test_fields_that_are_no_longer_shown(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records were found, their fields a moment later no more: the kind of red line is not guessed."""
    from kunyu.engines.matters.rules import looking

    monkeypatch.setattr(looking, "fetch", lambda *given, **more: [])
    hit = shapely.box(113.0001, 34.5001, 113.0021, 34.5021)
    said = check(people.principals["steward"], hit, "C-02").answers.get()
    assert (said.state, said.reason) == ("not_checked", "failed")


def test_whatever_is_hidden_is_told_as_not_available(people: People) -> None:
    """The reason would say something of rights or of this node: an applicant is told that an examiner deals with it."""
    from kunyu.engines.matters.rules import disclosure
    from kunyu.engines.matters.rules.tests.applications import somebody

    found = check(somebody("t-new", branch=""), free_plot(), "C-03")
    (said,) = disclosure.told(found, somebody("t-citizen"))
    assert (said.state, said.reason, said.measure) == ("not_checked", "not_available", "yes_or_no")
    assert said.message_zh.endswith("该项未能核验，由审查人员处理。")
