"""From what a client asks of us to what we ask of the other service, and back. 代理地址的换算.

The other service's own addresses in its documents (capabilities, tilesets, JSON links) become addresses of this node, so
that a client never leaves the proxy and never learns the provider's key.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from kunyu.engines.catalogue.register.models import Service
from kunyu.kernel.outbound import OutboundRefused

TEXTS = (
    "application/json",
    "application/xml",
    "text/xml",
    "text/html",
    "application/geo+json",
    "application/schema+json",
)


def base_of(address: str) -> str:
    """The folder that everything of a service lies under: up to the last slash of the address's path."""
    parts = urlsplit(address)
    folder = parts.path if parts.path.endswith("/") else parts.path.rpartition("/")[0] + "/"
    return parts._replace(path=folder or "/", query="", fragment="").geturl()


def outward(kind: str, address: str, rest: str, query: str) -> str:
    """The other service's address for ``rest`` and ``query`` of ours.

    Raises
    ------
    OutboundRefused
        ``rest`` climbs out of the service, or names another host.
    """
    decoded = unquote(unquote(rest))
    parts = urlsplit(address)
    climbs = ".." in decoded.replace("\\", "/").split("/")
    if climbs or "\\" in decoded or decoded.startswith("/") or "://" in decoded or "\0" in decoded:
        raise OutboundRefused(f"地址 {rest[:80]} 超出了这个服务。", f"{rest[:80]} leads out of this service.")
    if kind == Service.Kind.XYZ:
        return _tile(address, decoded)
    own = dict(parse_qsl(parts.query, keep_blank_values=True))
    asked = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "token"]
    named = {name.lower() for name, _ in asked}
    joined = urlencode([*((name, value) for name, value in own.items() if name.lower() not in named), *asked])
    path = urlsplit(base_of(address)).path + rest if rest else parts.path
    return parts._replace(path=path or "/", query=joined, fragment="").geturl()


def _tile(address: str, rest: str) -> str:
    """A tile ``z/x/y`` of a template."""
    numbers = rest.removesuffix(".png").removesuffix(".jpg").split("/")
    if len(numbers) != 3 or not all(one.isdecimal() and len(one) < 9 for one in numbers):
        raise OutboundRefused(f"瓦片地址应为 z/x/y，不是 {rest[:40]}。", f"A tile is z/x/y, not {rest[:40]}.")
    z, x, y = numbers
    return address.replace("{z}", z).replace("{x}", x).replace("{y}", y)


def inward(body: bytes, media_type: str, address: str, here: str) -> bytes:
    """A document of the other service with its own addresses replaced by ours; other bodies as they are.

    Whoever answers may name itself with http or https, and encode its addresses for JSON or XML.
    """
    if not (media_type in TEXTS or media_type.endswith(("+json", "+xml"))):
        return body
    base = base_of(address)
    parts = urlsplit(base)
    found = body
    for scheme in ("https", "http"):
        theirs = parts._replace(scheme=scheme).geturl()
        for wanted, ours in ((theirs, here), (theirs.replace("/", "\\/"), here.replace("/", "\\/"))):
            found = found.replace(wanted.encode(), ours.encode())
    return found


def without_secret(body: bytes, secret: str) -> bytes:
    """A provider that repeats the key it was sent must not hand it to our clients."""
    return body.replace(secret.encode(), b"***") if len(secret) >= 4 else body
