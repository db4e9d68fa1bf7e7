"""Documents of templates: made once for their cause, kept with what they were made from. 文书.

Made again under the same key it is the same document, whatever is asked for the second time: a crash between making and
the next step is repaired by doing both again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from kunyu.engines.documents import making, proofs
from kunyu.engines.documents.models import Document
from kunyu.engines.security import audit, masks
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal
from kunyu.kernel.identifiers import is_citizen_id

_CITIZEN = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")


def render(
    principal: Principal, template: Path, filled_with: dict[str, Any], *, key: str, kind: str, subject: str,
    title_zh: str, number: str = "", proof: making.Proof | None = None, is_official: bool = True,
) -> Document:  # fmt: skip
    """Fill a template and keep the file, once for each ``key``.

    Parameters
    ----------
    template : Path
        ``.html`` (becomes a PDF) or ``.docx``.
    filled_with : dict
        JSON values; what is kept of them bears citizen ids masked.
    proof : Proof, optional
        The mark of a document that is verified by its own number (a licence); others get a code of their own.
    is_official : bool
        False for drafts: they bear no mark and cannot be verified.

    Raises
    ------
    BadTemplate
    """
    found = Document.objects.filter(key=key).first()
    if found is not None:
        return found
    code = proofs.new_code() if is_official and proof is None else ""
    mark = proofs.proof_of(code) if code else proof
    made = making.make(template, filled_with, title=title_zh, proof=mark if is_official else None)
    return keep(
        principal, made.content, key=key, kind=kind, subject=subject, number=number, title_zh=title_zh,
        template=template.name, template_sm3=made.template_sm3, filled_with=without_citizen_ids(filled_with),
        media_type=made.media_type, pages=made.pages, proof=code,
    )  # fmt: skip


def keep(principal: Principal, content: bytes, **values: Any) -> Document:
    """Store a file, encrypted, with its row; a row of the same key that came meanwhile is the answer instead."""
    stored = object_store().put_bytes(content, protect=True)
    try:
        with transaction.atomic():
            made = Document.objects.create(sm3=stored.sm3, size=stored.size, made_by=principal.name, **values)
            audit.record(principal, "document-made", "document", made.pk, kind=made.kind, subject=made.subject,
                         number=made.number, sm3=made.sm3)  # fmt: skip
    except IntegrityError:
        return Document.objects.get(key=values["key"])
    return made


def content_of(document: Document) -> bytes:
    """The whole file, its digest verified."""
    store = object_store()
    store.require_sound(document.sm3)
    with store.open(document.sm3) as file:
        return file.read()


def without_citizen_ids(value: Any) -> Any:
    """The same JSON value with every citizen id masked: the row is read by more people than the file."""
    if isinstance(value, dict):
        return {name: without_citizen_ids(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_citizen_ids(one) for one in value]
    return _CITIZEN.sub(_masked, value) if isinstance(value, str) else value


def _masked(found: re.Match[str]) -> str:
    text = found[0]
    return str(masks.mask(masks.DOCUMENT, text)) if is_citizen_id(text.upper()) else text
