"""Seals made, approved, stopped, destroyed by separate people, on record (R-133, R-035)."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import InternalError, ProgrammingError
from django.utils import timezone
from PIL import Image

from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.models import Seal, SealEvent, SealUse
from kunyu.engines.documents.seal_errors import BadSealEntry, BadSealPicture, UnknownSeal, WrongSealState
from kunyu.engines.documents.seals import queries, services, uses
from kunyu.engines.documents.seals.keys import NodeKeys, SealKeys, seal_keys
from kunyu.engines.documents.seals.makers import NodeMaker, SealMaker, seal_maker
from kunyu.engines.documents.seals.services import SealEntry
from kunyu.engines.documents.seals.tests.made import (
    AUDITOR,
    COUNTY,
    DECIDER,
    NAME,
    SECURITY,
    SYSTEM,
    active_seal,
    prepared_seal,
)
from kunyu.engines.documents.signatures import ses
from kunyu.engines.documents.signatures.suites import ECDSA, SM2
from kunyu.engines.security import key_pairs
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import ANONYMOUS, Principal
from kunyu.kernel.crypto.certificates import read_certificate
from kunyu.kernel.crypto.chains import verify_chain
from kunyu.kernel.crypto.software import SoftwareProvider

pytestmark = pytest.mark.django_db


def audited(code: str) -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(object_kind="seal", object_id=code).order_by("pk")
    return [(one.action, one.actor) for one in rows]


def png(width: int = 500, height: int = 500, *, ground: int = 0, mode: str = "RGBA") -> bytes:
    picture = Image.new("RGBA", (width, height), (255, 255, 255, ground))
    picture.paste((215, 20, 26, 255), (width // 4, height // 4, width // 2, height // 2))
    out = io.BytesIO()
    picture.convert(mode).save(out, "PNG", pnginfo=None)
    return out.getvalue()


def test_a_seal_is_made_by_one_and_put_into_use_by_another() -> None:
    made = prepared_seal()
    assert (made.state, made.made_by, made.approved_by) == ("prepared", "a-system", "")
    used = services.approve(SECURITY, made.code)
    assert (used.state, used.approved_by) == ("active", "a-security")
    assert audited(made.code) == [("seal-made", "a-system"), ("seal-approved", "a-security")]
    assert [(one.act, one.before, one.state) for one in made.events.all()] == [
        ("made", "", "prepared"), ("approved", "prepared", "active"),
    ]  # fmt: skip


def test_its_certificates_lead_to_the_maker_and_name_it() -> None:
    one = active_seal()
    sm2 = read_certificate(bytes(one.sm2_certificate))
    root = read_certificate(seal_maker().roots(SM2)[0])
    assert (
        verify_chain(SoftwareProvider(), sm2, [root], at=timezone.now(), usage="digital_signature")[-1].der == root.der
    )
    assert one.code in sm2.subject and NAME in sm2.subject
    assert sm2.public_key == key_pairs.open_pair(one.key_name).sm2_public
    assert one.valid_to - one.valid_from == timedelta(days=365 * 5, hours=1)
    assert seal_maker().roots(ECDSA) != seal_maker().roots(SM2)


def test_the_seals_data_are_signed_by_the_maker() -> None:
    one = active_seal()
    with object_store().open(one.ses_seal_sm3) as file:
        data = file.read()
    identity = seal_maker().identity()
    sealed = ses.read_sealed(ses.seal_data(identity, data, b"d" * 32, "/x", timezone.now(), None))
    assert sealed.seal_is_its_makers and sealed.seal.name == NAME and sealed.seal.code == one.code
    assert sealed.seal.picture == services.picture_of(one) and sealed.seal.picture.startswith(b"\x89PNG")
    assert sealed.seal_data == data


def test_the_maker_may_not_approve_his_own_seal() -> None:
    made = prepared_seal()
    both = Principal("a-system", duty="security", duty_division="9901")
    with pytest.raises(WrongSealState, match="Another person than its maker"):
        services.approve(both, made.code)
    made.refresh_from_db()
    assert made.state == "prepared" and made.approved_by == ""


@pytest.mark.parametrize("who", [SECURITY, AUDITOR, DECIDER])
def test_only_a_system_administrator_makes(who: Principal) -> None:
    with pytest.raises(NotVisible):
        services.make(who, SealEntry(NAME, COUNTY))
    assert not Seal.objects.exists()


@pytest.mark.parametrize("act", ["approve", "resume", "destroy"])
def test_only_a_security_administrator_approves_and_destroys(act: str) -> None:
    made = prepared_seal()
    with pytest.raises(NotVisible):
        services.ACTS[act](SYSTEM, made.code, "试")
    made.refresh_from_db()
    assert made.state == "prepared" and audited(made.code) == [("seal-made", "a-system")]


def test_another_divisions_seal_is_not_there() -> None:
    made = prepared_seal()
    elsewhere = Principal("b-security", duty="security", duty_division="9802")
    with pytest.raises(UnknownSeal):
        services.approve(elsewhere, made.code)
    with pytest.raises(NotAllowed):
        services.make(SYSTEM, SealEntry(NAME, "980201"))
    with pytest.raises(SignInNeeded):
        queries.visible(ANONYMOUS)


def test_suspended_resumed_destroyed() -> None:
    one = active_seal()
    services.suspend(SYSTEM, one.code, "印章保管人离岗")
    with pytest.raises(WrongSealState, match="is suspended: it cannot be suspended"):
        services.suspend(SYSTEM, one.code, "再停")
    services.resume(SECURITY, one.code, "交接完成")
    assert Seal.objects.get(pk=one.pk).state == "active"


def test_a_destroyed_seal_has_no_keys_and_stays_on_record(django_capture_on_commit_callbacks) -> None:  # type: ignore[no-untyped-def]
    one = active_seal()
    with django_capture_on_commit_callbacks(execute=True):
        services.destroy(SECURITY, one.code, "机构撤并")
    assert not key_pairs.exists(one.key_name)
    with pytest.raises(WrongSealState, match="is destroyed"):
        services.resume(SECURITY, one.code, "后悔")
    with pytest.raises((InternalError, ProgrammingError), match="只增不改"), transaction.atomic():
        connection.cursor().execute("DELETE FROM documents_seal")
    assert Seal.objects.filter(pk=one.pk).exists()


def test_acts_need_a_reason() -> None:
    one = active_seal()
    for act in (services.suspend, services.destroy):
        with pytest.raises(BadSealEntry, match="Give a reason of at most 300 letters"):
            act(SECURITY, one.code, "  ")
    assert Seal.objects.get(pk=one.pk).state == "active"


def test_state_at_a_moment() -> None:
    one = active_seal()
    made, approved = one.events.order_by("id")
    assert queries.state_at(one, made.at - timedelta(seconds=1)) == ""
    assert queries.state_at(one, approved.at) == "active"
    services.suspend(SYSTEM, one.code, "停")
    assert queries.state_at(one, timezone.now()) == "suspended"
    assert queries.state_at(one, approved.at) == "active"


def test_only_a_seal_in_use_seals() -> None:
    one = prepared_seal()
    with pytest.raises(SealUnusable, match="is waiting and seals nothing"):
        uses.begin(DECIDER, one)
    services.approve(SECURITY, one.code)
    assert uses.begin(DECIDER, one) <= timezone.now()
    with pytest.raises(SignInNeeded):
        uses.begin(ANONYMOUS, one)
    one.valid_to = timezone.now() - timedelta(seconds=2)
    with pytest.raises(SealUnusable, match="Have a new one made"):
        uses.begin(DECIDER, one)


def test_every_use_is_kept() -> None:
    one = active_seal()
    use = uses.record(DECIDER, one, before=b"a", after=b"b", profile="pdf-sm2", subject="licence:1", at=timezone.now())
    for statement in (
        "UPDATE documents_sealuse SET subject = 'x'",
        "DELETE FROM documents_sealuse",
        "DELETE FROM documents_sealevent",
    ):
        with pytest.raises((InternalError, ProgrammingError), match="只增不改"), transaction.atomic():
            connection.cursor().execute(statement)
    assert SealUse.objects.get().subject == "licence:1" and SealEvent.objects.count() == 2
    entry = AuditEntry.objects.get(action="seal-used")
    assert (entry.actor, entry.object_id, entry.detail["subject"]) == ("a-decider", one.code, "licence:1")
    assert use.document_sm3 != use.source_sm3


def test_the_seal_of_a_decision_is_the_nearest_in_use() -> None:
    city = active_seal("示范市自然资源局", "9901")
    assert queries.seal_for(COUNTY) == city
    county = active_seal()
    assert queries.seal_for(COUNTY) == county
    assert queries.seal_for("990101001") == county
    services.suspend(SYSTEM, county.code, "停")
    assert queries.seal_for(COUNTY) == city
    with pytest.raises(SealUnusable, match="Division 980101 has no seal in use"):
        queries.seal_for("980101")


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (SealEntry("", COUNTY), "name_zh"),
        (SealEntry("长" * 41, COUNTY), "name_zh"),
        (SealEntry(NAME, "99010"), "division_code"),
        (SealEntry(NAME, COUNTY, width_mm=19), "width_mm"),
        (SealEntry(NAME, COUNTY, width_mm=61), "width_mm"),
        (SealEntry(NAME, COUNTY, width_mm=40, height_mm=30), "height_mm"),
        (SealEntry(NAME, COUNTY, years=11), "years"),
        (SealEntry(NAME, COUNTY, second_line="字" * 17), "second_line"),
        (SealEntry(NAME, COUNTY, organisation="none-such"), "organisation"),
    ],
)
def test_a_wrong_entry_names_its_field_and_writes_nothing(entry: SealEntry, field: str) -> None:
    with pytest.raises(BadSealEntry) as refused:
        services.make(SYSTEM, entry)
    assert refused.value.context["field"] == field
    assert not Seal.objects.exists()


def test_an_uploaded_picture_is_cleaned_and_used() -> None:
    one = services.make(SYSTEM, SealEntry(NAME, COUNTY, width_mm=40, height_mm=40, picture=png()))
    stored = services.picture_of(one)
    with Image.open(io.BytesIO(stored)) as picture:
        assert picture.size == (500, 500) and picture.mode == "RGBA" and not picture.info
        assert picture.getpixel((0, 0))[3] == 0 and picture.getpixel((200, 200)) == (215, 20, 26, 255)


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (b"GIF89a", "it is no PNG file"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "the picture is damaged"),
        (png(199, 199), "199×199 pixels, at least 200 a side"),
        (png(3001, 3001), "3001×3001 pixels, at most 3000 a side"),
        (png(500, 400), r"its shape 1\.25 differs from 40×40 mm"),
        (png(ground=255), "0% of it is transparent, at least 20% must be"),
        (png(mode="RGB"), "0% of it is transparent"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * (2 << 20), "at most 2097152"),
    ],
)
def test_an_unusable_picture_is_refused_by_name(picture: bytes, why: str) -> None:
    with pytest.raises(BadSealPicture, match=why):
        services.make(SYSTEM, SealEntry(NAME, COUNTY, width_mm=40, height_mm=40, picture=picture))
    assert not Seal.objects.exists()


def test_the_adapters_keep_to_their_interfaces() -> None:
    """A certified device and maker take the place of these by two settings."""
    assert isinstance(seal_keys(), SealKeys) and isinstance(seal_maker(), SealMaker)
    assert NodeKeys.certified is False and NodeMaker.certified is False
