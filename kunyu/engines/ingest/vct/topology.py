"""Boundaries that polygons share: rings cut at the points where borders part, every piece kept once. 共享边界线.

A point is a node when the rings through it do not all leave it in the same two directions; between nodes, rings that
meet run along the very same vertices, so a piece is known by its first edge. Points are compared by a 64-bit mix of
their coordinates in units of the last decimal; two points with the same mix only make one node more. A T-junction in
the middle of an edge is no vertex of that edge: each side keeps its own line there.

Memory: 8 bytes a vertex for coordinates (16 when a batch spans more than 429 km at 0.1 mm), 8 for the mix, and 16 for
a while, to find the nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.ingest.vct.ragged import Ints, ranges, starts_of

Mixes = NDArray[np.uint64]
_PLACE_BITS = 36
"""Bits of the mix that stand for the point where nodes are looked for; the rest tells its two neighbours apart."""
_PAIR_BITS = np.uint64(64 - _PLACE_BITS)
_FILTER_BITS = 10, 26
"""Size of the table that rules most points out before they are searched among the nodes, least and largest."""
_AT_ONCE = 1 << 22


@dataclass
class _Rings:
    """Rings of one batch; coordinates as unsigned offsets from ``low`` where they fit 32 bits."""

    x: NDArray[Any]
    y: NDArray[Any]
    low: tuple[int, int]
    start: Ints
    mix: Mixes
    sorted_by: Mixes
    ends: Ints
    """Positions of the ends of rings that are not closed."""


@dataclass(frozen=True)
class Pieces:
    """What a batch's rings are made of: ``ring`` (k,) which ring, ``line`` (k,) ±(number of the line), in ring order."""

    ring: Ints
    line: Ints


@dataclass(frozen=True)
class _Cut:
    """Where the pieces of one batch lie: ring, offset of the first vertex in the ring, edges; mixes that name them."""

    ring: Ints
    offset: Ints
    edges: Ints
    name: Mixes
    proof: Mixes
    forward: NDArray[np.bool_]


@dataclass
class Topology:
    """Collects the rings of a layer batch by batch, then gives lines and what each ring is made of."""

    batches: list[_Rings] = field(default_factory=list)
    pieces: list[Pieces] = field(default_factory=list)
    _cuts: list[_Cut] = field(default_factory=list)
    _first: list[Ints] = field(default_factory=list)
    lines: int = 0

    def add(self, x: Ints, y: Ints, start: Ints) -> None:
        """Add rings of at least two vertices; ring i has vertices ``start[i]`` to ``start[i + 1]``."""
        mix = _mix(x.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + _mix(y.astype(np.uint64)))
        first, last = start[:-1], start[1:] - 1
        open_ones = mix[first] != mix[last]
        ends = np.concatenate([first[open_ones], last[open_ones]])
        near = _mix(mix + np.uint64(1))
        pair = np.empty_like(near)
        pair[1:-1] = near[:-2] + near[2:]
        pair[first] = near[last - 1] + near[first + 1]
        pair[last] = pair[first]
        pair[ends] += near[ends]  # the end of an open ring is like no other visit of its point
        pair = _mix(pair)
        self.batches.append(
            _Rings(
                *_small(x, y), start, mix, ((mix >> _PAIR_BITS) << _PAIR_BITS) | (pair >> np.uint64(_PLACE_BITS)), ends
            )
        )

    def build(self) -> None:
        """Find nodes, cut rings, number the lines in the order in which rings first use them."""
        nodes = _nodes([one.sorted_by for one in self.batches])
        seen = _filter(nodes)
        for one in self.batches:
            one.sorted_by = np.zeros(0, np.uint64)
            self._cuts.append(_cut(one, nodes, seen))
            one.mix = np.zeros(0, np.uint64)
        self._number()

    def _number(self) -> None:
        names = _joined([one.name for one in self._cuts])
        proofs = _joined([one.proof for one in self._cuts])
        forward = np.concatenate([one.forward for one in self._cuts]) if self._cuts else np.zeros(0, bool)
        _, chosen, which = np.unique(names, return_index=True, return_inverse=True)
        own = proofs != proofs[chosen[which]]  # the same mix for two different lines: hardly ever, but never believed
        model = chosen[which]
        model[own] = np.flatnonzero(own)
        models = np.unique(model)
        number = np.searchsorted(models, model) + 1
        number[forward != forward[model]] *= -1
        self.lines = len(models)
        at = 0
        for one in self._cuts:
            size = len(one.ring)
            self.pieces.append(Pieces(one.ring, number[at : at + size]))
            self._first.append(models[np.searchsorted(models, at) : np.searchsorted(models, at + size)] - at)
            at += size

    def line_vertices(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Yield the lines in order, some at a time: x, y, and the number of vertices of each; frees what it yields."""
        for rings, cut, models in zip(self.batches, self._cuts, self._first, strict=True):
            counts = cut.edges[models] + 1
            size = np.diff(rings.start) - 1
            at = 0
            bounds = starts_of(counts)
            while at < len(models):
                end = max(int(np.searchsorted(bounds, bounds[at] + _AT_ONCE, "right")) - 1, at + 1)
                some = models[at:end]
                ring, many = cut.ring[some], counts[at:end]
                where = ranges(cut.offset[some], many)
                around = np.repeat(size[ring], many)
                where -= np.where(where > around, around, 0)
                where += np.repeat(rings.start[ring], many)
                yield (
                    rings.x[where].astype(np.int64) + rings.low[0],
                    rings.y[where].astype(np.int64) + rings.low[1],
                    many,
                )
                at = end
            rings.x = rings.y = np.zeros(0, np.int64)


def _mix(values: Mixes) -> Mixes:
    """Scatter 64 bits (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: Mixes = values ^ (values >> np.uint64(31))
    return found


def _small(x: Ints, y: Ints) -> tuple[NDArray[Any], NDArray[Any], tuple[int, int]]:
    if not len(x):
        return x, y, (0, 0)
    low = int(x.min()), int(y.min())
    if max(int(x.max()) - low[0], int(y.max()) - low[1]) >= 2**32:
        return x, y, (0, 0)
    return (x - low[0]).astype(np.uint32), (y - low[1]).astype(np.uint32), low


def _joined(parts: list[Mixes]) -> Mixes:
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _nodes(parts: list[Mixes]) -> Mixes:
    """Return the places (upper bits of the mix) that are visited in more than one way, sorted."""
    visits = _joined(parts)
    visits.sort()
    found = []
    for at in range(0, max(len(visits) - 1, 0), _AT_ONCE):
        some = visits[at : at + _AT_ONCE + 1]
        place = some >> _PAIR_BITS
        differs = (place[1:] == place[:-1]) & (some[1:] != some[:-1])
        found.append(place[1:][differs])
    return np.unique(_joined(found))


def _filter(nodes: Mixes) -> NDArray[np.bool_]:
    bits = int(np.clip(len(nodes).bit_length() + 5, *_FILTER_BITS))
    seen = np.zeros(1 << bits, bool)
    seen[nodes >> np.uint64(_PLACE_BITS - bits)] = True
    return seen


def _is_node(mix: Mixes, nodes: Mixes, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    place = mix >> _PAIR_BITS
    found = seen[place >> np.uint64(_PLACE_BITS + 1 - len(seen).bit_length())]
    maybe = np.flatnonzero(found)
    if len(maybe):
        where = np.minimum(np.searchsorted(nodes, place[maybe]), len(nodes) - 1)
        found[maybe] = nodes[where] == place[maybe]
    return found


def _cut(rings: _Rings, nodes: Mixes, seen: NDArray[np.bool_]) -> _Cut:
    start, mix = rings.start, rings.mix
    first, size = start[:-1], np.diff(start) - 1
    node = _is_node(mix, nodes, seen)
    node[rings.ends] = True
    if len(first):
        lonely = np.flatnonzero(np.logical_or.reduceat(node, first) == 0)
        _start_somewhere(node, mix, first[lonely], size[lonely] + 1)
    node[first + size] = False  # a ring's last vertex is its first
    at = np.flatnonzero(node)
    ring = np.searchsorted(start, at, "right") - 1
    offset = at - start[ring]
    opening = np.ones(len(at), bool)
    opening[1:] = ring[1:] != ring[:-1]
    begin = offset[opening][np.cumsum(opening) - 1] if len(at) else offset
    until = begin + size[ring]
    until[:-1] = np.where(opening[1:], until[:-1], offset[1:])
    end = _around(until, size[ring]) + start[ring]
    before = _around(until - 1, size[ring]) + start[ring]
    with np.errstate(over="ignore"):
        ahead = _mix(mix[at] * np.uint64(0x9E3779B97F4A7C15) + mix[at + 1])
        back = _mix(mix[end] * np.uint64(0x9E3779B97F4A7C15) + mix[before])
        edges = until - offset
        proof = _mix(ahead + back) + edges.astype(np.uint64)
    return _Cut(ring, offset, edges, np.minimum(ahead, back), proof, ahead <= back)


def _start_somewhere(node: NDArray[np.bool_], mix: Mixes, first: Ints, counts: Ints) -> None:
    """A ring without nodes begins at its least vertex, so that the ring on its other side begins there too."""
    if not len(first):
        return
    where = ranges(first, counts)
    values = mix[where]
    least = np.minimum.reduceat(values, starts_of(counts)[:-1])
    node[where[values == np.repeat(least, counts)]] = True


def _around(offset: Ints, size: Ints) -> Ints:
    found: Ints = np.where(offset > size, offset - size, offset)
    return found
