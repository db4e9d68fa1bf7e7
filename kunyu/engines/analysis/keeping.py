"""Results kept for their owner, and asked again: the same digest, or why not. 结果留存与复算."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import shapely
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.analysis.errors import NoSuchResult
from kunyu.engines.analysis.models import StoredResult
from kunyu.engines.analysis.plots import Plot
from kunyu.engines.analysis.questions import Question
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.served.beliefs import belief_now
from kunyu.engines.catalogue.served.moments import read_known_at
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

_LEFT_OUT = ("geometry",)


@lru_cache(maxsize=1)
def software() -> dict[str, str]:
    """The libraries whose rounding an answer depends on."""
    from importlib.metadata import version

    with connection.cursor() as cursor:
        cursor.execute("SELECT postgis_lib_version(), postgis_geos_version(), postgis_proj_version()")
        postgis, geos, proj = cursor.fetchone()
    return {
        "kunyu": version("kunyu"), "postgis": postgis, "geos": geos, "proj": proj.split()[0],
        "shapely": shapely.__version__, "shapely_geos": ".".join(map(str, shapely.geos_version)),
    }  # fmt: skip


def pack(question: Question) -> dict[str, Any]:
    """A question as JSON, without its geometry; the instant of belief is written out."""
    return {
        "layers": question.layers and list(question.layers), "valid_at": question.valid_at.isoformat(),
        "known_at": question.known_text, "options": dict(question.options),
    }  # fmt: skip


def unpack(kind: str, packed: dict[str, Any], geometry: bytes) -> Question:
    """The question that :func:`pack` wrote, to be asked at the instant it was first asked at."""
    known = read_known_at(packed["known_at"])
    layers = packed["layers"]
    return Question(
        kind, Plot(shapely.from_wkb(bytes(geometry))), None if layers is None else tuple(layers),
        date.fromisoformat(packed["valid_at"]), known, known or belief_now(), packed["options"],
    )  # fmt: skip


def keep(principal: Principal, question: Question, document: dict[str, Any]) -> StoredResult | None:
    """Keep an answer for a person; the same answer once more renews it. Nobody's answers are not kept."""
    if principal.user_id is None and not principal.is_operator:
        return None
    packed = pack(question)
    made = StoredResult(
        owner_id=principal.user_id, digest=document["digest"], kind=question.kind, question=packed,
        geometry=shapely.to_wkb(question.plot.geometry), document=_bare(document), versions=version_ids(document),
        software=software(), asked_at=timezone.now(),
    )  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        # it can be computed again: an answer need not wait for the disk
        cursor.execute("SET LOCAL synchronous_commit TO off")
        stored = StoredResult.objects.bulk_create(
            [made], update_conflicts=True, unique_fields=["owner", "digest"],
            update_fields=["question", "document", "versions", "software", "asked_at"],
        )  # fmt: skip
    return stored[0]


def _bare(value: Any) -> Any:
    """A document without its geometries."""
    if isinstance(value, dict):
        return {name: _bare(one) for name, one in value.items() if name not in _LEFT_OUT}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def version_ids(document: dict[str, Any]) -> list[int]:
    """Ids of the dataset versions an answer names."""
    found = set()
    for layer in document.get("layers", []):
        found |= {one["id"] for one in layer.get("versions", [])}
        found |= {one["version"] for one in (*layer.get("states", []), *layer.get("changes", []))}
    return sorted(found)


def find(principal: Principal, named: int | str) -> StoredResult:
    """One's own result by number or digest, as long as one may still query the layers it speaks of.

    Raises
    ------
    NoSuchResult
        Also for somebody else's: whether it exists is nobody else's business.
    """
    own = StoredResult.objects.filter(owner_id=principal.user_id)
    if principal.user_id is None and not principal.is_operator:
        own = own.none()
    found = own.filter(pk=named).first() if isinstance(named, int) else own.filter(digest=named).first()
    if found is None or not still_allowed(principal, found.document):
        raise NoSuchResult(
            f"没有结果 {named}，或者它不是您的，或者您已无权查询其中的图层。",
            f"There is no result {named} of yours, or you may no longer query its layers.",
        )
    return found


def still_allowed(principal: Principal, document: dict[str, Any]) -> bool:
    """Whether the reader may query every layer that was read, in every county its versions are of."""
    for layer in document.get("layers", []):
        if layer.get("count") is None and not layer.get("records") and not layer.get("states"):
            continue  # it was not read
        name = layer["collection"]
        known = Layer.objects.select_related("dataset").filter(collection=name).first()
        public = bool(known and known.dataset.is_public)
        if not scope.may(principal, name, scope.QUERY, public=public):
            return False
        granted = scope.resolve(principal, name, scope.QUERY, public=public)
        if not all(granted.allows_division(one["county"]) for one in layer.get("versions", []) if "county" in one):
            return False
    return True


def forget_old() -> int:
    """Remove results nobody asked for within the days of the settings; answers how many."""
    before = timezone.now() - timedelta(days=analysis_settings().kept_days)
    return StoredResult.objects.filter(asked_at__lt=before).delete()[0]


def compare(stored: StoredResult, digest: str) -> dict[str, Any]:
    """What a replay says: equal or not, and whether other library versions may be why."""
    now = software()
    same_libraries = all(stored.software.get(name) == now[name] for name in now if name != "kunyu")
    equal = stored.digest == digest
    if equal:
        zh, en = "复算结果与原结果一致。", "The replay equals the result."
    elif not same_libraries:
        zh = "复算结果与原结果不同，且计算所用的库版本不同；差异可能来自舍入，请核对数值。"
        en = "The replay differs, and so do the library versions: the difference may be one of rounding; compare the values."
    else:
        zh = "复算结果与原结果不同：您的权限、行政区范围或数据已变化。"
        en = "The replay differs: your rights, the outlines of counties or the data have changed."
    return {
        "equal": equal, "digest": stored.digest, "digest_now": digest, "same_libraries": same_libraries,
        "software": stored.software, "software_now": now, "message_zh": zh, "message_en": en,
    }  # fmt: skip


def again(stored: StoredResult) -> Question:
    """The question of a stored result."""
    return unpack(stored.kind, stored.question, bytes(stored.geometry))
