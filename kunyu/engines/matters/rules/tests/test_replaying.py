"""A kept check asked again: the same digest when the map moved on, and a word when it is another one.

Everything here is committed: the serving role must see what is published in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People
    from kunyu.engines.matters.models import Check

RULES = ("C-01", "C-02", "C-03", "C-13", "C-18")


@pytest.fixture(autouse=True)
def _committed(people: People, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def hit_plot() -> shapely.Geometry:
    return shapely.box(113.0001, 34.5001, 113.0021, 34.5021)


def check(people: People, who: str = "steward", **more: Any) -> Check:
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter

    matter("T-1", *RULES)
    return run_checks(people.principals[who], application(hit_plot(), "T-1", **more))


def reread(made: Check) -> Check:
    return type(made).objects.get(pk=made.pk)


def stop_believing(version: int) -> None:
    """What a version said is believed no longer, as a correction of history leaves it."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE kunyu_onemap")
        cursor.execute(
            "UPDATE onemap.stbhhx_mnr_control_2021 SET known = tstzrange(lower(known), now()) WHERE version_id = %s AND upper_inf(known)",
            [version],
        )


def test_the_same_digest_from_memory_and_from_the_database(people: People) -> None:
    """Numbers that a JSON column gives back in another shape make no difference."""
    from kunyu.engines.matters.rules.checking import replay

    made = check(people, form={"declared_area_m2": 1e22, "note": 0.1, "whole": 3.0, "tiny": 1e-7})
    assert replay(made) == (made.digest, True)
    assert replay(reread(made)) == (made.digest, True)


def test_a_replay_does_not_depend_on_what_was_filled_in_since(people: People) -> None:
    """Form, plot and approvals are those of the check, whatever the application says now."""
    from kunyu.engines.matters.rules.checking import replay
    from kunyu.engines.matters.rules.tests.applications import case, matter, put_plot

    made = check(people)
    made.application.form = {"certification_id": "后补"}
    made.application.save()
    put_plot("matters_application", made.application_id, shapely.box(113.0201, 34.5101, 113.0221, 34.5121))
    case(matter("S-001"), hit_plot(), state="granted", project_code="X")
    assert replay(reread(made)) == (made.digest, True)


def test_a_replay_under_another_edition_of_a_rule_says_so(people: People) -> None:
    from kunyu.engines.matters.rules import registry
    from kunyu.engines.matters.rules.replaying import replayed

    made = check(people)
    kept = registry.find_rule("C-03")
    registry._rules["C-03"] = replace(kept, edition=kept.edition + 1)
    try:
        again = replayed(made)
    finally:
        registry._rules["C-03"] = kept
    assert (again.is_same, again.changed_rules, again.changed_answers) == (False, ("C-03",), ())
    assert again.message_zh == "复算所用规则的版本与当时不同（C-03），摘要因此不同；结论有变化的规则：无。"
    assert replayed(made).is_same


def test_a_replay_of_somebody_who_left_reads_by_the_pre_check(people: People) -> None:
    """The account is disabled: the layers are read all the same, and the digest stands."""
    from kunyu.engines.matters.rules.checking import replay
    from kunyu.engines.security.models import User

    made = check(people, "surveyor")
    User.objects.filter(username="t-surveyor").update(is_active=False)
    assert replay(reread(made)) == (made.digest, True)


def test_the_map_moved_on_and_history_was_corrected(people: People) -> None:
    """A newer version, then a correction that takes the old one back: the old check replays equal, a new one differs.

    The last test of the module: the county is another one afterwards.
    """
    from kunyu.engines.analysis.tests.county import EASTERN, RED_LINE, bsm, publish
    from kunyu.engines.catalogue.models import DatasetVersion
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.replaying import replayed

    made = check(people)
    before = {one.rule: (one.state, one.measured) for one in made.answers.all()}
    assert before["C-03"][0] == "conflict"
    first = DatasetVersion.objects.get(layer__collection=RED_LINE, county="990101")
    publish(
        RED_LINE, "990101", [(bsm(7, kind="3010"), EASTERN)], valid_from=date(2026, 6, 1), known_from=datetime.now(UTC)
    )
    assert replayed(reread(made)).is_same
    stop_believing(first.pk)
    publish(
        RED_LINE,
        "990101",
        [(bsm(8, kind="3010"), shapely.box(113.0001, 34.5001, 113.0011, 34.5021))],
        valid_from=date(2025, 6, 1),
        known_from=datetime.now(UTC),
    )
    again = replayed(reread(made))
    assert (again.is_same, again.digest, again.changed_answers) == (True, made.digest, ())
    assert again.message_zh == "复算结果与原核验一致。"
    later = run_checks(people.principals["steward"], reread(made).application)
    after = {one.rule: (one.state, one.measured) for one in later.answers.all()}
    assert after["C-03"] != before["C-03"]
    assert later.digest != made.digest
    assert replayed(reread(later)).is_same
