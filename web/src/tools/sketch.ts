/** What is being drawn: a line or an area that grows point by point. Pure: the map and the keys only call it. */
import type { Position } from 'geojson';

export type SketchKind = 'line' | 'area';

export interface Sketch {
  readonly kind: SketchKind;
  /** The ring or line that grows is the last one; the first of an area is its outline, the others are holes. */
  readonly rings: readonly (readonly Position[])[];
  readonly finished: boolean;
}

export function begin(kind: SketchKind): Sketch {
  return { kind, rings: [[]], finished: false };
}

/** Least points of a part that means anything. */
export function least(kind: SketchKind): number {
  return kind === 'area' ? 3 : 2;
}

const same = (a: Position | undefined, b: Position): boolean => a?.[0] === b[0] && a?.[1] === b[1];

/** Adds a point; the same point twice (a double click) counts once. */
export function add(sketch: Sketch, point: Position): Sketch {
  if (sketch.finished) return sketch;
  const growing = sketch.rings.at(-1) ?? [];
  if (same(growing.at(-1), point)) return sketch;
  return { ...sketch, rings: [...sketch.rings.slice(0, -1), [...growing, point]] };
}

/** Takes the last point back; a finished sketch is opened again; an empty hole is given up. */
export function undo(sketch: Sketch): Sketch {
  if (sketch.finished) return { ...sketch, finished: false };
  const growing = sketch.rings.at(-1) ?? [];
  if (!growing.length && sketch.rings.length > 1) return { ...sketch, rings: sketch.rings.slice(0, -1), finished: true };
  return { ...sketch, rings: [...sketch.rings.slice(0, -1), growing.slice(0, -1)] };
}

export function canFinish(sketch: Sketch): boolean {
  return !sketch.finished && (sketch.rings.at(-1)?.length ?? 0) >= least(sketch.kind);
}

export function finish(sketch: Sketch): Sketch {
  return canFinish(sketch) ? { ...sketch, finished: true } : sketch;
}

/** Begins a hole in a finished area. */
export function beginHole(sketch: Sketch): Sketch {
  return sketch.kind === 'area' && sketch.finished ? { ...sketch, rings: [...sketch.rings, []], finished: false } : sketch;
}

export interface Vertex {
  readonly ring: number;
  readonly index: number;
}

export function moveVertex(sketch: Sketch, { ring, index }: Vertex, to: Position): Sketch {
  return changeRing(sketch, ring, (points) => points.map((point, at) => (at === index ? to : point)));
}

/** Puts a point between vertex `index` and the next one. */
export function insertVertex(sketch: Sketch, { ring, index }: Vertex, point: Position): Sketch {
  return changeRing(sketch, ring, (points) => [...points.slice(0, index + 1), point, ...points.slice(index + 1)]);
}

/** Removes a vertex; a hole that would have less than three goes as a whole, an outline keeps its three. */
export function removeVertex(sketch: Sketch, { ring, index }: Vertex): Sketch {
  const points = sketch.rings[ring];
  if (!points) return sketch;
  if (points.length > least(sketch.kind)) return changeRing(sketch, ring, (all) => all.filter((_, at) => at !== index));
  return ring > 0 ? { ...sketch, rings: sketch.rings.filter((_, at) => at !== ring) } : sketch;
}

function changeRing(sketch: Sketch, ring: number, change: (points: readonly Position[]) => readonly Position[]): Sketch {
  return { ...sketch, rings: sketch.rings.map((points, at) => (at === ring ? change(points) : points)) };
}

/** Middles of the edges, where a vertex can be put in; those of an area close the ring. */
export function middles(sketch: Sketch): readonly (Vertex & { readonly at: Position })[] {
  return sketch.rings.flatMap((points, ring) =>
    points.flatMap((from, index) => {
      const to = points[index + 1] ?? (sketch.kind === 'area' && points.length > 2 ? points[0] : undefined);
      return to ? [{ ring, index, at: [(from[0]! + to[0]!) / 2, (from[1]! + to[1]!) / 2] }] : [];
    }),
  );
}

/** Longitude, latitude geometry of a finished sketch (outline counter-clockwise, holes clockwise: RFC 7946). */
export function geometryOf(sketch: Sketch): GeoJSON.Polygon | GeoJSON.LineString | null {
  const parts = sketch.rings.filter((points) => points.length >= least(sketch.kind));
  if (!parts.length) return null;
  if (sketch.kind === 'line') return { type: 'LineString', coordinates: parts[0]!.map((point) => [...point]) };
  return { type: 'Polygon', coordinates: parts.map((points, index) => closed(wound(points, index === 0))) };
}

function wound(points: readonly Position[], isOutline: boolean): readonly Position[] {
  const twice = points.reduce((sum, from, index) => {
    const to = points[(index + 1) % points.length]!;
    return sum + from[0]! * to[1]! - to[0]! * from[1]!;
  }, 0);
  return twice > 0 === isOutline ? points : [...points].reverse();
}

function closed(points: readonly Position[]): Position[] {
  return [...points, points[0]!].map((point) => [...point]);
}

/** A polygon to go on editing; null for what cannot be edited by hand (several parts are edited one at a time). */
export function sketchOf(geometry: GeoJSON.Geometry): Sketch | null {
  if (geometry.type === 'MultiPolygon' && geometry.coordinates.length === 1) {
    return sketchOf({ type: 'Polygon', coordinates: geometry.coordinates[0]! });
  }
  if (geometry.type !== 'Polygon') return null;
  return { kind: 'area', finished: true, rings: geometry.coordinates.map((ring) => ring.slice(0, -1)) };
}
