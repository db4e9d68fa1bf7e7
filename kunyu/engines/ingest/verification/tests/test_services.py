"""Starting, running once at a time, who sees what, replay, publication. R-078; the trust rules of every page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kunyu.engines.ingest.verification.tests.test_runner import change, plant, within
from kunyu.kernel.digests import sm3_hex

pytestmark = pytest.mark.django_db(transaction=True)
COUNTY = "990101"


def person(name: str, *grants: tuple[str, str, str]) -> Any:
    """A user with grants (action, branch, division) and a token."""
    from kunyu.engines.security.models import User
    from kunyu.engines.security.scope import operator
    from kunyu.engines.security.services import issue_token

    user = User.objects.create_user(name, "a-long-password-2026", name_zh=name)
    for action, branch, division in grants:
        user.grants.create(
            action=action, branch=branch, division_prefix=division, max_secrecy=2, max_grading=0, max_sharing=1
        )
    return user, {"HTTP_AUTHORIZATION": f"Bearer {issue_token(user, 'test', operator('test'))}"}


def both(action: str, branch: str = "", division: str = COUNTY) -> tuple[tuple[str, str, str], ...]:
    return tuple((one, branch, division) for one in ("see", "query", action))


def test_a_run_from_the_first_click_to_its_replay(published: Path, client: Any) -> None:
    from kunyu.engines.ingest.models import Finding, Verification
    from kunyu.engines.ingest.verification import services
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import AuditEntry
    from kunyu.engines.worklist.models import Notification

    editor, as_editor = person("editor", *both("edit"))
    _, as_viewer = person("viewer", *both("query"))
    _, as_surveyor = person("surveyor", *both("approve", "1"))
    _, as_stranger = person("stranger", *both("approve", "", "990102"))
    epochs.forget()
    mine = plant("\"DLBM\" = '0602'", within("stbhhx_mnr_control_2021"), [])

    def start(who: dict[str, str], division: str = COUNTY) -> Any:
        body = json.dumps({"division": division})
        return client.post("/api/verifications", body, content_type="application/json", **who)

    assert start({}).status_code == 401
    assert start(as_stranger).status_code == 404
    assert start(as_viewer).status_code == 403
    assert start(as_editor, "99").status_code == 422
    assert not Verification.objects.exists()

    first = start(as_editor)
    assert (first.status_code, first.json()["existing"], first.json()["status"]) == (202, False, "running")
    number = first.json()["id"]
    again = start(as_editor)
    assert (again.json()["id"], again.json()["existing"]) == (number, True)

    services.start_quietly(number, "editor", "worker", editor.pk)
    done = client.get(f"/api/verifications/{number}", **as_viewer).json()
    assert done["status"] == "done"
    assert [row["rule"] for row in done["by_rule"] if row["count"]] == ["V201", "V204"]
    assert {row["dataset"] for row in done["inputs"]} >= {"10401-003", "20201-001"}

    found = client.get(f"/api/verifications/{number}/findings?rule=V201", **as_viewer).json()["features"]
    assert [one["properties"]["ids"][0] for one in found] == [mine] * len(found)
    assert all(0 < one["properties"]["confidence"] <= 1 and one["geometry"] for one in found)
    content = b"".join(client.get(f"/api/verifications/{number}/result", **as_viewer).streaming_content)
    assert sm3_hex(content) == done["digest"]

    # rights on the survey alone show what compares the survey with itself, and say nothing of the control lines
    surveyed = client.get(f"/api/verifications/{number}", **as_surveyor).json()
    assert {row["rule"][:2] for row in [*surveyed["by_rule"], *surveyed["rules_not_run"]]} <= {"V1", "V2"}
    assert not {row["dataset"] for row in surveyed["inputs"]} & {"20201-001", "20203-001", "20301-001"}
    assert client.get(f"/api/verifications/{number}/findings", **as_surveyor).json()["features"] == []
    assert client.get(f"/api/verifications/{number}/result", **as_surveyor).status_code == 403
    assert client.get(f"/api/verifications/{number}", **as_stranger).status_code == 404
    assert client.get("/api/verifications", **as_stranger).json()["verifications"] == []

    assert Finding.objects.filter(verification_id=number).count() == sum(row["count"] for row in done["by_rule"])
    assert AuditEntry.objects.filter(action="verification-done", object_id=str(number), actor="editor").count() == 1
    told = Notification.objects.filter(kind="verification_found").values_list("recipient__username", flat=True)
    assert set(told) == {"surveyor"}

    one = Verification.objects.get(pk=number)
    from kunyu.engines.ingest.acting import principal_now

    assert services.replay(one, principal_now("editor", "test")).digest == one.digest
    # what is believed later does not change what was found then: the row is closed, as a publication closes it
    change(
        'UPDATE onemap.dltb_tdt1057_2020 SET known = tstzrange(lower(known), clock_timestamp()) WHERE "BSM" = %s', mine
    )
    assert services.replay(one, principal_now("editor", "test")).digest == one.digest

    client.force_login(editor)
    page = client.get(f"/verifications/{number}/").content.decode()
    assert mine in page and "V201" in page
    listed = client.get("/verifications/").content.decode()
    assert f"/verifications/{number}/" in listed and 'name="division"' in listed


def test_a_run_left_by_a_dead_worker_is_closed_and_one_at_a_time(published: Path) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from kunyu.engines.ingest.models import Verification
    from kunyu.engines.ingest.verification import services
    from kunyu.engines.ingest.verification.errors import VerificationRunning
    from kunyu.engines.security.scope import operator

    actor = operator("test")
    left = services.start(actor, COUNTY).verification
    Verification.objects.filter(pk=left.pk).update(started_at=timezone.now() - timedelta(minutes=11))
    second = services.start(actor, COUNTY)
    left.refresh_from_db()
    assert (second.existing, left.status, left.reason_en) == (False, "failed", "The process that ran it died.")

    with services._held(COUNTY):
        assert services.is_held(COUNTY)
        Verification.objects.filter(pk=second.verification.pk).update(started_at=timezone.now() - timedelta(hours=1))
        assert services.start(actor, COUNTY).existing  # however old: somebody works on it
        with pytest.raises(VerificationRunning):
            services.run(second.verification.pk, actor)
    assert services.run(second.verification.pk, actor).status == "done"


def test_publication_queues_one_job_for_a_county(node: None, sql: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten layers are published with a survey: the county is verified once, and layers no rule reads queue nothing."""
    from kunyu.engines.ingest.handlers import version_published
    from kunyu.engines.ingest.settings import ingest_settings
    from kunyu.kernel.outbox.models import Event

    def publish(collection: str, county: str = COUNTY) -> None:
        version_published(Event(topic="catalogue.version_published", payload={
            "collection": collection, "county": county, "delivery": None,
        }))  # fmt: skip

    def waiting() -> list[tuple[Any, ...]]:
        return sql(
            "SELECT args->>'county', args->>'actor', scheduled_at > now() FROM procrastinate_jobs "
            "WHERE task_name = 'ingest.verify_published' AND status = 'todo' ORDER BY 1"
        )

    for collection in ("10401-003", "10401-005", "20201-001", "10401-003"):
        publish(collection)
    publish("10101-001", "990102")
    assert waiting() == [(COUNTY, "operator", True)]
    publish("10401-003", "990102")
    assert [one[0] for one in waiting()] == [COUNTY, "990102"]

    monkeypatch.setenv("KUNYU_INGEST_VERIFY_PUBLISHED_AFTER_S", "0")
    ingest_settings.cache_clear()
    publish("10401-003", "990103")
    assert len(waiting()) == 2
    ingest_settings.cache_clear()
