/** The data layers of one map: sources and style layers follow what the store shows on its side. */
import type { Map as MapLibre, VectorTileSource } from 'maplibre-gl';
import type { LayerInfo } from '../api';
import type { LayerState, Shown } from '../store';
import { FIRST_LABEL } from './base-map';
import { drawnAttributes, layerIds, styleLayers } from './layer-style';

type Find = (collection: string) => Promise<LayerInfo>;

/** What of a layer is on the map. */
interface Drawn {
  readonly layer: LayerInfo;
  readonly tiles: string;
  readonly opacity: number;
}

export class DataLayers {
  readonly #map: MapLibre;
  readonly #find: Find;
  readonly #drawn = new Map<string, Drawn>();
  #order: readonly string[] = [];
  #asked = 0;

  constructor(map: MapLibre, find: Find) {
    this.#map = map;
    this.#find = find;
  }

  /** Layers on the map, by collection. */
  get drawn(): ReadonlyMap<string, Drawn> {
    return this.#drawn;
  }

  /** Makes the map show `shown`; off means taken off the map, sources and all. A layer nobody may see is left out. */
  async show(shown: Shown): Promise<void> {
    const turn = ++this.#asked;
    const wanted = new Set(shown.layers.map((layer) => layer.collection));
    for (const collection of [...this.#drawn.keys()]) if (!wanted.has(collection)) this.#remove(collection);
    const found = await Promise.all(shown.layers.map(({ collection }) => this.#find(collection).catch(() => null)));
    if (turn !== this.#asked) return; // the store has moved on
    shown.layers.forEach((state, index) => {
      const layer = found[index];
      if (layer) this.#put(layer, state, shown);
    });
    this.#arrange(shown.layers.map((layer) => layer.collection).filter((one) => this.#drawn.has(one)));
  }

  #put(layer: LayerInfo, state: LayerState, shown: Shown): void {
    const tiles = tilesOf(layer, state, shown);
    const drawn = this.#drawn.get(layer.collection);
    if (!drawn) this.#add(layer, tiles, state.opacity);
    else {
      if (drawn.tiles !== tiles) this.#map.getSource<VectorTileSource>(layer.collection)?.setTiles([tiles]);
      if (drawn.opacity !== state.opacity) this.#repaint(layer, state.opacity);
    }
    this.#drawn.set(layer.collection, { layer, tiles, opacity: state.opacity });
  }

  #add(layer: LayerInfo, tiles: string, opacity: number): void {
    this.#map.addSource(layer.collection, {
      ...(layer.tile_type === 'raster' ? { type: 'raster', tileSize: 256 } : { type: 'vector' }),
      tiles: [tiles],
      maxzoom: layer.max_zoom,
      ...(layer.extent ? { bounds: layer.extent } : {}),
    });
    for (const one of styleLayers(layer, opacity)) this.#map.addLayer(one, FIRST_LABEL);
  }

  #repaint(layer: LayerInfo, opacity: number): void {
    for (const one of styleLayers(layer, opacity)) {
      for (const [name, value] of Object.entries(one.type === 'background' ? {} : (one.paint ?? {}))) {
        if (name.endsWith('opacity')) this.#map.setPaintProperty(one.id, name as never, value as never);
      }
    }
  }

  /** Topmost first. A layer that was just added is on top already: only a change of order moves anything. */
  #arrange(order: readonly string[]): void {
    const kept = this.#order.filter((one) => order.includes(one));
    const [first, ...rest] = order;
    const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((one, n) => one === b[n]);
    const addedOnTop = first !== undefined && !this.#order.includes(first) && isSame(rest, kept);
    if (!addedOnTop && !isSame(order, kept)) {
      for (const collection of [...order].reverse()) {
        for (const id of layerIds(collection)) if (this.#map.getLayer(id)) this.#map.moveLayer(id, FIRST_LABEL);
      }
    }
    this.#order = order;
  }

  #remove(collection: string): void {
    for (const id of layerIds(collection)) if (this.#map.getLayer(id)) this.#map.removeLayer(id);
    if (this.#map.getSource(collection)) this.#map.removeSource(collection);
    this.#drawn.delete(collection);
  }
}

/** The XYZ template of a layer for a day, an instant and a filter. */
export function tilesOf(layer: LayerInfo, state: LayerState, shown: Shown, origin = location.origin): string {
  const query = new URLSearchParams();
  if (shown.validAt) query.set('valid_at', shown.validAt);
  if (shown.knownAt) query.set('known_at', shown.knownAt);
  if (state.filter) query.set('filter', state.filter);
  const attributes = layer.tile_type === 'raster' ? '' : drawnAttributes(layer);
  if (attributes) query.set('properties', attributes);
  const text = query.toString();
  return `${origin}${layer.tiles}${text ? `?${text}` : ''}`;
}
