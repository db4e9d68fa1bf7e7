/** What the page of a plot says and draws, apart from the map itself. Pure. */
import type { Position } from 'geojson';
import { t } from '../language';
import type { OverlayLayer } from '../map/overlays';
import { LABEL_FONT } from '../map/base-map';
import { canFinish, geometryOf, type Sketch } from '../tools/sketch';

export interface PlaceProperties {
  readonly fingerprint: string;
  readonly tone: 'plot' | 'conflict' | 'doubt';
  readonly name_zh: string;
  readonly name_en: string;
}

export type Places = GeoJSON.FeatureCollection<GeoJSON.Geometry, PlaceProperties>;

const CONFLICT = '#b42318';
const DOUBT = '#c27c00';
const TONE = ['match', ['get', 'tone'], 'conflict', CONFLICT, DOUBT];
const chosen = (yes: unknown, no: unknown): unknown => ['case', ['boolean', ['get', 'chosen'], false], yes, no];

/** Overlaps: red does not conform, amber is a doubt; the chosen one is drawn stronger. */
export const PLACE_LAYERS = [
  { id: 'fill', type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': TONE, 'fill-opacity': chosen(0.55, 0.3) } },
  { id: 'line', type: 'line', paint: { 'line-color': TONE, 'line-width': chosen(4, 2) } },
] as unknown as readonly OverlayLayer[];

/** A plot of several parts: shown, not edited by hand. */
export const WHOLE_LAYERS = [
  { id: 'fill', type: 'fill', paint: { 'fill-color': '#0b5c63', 'fill-opacity': 0.14 } },
  { id: 'line', type: 'line', paint: { 'line-color': '#0b5c63', 'line-width': 2.5 } },
] as unknown as readonly OverlayLayer[];

/** Where a fault lies, and the numbers of corners. */
export const MARK_LAYERS = [
  { id: 'ring', type: 'circle', filter: ['==', ['get', 'role'], 'fault'], paint: { 'circle-radius': 14, 'circle-color': CONFLICT, 'circle-opacity': 0.15, 'circle-stroke-color': CONFLICT, 'circle-stroke-width': 3 } },
  {
    id: 'label', type: 'symbol',
    layout: { 'text-field': ['get', 'label'], 'text-font': LABEL_FONT, 'text-size': 14, 'text-offset': [0, -1.5], 'text-allow-overlap': true },
    paint: { 'text-color': ['match', ['get', 'role'], 'fault', CONFLICT, '#08474d'], 'text-halo-color': '#ffffff', 'text-halo-width': 2.5 },
  },
] as unknown as readonly OverlayLayer[];

/** More corners than this are neither numbered nor listed. */
export const MOST_CORNERS = 60;

/** `w,s,e,n` of an attribute; null when it is none. */
export function readBox(text: string | undefined): [number, number, number, number] | null {
  const parts = (text ?? '').split(',').map(Number);
  return text && parts.length === 4 && parts.every(Number.isFinite) ? (parts as [number, number, number, number]) : null;
}

/** What to do next, in a sentence. */
export function hintOf(sketch: Sketch): string {
  if (sketch.finished) return t('拖动圆点可以调整角点。没有问题就点“保存这个范围”。', 'Drag the dots to move corners. When it is right, press Save.');
  const count = sketch.rings.at(-1)?.length ?? 0;
  if (!count) return t('先放大、拖动地图找到您的地，再点出第一个角点。', 'Move and zoom the map to your land, then press on its first corner.');
  if (!canFinish(sketch)) return t(`已有 ${count} 个角点，继续点下一个（至少三个）。`, `${count} corner${count === 1 ? '' : 's'}; go on (three at least).`);
  return t(`已有 ${count} 个角点。继续点，或点“画好了”。`, `${count} corners. Go on, or press Done.`);
}

/** A tenth of a millimetre: what a finger or a mouse says beyond it means nothing. */
const DECIMALS = 9;

/** What is sent: the geometry of a finished sketch, '' while it grows. */
export function sentOf(sketch: Sketch): string {
  const geometry = sketch.finished ? geometryOf(sketch) : null;
  return geometry ? JSON.stringify(geometry, (_, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(DECIMALS)) : value)) : '';
}

/** The geometry a field holds; null for anything else. */
export function geometryFrom(text: string): GeoJSON.Geometry | null {
  try {
    const found = JSON.parse(text) as GeoJSON.Geometry;
    return found.type === 'Polygon' || found.type === 'MultiPolygon' ? found : null;
  } catch {
    return null;
  }
}

export interface Corner {
  readonly ring: number;
  readonly index: number;
  readonly at: Position;
  readonly name: string;
}

/** Corners with the names they bear on the map and in the list: 1, 2, … and 洞1-1 in holes; none when there are too many. */
export function cornersOf(sketch: Sketch): readonly Corner[] {
  const all = sketch.rings.flatMap((points, ring) =>
    points.map((at, index) => ({ ring, index, at, name: ring ? `${t('洞', 'h')}${ring}-${index + 1}` : String(index + 1) })),
  );
  return all.length > MOST_CORNERS ? [] : all;
}

/** Marks of the page: numbers of corners, and the place of a fault. */
export function marksOf(sketch: Sketch, fault: Position | null): GeoJSON.FeatureCollection {
  const point = (at: Position, properties: Record<string, unknown>): GeoJSON.Feature => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } });
  const numbers = cornersOf(sketch).map(({ at, name }) => point(at, { role: 'corner', label: name }));
  return { type: 'FeatureCollection', features: fault ? [...numbers, point(fault, { role: 'fault', label: t('问题在这里', 'The fault is here') })] : numbers };
}

/** The overlaps of an answer, with one of them chosen. */
export function overlapsOf(places: Places, fingerprint: string): GeoJSON.FeatureCollection {
  const features = places.features
    .filter((one) => one.properties.tone !== 'plot')
    .map((one) => ({ ...one, properties: { ...one.properties, chosen: one.properties.fingerprint === fingerprint } }));
  return { type: 'FeatureCollection', features };
}

/** Where a corner lies, as people copy it. */
export function cornerText([lon = 0, lat = 0]: Position): string {
  return `${lon.toFixed(7)}, ${lat.toFixed(7)}`;
}
