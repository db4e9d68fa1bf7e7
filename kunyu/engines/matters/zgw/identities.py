"""UUIDs and addresses of ZGW resources. The UUID says kind and key, so nothing is stored for it.

RFC 9562 version 8 (own content): 48 bits that name the product, 12 bits the kind, 62 bits the key. Nobody learns anything
from guessing one: every resource is read by rights.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest

_PRODUCT: Final = 0x6B756E797500
ZAAK, ZAAKTYPE, STATUS, RESULTAAT, DOCUMENT, STATUSTYPE, RESULTAATTYPE = range(1, 8)
PATHS: Final = {
    ZAAK: "zaken/v1/zaken",
    STATUS: "zaken/v1/statussen",
    RESULTAAT: "zaken/v1/resultaten",
    DOCUMENT: "zaken/v1/zaakinformatieobjecten",
    ZAAKTYPE: "catalogi/v1/zaaktypen",
    STATUSTYPE: "catalogi/v1/statustypen",
    RESULTAATTYPE: "catalogi/v1/resultaattypen",
}
PART: Final = 100
"""Keys of parts of a case type: the edition's times this, plus the place of the part."""


def uuid_of(kind: int, key: int) -> UUID:
    """The UUID of a resource."""
    return UUID(int=_PRODUCT << 80 | 8 << 76 | kind << 64 | 0b10 << 62 | key)


def key_of(kind: int, given: UUID) -> int:
    """The key in a UUID of this kind; 404 for any other."""
    key = given.int & ((1 << 62) - 1)
    if uuid_of(kind, key) != given or key >= 1 << 60:
        raise Http404
    return key


def url_of(request: HttpRequest, kind: int, key: int) -> str:
    """The address of a resource as the caller reaches this node."""
    return request.build_absolute_uri(f"/api/zgw/{PATHS[kind]}/{uuid_of(kind, key)}")


def key_of_url(kind: int, url: str) -> int:
    """The key in an address of a resource of this kind; 404 for any other."""
    path, _, last = url.rstrip("/").rpartition("/")
    try:
        given = UUID(last)
    except ValueError:
        raise Http404 from None
    if path and not path.endswith(PATHS[kind]):
        raise Http404
    return key_of(kind, given)
