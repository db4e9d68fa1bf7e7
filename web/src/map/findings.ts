/** Findings of a check on the map: each with its own geometry, and a mark, since a sliver is smaller than a pixel. */
import type { Feature, FeatureCollection, Geometry, Position } from 'geojson';
import type { LayerSpecification } from 'maplibre-gl';

export const FINDINGS = 'findings';
export const FINDING_MARKS = 'finding-marks';

export interface FindingProperties {
  readonly fingerprint: string;
  readonly rule: string;
  readonly severity: 'S' | 'Z' | 'Q' | 'W';
  readonly message_zh: string;
  readonly message_en: string;
  readonly [other: string]: unknown;
}

export type Findings = FeatureCollection<Geometry | null, FindingProperties>;
export type Box = [west: number, south: number, east: number, north: number];

/** Severe findings stop a delivery and are red; light ones and notes are amber and grey. */
const COLOUR = ['match', ['get', 'severity'], 'S', '#b42318', 'Z', '#b42318', 'Q', '#c27c00', '#5b6b70'];
const chosen = (yes: unknown, no: unknown): unknown => ['case', ['boolean', ['feature-state', 'chosen'], false], yes, no];

export const FINDING_LAYERS = [
  {
    id: 'finding-fill',
    type: 'fill',
    source: FINDINGS,
    filter: ['==', ['geometry-type'], 'Polygon'],
    paint: { 'fill-color': COLOUR, 'fill-opacity': chosen(0.55, 0.3) },
  },
  {
    id: 'finding-line',
    type: 'line',
    source: FINDINGS,
    paint: { 'line-color': COLOUR, 'line-width': chosen(3.5, 1.8) },
  },
  {
    id: 'finding-mark',
    type: 'circle',
    source: FINDING_MARKS,
    paint: {
      'circle-color': COLOUR,
      // severity is told by size and ring too, not by colour alone
      'circle-radius': ['+', ['match', ['get', 'severity'], 'S', 7, 'Z', 5.5, 'Q', 4.5, 3.5], chosen(4, 0)],
      'circle-stroke-color': ['match', ['get', 'severity'], 'S', '#ffffff', 'Z', '#f3d3cf', '#ffffff'],
      'circle-stroke-width': ['match', ['get', 'severity'], 'S', 2.5, 1.5],
      'circle-opacity': ['interpolate', ['linear'], ['zoom'], 16, 0.9, 18, 0.25],
    },
  },
] as unknown as LayerSpecification[];

/** Smallest box around a geometry, degrees; null for nothing. */
export function boxOf(geometry: Geometry | null | undefined): Box | null {
  if (!geometry) return null;
  const box: Box = [Infinity, Infinity, -Infinity, -Infinity];
  grow(box, geometry);
  return Number.isFinite(box[0]) ? box : null;
}

function grow(box: Box, geometry: Geometry): void {
  if (geometry.type === 'GeometryCollection') return geometry.geometries.forEach((part) => grow(box, part));
  const visit = (node: Position | Position[] | Position[][] | Position[][][]): void => {
    if (typeof node[0] !== 'number') return (node as Position[][]).forEach(visit);
    const [lon, lat] = node as [number, number];
    box[0] = Math.min(box[0], lon);
    box[1] = Math.min(box[1], lat);
    box[2] = Math.max(box[2], lon);
    box[3] = Math.max(box[3], lat);
  };
  visit(geometry.coordinates);
}

/** The box around all boxes; null when there is none. */
export function union(boxes: Iterable<Box | null>): Box | null {
  let all: Box | null = null;
  for (const box of boxes) {
    if (!box) continue;
    all = all
      ? [Math.min(all[0], box[0]), Math.min(all[1], box[1]), Math.max(all[2], box[2]), Math.max(all[3], box[3])]
      : [...box];
  }
  return all;
}

/** Numbers the findings from 1 (map identities are numbers) and leaves out those without a place. */
export function placed(findings: Findings): Feature<Geometry, FindingProperties>[] {
  return findings.features.flatMap((feature, index) =>
    feature.geometry
      ? [{ ...feature, id: index + 1, geometry: feature.geometry, properties: { ...feature.properties } }]
      : [],
  );
}

/** A mark in the middle of each finding's box. */
export function marks(features: readonly Feature<Geometry, FindingProperties>[]): Feature<Geometry, FindingProperties>[] {
  return features.flatMap((feature) => {
    const box = boxOf(feature.geometry);
    if (!box) return [];
    const coordinates = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    return [{ ...feature, geometry: { type: 'Point' as const, coordinates } }];
  });
}
