"""The sealed file of a paper, made once: licences and letters go the same road. 用印成文.

The record of each use of the seal, its audit entry and the file's row stand or fall together: a full disk, a crash or a
second worker at the same paper leaves nothing half done. Which profiles a paper bears is one setting for all
(``KUNYU_SEALS_PROFILES``).
"""

from __future__ import annotations

from django.db import transaction

from kunyu.engines.documents import signing, templates
from kunyu.engines.documents.models import Document, Seal
from kunyu.engines.documents.seal_places import place_of
from kunyu.engines.security.scope import Principal


@transaction.atomic
def sealed(principal: Principal, plain: Document, seal: Seal, *, key: str, place: str, office: str) -> Document:
    """Seal a paper, or give back its file that is sealed already.

    Parameters
    ----------
    plain
        The paper without a seal; whoever seals it holds its row, so that two workers do not seal it twice.
    key
        Of the sealed file.
    place
        What the use of the seal is for, e.g. ``licence:12``.
    office
        Name in the paper over which the seal is put.

    Raises
    ------
    SealUnusable, NotSealable, StoreFull, StoreUnavailable
    """
    Document.objects.select_for_update().get(pk=plain.pk)
    found = Document.objects.filter(key=key).first()
    if found is not None:
        return found
    before = templates.content_of(plain)
    page, at = place_of(before, office) or (-1, signing.USUAL_PLACE)
    content = signing.seal_pdf(principal, before, seal, subject=place, page=page, at=at)
    return templates.keep(
        principal, content, key=key, kind=plain.kind, subject=plain.subject, number=plain.number,
        title_zh=plain.title_zh, template=plain.template, template_sm3=plain.template_sm3, filled_with=plain.filled_with,
        media_type=plain.media_type, pages=plain.pages, is_sealed=True, proof=plain.proof,
    )  # fmt: skip
