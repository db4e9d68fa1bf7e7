"""Explanations say what the gateway decides, whatever the organisation, the grants, the labels and the zone.

R-022, R-035, R-041, R-142: "why can this person see this?" and "who can see this?".
"""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import epochs, explain, labels, rights, scope
from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.engines.security.explain import Question
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Appointment, Grant, Post, RightSource, Role, User
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.session import principal_of

pytestmark = pytest.mark.django_db

COLLECTIONS = ("10401-003", "10401-003.XZQ", "10502-001", "20201-001", "30101-001", "10401-0031")
BRANCHES = ("", "1", "104", "10401", "10401-003", "2", "20201-001", "105", "30")
DIVISIONS = ("", "99", "9901", "990101", "990102", "41", "4101")
ASKED = ("", "990101", "990102", "410101", "990101001")


def _maybe(chance: random.Random, share: float) -> bool:
    return chance.random() < share


def _day(chance: random.Random) -> object:
    return timezone.localdate() + timedelta(days=chance.randint(-3, 3))


def _grant(chance: random.Random, **recipient: object) -> None:
    Grant.objects.create(
        branch=chance.choice(BRANCHES), division_prefix=chance.choice(DIVISIONS), within_post=_maybe(chance, 0.4),
        action=chance.choice(scope.ACTIONS), max_secrecy=chance.choice([1, 2, 2, 3, 5]), max_grading=chance.randint(0, 2),
        max_sharing=chance.randint(0, 2), reveals=chance.sample(["name", "phone"], chance.randint(0, 2)),
        expires_at=timezone.now() + timedelta(minutes=chance.choice([-5, 5, 90])) if _maybe(chance, 0.4) else None,
        **recipient,
    )  # fmt: skip


def _world(chance: random.Random) -> list[User]:
    """Random organisations, posts, people, grants and labels."""
    bureaus = [
        Organisation.objects.create(
            code=f"B{i}", name_zh=f"局{i}", kind="bureau", path=f"{i}/", division_code=chance.choice(DIVISIONS),
            closed_on=_day(chance) if _maybe(chance, 0.2) else None,
        )
        for i in range(3)
    ]  # fmt: skip
    roles = [Role.objects.create(code=f"r{i}", name_zh=f"角色{i}") for i in range(3)]
    posts = []
    for i in range(4):
        post = Post.objects.create(
            organisation=chance.choice(bureaus),
            name_zh=f"岗{i}",
            closed_on=_day(chance) if _maybe(chance, 0.2) else None,
        )
        post.roles.set(chance.sample(roles, chance.randint(0, 3)))
        posts.append(post)
    people = [
        User.objects.create(username=f"u{i}", name_zh=f"人{i}", clearance=chance.randint(0, 3), is_active=_maybe(chance, 0.9))
        for i in range(4)
    ]  # fmt: skip
    for person in people:
        for post in chance.sample(posts, chance.randint(0, 3)):
            start = _day(chance)
            ends = start + timedelta(days=chance.randint(0, 3)) if _maybe(chance, 0.5) else None
            Appointment.objects.create(user=person, post=post, starts_on=start, ends_on=ends)
        for _ in range(chance.randint(1, 10)):
            _grant(chance, user=person)
    for role in roles:
        for _ in range(chance.randint(2, 8)):
            _grant(chance, role=role)
    for collection in COLLECTIONS:
        if _maybe(chance, 0.6):
            LabelRow.objects.create(
                collection=collection, secrecy=chance.choice([0, 0, 1, 2, 3]), grading=chance.choice([0, 0, 1]),
                sharing=chance.choice([0, 0, 1]), reason="试", state="approved", proposed_by="a", decided_by="b",
            )  # fmt: skip
    epochs.forget()
    return people


def _gateway(user: User, question: Question) -> bool:
    """What the gateway decides, asked as a request asks it."""
    principal = principal_of(user)
    try:
        found = scope.resolve(principal, question.collection, question.action, public=question.public)
    except (NotAllowed, NotVisible):
        return False
    return not question.division or found.allows_division(question.division)


@pytest.mark.parametrize("seed", range(12))
def test_an_explanation_and_a_decision_never_differ(seed: int) -> None:
    """Property over random worlds: why() allows exactly what resolve() allows, and who() lists exactly those people."""
    chance = random.Random(seed)
    people = _world(chance)
    told = {True: 0, False: 0}
    with override_settings(KUNYU_ZONE=chance.choice(["business", "business", "secret", "internet"])):
        for collection in COLLECTIONS:
            for action in scope.ACTIONS:
                division = chance.choice(ASKED)
                listed = set(explain.who(collection, action, division).values_list("user_id", flat=True))
                for person in people:
                    public = _maybe(chance, 0.2)
                    question = Question(person, collection, action, division, public)
                    answer = explain.why(question)
                    assert answer.allowed == _gateway(person, question), (person, question)
                    assert answer.allowed == any(way.holds for way in answer.ways)
                    assert answer.allowed or (answer.ways and all(way.broken for way in answer.ways))
                    if not public:
                        assert answer.allowed == (person.pk in listed)
                    told[answer.allowed] += 1
    assert told[False] and told[True], "a world in which nothing is ever allowed proves nothing"


@pytest.mark.parametrize("seed", range(100, 108))
def test_sources_that_hold_are_the_rights_that_decide(seed: int) -> None:
    """The sources with ``holds`` and security_rights() are the same rows, duplicates included."""
    chance = random.Random(seed)
    for person in _world(chance):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT branch, division, action, labels, reveals, until FROM security_rights(%s)", [person.pk]
            )
            decided = sorted(map(repr, cursor.fetchall()))
        columns = ("branch", "division", "action", "allowed", "reveals", "expires_at")
        told = explain.everything(person).values_list(*columns)
        assert sorted(repr(tuple(row)) for row in told) == decided
        assert len(rights.rights_of(person.pk)) == len(decided)


@pytest.fixture
def li() -> User:
    return User.objects.create(username="li", name_zh="李检查", division_code="990101")


def _granted(user: User, **changed: object) -> Grant:
    given = {"branch": "104", "division_prefix": "9901", "action": "query", "max_grading": 0} | changed
    return Grant.objects.create(user=user, granted_by="an", reason="年度变更调查", **given)


def _kinds(answer: explain.Answer) -> list[str]:
    return [link.kind for link in answer.ways[0].broken]


def test_a_yes_draws_the_whole_chain(li: User) -> None:
    _granted(li)
    answer = explain.why(Question(li, "10401-003", "query", "990101"))
    assert answer.allowed and answer.count == 1
    kinds = [link.kind for link in answer.ways[0].links]
    assert kinds == ["person", "grant", "branch", "division", "ceiling", "clearance", "zone", "masks"]
    assert "年度变更调查" in next(link for link in answer.ways[0].links if link.kind == "grant").detail[0]


@pytest.mark.parametrize(
    ("changed", "action", "division", "missing"),
    [
        ({}, "download", "990101", ["grant"]),
        ({}, "query", "410101", ["division"]),
        ({"branch": "202"}, "query", "990101", ["branch"]),
        ({"branch": "10401-0031"}, "query", "990101", ["branch"]),
        ({"max_secrecy": 1}, "query", "990101", ["ceiling"]),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "query", "", ["grant"]),
    ],
)
def test_a_no_names_exactly_the_missing_link(
    li: User, changed: dict, action: str, division: str, missing: list
) -> None:
    _granted(li, **changed)
    answer = explain.why(Question(li, "10401-003", action, division))
    assert not answer.allowed
    assert _kinds(answer) == missing
    assert all(link.remedy[0] and link.remedy[1] for link in answer.ways[0].broken)


def test_a_secret_needs_ceiling_clearance_and_zone(li: User) -> None:
    LabelRow.objects.create(collection="10401-003", secrecy=labels.SECRET, grading=0, sharing=0, reason="试",
                            state="approved", proposed_by="a", decided_by="b")  # fmt: skip
    epochs.forget()
    _granted(li, max_secrecy=3, max_grading=2, max_sharing=2)
    assert _kinds(explain.why(Question(li, "10401-003", "query"))) == ["clearance", "zone"]
    with override_settings(KUNYU_ZONE="secret"):
        assert _kinds(explain.why(Question(li, "10401-003", "query"))) == ["clearance"]
        li.clearance = 1
        li.save()
        assert explain.why(Question(li, "10401-003", "query")).allowed
    assert explain.who("10401-003").count() == 0


def test_without_any_grant_the_missing_link_is_the_grant(li: User) -> None:
    assert _kinds(explain.why(Question(li, "10401-003", "query"))) == ["grant"]


def test_a_post_explains_itself_and_its_end(li: User) -> None:
    bureau = Organisation.objects.create(code="B", name_zh="坤舆县自然资源局", kind="bureau", division_code="990101")
    role = Role.objects.create(code="viewer-x", name_zh="查看")
    Grant.objects.create(role=role, branch="1", action="see", within_post=True)
    post = Post.objects.create(organisation=bureau, name_zh="科员")
    post.roles.add(role)
    held = Appointment.objects.create(user=li, post=post, starts_on=timezone.localdate())
    question = Question(li, "10401-003", "see", "990101")
    kinds = [link.kind for link in explain.why(question).ways[0].links]
    assert kinds[:4] == ["person", "appointment", "post", "role"]
    assert RightSource.objects.get(user=li).division == "990101"
    held.starts_on, held.ends_on = (timezone.localdate() - timedelta(days=day) for day in (9, 1))
    held.save()
    assert _kinds(explain.why(question)) == ["appointment"]


def test_label_of_the_answer_is_the_one_that_decides(li: User) -> None:
    answer = explain.why(Question(li, "10401-003", "see"))
    assert (answer.label, answer.label_approved) == (labels.ORDINARY, False)
    LabelRow.objects.create(collection="10401-003", secrecy=0, grading=0, sharing=0, reason="试", state="approved",
                            proposed_by="a", decided_by="b")  # fmt: skip
    epochs.forget()
    opened = explain.why(Question(li, "10401-003", "see", public=True))
    assert opened.allowed and opened.label == Label() and opened.ways[0].links[-1].kind == "public"
