"""Which versions a verification reads, and why a collection cannot be read. 印证的数据来源."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.served.beliefs import unseen_at
from kunyu.engines.ingest.verification.onemap import OneMap, Parameters, Source
from kunyu.engines.ingest.verification.rule import MutualRule
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import QUERY, Principal, Scope


@dataclass(frozen=True)
class Gathered:
    """The map as it can be read, and by collection why not (Chinese; English)."""

    maps: OneMap
    lacking: dict[str, str]

    def reason(self, rule: MutualRule) -> str | None:
        """Why a rule cannot run; None when it can."""
        lacking = next((self.lacking[code] for code in rule.needs if code in self.lacking), None)
        if lacking is None and rule.neighbours and not self.maps.neighbours.get(rule.needs[0]):
            return "相邻县未发布该图层, 或您无权查看; no neighbouring county that you may read has published it"
        return lacking

    def inputs(self, rules: Iterable[MutualRule]) -> list[dict[str, object]]:
        """The versions that these rules read, as ``Verification.inputs`` stores them."""
        codes = {code for rule in rules for code in rule.needs}
        return [
            {"dataset": one.collection, "layer": one.layer, "county": self.maps.county, "version": one.version,
             "digest": one.digest}
            for one in (self.maps.sources[code] for code in sorted(codes))
        ] + [
            {"dataset": code, "layer": self.maps.sources[code].layer, "county": county, "version": version.number,
             "digest": version.digest}
            for code in sorted({rule.needs[0] for rule in rules if rule.neighbours})
            for county, version in sorted(_versions(code, self.maps.parameters.known_at).items())
            if county in self.maps.neighbours.get(code, ())
        ]  # fmt: skip


def gather(principal: Principal, county: str, rules: Iterable[MutualRule], parameters: Parameters) -> Gathered:
    """Find for every collection of the rules the version of the county and what the principal may see of it."""
    sources: dict[str, Source] = {}
    lacking: dict[str, str] = {}
    neighbours: dict[str, tuple[str, ...]] = {}
    chosen = tuple(rules)
    layers = {one.collection: one for one in Layer.objects.filter(collection__in={c for r in chosen for c in r.needs})}
    for code in sorted({code for rule in chosen for code in rule.needs}):
        layer = layers.get(code)
        granted = _granted(principal, code, county)
        if layer is None:
            lacking[code] = f"目录中没有 {code}; {code} is not in the catalogue"
        elif granted is None:
            lacking[code] = f"您无权查询 {code}; you may not query {code} in this county"
        elif county not in (found := _versions(code, parameters.known_at)):
            lacking[code] = (
                f"{code} {layer.name_zh} 在本县未发布; {code} {layer.name_en} is not published in this county"
            )
        else:
            version = found[county]
            sources[code] = Source(
                code, layer.code, layer.name_zh, layer.name_en, layer.table_name, granted, version.number, version.digest,
                version.valid_from, unseen_at(layer.pk, parameters.known_at),
            )  # fmt: skip
            if any(rule.neighbours and rule.needs[0] == code for rule in chosen):
                neighbours[code] = _beside(found, county, granted)
    return Gathered(OneMap(county, parameters, sources, neighbours), lacking)


def _granted(principal: Principal, code: str, county: str) -> Scope | None:
    try:
        granted = scope.resolve(principal, code, QUERY)
    except (NotVisible, NotAllowed, SignInNeeded):
        return None
    return granted if granted.allows_division(county) else None


def _versions(collection: str, known_at: datetime.datetime | None) -> dict[str, DatasetVersion]:
    """The last published version of each county, as known at an instant."""
    rows = DatasetVersion.objects.filter(
        layer__collection=collection, status=DatasetVersion.Status.PUBLISHED, record_count__gt=0
    )
    if known_at is not None:
        rows = rows.filter(known_from__lte=known_at)
    return {one.county: one for one in rows.order_by("county", "number")}


def _beside(found: dict[str, DatasetVersion], county: str, granted: Scope) -> tuple[str, ...]:
    """Other counties whose extents meet the county's, of those the person may read."""
    own = found[county].extent
    if own is None:
        return ()
    return tuple(
        code for code, one in sorted(found.items())
        if code != county and one.extent is not None and granted.allows_division(code)
        and one.extent[0] <= own[2] and own[0] <= one.extent[2] and one.extent[1] <= own[3] and own[1] <= one.extent[3]
    )  # fmt: skip
