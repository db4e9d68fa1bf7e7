"""From what was delivered to what a standard says: layers, fields, codes, types. 标准化映射.

``apply`` only plans; rows are converted batch by batch when a layer is read, so a million parcels need the memory of
one batch. What cannot be kept (fields, codes, lengths, numbers that are none) is counted in ``MappedLayer.loss``, which
is whole once the layer has been read to its end (R-019, R-027). Django-free.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from kunyu.engines.ingest.column_conversion import convert, target_type
from kunyu.engines.ingest.loss import LayerLoss, LossReport
from kunyu.engines.ingest.mapping_file import (
    BadMapping,
    LayerMapping,
    MappingFile,
    load_mapping,
)
from kunyu.engines.ingest.mapping_functions import FUNCTIONS
from kunyu.engines.ingest.reading import DeliverySource
from kunyu.engines.ingest.source_layers import GEOMETRY, SourceLayer
from kunyu.kernel.errors import UsageError

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Field, Layer, Standard

__all__ = ["BadMapping", "LayerLoss", "LossReport", "MappedDelivery", "MappedLayer", "apply", "load_mapping"]


class NothingMatches(UsageError):
    """No delivered layer belongs to the standard."""

    code = "no_layer_matches"
    title_zh, title_en = "没有对应的图层", "No layer matches"


@dataclass(frozen=True)
class _Part:
    """One source layer that feeds a target, and how its fields do."""

    source: SourceLayer
    fields: Mapping[str, str]
    rules: LayerMapping | None = None


@dataclass(frozen=True)
class MappedLayer:
    """A layer in the standard's words.

    ``crs`` is the delivered plane (from the file, or from the mapping where it overrides), None when unknown; ``epsg``
    its code where it has one. ``loss`` fills while ``batches`` runs and starts anew with each run.
    """

    spec: Layer
    parts: tuple[_Part, ...]
    crs: str | None
    epsg: int | None
    crs_from: str
    loss: LayerLoss = field(compare=False)

    @property
    def sources(self) -> tuple[SourceLayer, ...]:
        """The delivered layers that feed this one."""
        return tuple(part.source for part in self.parts)

    @property
    def spatial(self) -> bool:
        """Whether rows carry a geometry."""
        return self.spec.spatial

    @property
    def source_rows(self) -> int:
        """Delivered rows, before any ``where`` of a mapping."""
        return sum(part.source.count for part in self.parts)

    @property
    def supplied(self) -> frozenset[str]:
        """Codes of the standard's fields that some part fills."""
        found: set[str] = set()
        for part in self.parts:
            found |= set(part.fields)
            if part.rules is not None:
                found |= set(part.rules.constants) | set(part.rules.codes) | set(part.rules.functions)
                found |= {self.spec.key} if part.rules.identity else set()
        return frozenset(found)

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the batches: the standard's fields in order, then ``geometry`` (WKB) if spatial."""
        fields = [pa.field(one.code, target_type(one)) for one in self.spec.fields]
        if self.spatial:
            fields.append(pa.field(GEOMETRY, pa.binary()))
        return pa.schema(fields)

    def batches(self, batch_rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Yield the mapped rows; geometry stays in the delivered plane.

        Raises
        ------
        UnreadableInput
            A file breaks off while it is read.
        """
        self.loss.start()
        first = 0  # rows are numbered through all parts, so that numbers made into keys never repeat
        for part in self.parts:
            for batch in part.source.batches(_columns_read(part), batch_rows, self.spatial):
                yield self._mapped(part, batch, first)
                first += batch.num_rows
            self.loss.note_dropped(part.source, _used(part))

    def table(self) -> pa.Table:
        """Return all mapped rows."""
        return pa.Table.from_batches(list(self.batches()), schema=self.schema)

    def _mapped(self, part: _Part, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        self.loss.note_values(batch, _used(part), part.source)
        rows = pa.array(range(first + 1, first + batch.num_rows + 1), pa.int64())
        if part.rules is not None and part.rules.where:
            keep = _matching(batch, part.rules)
            self.loss.rows_left_out += batch.num_rows - (pc.sum(keep).as_py() or 0)
            batch, rows = batch.filter(keep), rows.filter(keep)
        arrays = [self._column(one, part, batch, rows) for one in self.spec.fields]
        if self.spatial:
            place = batch.schema.get_field_index(GEOMETRY)
            wkb = batch.column(place) if place >= 0 else pa.nulls(batch.num_rows, pa.binary())
            arrays.append(_mended(wkb, self.loss) if part.rules is not None and part.rules.repair else wkb)
        if self.loss.rows_left_out or any(one.rules and one.rules.where for one in self.parts):
            self.loss.kept.append(rows)
        self.loss.rows += batch.num_rows
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(self, spec: Field, part: _Part, batch: pa.RecordBatch, rows: pa.Array) -> pa.Array:
        values = self._raw(spec, part, batch, rows)
        if values is None:
            return pa.nulls(batch.num_rows, target_type(spec))
        return convert(values, spec, rows, self.loss)

    def _raw(self, spec: Field, part: _Part, batch: pa.RecordBatch, rows: pa.Array) -> pa.Array | None:
        rules = part.rules
        if rules is not None:
            if spec.code == self.spec.key and rules.identity == "row":
                # digits 7-10 of the standard's layer keep rows of two layers apart, as in a BSM
                return pc.binary_join_element_wise(
                    self.spec.layer_code, pc.utf8_lpad(rows.cast(pa.string()), 8, "0"), ""
                )
            if spec.code == self.spec.key and rules.identity:
                return batch.column(rules.identity)
            if spec.code in rules.functions:
                return FUNCTIONS[rules.functions[spec.code]](batch)
            if spec.code in rules.codes:
                return self._translated(spec, part, batch)
            if spec.code in rules.constants:
                return pa.repeat(pa.scalar(rules.constants[spec.code]), batch.num_rows)
        name = part.fields.get(spec.code)
        return None if name is None else batch.column(name)

    def _translated(self, spec: Field, part: _Part, batch: pa.RecordBatch) -> pa.Array:
        assert part.rules is not None
        table = part.rules.codes[spec.code]
        source = table.source or part.fields[spec.code]
        given = convert_to_text(batch.column(source))
        found = pc.take(pa.array(list(table.targets), pa.string()), pc.index_in(given, pa.array(table.sources)))
        self.loss.note_codes(spec.code, given, found, table)
        return found if table.default is None else pc.if_else(pc.is_null(found), table.default, found)


@dataclass(frozen=True)
class MappedDelivery:
    """A delivery in the standard's words; ``unmatched`` are delivered layers that found no place.

    ``only`` are the layers it was ``narrowed`` to, None when it stands for the whole standard.
    """

    source: DeliverySource
    standard: Standard
    layers: tuple[MappedLayer, ...]
    mapping: MappingFile | None
    unmatched: tuple[str, ...]
    missing_layers: tuple[str, ...]
    only: frozenset[str] | None = None

    def narrowed(self, codes: Collection[str]) -> MappedDelivery:
        """Return the delivery with these layers alone: somebody delivers one dataset, not the whole standard."""
        layers = tuple(one for one in self.layers if one.spec.code in codes)
        return replace(self, layers=layers, only=frozenset(codes))

    def layer(self, code: str) -> MappedLayer:
        """Return the layer of that code of the standard; KeyError when it was not delivered."""
        for one in self.layers:
            if one.spec.code == code:
                return one
        raise KeyError(code)

    @property
    def loss(self) -> LossReport:
        """What mapping lost so far; whole once every layer has been read to its end."""
        return LossReport(
            standard=self.standard.id,
            mapping=self.mapping.name if self.mapping else None,
            mapping_sm3=self.mapping.sm3 if self.mapping else None,
            unmatched=self.unmatched,
            missing=self.missing_layers,
            layers={one.spec.code: one.loss for one in self.layers},
        )


def apply(
    source: DeliverySource, standard: Standard, mapping: MappingFile | str | Path | None = None
) -> MappedDelivery:
    """Plan how a delivery becomes layers of a standard.

    Parameters
    ----------
    source : DeliverySource
    standard : Standard
    mapping : MappingFile or path, optional
        Without one, layers and fields are matched by code, alias and Chinese name, whatever their case.

    Raises
    ------
    NothingMatches
        No layer finds a place.
    BadMapping
        The mapping names a layer, field, code or function that does not exist.
    """
    plan = load_mapping(mapping) if isinstance(mapping, (str, Path)) else mapping
    parts = _parts_by_file(source, standard, plan) if plan is not None else _parts_by_name(source, standard)
    if not parts:
        raise _nothing_matches(source, standard)
    layers = tuple(
        _layer(standard.layers[code], tuple(parts[code])) for code in standard.layers if code in parts
    )  # fmt: skip
    used = {one.name for layer in layers for one in layer.sources}
    missing = tuple(
        code
        for code, one in standard.layers.items()
        if one.presence == "M" and one.role == "base" and code not in parts
    )
    return MappedDelivery(
        source, standard, layers, plan, tuple(one.name for one in source.layers if one.name not in used), missing
    )


def convert_to_text(values: pa.Array) -> pa.Array:
    """Return codes as text: 34100 and 34100.0 both read ``34100``."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        whole = pc.equal(values, pc.floor(values))
        if pc.all(pc.fill_null(whole, True)).as_py():
            values = values.cast(pa.int64(), safe=False)
    text = values.cast(pa.string())
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(text), ""), pa.scalar(None, pa.string()), text)


def _layer(spec: Layer, parts: tuple[_Part, ...]) -> MappedLayer:
    planes = {(part.rules.crs if part.rules and part.rules.crs else part.source.crs) for part in parts}
    if spec.spatial and len(planes) > 1:
        names = "、".join(part.source.file for part in parts)
        raise BadMapping(
            f"图层 {spec.code} 由 {names} 合成, 但坐标系不同。请先统一坐标系。",
            f"Layer {spec.code} is made of {names}, whose coordinate systems differ. Use one of them.",
        )
    crs = planes.pop()
    override = any(part.rules and part.rules.crs for part in parts)
    epsg = int(crs[5:]) if crs and crs.startswith("EPSG:") else None
    loss = LayerLoss(spec.code, crs)
    supplied_missing = [one.code for one in spec.fields]
    layer = MappedLayer(spec, parts, crs, epsg, "mapping" if override else "file" if crs else "unknown", loss)
    loss.fields_missing = tuple(code for code in supplied_missing if code not in layer.supplied)
    return layer


def _parts_by_name(source: DeliverySource, standard: Standard) -> dict[str, list[_Part]]:
    """A layer that bears the name itself is the layer; DLTB_OLD beside a DLTB is something else."""
    names = _layer_names(standard)
    exact = {one.name: names.get(one.name.strip().casefold()) for one in source.layers}
    taken = {code for code in exact.values() if code is not None}
    parts: dict[str, list[_Part]] = {}
    for one in source.layers:
        code = exact[one.name]
        if code is None:
            code = _word_in(one.name, names)
            code = None if code in taken else code
        if code is not None:
            parts.setdefault(code, []).append(_Part(one, _match_fields(one, standard.layers[code])))
    return parts


def _layer_names(standard: Standard) -> dict[str, str]:
    names: dict[str, str] = {}
    for code, spec in standard.layers.items():
        if spec.geometry == "Documents":
            continue
        for name in (spec.name_zh, *spec.aliases, code):
            names[name.casefold()] = code
    return names


def _word_in(name: str, names: Mapping[str, str]) -> str | None:
    """The one word of ``990101_DLTB_2024`` that names a layer; None when no word, or several, do."""
    found = {names[word] for word in re.split(r"[\W\d_]+", name.casefold()) if word in names}
    return found.pop() if len(found) == 1 else None


def _match_fields(source: SourceLayer, spec: Layer) -> dict[str, str]:
    delivered = {one.name.strip().casefold(): one.name for one in reversed(source.fields)}
    matched = {}
    for one in spec.fields:
        for name in (one.code, *one.aliases, one.name_zh):
            if name.casefold() in delivered:
                matched[one.code] = delivered[name.casefold()]
                break
    return matched


def _parts_by_file(source: DeliverySource, standard: Standard, plan: MappingFile) -> dict[str, list[_Part]]:
    plan.check(standard)
    parts: dict[str, list[_Part]] = {}
    for rules in plan.layers:
        spec = standard.layers[rules.target]
        found = [one for one in source.layers if rules.takes(one.name)]
        if not found and not rules.optional:
            raise BadMapping(
                f"映射 {plan.name} 要求图层 {'、'.join(rules.source)}, 成果中没有。成果图层: "
                f"{'、'.join(one.name for one in source.layers)}。请核对文件或映射。",
                f"Mapping {plan.name} asks for layer {', '.join(rules.source)}; the delivery holds "
                f"{', '.join(one.name for one in source.layers)}. Check the file or the mapping.",
            )
        for one in found:
            rules.check_source(one, plan.name)
            fields = {**(_match_fields(one, spec) if rules.match_rest else {}), **rules.fields}
            parts.setdefault(rules.target, []).append(_Part(one, fields, rules))
    return parts


def _used(part: _Part) -> frozenset[str]:
    used = set(part.fields.values())
    if part.rules is not None:
        used |= {table.source for table in part.rules.codes.values() if table.source}
        used |= set(part.rules.where) | set(part.rules.function_fields)
        used |= {part.rules.identity} if part.rules.identity not in ("", "row") else set()
    return frozenset(used)


def _columns_read(part: _Part) -> list[str]:
    """Every attribute: unused ones are counted for the loss report."""
    return list(part.source.field_names)


def _matching(batch: pa.RecordBatch, rules: LayerMapping) -> pa.Array:
    keep = pa.repeat(pa.scalar(True), batch.num_rows)
    for name, wanted in rules.where.items():
        values = convert_to_text(batch.column(name))
        inside = pc.is_valid(values) if wanted == ("*",) else pc.is_in(values, value_set=pa.array(wanted))
        keep = pc.and_(keep, inside)
    return keep


def _mended(wkb: pa.Array, loss: LayerLoss) -> pa.Array:
    """Mend invalid geometries and drop repeated vertices, keeping the dimension; every other row keeps its bytes."""
    given = wkb.to_numpy(zero_copy_only=False).copy()
    shapes = shapely.from_wkb(given, on_invalid="ignore")
    mended = shapely.remove_repeated_points(shapes)
    broken = np.flatnonzero(~shapely.is_valid(mended) & ~shapely.is_missing(mended))
    mended[broken] = shapely.make_valid(mended[broken], method="structure", keep_collapsed=False)
    same = shapely.get_dimensions(mended) == shapely.get_dimensions(shapes)
    changed = np.flatnonzero(same & ~shapely.is_missing(shapes) & ~shapely.equals_exact(mended, shapes))
    given[changed] = shapely.to_wkb(mended[changed])
    loss.geometries_repaired += len(changed)
    return pa.array(given, pa.binary())


def _nothing_matches(source: DeliverySource, standard: Standard) -> NothingMatches:
    delivered = ", ".join(one.name for one in source.layers[:10])
    known = ", ".join(list(standard.layers)[:10])
    return NothingMatches(
        f"成果中的图层 ({delivered}) 都不属于 {standard.number} ({known} …)。请核对标准, 或用 --mapping 给出映射。",
        f"None of the delivered layers ({delivered}) belongs to {standard.number} ({known} …). "
        "Check the standard or give a mapping with --mapping.",
        layers=[one.name for one in source.layers],
    )
