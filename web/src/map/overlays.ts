/** What tools draw on a map: GeoJSON sources above the data, on every map of the page. */
import type { GeoJSONSource, LayerSpecification, Map as MapLibre } from 'maplibre-gl';
import { LABEL_FONT } from './base-map';

/** A style layer without its source; `id` is made unique with the overlay's. */
export type OverlayLayer = Omit<Extract<LayerSpecification, { type: 'fill' | 'line' | 'circle' | 'symbol' }>, 'source'>;

interface Overlay {
  features: GeoJSON.FeatureCollection;
  readonly layers: readonly OverlayLayer[];
}

const idOf = (overlay: string): string => `overlay/${overlay}`;

/** Sketches: deep accent on white casing, vertices as dots, `label` written beside. No red: red means conflict. */
export const SKETCH: readonly OverlayLayer[] = [
  { id: 'fill', type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': '#0b5c63', 'fill-opacity': 0.12 } },
  { id: 'casing', type: 'line', layout: { 'line-join': 'round' }, paint: { 'line-color': '#ffffff', 'line-width': 5, 'line-opacity': 0.9 } },
  { id: 'line', type: 'line', layout: { 'line-join': 'round' }, paint: { 'line-color': '#0b5c63', 'line-width': 2.5 } },
  {
    id: 'point',
    type: 'circle',
    filter: ['==', ['geometry-type'], 'Point'],
    paint: { 'circle-radius': 4.5, 'circle-color': '#ffffff', 'circle-stroke-color': '#0b5c63', 'circle-stroke-width': 2 },
  },
  {
    id: 'label',
    type: 'symbol',
    filter: ['has', 'label'],
    layout: { 'text-field': ['get', 'label'], 'text-font': LABEL_FONT, 'text-size': 13, 'text-offset': [0, -1.1], 'text-allow-overlap': true },
    paint: { 'text-color': '#08474d', 'text-halo-color': '#ffffff', 'text-halo-width': 2 },
  },
] as OverlayLayer[];

export class Overlays {
  readonly #known = new Map<string, Overlay>();
  readonly #maps = new Set<MapLibre>();

  /** Draws on this map too from now on, above everything it has. */
  join(map: MapLibre): void {
    this.#maps.add(map);
    for (const [id, overlay] of this.#known) put(map, id, overlay);
  }

  leave(map: MapLibre): void {
    this.#maps.delete(map);
  }

  set(id: string, features: GeoJSON.FeatureCollection, layers: readonly OverlayLayer[]): void {
    const known = this.#known.get(id);
    if (known && known.layers !== layers) this.remove(id);
    const overlay = { features, layers };
    this.#known.set(id, overlay);
    for (const map of this.#maps) put(map, id, overlay);
  }

  remove(id: string): void {
    const overlay = this.#known.get(id);
    if (!overlay) return;
    this.#known.delete(id);
    for (const map of this.#maps) {
      for (const layer of overlay.layers) if (map.getLayer(`${idOf(id)}/${layer.id}`)) map.removeLayer(`${idOf(id)}/${layer.id}`);
      if (map.getSource(idOf(id))) map.removeSource(idOf(id));
    }
  }
}

/** Overlays lie below the outline of the chosen feature. */
const ABOVE = 'feature-mark-casing';

function put(map: MapLibre, id: string, overlay: Overlay): void {
  const source = map.getSource<GeoJSONSource>(idOf(id));
  if (source) {
    source.setData(overlay.features);
    return;
  }
  map.addSource(idOf(id), { type: 'geojson', data: overlay.features });
  const before = map.getLayer(ABOVE) ? ABOVE : undefined;
  for (const layer of overlay.layers) {
    map.addLayer({ ...layer, id: `${idOf(id)}/${layer.id}`, source: idOf(id) } as LayerSpecification, before);
  }
}

/** Shared by the maps of the page: what is drawn on one is drawn on the other. */
export const overlays = new Overlays();
