"""Asking other machines over HTTP without being led astray. 受控的外部访问.

An address that somebody typed may point at this machine, at the database beside it, or at a machine that never
answers. So the name is resolved first, every address it has is judged, and the connection goes to the address that was
judged (a second look-up could answer otherwise); redirects are not followed; time and size are bounded.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from kunyu.kernel.errors import KunyuError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
BLOCK = 1 << 16


class OutboundRefused(KunyuError):
    """The address may not be asked from here. 不允许访问的地址."""

    code = "outbound_refused"
    title_zh, title_en = "不允许访问的地址", "Address not allowed"
    http_status, exit_code = 422, 4


class OutboundFailed(KunyuError):
    """The other machine did not answer as it must. 外部服务无应答."""

    code = "outbound_failed"
    title_zh, title_en = "外部服务没有正常应答", "The other service did not answer properly"
    http_status, exit_code = 502, 5


@dataclass(frozen=True)
class Reach:
    """What may be asked.

    ``networks`` are opened besides public addresses; ``own`` are addresses and ports of this node itself, which nothing
    opens. ``seconds`` bounds the whole exchange, ``most_bytes`` the body.
    """

    networks: tuple[Network, ...] = ()
    own: frozenset[tuple[str, int]] = frozenset()
    seconds: float = 20.0
    most_bytes: int = 64 << 20


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = field(compare=False, default=0.0)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks written as ``10.0.0.0/8,192.168.1.7``; ValueError names what cannot be read."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def require_address(url: str) -> SplitResult:
    """The parts of an address of the right form; says nothing about where it leads.

    Raises
    ------
    OutboundRefused
        No http or https, no host, a user name, a port that is none, control characters.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "端口或主机名写法不对", "its port or host cannot be read") from None
    if any(ord(letter) < 0x21 or ord(letter) == 0x7F for letter in url):
        raise _refused(url, "含有空白或控制字符", "it holds blanks or control characters")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _refused(url, "只能是 http:// 或 https:// 地址", "only http:// and https:// are asked")
    if parts.username is not None or parts.password is not None or port == 0:
        raise _refused(url, "不能带用户名口令或端口 0", "it must not carry a user name or port 0")
    return parts


def _refused(url: str, why_zh: str, why_en: str) -> OutboundRefused:
    shown = url[:120]
    return OutboundRefused(f"不能访问 {shown}：{why_zh}。", f"{shown} is not asked: {why_en}.", address=shown)


def judged_address(parts: SplitResult, reach: Reach) -> tuple[str, int]:
    """The IP address and port to connect to, after every address of the host was judged.

    Raises
    ------
    OutboundRefused, OutboundFailed
    """
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise OutboundFailed(f"找不到主机 {host[:80]}。", f"There is no host {host[:80]}.", host=host[:80]) from None
    addresses = sorted(str(one).split("%", maxsplit=1)[0] for one in found)
    for one in addresses:
        _judge(parts, _plain(ipaddress.ip_address(one)), port, reach)
    return addresses[0], port


def _plain(address: Address) -> Address:
    """An IPv4 address that was written as IPv6 is judged as what it is."""
    return getattr(address, "ipv4_mapped", None) or address


def _judge(parts: SplitResult, address: Address, port: int, reach: Reach) -> None:
    url = parts.geturl()
    is_own_machine = address.is_loopback or address.is_unspecified or any(str(address) == ip for ip, _ in reach.own)
    if is_own_machine and any(port == own for _, own in reach.own):
        raise _refused(url, "它指向本节点自身", "it points at this node itself")
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        raise _refused(
            url, f"{address} 是组播、未指定或链路本地地址", f"{address} is multicast, unspecified or link-local"
        )
    if not address.is_global and not any(address in network for network in reach.networks):
        raise _refused(
            url, f"{address} 是内部地址，未列入 KUNYU_SERVICES_NETWORKS",
            f"{address} is an internal address that KUNYU_SERVICES_NETWORKS does not list",
        )  # fmt: skip


class _Pinned(http.client.HTTPConnection):
    """Connects to the judged address; names the host in ``Host`` and, under TLS, in the handshake."""

    def __init__(self, parts: SplitResult, address: tuple[str, int], timeout: float) -> None:
        super().__init__(parts.netloc, timeout=timeout)
        self._judged, self._host_name, self._is_tls = address, parts.hostname, parts.scheme == "https"

    def cut(self) -> None:
        """End the exchange from outside."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def connect(self) -> None:
        self.sock = socket.create_connection(self._judged, self.timeout)
        if self._is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._host_name)


def ask(
    url: str, reach: Reach, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes | None = None
) -> Answer:
    """One exchange; ``body`` is sent as it is, with its length.

    Raises
    ------
    OutboundRefused
        The address may not be asked.
    OutboundFailed
        No connection, no answer in time, a redirect, more bytes than allowed, not HTTP.
    """
    parts = require_address(url)
    begun = time.monotonic()
    connection = _Pinned(parts, judged_address(parts, reach), min(5.0, reach.seconds))
    # a server that drips one byte at a time is never late for a single read: the whole exchange has an end
    end = threading.Timer(reach.seconds, connection.cut)
    end.start()
    shown = f"{parts.scheme}://{parts.netloc}"
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(
            method, path, body, headers={"User-Agent": "kunyu", "Accept-Encoding": "identity", **(headers or {})}
        )
        answer = _answer(connection, shown, begun, reach)
    except TimeoutError:
        raise _failed(shown, f"{reach.seconds:g} 秒内没有应答", f"no answer within {reach.seconds:g} s") from None
    except ssl.SSLError as error:
        raise _failed(shown, f"TLS 连接不成立（{error.reason}）", f"TLS failed ({error.reason})") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failed(
            shown, f"连接失败（{type(error).__name__}）", f"connection failed ({type(error).__name__})"
        ) from None
    finally:
        end.cancel()
        connection.close()
    return answer


def _answer(connection: _Pinned, shown: str, begun: float, reach: Reach) -> Answer:
    def left() -> float:
        return reach.seconds - (time.monotonic() - begun)

    if connection.sock is not None:
        connection.sock.settimeout(max(left(), 0.1))
    response = connection.getresponse()
    if 300 <= response.status < 400 and response.status != 304:
        raise _failed(shown, "它转向别处，不予跟随", "it redirects elsewhere, which is not followed")
    pieces, size = [], 0
    while block := response.read1(BLOCK):
        size += len(block)
        if size > reach.most_bytes:
            limit = reach.most_bytes >> 20
            raise _failed(shown, f"应答超过 {limit} MB", f"its answer is larger than {limit} MB")
        if left() <= 0:
            raise TimeoutError
        pieces.append(block)
        if connection.sock is not None:
            connection.sock.settimeout(max(left(), 0.1))
    if left() <= 0:  # cut off: what came is not all of it
        raise TimeoutError
    found = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, found, b"".join(pieces), time.monotonic() - begun)


def _failed(shown: str, why_zh: str, why_en: str) -> OutboundFailed:
    return OutboundFailed(f"{shown} {why_zh}。", f"{shown}: {why_en}.", host=shown)
