"""The OFD of a licence: the same words as its PDF, sealed after GB/T 38540, made after the licence is in force. OFD 证照.

A licence is valid with its sealed PDF; the OFD follows within seconds through the outbox, since laying out and embedding a
font costs half a second that no applicant should wait. It has a layout of its own: title, number, what stands on it, office
and day.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from kunyu.engines.documents import templates
from kunyu.engines.documents.kinds import kind_of
from kunyu.engines.documents.models import Document, Licence, Seal, SealUse
from kunyu.engines.documents.ofd import sealing, writing
from kunyu.engines.documents.ofd.layout import Line, Paper, Rule, Sheet
from kunyu.engines.documents.template_words import date_written
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.outbox.models import Event

ACTOR = Principal("documents", "文书与证照", origin="outbox")
MEDIA_TYPE = "application/ofd"
_LEFT, _RIGHT, _VALUE = 26.0, 184.0, 76.0
_ROW, _LETTERS, _FIRST, _LAST = 9.0, 25, 66.0, 236.0


def licence_changed(event: Event) -> None:
    """``documents.licence_changed``: make the OFD of a licence that came into force. Idempotent."""
    licence = Licence.objects.filter(pk=event.payload["licence"]).select_related("pdf").first()
    if licence is None or licence.state != Licence.State.VALID or licence.ofd_id is not None:
        return
    use = SealUse.objects.filter(subject=f"licence:{licence.pk}").select_related("seal").first()
    if use is not None and use.seal.state == Seal.State.ACTIVE:
        make(ACTOR, licence, use.seal)


@transaction.atomic
def make(principal: Principal, licence: Licence, seal: Seal) -> Document:
    """Make, seal and keep the OFD of a licence, once."""
    place = f"licence:{licence.pk}"
    found = Document.objects.filter(key=f"{place}:ofd").first()
    if found is None:
        paper = paper_of(licence)
        content = sealing.seal(principal, writing.write(paper), seal, subject=place)
        found = templates.keep(
            principal, content, key=f"{place}:ofd", kind="licence", subject=licence.subject, number=licence.number,
            title_zh=paper.title, template="ofd", template_sm3=sm3_hex(canonical_json(paper.facts)), filled_with={},
            media_type=MEDIA_TYPE, pages=len(paper.sheets), is_sealed=True,
        )  # fmt: skip
    Licence.objects.filter(pk=licence.pk).update(ofd=found)
    return found


def paper_of(licence: Licence) -> Paper:
    """The words of a licence on sheets of A4."""
    title = licence.pdf.title_zh if licence.pdf else kind_of(licence.kind).name_zh
    rows = [
        ("持证主体", licence.holder_name),
        ("项目代码", licence.project_code),
        *((name.partition("|")[0], str(value)) for name, value in licence.ordered_facts),
        ("有效期至", licence.valid_to.isoformat() if licence.valid_to else ""),
        ("电子证照标识", licence.identifier),
    ]
    sheets = tuple(_sheets(title, licence, [(name, value) for name, value in rows if value]))
    facts = {"number": licence.number, "identifier": licence.identifier, "issuer": licence.issuer_code}
    return Paper(title, licence.issued_on, sheets, author=licence.issuer_zh, facts=facts)


def _sheets(title: str, licence: Licence, rows: list[tuple[str, str]]) -> Iterator[Sheet]:
    lines = [Line(105, 40, title, 7.0, "centre"), Line(_RIGHT, 54, licence.number, 4.23, "right")]
    rules, y = [Rule(_LEFT, _FIRST - 6, _RIGHT, _FIRST - 6)], _FIRST
    for name, value in rows:
        pieces = [value[start : start + _LETTERS] for start in range(0, len(value), _LETTERS)]
        if y + _ROW * len(pieces) > _LAST:
            yield Sheet(tuple(lines), tuple(rules))
            lines, rules, y = [], [Rule(_LEFT, 24, _RIGHT, 24)], 30.0
        lines.append(Line(_LEFT + 3, y, name))
        lines += [Line(_VALUE, y + _ROW * number, piece) for number, piece in enumerate(pieces)]
        y += _ROW * len(pieces)
        rules.append(Rule(_LEFT, y - 6, _RIGHT, y - 6))
    lines += [Line(_RIGHT, y + 14, licence.issuer_zh, 4.94, "right"),
              Line(_RIGHT, y + 24, date_written(licence.issued_on.isoformat()), 4.94, "right")]  # fmt: skip
    yield Sheet(tuple(lines), tuple(rules))
