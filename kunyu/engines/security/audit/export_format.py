"""The export: JSON lines that a reader can check byte by byte. 审计导出文件.

::

    {"kunyu_audit_export":1,"header":{…}}
    {"n":1,"leaf":"<64 hex>","link":"<64 hex>","record":{…the text that was hashed, byte for byte…}}
    {"checkpoint":{…the text that was signed…},"signature":"<hex>"}
    {"end":{…},"signature":"<hex>"}

Members stand in exactly this order without spaces, so that the hashed and signed bytes are slices of the line: to verify,
no JSON library is needed. A checkpoint stands behind the entry it vouches for. The end is signed by the node at export;
it names header, first and last entry, last link, number of checkpoints and the head of the chain, so that a file cut
or taken apart shows.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from kunyu.kernel.digests import canonical_json

END_KIND = "kunyu.audit.export-end.1"
_HEADER = re.compile(rb'\{"kunyu_audit_export":1,"header":(\{.*\})\}\n')
ENTRY = re.compile(rb'\{"n":([1-9][0-9]{0,17}),"leaf":"([0-9a-f]{64})","link":"([0-9a-f]{64})","record":(\{.*\})\}\n')
CHECKPOINT = re.compile(rb'\{"checkpoint":(\{.*\}),"signature":"((?:[0-9a-f]{2})+)"\}\n')
END = re.compile(rb'\{"end":(\{.*\}),"signature":"((?:[0-9a-f]{2})+)"\}\n')


@dataclass(frozen=True)
class Header:
    """What an export says of itself before the first entry.

    Attributes
    ----------
    node, node_name, zone : str
    made_at : str
        RFC 3339, UTC+8.
    period : tuple of str
        First and last moment asked for; empty texts: no limit.
    first, last : int
        Sequence numbers of the first and last entry in the file; 0 and 0 when there is none.
    previous_link : str
        ``link_{first-1}``, hexadecimal; the genesis of the node when ``first`` is 1.
    certificates : tuple of str
        PEM of every certificate that signed a checkpoint of the file, and of the one that signs the end.
    """

    node: str
    node_name: str
    zone: str
    made_at: str
    period: tuple[str, str]
    first: int
    last: int
    previous_link: str
    certificates: tuple[str, ...]

    def line(self) -> bytes:
        """The first line of the file."""
        return b'{"kunyu_audit_export":1,"header":' + canonical_json(vars(self)) + b"}\n"


@dataclass(frozen=True)
class End:
    """What the node vouches for at the end of an export."""

    node: str
    header: str
    first: int
    last: int
    link: str
    checkpoints: int
    head: int
    time: str
    signer: str

    def text(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json({"kind": END_KIND, **vars(self)})


class NotAnExport(ValueError):
    """A line that does not have the form it must have."""


def entry_line(number: int, leaf: bytes, link: bytes, text: bytes) -> bytes:
    """The line of one entry."""
    return b'{"n":%d,"leaf":"%s","link":"%s","record":%s}\n' % (
        number, leaf.hex().encode(), link.hex().encode(), text,
    )  # fmt: skip


def checkpoint_line(text: bytes, signature: bytes) -> bytes:
    """The line of one checkpoint; anchors outside the node hold the same lines."""
    return b'{"checkpoint":%s,"signature":"%s"}\n' % (text, signature.hex().encode())


def end_line(text: bytes, signature: bytes) -> bytes:
    """The last line of the file."""
    return b'{"end":%s,"signature":"%s"}\n' % (text, signature.hex().encode())


def read_header(line: bytes) -> Header:
    """Read the first line; NotAnExport unless it is exactly what `Header.line` writes."""
    found = _HEADER.fullmatch(line)
    if found is None:
        raise NotAnExport("the first line is no header of an audit export")
    fields = _document(found[1])
    try:
        header = Header(**{**fields, "period": tuple(fields["period"]), "certificates": tuple(fields["certificates"])})
        same = header.line() == line and isinstance(header.first, int) and isinstance(header.last, int)
    except (TypeError, KeyError) as error:
        raise NotAnExport(str(error)) from error
    if not same:
        raise NotAnExport("the header is not in canonical form")
    return header


def read_end(text: bytes) -> End:
    """Read the text of the end; NotAnExport unless it is exactly what `End.text` writes."""
    fields = _document(text)
    try:
        if fields.pop("kind") != END_KIND:
            raise NotAnExport("another kind of text")
        end = End(**fields)
    except (TypeError, KeyError) as error:
        raise NotAnExport(str(error)) from error
    if end.text() != text or not all(isinstance(value, int) for value in (end.first, end.last, end.head)):
        raise NotAnExport("the end is not in canonical form")
    return end


def _document(text: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise NotAnExport(str(error)) from error
    if not isinstance(fields, dict):
        raise NotAnExport("not an object")
    return fields
