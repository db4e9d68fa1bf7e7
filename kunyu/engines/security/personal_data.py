"""Personal data in columns of Django models: encrypted at rest, found by equality. 个人信息字段.

A model declares, besides a key that is known before the row is written::

    class Person(models.Model):
        personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
        phone = EncryptedText()
        phone_index = EqualityIndex(of="phone")

``person.phone`` reads and is set as plain text; the column holds a token that opens only in this row and column.
``Person.objects.filter(matching(Person, "phone", "13812341234"))`` finds by equality. Nothing else can be asked of such
a column: other look-ups, ordering by it, and ``update(phone=…)`` are refused. ``values()`` gives the token, never the
text. Save both fields together (``update_fields=["phone", "phone_index"]``). The empty text is kept as NULL.

Renaming the table or column, or changing ``personal_key``, makes the values unreadable: decrypt first.
"""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.core import checks
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from kunyu.engines.security import keys
from kunyu.kernel.crypto.fields import BlindIndex, FieldCipher, Place, plain_form
from kunyu.kernel.errors import Defect

ROW_KEY = "personal_key"
INDEX_LENGTH = 48


class Sealed(str):
    """A token as it came from the database."""

    __slots__ = ()


class _Opening(DeferredAttribute):
    """Opens the token when the attribute is read."""

    def __get__(self, instance: models.Model | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, owner)
        field = cast(EncryptedText, self.field)
        return field.opened(instance, value) if isinstance(value, Sealed) else value or ""

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedText(models.TextField):
    """Text that is encrypted in the database and plain on the instance.

    Parameters
    ----------
    key_name : str
        Data key of the node's ring, of purpose ``field``.
    row_key : str
        Attribute of the model that names the row: unique, never changed, known before the row is written.
    """

    descriptor_class = _Opening

    def __init__(
        self, *args: Any, key_name: str = keys.PERSONAL_FIELDS, row_key: str = ROW_KEY, **options: Any
    ) -> None:
        self.key_name, self.row_key = key_name, row_key
        super().__init__(*args, **{**options, "null": True, "blank": True})

    def deconstruct(self) -> Any:
        """For migrations: neither key names nor row keys change the column."""
        name, path, args, options = super().deconstruct()
        del options["null"], options["blank"]
        if self.key_name != keys.PERSONAL_FIELDS:
            options["key_name"] = self.key_name
        if self.row_key != ROW_KEY:
            options["row_key"] = self.row_key
        return name, path, args, options

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """The row's key is there and unique."""
        found = super().check(**kwargs)
        names = {field.name: field for field in self.model._meta.concrete_fields}
        key = names.get(self.row_key)
        if key is None or not (key.unique and isinstance(key, models.UUIDField)):
            text = f"{self.model.__name__} needs a unique UUIDField '{self.row_key}' for its field '{self.name}'."
            found.append(checks.Error(text, obj=self, id="kunyu.security.E001"))
        return found

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | None:
        """Mark a token, so that it is never taken for text."""
        return None if value is None else Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        """Encrypt what was set; a token that was only carried along stays as it is."""
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Sealed):
            return value
        return Sealed(self.cipher().encrypt(str(value), self.place(model_instance))) if value else None

    def get_prep_value(self, value: Any) -> Any:
        """Let tokens through and nothing else: ``update()`` and look-ups would write or compare plain text."""
        if value is None or isinstance(value, Sealed):
            return None if value is None else str(value)
        raise Defect(
            f"加密字段 {self.name} 不能用于更新或查询条件。请逐条保存，或用 personal_data.matching 按值查找。",
            f"The encrypted field {self.name} takes part in no update and no condition. Save row by row, or find by "
            "personal_data.matching.",
        )

    def get_lookup(self, lookup_name: str) -> Any:
        """Only ``isnull`` makes sense of a token."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def opened(self, instance: models.Model, token: str) -> str:
        """Return the text of a token of this row."""
        return self.cipher().decrypt(token, self.place(instance))

    def place(self, instance: models.Model) -> Place:
        """Return what the row's token is bound to."""
        return self.place_of(getattr(instance, self.row_key))

    def place_of(self, row_key: uuid.UUID | str) -> Place:
        """Return the place for a row's key."""
        return Place(self.model._meta.db_table, str(self.column), str(row_key))

    def row_key_column(self) -> str:
        """Return the column that holds the row's key."""
        return str(cast(models.Field, self.model._meta.get_field(self.row_key)).column)

    def cipher(self) -> FieldCipher:
        """Return the cipher of this field's key."""
        return FieldCipher(keys.node_ring(), self.key_name)

    def value_to_string(self, obj: models.Model) -> str:
        """Serialise the token, never the text."""
        return str(self.pre_save(obj, False) or "")


class EqualityIndex(models.CharField):
    """The blind index beside an `EncryptedText`: equal texts give equal digests, and the text does not follow from it.

    Parameters
    ----------
    of : str
        Name of the encrypted field.
    key_name : str
        Data key of purpose ``index``.
    """

    def __init__(self, *args: Any, of: str, key_name: str = keys.PERSONAL_INDEX, **options: Any) -> None:
        self.of, self.key_name = of, key_name
        fixed = {"max_length": INDEX_LENGTH, "null": True, "blank": True, "editable": False}
        super().__init__(*args, **{"db_index": True, **options, **fixed})

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, options = super().deconstruct()
        for fixed in ("max_length", "null", "blank", "editable"):
            options.pop(fixed, None)
        options["of"] = self.of
        if self.key_name != keys.PERSONAL_INDEX:
            options["key_name"] = self.key_name
        return name, path, args, options

    def pre_save(self, model_instance: models.Model, add: bool) -> str | None:
        """Digest what was set in the field beside; keep the digest of what was only carried along."""
        source = cast(EncryptedText, model_instance._meta.get_field(self.of))
        value = model_instance.__dict__.get(source.attname)
        if isinstance(value, Sealed):
            kept = getattr(model_instance, self.attname)
            return None if kept is None else str(kept)
        digest = self.index().digest(str(value)) if value else None
        setattr(model_instance, self.attname, digest)
        return digest

    def index(self) -> BlindIndex:
        """Return the blind index of the column beside."""
        return _indexes.get(keys.node_ring(), self.key_name, self.model._meta.db_table, self.of)


class _Indexes:
    """Blind indexes derive a key per column, so they are kept as long as their ring."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, str, str, str], tuple[Any, BlindIndex]] = {}

    def get(self, ring: Any, key_name: str, table: str, column: str) -> BlindIndex:
        place = (id(ring), key_name, table, column)
        held = self._held.get(place)
        if held is None or held[0] is not ring:
            held = self._held[place] = (ring, BlindIndex(ring, key_name, table, column, plain_form))
        return held[1]


_indexes = _Indexes()


def matching(model: type[models.Model], field: str, value: str) -> models.Q:
    """Return the condition "this field holds ``value``", also while its index key is being rotated.

    Values are compared in normal form: full-width digits and a small ``x`` find the same document.
    """
    column = index_of(model, field)
    if not plain_form(value):
        return models.Q(pk__in=[])
    return models.Q(**{f"{column.name}__in": column.index().candidates(value)})


def index_of(model: type[models.Model], field: str) -> EqualityIndex:
    """Return the index beside an encrypted field; Defect when there is none."""
    for column in model._meta.concrete_fields:
        if isinstance(column, EqualityIndex) and column.of == field:
            return column
    raise Defect(
        f"{model.__name__}.{field} 没有等值索引，无法按值查找。",
        f"{model.__name__}.{field} has no equality index; it cannot be found by value.",
    )


def protected_models() -> list[tuple[type[models.Model], list[EncryptedText], list[EqualityIndex]]]:
    """Return every model with encrypted columns: what `key_renewal` renews."""
    from django.apps import apps

    found = []
    for model in apps.get_models():
        sealed = [f for f in model._meta.local_concrete_fields if isinstance(f, EncryptedText)]
        indexes = [f for f in model._meta.local_concrete_fields if isinstance(f, EqualityIndex)]
        if sealed:
            found.append((model, sealed, indexes))
    return found
