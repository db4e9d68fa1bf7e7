"""Put a reference pack together from what the node knows, sign it, hand it out. 参考包的编制与签发.

A pack holds the parts that some rule of the standard asks for and that the node knows; what the node does not know is
absent, so that the rule stands as not run; what it knows there is none of is present and empty. It is put together for
somebody: a part of which he may not download every row is absent as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.standards import Standard, UnknownStandard, load_standard, standard_ids
from kunyu.engines.catalogue.tables import qualified
from kunyu.engines.ingest.checks import reference as names
from kunyu.engines.ingest.checks.reference_file import Heading, PartContent, write_pack
from kunyu.engines.ingest.checks.rule import rules_for
from kunyu.engines.ingest.models import FindingException
from kunyu.engines.ingest.receive import quarantine
from kunyu.engines.ingest.reference_parts import AskedPart, providers
from kunyu.engines.ingest.reference_rows import (
    LATEST,
    Asker,
    content,
    ended_keys,
    latest_rows,
    newest_version,
    source_of,
)
from kunyu.engines.reference import queries as divisions
from kunyu.engines.reference.models import DivisionLevel
from kunyu.engines.security import audit, scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.keys import node_signer
from kunyu.engines.security.label_registry import label_of, record_labels
from kunyu.engines.security.labels import holds
from kunyu.engines.security.scope import DOWNLOAD, SEE, Principal, operator
from kunyu.kernel.errors import UsageError
from kunyu.kernel.private_folder import private_folder

TABLES = {
    names.CONTROL_AREAS: ("KZMJB", ("XZQDM", "KZMJ")),
    names.COEFFICIENTS: ("TKXSB", ("GDLX", "GDPDJB", "KCXS")),
    names.UNITS: ("QSDWDMB", ("QSDWDM", "QSDWMC")),
}
"""Parts that are tables of a delivered survey: the layer and its fields."""
STATED = {names.CONTROL_AREAS, names.COEFFICIENTS}
"""Parts that an earlier delivery stated: they bind the changes to it, not a delivery that replaces it whole."""
CONTROL_STANDARD = "MNR-CONTROL-2021"
DIVISION_LAYER = "XZQ"
BRANCH_DIGITS = 3
"""Digits of a category of the catalogue (数据类别), such as 104 for surveys."""
NEAR_DEGREES = 0.01
"""How far beyond a county's box its neighbours are looked for: a kilometre."""
_EXCEPTION = pa.schema([(one, pa.string()) for one in ("rule", "fingerprint", "number", "reason")])
_UNIT = pa.schema([("QSDWDM", pa.string()), ("QSDWMC", pa.string())])


@dataclass(frozen=True)
class Issued:
    """A pack that was issued: where it lies, its content digest, its parts and the collections they were taken from."""

    path: Path
    digest: str
    parts: tuple[str, ...]
    collections: tuple[str, ...]


def needed_parts(
    standard: Standard, layers: Collection[str] | None = None, *, with_base: bool = True
) -> frozenset[str]:
    """Names of the parts that rules of a standard ask for.

    Parameters
    ----------
    layers : codes of what is delivered; rules that lack another layer need nothing. None: whatever may be delivered.
    with_base : whether stored layers (``base.*``), which are large, and what was stated with them are among them.
    """
    found: set[str] = {names.EXCEPTIONS}
    for rule in rules_for(standard).rules:
        found.update(rule.reads if _may_run(rule.needs, layers) else ())
        for needs in (rule.needs, *((*rule.needs, *part.needs) for part in rule.optional_parts)):
            if _may_run(needs, layers):
                found.update(
                    one.removeprefix("ref:") for need in needs for one in need.split("|") if one.startswith("ref:")
                )
    bases = {one for one in found if one.startswith(names.base(""))}
    return frozenset(found if with_base and bases else found - bases - STATED)


def _may_run(needs: tuple[str, ...], layers: Collection[str] | None) -> bool:
    return layers is None or all(
        any(one.startswith("ref:") or one in layers for one in need.split("|")) for need in needs
    )


@contextmanager
def built(
    standard: Standard, division: str, principal: Principal, wanted: Collection[str]
) -> Iterator[Mapping[str, PartContent]]:
    """Yield the parts that the node knows and ``principal`` may download, read in one snapshot of the database.

    Parameters
    ----------
    division : 6, 9 or 12 digits; parts are those of its county.
    """
    with private_folder(quarantine()) as folder, _one_snapshot():
        asker = Asker(principal, division[:6], folder)
        found = {name: _part(name, standard, asker) for name in sorted(wanted)}
        yield {name: part for name, part in found.items() if part is not None}


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Versions and rows of one moment, whatever is published meanwhile."""
    inside = connection.in_atomic_block
    with transaction.atomic():
        if not inside:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _part(name: str, standard: Standard, asker: Asker) -> PartContent | None:
    own: dict[str, Callable[[Standard, Asker], PartContent | None]] = {
        names.NEIGHBOURS: _neighbours, names.RETIRED: _retired, names.EXCEPTIONS: _exceptions, names.UNITS: _units,
    }  # fmt: skip
    kind, _, code = name.partition(".")
    if name in own:
        return own[name](standard, asker)
    if name in TABLES:
        layer = stored_layer(TABLES[name][0], standard.id)
        return latest_rows(asker, layer, TABLES[name][1]) if layer else None
    if kind == "base":
        layer = stored_layer(code, standard.id)
        return latest_rows(asker, layer) if layer else None
    if kind == "control":
        layer = stored_layer(code, CONTROL_STANDARD)
        return latest_rows(asker, layer) if layer else None
    provider = providers().get(name)
    part = provider(AskedPart(name, standard.id, asker.county, asker.principal)) if provider else None
    return PartContent.of(part) if part is not None else None


def stored_layer(code: str, standard_id: str) -> Layer | None:
    """The catalogued layer of a code: the standard's own, else that of the only other standard that has one."""
    found = list(Layer.objects.select_related("dataset").filter(code=code).order_by("standard_id"))
    own = next((one for one in found if one.standard_id == standard_id), None)
    return own or (found[0] if len(found) == 1 else None)


def _retired(standard: Standard, asker: Asker) -> PartContent | None:
    """Keys that ended in any layer that change packages change; absent unless all of them are known."""
    parts = [ended_keys(asker, layer) for layer in _changing(standard, asker.county)]
    if not parts or any(one is None for one in parts):
        return None
    whole = [one for one in parts if one is not None]
    return PartContent(
        whole[0].schema,
        (batch for one in whole for batch in one.batches),
        {"layers": [dict(one.source) for one in whole]},
    )


def _changing(standard: Standard, county: str) -> list[Layer]:
    """Stored layers of the county that change packages change."""
    codes = sorted({one.base for one in standard.layers.values() if one.role in ("update", "process") and one.base})
    layers = (stored_layer(code, standard.id) for code in codes)
    return [one for one in layers if one is not None and newest_version(one, county)]


def _exceptions(standard: Standard, asker: Asker) -> PartContent:
    """Confirmed exceptions of the standard in the county: a node always knows them."""
    rows = FindingException.objects.filter(
        standard_id=standard.id, division_code__startswith=asker.county, status=FindingException.Status.CONFIRMED
    ).order_by("fingerprint").values_list("rule", "fingerprint", "pk", "reason")  # fmt: skip
    listed = [{"rule": rule, "fingerprint": sm3, "number": str(pk), "reason": why} for rule, sm3, pk, why in rows]
    return PartContent(_EXCEPTION, [pa.RecordBatch.from_pylist(listed, _EXCEPTION)], {"register": "exceptions"})


def _units(standard: Standard, asker: Asker) -> PartContent | None:
    """Owner units that the county delivered, and the villages of its province."""
    name, fields = TABLES[names.UNITS]
    layer = stored_layer(name, standard.id)
    delivered = latest_rows(asker, layer, fields) if layer else None
    villages = divisions.valid_at().filter(level=DivisionLevel.VILLAGE, code__startswith=asker.county[:2])
    rows = [{"QSDWDM": code, "QSDWMC": zh} for code, zh in villages.order_by("code").values_list("code", "name_zh")]
    if delivered is None and not rows:
        return None
    known = [*(delivered.batches if delivered else ()), pa.RecordBatch.from_pylist(rows, _UNIT)]
    source = {"register": "divisions", "layers": [dict(delivered.source)] if delivered else []}
    return PartContent(_UNIT, [one.select(_UNIT.names).cast(_UNIT) for one in known if one.num_rows], source)


def _neighbours(standard: Standard, asker: Asker) -> PartContent | None:
    """Township outlines of other counties along the county's border: code of the county, key, day, polygon.

    Known once the node stores another county at all. The rows stand in other counties, where the asker need not hold a
    right: what lies along his border goes to whoever may download the same layer in his own county, no stricter labelled.
    """
    layer = stored_layer(DIVISION_LAYER, standard.id)
    if layer is None:
        return None
    versions = _newest_elsewhere(layer, asker.county)
    if not versions or not _may_see_border(asker, layer):
        return None
    near = _near(layer, asker.county)
    counties = sql.SQL(", ").join(sql.Literal(one.county) for one in versions)
    place = (
        sql.SQL("geom && ST_MakeEnvelope({}, 4490)").format(sql.SQL(", ").join(map(sql.Literal, near)))
        if near
        else None
    )
    said = "FROM {table} WHERE county IN ({counties}) AND {place} AND " + LATEST + ' ORDER BY county, "BSM", digest'
    query = sql.SQL(said).format(
        table=sql.SQL(qualified(layer.table_name)), counties=counties, place=place or sql.SQL("TRUE")
    )
    columns = {
        "XZQDM": (sql.Identifier("county"), pa.string()), "BSM": (sql.Identifier("BSM"), pa.string()),
        "valid_from": (sql.SQL("lower(valid)::text"), pa.string()),
    }  # fmt: skip
    granted = scope.resolve(operator("reference"), layer.collection, DOWNLOAD)
    source = {"layers": [source_of(layer, one) for one in versions]}
    return content(asker, granted, "neighbours", query, columns, layer.geometry, source)


def _newest_elsewhere(layer: Layer, county: str) -> list[DatasetVersion]:
    rows = DatasetVersion.objects.filter(layer=layer, status=DatasetVersion.Status.PUBLISHED).exclude(county=county)
    return list(rows.order_by("county", "-number").distinct("county"))


def _near(layer: Layer, county: str) -> list[float] | None:
    """West, south, east, north of the county with a margin; None where the node does not know where it lies."""
    version = newest_version(layer, county)
    if version is None or not version.extent:
        return None
    west, south, east, north = version.extent
    return [west - NEAR_DEGREES, south - NEAR_DEGREES, east + NEAR_DEGREES, north + NEAR_DEGREES]


def _may_see_border(asker: Asker, layer: Layer) -> bool:
    """Whether the asker downloads this layer in his county under every label that its rows elsewhere may bear."""
    clauses = scope.clauses_of(asker.principal, layer.collection, DOWNLOAD)
    own = [one for one in clauses if asker.county.startswith(one.prefix)]
    strictest = record_labels().get(layer.collection)
    return any(strictest is None or holds(one.row_labels, strictest) for one in own)


# --- issuing ---
def issue(
    principal: Principal,
    standard_id: str,
    division: str,
    path: Path,
    *,
    with_base: bool = False,
    year: int | None = None,
) -> Issued:
    """Write a signed pack for somebody and put that on record.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        He may download nothing of the standard in the division.
    UnknownStandard, UnknownDivision, UsageError
    """
    if standard_id not in standard_ids():  # names from outside are not looked for on the disk
        raise UnknownStandard(f"没有标准 {standard_id[:40]}。", f"There is no standard {standard_id[:40]}.")
    standard = load_standard(standard_id)
    if not re.fullmatch(r"\d{6}(\d{3}(\d{3})?)?", division):
        raise UsageError(
            f"区划代码 {division[:20]} 应为6、9或12位数字。", f"Division {division[:20]} must have 6, 9 or 12 digits."
        )
    require_download(principal, standard_id, division)
    divisions.division(division[:6])
    wanted = needed_parts(standard, with_base=with_base)
    issued = write(standard, division, principal, wanted, path, year)
    record_issue(principal, f"{standard_id}/{division}", issued)
    return issued


@transaction.atomic
def record_issue(principal: Principal, named: str, issued: Issued) -> None:
    """Put on record that somebody was given a pack."""
    for one in issued.collections:
        audit.record_read(principal, one, None, label_of(one).code, "export")
    audit.record(
        principal, "issue-reference", "reference", named, digest=issued.digest, parts=list(issued.parts),
        collections=list(issued.collections),
    )  # fmt: skip


def write(
    standard: Standard,
    division: str,
    principal: Principal,
    wanted: Collection[str],
    path: Path,
    year: int | None = None,
) -> Issued:
    """Write and sign a pack of the ``wanted`` parts, as far as they are known and may be downloaded."""
    heading, signer = Heading(standard.id, standard.digest, division, year), node_signer()
    with built(standard, division, principal, wanted) as parts:
        digest = write_pack(path, heading, parts, signer, timezone.now())
    return Issued(path, digest, tuple(sorted(parts)), collections_of(parts, standard))


def collections_of(parts: Collection[str], standard: Standard) -> tuple[str, ...]:
    """Collections that the parts of a pack are taken from."""
    layers = (layer_of(name, standard) for name in parts)
    return tuple(sorted({one.collection for one in layers if one is not None}))


def require_download(principal: Principal, standard_id: str, division: str) -> None:
    """Refuse whoever may download nothing, in the division, of the catalogue branch that most of the standard's layers fill.

    Raises
    ------
    SignInNeeded, NotVisible
        He may not even know of data there.
    NotAllowed
        He sees them, and may not download them.
    """
    stored = list(Layer.objects.select_related("dataset").filter(standard_id=standard_id).order_by("position"))
    branches = Counter(layer.collection[:BRANCH_DIGITS] for layer in stored)
    layers = [one for one in stored if one.collection.startswith(tuple(name for name, _ in branches.most_common(1)))]

    def reaches(action: str) -> bool:
        return any(_reaches(principal, layer, action, division[:6]) for layer in layers)

    if reaches(DOWNLOAD):
        return
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    if reaches(SEE):
        raise NotAllowed(
            f"您可以看到区划 {division} 的数据，但没有“下载”权限，不能下载参考包；请向数据管理员申请。",
            f"You may see the data of division {division} but not download them, so no reference pack is issued to you; ask "
            "the data steward for the right.",
        )
    raise NotVisible(
        f"没有区划 {division} 的 {standard_id} 参考包，或者您无权查看。",
        f"There is no reference pack of {standard_id} for division {division}, or you may not see it.",
    )


def _reaches(principal: Principal, layer: Layer, action: str, county: str) -> bool:
    if not scope.may(principal, layer.collection, action, public=layer.dataset.is_public):
        return False
    return scope.resolve(principal, layer.collection, action, public=layer.dataset.is_public).allows_division(county)


def layer_of(name: str, standard: Standard) -> Layer | None:
    """The stored layer a part is taken from; None where it is no layer's, or those of several (``retired``)."""
    kind, _, code = name.partition(".")
    if name in TABLES:
        return stored_layer(TABLES[name][0], standard.id)
    if name == names.NEIGHBOURS:
        return stored_layer(DIVISION_LAYER, standard.id)
    return stored_layer(code, CONTROL_STANDARD if kind == "control" else standard.id) if code else None


def may_take(principal: Principal, standard: Standard, division: str, name: str) -> bool:
    """Whether somebody may be given a part of a pack that was put together for somebody else."""
    asker = Asker(principal, division[:6], Path())
    if name == names.EXCEPTIONS:
        return True
    if name == names.RETIRED:
        return all(asker.grant(layer) for layer in _changing(standard, asker.county))
    layer = layer_of(name, standard)
    if layer is None:
        provider = providers().get(name)
        return provider is not None and provider(AskedPart(name, standard.id, asker.county, principal)) is not None
    return _may_see_border(asker, layer) if name == names.NEIGHBOURS else asker.grant(layer) is not None
