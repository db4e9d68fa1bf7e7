"""Is a service what it says it is? One small question per kind, judged by its content, not by its status. 健康检查."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from kunyu.engines.catalogue.register.models import Service
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.outbound import Answer, Reach, ask

Kind = Service.Kind
_HEAD = 1 << 16


@dataclass(frozen=True)
class Health:
    """What a look at an endpoint found."""

    is_healthy: bool
    latency_ms: float | None = None
    reason_zh: str = ""
    reason_en: str = ""


def with_query(address: str, **query: str) -> str:
    """The address with more parameters; those it has stay."""
    parts = urlsplit(address)
    joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return parts._replace(query=joined, fragment="").geturl()


def _root(*names: str) -> Callable[[Answer], bool]:
    """XML whose root element bears one of these names, whatever its prefix and encoding of ASCII."""
    pattern = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?:" + "|".join(names).encode() + rb")[\s>/]")
    return lambda answer: bool(pattern.search(answer.body[:_HEAD].replace(b"\0", b"")))


def _holds(*members: str) -> Callable[[Answer], bool]:
    """A JSON object that has one of these members."""

    def judge(answer: Answer) -> bool:
        try:
            found = json.loads(answer.body)
        except ValueError:
            return False
        return isinstance(found, dict) and any(name in found for name in members)

    return judge


def _is_picture(answer: Answer) -> bool:
    return answer.body[:4] in (b"\x89PNG", b"RIFF") or answer.body[:2] == b"\xff\xd8"


_QUESTIONS: dict[str, tuple[Callable[[str], str], Callable[[Answer], bool]]] = {
    Kind.WMS: (lambda a: with_query(a, service="WMS", request="GetCapabilities"), _root("WMS_Capabilities", "WMT_MS_Capabilities")),
    Kind.WMTS: (lambda a: with_query(a, service="WMTS", request="GetCapabilities"), _root("Capabilities")),
    Kind.WFS: (lambda a: with_query(a, service="WFS", request="GetCapabilities"), _root("WFS_Capabilities")),
    Kind.OGC_API: (lambda a: with_query(a, f="json"), _holds("links")),
    Kind.ARCGIS: (lambda a: with_query(a, f="json"), _holds("currentVersion", "mapName", "layers", "tileInfo")),
    Kind.TILES_3D: (lambda a: a, _holds("asset")),
    Kind.STAC: (lambda a: a, _holds("stac_version")),
    Kind.XYZ: (lambda a: a.replace("{z}", "0").replace("{x}", "0").replace("{y}", "0"), _is_picture),
}  # fmt: skip


def question(kind: str, address: str) -> str:
    """The address that is asked to see whether an endpoint is well."""
    return _QUESTIONS[kind][0](address)


def look(kind: str, address: str, reach: Reach, headers: dict[str, str] | None = None) -> Health:
    """Ask an endpoint and judge its answer; never raises for what the other side does."""
    ask_for, is_right = _QUESTIONS[kind]
    try:
        answer = ask(ask_for(address), reach, headers)
    except KunyuError as error:
        return Health(False, None, error.detail_zh[:300], error.detail_en[:300])
    took = answer.seconds * 1000
    if answer.status != 200:
        return Health(False, took, f"应答状态 {answer.status}", f"answered with status {answer.status}")
    if not is_right(answer):
        name, what = Kind(kind).label, answer.media_type or "?"
        return Health(False, took, f"应答不是 {name}（{what}）", f"the answer is no {name} ({what})")
    return Health(True, took)
