/**
 * Drawing on the map: pointer, fingers and keys change a {@link Sketch} and it is drawn in the house look.
 *
 * While it grows: click adds, double click or Enter finishes, Backspace takes back; by keyboard the space bar adds the
 * point at the cross. When it is finished: vertices are dragged, the small points between them put new ones in.
 */
import type { Position } from 'geojson';
import type { Map as MapLibre, MapMouseEvent, MapTouchEvent } from 'maplibre-gl';
import { LABEL_FONT } from '../map/base-map';
import type { KyMap } from '../map/map-view';
import type { OverlayLayer } from '../map/overlays';
import { areaLabel, lengthText } from './figures';
import { distance, lengthOf, polygonArea } from './ellipsoid';
import type { MapPlace, MapTool } from './registry';
import { add, begin, canFinish, finish, geometryOf, insertVertex, least, middles, moveVertex, undo, type Sketch, type SketchKind, type Vertex } from './sketch';

const REACH_PIXELS = 12;
/** A finger hides what it points at. */
const TOUCH_REACH_PIXELS = 26;
const DOUBLE_CLICK_MS = 400;
const DOUBLE_CLICK_PIXELS = 6;
/** With more vertices than this the middles and labels of edges would hide the shape. */
const MOST_HANDLES = 120;
const ACCENT = '#0b5c63';
const role = (name: string): unknown => ['==', ['get', 'role'], name];

const LAYERS = [
  { id: 'fill', type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': ACCENT, 'fill-opacity': 0.14 } },
  { id: 'casing', type: 'line', filter: role('edge'), layout: { 'line-join': 'round' }, paint: { 'line-color': '#ffffff', 'line-width': 5.5, 'line-opacity': 0.9 } },
  { id: 'line', type: 'line', filter: role('edge'), layout: { 'line-join': 'round' }, paint: { 'line-color': ACCENT, 'line-width': 2.5 } },
  { id: 'rubber', type: 'line', filter: role('rubber'), paint: { 'line-color': ACCENT, 'line-width': 2, 'line-dasharray': [2, 2] } },
  { id: 'middle', type: 'circle', filter: role('middle'), paint: { 'circle-radius': 3.5, 'circle-color': '#ffffff', 'circle-opacity': 0.9, 'circle-stroke-color': ACCENT, 'circle-stroke-width': 1 } },
  { id: 'vertex', type: 'circle', filter: role('vertex'), paint: { 'circle-radius': 5, 'circle-color': '#ffffff', 'circle-stroke-color': ACCENT, 'circle-stroke-width': 2.5 } },
  {
    id: 'leg', type: 'symbol', filter: role('leg'),
    layout: { 'text-field': ['get', 'label'], 'text-font': LABEL_FONT, 'text-size': 12, 'text-offset': [0, -0.9], 'text-padding': 2 },
    paint: { 'text-color': '#17262b', 'text-halo-color': '#ffffff', 'text-halo-width': 2 },
  },
  {
    id: 'total', type: 'symbol', filter: role('total'),
    layout: { 'text-field': ['get', 'label'], 'text-font': LABEL_FONT, 'text-size': 14, 'text-offset': [0, 1.4], 'text-allow-overlap': true },
    paint: { 'text-color': '#08474d', 'text-halo-color': '#ffffff', 'text-halo-width': 2.5 },
  },
] as unknown as readonly OverlayLayer[];

export interface SketchOptions {
  readonly id: string;
  readonly kind: SketchKind;
  /** Also write the length of every leg. */
  readonly legs: boolean;
  /** Write the running figure: length of a line, area of an outline. False where the server alone says how large it is. */
  readonly total?: boolean;
  /** Called after every change that a person made. */
  readonly changed: (sketch: Sketch) => void;
}

export class SketchControl implements MapTool {
  sketch: Sketch;
  readonly #options: SketchOptions;
  #map: KyMap | undefined;
  #pointer: Position | null = null;
  #lastClick = { x: 0, y: 0, at: 0 };
  #dragged: Vertex | null = null;
  #legs: boolean;

  constructor(options: SketchOptions) {
    this.#options = options;
    this.#legs = options.legs;
    this.sketch = begin(options.kind);
  }

  get cursor(): string {
    return this.sketch.finished ? '' : 'crosshair';
  }

  /** Shows the sketch on a map and hears its pointer. */
  attach(map: KyMap | undefined): void {
    if (this.#map) this.detach();
    this.#map = map;
    const bare = map?.map;
    if (!bare) return;
    bare.on('mousedown', this.#grab);
    bare.on('touchstart', this.#grab);
    bare.doubleClickZoom.disable();
    this.#draw();
  }

  detach(): void {
    const bare = this.#map?.map;
    if (bare) {
      bare.off('mousedown', this.#grab);
      bare.off('touchstart', this.#grab);
      bare.doubleClickZoom.enable();
      this.#letGo(bare);
    }
    this.#map?.removeOverlay(this.#options.id);
    this.#map = undefined;
  }

  /** Puts another sketch in the place of this one, without telling of it. */
  show(sketch: Sketch): void {
    this.sketch = sketch;
    this.#pointer = null;
    this.#draw();
  }

  #change(next: Sketch): void {
    if (next === this.sketch) return;
    this.sketch = next;
    if (next.finished) this.#pointer = null;
    this.#draw();
    this.#options.changed(next);
  }

  add(point: Position): void {
    this.#change(add(this.sketch, point));
  }

  undo(): void {
    this.#change(undo(this.sketch));
  }

  finish(): void {
    this.#change(finish(this.sketch));
  }

  restart(kind: SketchKind = this.sketch.kind): void {
    this.#change(begin(kind));
  }

  // -- the map speaks --------------------------------------------------------------------------------------

  /** Whether a click is the second half of a double click; remembers it. */
  isAgain(place: MapPlace): boolean {
    const now = performance.now();
    const again = now - this.#lastClick.at < DOUBLE_CLICK_MS && near(place, this.#lastClick, DOUBLE_CLICK_PIXELS);
    this.#lastClick = { x: place.x, y: place.y, at: now };
    return again;
  }

  mapClick(place: MapPlace): boolean {
    if (this.sketch.finished) return false;
    if (this.isAgain(place)) return true;
    if (this.sketch.kind === 'area' && canFinish(this.sketch) && this.#isAtStart(place)) this.finish();
    else this.add([place.lon, place.lat]);
    return true;
  }

  mapDoubleClick(): boolean {
    if (this.sketch.finished) return false;
    this.finish();
    return true;
  }

  mapMove(place: MapPlace | null): void {
    const next: Position | null = place && !this.sketch.finished ? [place.lon, place.lat] : null;
    if (next === null && this.#pointer === null) return;
    this.#pointer = next;
    this.#draw();
  }

  mapKey(event: KeyboardEvent, place: MapPlace): boolean {
    if (event.key === 'Backspace' || event.key === 'Delete' || ((event.ctrlKey || event.metaKey) && event.key === 'z')) {
      this.undo();
      return true;
    }
    if (this.sketch.finished) return false;
    if (event.key === 'Escape' && this.sketch.rings.some((ring) => ring.length)) {
      this.restart();
      return true;
    }
    if (event.key === ' ') {
      this.add([place.lon, place.lat]);
      return true;
    }
    if (event.key !== 'Enter') return false;
    if (canFinish(this.sketch)) this.finish();
    else this.add([place.lon, place.lat]);
    return true;
  }

  #isAtStart(place: MapPlace): boolean {
    const first = this.sketch.rings.at(-1)?.[0];
    const bare = this.#map?.map;
    return Boolean(first && bare && near(place, bare.project(first as [number, number]), REACH_PIXELS));
  }

  // -- vertices are dragged --------------------------------------------------------------------------------

  readonly #grab = (event: MapMouseEvent | MapTouchEvent): void => {
    if (!this.sketch.finished || ('points' in event && event.points.length > 1)) return;
    const bare = event.target;
    const reach = 'points' in event ? TOUCH_REACH_PIXELS : REACH_PIXELS;
    const at = (point: Position): boolean => near(event.point, bare.project(point as [number, number]), reach);
    const vertex = allVertices(this.sketch).find((one) => at(this.sketch.rings[one.ring]![one.index]!));
    const middle = vertex || vertexCount(this.sketch) > MOST_HANDLES ? undefined : middles(this.sketch).find((one) => at(one.at));
    if (!vertex && !middle) return;
    event.preventDefault(); // the map stays where it is
    if (middle) this.sketch = insertVertex(this.sketch, middle, middle.at);
    this.#dragged = vertex ?? { ring: middle!.ring, index: middle!.index + 1 };
    bare.on('mousemove', this.#drag);
    bare.on('touchmove', this.#drag);
    bare.once('mouseup', this.#drop);
    bare.once('touchend', this.#drop);
  };

  readonly #drag = (event: MapMouseEvent | MapTouchEvent): void => {
    if (!this.#dragged) return;
    const { lng, lat } = event.lngLat.wrap();
    this.sketch = moveVertex(this.sketch, this.#dragged, [lng, lat]);
    this.#draw();
  };

  readonly #drop = (event: MapMouseEvent | MapTouchEvent): void => {
    this.#letGo(event.target);
    if (!this.#dragged) return;
    this.#dragged = null;
    this.#draw();
    this.#options.changed(this.sketch);
  };

  #letGo(bare: MapLibre): void {
    bare.off('mousemove', this.#drag);
    bare.off('touchmove', this.#drag);
  }

  // -- how it looks ----------------------------------------------------------------------------------------

  #draw(): void {
    this.#map?.addOverlay(this.#options.id, drawingOf(this.sketch, this.#pointer, this.#legs, this.#options.total ?? true), LAYERS);
  }
}

const near = (a: { x: number; y: number }, b: { x: number; y: number }, reach: number): boolean =>
  Math.hypot(a.x - b.x, a.y - b.y) <= reach;

function allVertices(sketch: Sketch): Vertex[] {
  return sketch.rings.flatMap((points, ring) => points.map((_, index) => ({ ring, index })));
}

export function vertexCount(sketch: Sketch): number {
  return sketch.rings.reduce((sum, ring) => sum + ring.length, 0);
}

type Part = GeoJSON.Feature;
const point = (at: Position, properties: Record<string, unknown>): Part => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } });
const line = (coordinates: Position[], name: string): Part => ({ type: 'Feature', properties: { role: name }, geometry: { type: 'LineString', coordinates } });
const middleOf = (a: Position, b: Position): Position => [(a[0]! + b[0]!) / 2, (a[1]! + b[1]!) / 2];

/** Everything that is drawn of a sketch. Pure. */
export function drawingOf(sketch: Sketch, pointer: Position | null, legs: boolean, withTotal = true): GeoJSON.FeatureCollection {
  const parts: Part[] = [];
  const shape = geometryOf(sketch);
  if (shape?.type === 'Polygon') parts.push({ type: 'Feature', properties: { role: 'area' }, geometry: shape });
  const few = vertexCount(sketch) <= MOST_HANDLES;
  sketch.rings.forEach((points, ring) => {
    const growing = !sketch.finished && ring === sketch.rings.length - 1;
    const closes = sketch.kind === 'area' && !growing && points.length > 2;
    const edge = closes ? [...points, points[0]!] : [...points];
    if (edge.length > 1) parts.push(line(edge, 'edge'));
    const last = points.at(-1);
    if (growing && pointer && last) {
      const back = sketch.kind === 'area' && points.length > 1 ? [points[0]!] : [];
      parts.push(line([last, pointer, ...back], 'rubber'));
      parts.push(point(middleOf(last, pointer), { role: 'leg', label: lengthText(distance(last, pointer)) }));
    }
    if (legs && few) {
      edge.slice(1).forEach((to, index) => {
        parts.push(point(middleOf(edge[index]!, to), { role: 'leg', label: lengthText(distance(edge[index]!, to)) }));
      });
    }
    parts.push(...points.map((at) => point(at, { role: 'vertex' })));
  });
  if (sketch.finished && few) parts.push(...middles(sketch).map((one) => point(one.at, { role: 'middle' })));
  const total = withTotal ? totalOf(sketch) : null;
  if (total) parts.push(point(total.at, { role: 'total', label: total.label }));
  return { type: 'FeatureCollection', features: parts };
}

/** The running figure: length at the end of a line, area in the middle of an outline. */
function totalOf(sketch: Sketch): { at: Position; label: string } | null {
  const outline = sketch.rings[0] ?? [];
  if (outline.length < least(sketch.kind)) return null;
  if (sketch.kind === 'line') return { at: outline.at(-1)!, label: lengthText(lengthOf(outline)) };
  const sum = outline.reduce((all, [lon = 0, lat = 0]) => [all[0]! + lon, all[1]! + lat] as Position, [0, 0]);
  const whole = sketch.rings.filter((ring) => ring.length > 2);
  return { at: [sum[0]! / outline.length, sum[1]! / outline.length], label: areaLabel(polygonArea(whole)) };
}
