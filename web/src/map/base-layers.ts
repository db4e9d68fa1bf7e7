/** What lies under the data besides the boundaries: relief, water, the map of another house. */
import type { LayerSpecification, Map as MapLibre } from 'maplibre-gl';
import type { BaseMap } from '../api';

/** Boundaries are always drawn; this is what an address without a choice shows besides them. */
const USUAL: readonly string[] = ['relief'];
export const BOUNDARIES_ONLY = 'divisions';
/**
 * Level ground under the usual sun (45°) is 180 of 255 in the tiles. It is lifted to the ground's own 243, so that a plain
 * has no colour and the edge of the heights is not to be seen: (180/255 − 0.5) / (1 − 0.3) + 0.5 = 0.796 = flat, and
 * 0.77 + 0.23 × flat = 243/255.
 */
const RELIEF = { 'raster-contrast': 0.3, 'raster-brightness-min': 0.77 };
/** Everything of the base lies below this one. */
const FIRST_LINE = 'base-line-county';

/** Ids of the parts that a choice (`store.state.base`) means: `''` is the usual ones, else ids joined by `+`. */
export function partsOf(base: string): readonly string[] {
  return base === '' ? USUAL : base.split('+').filter((id) => id && id !== BOUNDARIES_ONLY);
}

/** The choice that shows these parts; the usual ones are ''. */
export function choiceOf(parts: readonly string[]): string {
  if (parts.length === USUAL.length && USUAL.every((id) => parts.includes(id))) return '';
  return parts.length ? parts.join('+') : BOUNDARIES_ONLY;
}

const sourceOf = (id: string): string => `base/${id}`;

export class BaseLayers {
  readonly #map: MapLibre;
  readonly #offered: () => Promise<readonly BaseMap[]>;
  #turn = 0;
  #shown: readonly string[] = [];

  constructor(map: MapLibre, offered: () => Promise<readonly BaseMap[]>) {
    this.#map = map;
    this.#offered = offered;
  }

  /** Makes the map show the chosen parts, in the order the node lists them; what it does not offer is left out. */
  async show(base: string): Promise<readonly BaseMap[]> {
    const turn = ++this.#turn;
    const wanted = partsOf(base);
    const offered = wanted.length ? await this.#offered().catch(() => []) : [];
    if (turn !== this.#turn) return [];
    const parts = offered.filter((one) => wanted.includes(one.id));
    for (const id of this.#shown) if (!parts.some((one) => one.id === id)) this.#remove(id);
    for (const part of parts) if (!this.#shown.includes(part.id)) this.#add(part);
    this.#shown = parts.map((one) => one.id);
    return parts;
  }

  #add(part: BaseMap): void {
    const source = sourceOf(part.id);
    const range = { tiles: [location.origin + part.tiles], minzoom: part.min_zoom, maxzoom: part.max_zoom, attribution: part.attribution };
    this.#map.addSource(source, part.kind === 'raster' ? { type: 'raster', tileSize: part.tile_size, ...range } : { type: 'vector', ...range });
    this.#map.addLayer(this.#drawn(part, source), FIRST_LINE);
  }

  #drawn(part: BaseMap, source: string): LayerSpecification {
    if (part.kind === 'raster') {
      return { id: source, type: 'raster', source, paint: { ...(part.id === 'relief' ? RELIEF : {}), 'raster-fade-duration': 0 } };
    }
    return { id: source, type: 'fill', source, 'source-layer': part.source_layers[0] ?? '', paint: { 'fill-color': '#a8cde6', 'fill-antialias': false } };
  }

  #remove(id: string): void {
    if (this.#map.getLayer(sourceOf(id))) this.#map.removeLayer(sourceOf(id));
    if (this.#map.getSource(sourceOf(id))) this.#map.removeSource(sourceOf(id));
  }
}
