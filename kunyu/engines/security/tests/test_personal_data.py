"""Personal data at rest: unreadable in the table, bound to its row, found by equality (R-070)."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.apps.registry import Apps
from django.core.exceptions import FieldError
from django.db import connection, models, transaction
from django.db.migrations.writer import MigrationWriter

from kunyu.engines.security import keys
from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex, matching
from kunyu.kernel.crypto.errors import DecryptionFailed
from kunyu.kernel.errors import Defect

PHONE, NUMBER = "13812341234", "11010119900307002X"


class Person(models.Model):
    """A table of this test alone."""

    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    phone = EncryptedText()
    phone_index = EqualityIndex(of="phone")
    note = EncryptedText(key_name=keys.ACCOUNT_SECRETS)

    class Meta:
        apps = Apps()  # of its own, so that no check of migrations sees it
        app_label = "security"
        db_table = "test_personal_data_person"


@pytest.fixture
def people(db: None, tmp_path: Path, settings):
    settings.KUNYU_HOME = tmp_path
    with connection.schema_editor() as editor:
        editor.create_model(Person)
    yield Person.objects
    keys.forget()


def raw(column: str, pk: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM test_personal_data_person WHERE id = %s", [pk])
        return cursor.fetchone()[0]


def test_reads_as_plain_and_lies_as_token(people) -> None:
    person = people.create(phone=PHONE, note="门卡 7")
    assert people.get(pk=person.pk).phone == PHONE
    assert people.get(pk=person.pk).note == "门卡 7"
    assert raw("phone", person.pk).startswith("kf1.1.") and raw("phone_index", person.pk).startswith("ki1.1.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT person::text FROM test_personal_data_person AS person")
        (line,) = cursor.fetchone()
    assert PHONE not in line and "门卡" not in line


def test_found_by_equality_in_any_spelling(people) -> None:
    person = people.create(phone=NUMBER)
    people.create(phone="13900000000")
    for spelling in (NUMBER, NUMBER.lower(), f" {NUMBER} ", "".join(chr(ord(c) + 0xFEE0) for c in NUMBER)):
        assert [one.pk for one in people.filter(matching(Person, "phone", spelling))] == [person.pk]
    assert not people.filter(matching(Person, "phone", NUMBER[:-1])).exists()
    assert not people.filter(matching(Person, "phone", "  ")).exists()


def test_equal_values_look_different_but_share_the_index(people) -> None:
    one, two = people.create(phone=PHONE), people.create(phone=PHONE)
    assert raw("phone", one.pk) != raw("phone", two.pk)
    assert raw("phone_index", one.pk) == raw("phone_index", two.pk)


def test_token_of_another_row_does_not_open(people) -> None:
    one, two = people.create(phone=PHONE), people.create(phone="13900000000")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE test_personal_data_person SET phone = %s WHERE id = %s", [raw("phone", one.pk), two.pk])
    with pytest.raises(DecryptionFailed):
        _ = people.get(pk=two.pk).phone


def test_empty_is_null_and_reads_as_empty(people) -> None:
    for given in ("", None):
        person = people.create(phone=given)
        assert people.get(pk=person.pk).phone == ""
        assert raw("phone", person.pk) is None and raw("phone_index", person.pk) is None


def test_untouched_values_are_not_encrypted_again(people) -> None:
    person = people.create(phone=PHONE, note="a")
    before = raw("phone", person.pk), raw("phone_index", person.pk)
    loaded = people.get(pk=person.pk)
    loaded.note = "b"
    loaded.save()
    assert (raw("phone", person.pk), raw("phone_index", person.pk)) == before
    assert people.get(pk=person.pk).note == "b"


def test_change_moves_the_index_too(people) -> None:
    person = people.create(phone=PHONE)
    loaded = people.get(pk=person.pk)
    loaded.phone = "13900000000"
    loaded.save(update_fields=["phone", "phone_index"])
    assert not people.filter(matching(Person, "phone", PHONE)).exists()
    assert people.filter(matching(Person, "phone", "13900000000")).get().phone == "13900000000"


def test_deferred_and_refreshed(people) -> None:
    pk = people.create(phone=PHONE).pk
    assert people.defer("phone").get(pk=pk).phone == PHONE
    loaded = people.get(pk=pk)
    loaded.phone = "x"
    loaded.refresh_from_db()
    assert loaded.phone == PHONE


def test_bulk_create_encrypts(people) -> None:
    people.bulk_create([Person(phone=PHONE), Person(phone="13900000000")])
    assert {one.phone for one in people.all()} == {PHONE, "13900000000"}
    assert all(token.startswith("kf1.") for token in people.values_list("phone", flat=True))


def test_plain_text_reaches_neither_update_nor_condition(people) -> None:
    people.create(phone=PHONE)
    with pytest.raises(Defect, match="matching"), transaction.atomic():
        people.update(phone="13900000000")
    for condition in ({"phone": PHONE}, {"phone__contains": "138"}, {"phone__in": [PHONE]}):
        with pytest.raises(FieldError):
            people.filter(**condition).exists()
    assert people.filter(phone__isnull=False).count() == 1


def test_row_key_is_required_and_checked() -> None:
    assert [m for f in Person._meta.local_fields for m in f.check() if m.id == "kunyu.security.E001"] == []

    class Keyless(models.Model):
        phone = EncryptedText()

        class Meta:
            apps = Apps()
            app_label = "security"

    assert [m.id for m in Keyless._meta.get_field("phone").check()] == ["kunyu.security.E001"]


def test_migrations_can_write_the_fields() -> None:
    for name in ("phone", "phone_index", "note"):
        text, imports = MigrationWriter.serialize(Person._meta.get_field(name))
        rebuilt = eval(text, {"kunyu": __import__("kunyu.engines.security.personal_data")})
        assert rebuilt.deconstruct()[2:] == Person._meta.get_field(name).deconstruct()[2:]
        assert imports
