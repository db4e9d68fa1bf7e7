/** What the node answers to the page. One place knows its addresses and shapes. */
import { t } from './language';
import type { Box } from './map/findings';

export interface LegendEntry {
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  /** `#rrggbb` */
  readonly colour: string;
}

/** A layer that has published data the person may see. */
export interface LayerInfo {
  readonly collection: string;
  readonly dataset: string;
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  /** how secret, important and shared the data are: 0 public to 5 top secret */
  readonly label: { readonly secrecy: number; readonly name_zh: string; readonly name_en: string };
  readonly geometry: 'Polygon' | 'LineString' | 'Point' | 'Raster';
  /** XYZ template from the root of this site, with `{z}/{y}/{x}` */
  readonly tiles: string;
  readonly tile_type: 'vector' | 'raster';
  readonly source_layer: string;
  readonly max_zoom: number;
  /** degrees: west, south, east, north */
  readonly extent: Box | null;
  /** the attribute whose code colours the layer */
  readonly class_field: string | null;
  readonly legend: readonly LegendEntry[];
  /** `#rrggbb`, for layers without classes */
  readonly colour: string;
  /** ISO days on which the data changed, oldest first */
  readonly dates: readonly string[];
  /** what was published, oldest first */
  readonly versions: readonly { readonly county: string; readonly known_from: string; readonly valid_from: string }[];
  /** attributes in the standard's order */
  readonly fields: readonly { readonly code: string; readonly name_zh: string; readonly name_en: string; readonly unit: string }[];
  /** the attribute that names a feature */
  readonly key: string;
  readonly may_query: boolean;
}

/** A row of the layer tree; `count` layers lie under it. */
export interface TreeNode {
  readonly id: string;
  readonly kind: 'item' | 'dataset' | 'layer';
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly count: number;
  readonly parent: string;
  readonly geometry: string;
  /** where a layer that was searched for stands in the catalogue */
  readonly path_zh: string;
  readonly path_en: string;
}

export interface TreeAnswer {
  readonly nodes: readonly TreeNode[];
  /** may be more than are listed */
  readonly total: number;
  /** the layer a first visit opens; only with the root */
  readonly start: string | null;
}

/** A base map the node offers. */
export interface BaseMap {
  readonly id: string;
  readonly title_zh: string;
  readonly title_en: string;
  readonly kind: 'vector' | 'raster';
  readonly tiles: string;
  readonly tile_size: number;
  readonly min_zoom: number;
  readonly max_zoom: number;
  readonly attribution: string;
  readonly notice: string;
  readonly notice_en: string;
  readonly source_layers: readonly string[];
}

export interface FieldValue {
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly value: string | number | null;
  /** what the code says, when the field has a code list */
  readonly meaning_zh: string | null;
  readonly meaning_en?: string | null;
  /** `m²` for areas, which are shown in hectares and mu too */
  readonly unit: string;
}

interface IdentifiedAnswer {
  readonly collection: string;
  readonly layer: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly features: readonly {
    readonly id: string;
    readonly geometry: GeoJSON.Geometry | null;
    /** first day, and the day it ended or `..` */
    readonly valid: readonly [string, string];
    readonly attributes: readonly FieldValue[];
  }[];
}

export interface IdentifiedFeature {
  readonly collection: string;
  readonly dataset: string;
  readonly layer_code: string;
  readonly layer_zh: string;
  readonly layer_en: string;
  readonly id: string;
  readonly valid_from: string;
  /** empty while it holds */
  readonly valid_to: string;
  readonly fields: readonly FieldValue[];
  readonly geometry: GeoJSON.Geometry | null;
}

export interface SearchHit {
  readonly kind: 'division' | 'feature' | 'coordinate';
  readonly title: string;
  readonly subtitle: string;
  readonly lon: number;
  readonly lat: number;
  readonly box: Box | null;
  readonly collection: string | null;
  readonly feature: string | null;
}

/** A refusal in the node's own words (RFC 9457). */
export class Problem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Problem';
    this.status = status;
  }
}

/** The page's token, which the node wants with everything that changes something. */
export function pageToken(): string {
  return document.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')?.value ?? '';
}

/** One request to the node; its refusal becomes a {@link Problem}. */
export async function ask<T>(address: string, signal?: AbortSignal, send?: { method: string; body: unknown }): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (send) Object.assign(headers, { 'Content-Type': 'application/json', 'X-CSRFToken': pageToken() });
  const answer = await fetch(address, {
    headers,
    signal: signal ?? null,
    ...(send ? { method: send.method, body: JSON.stringify(send.body) } : {}),
  });
  if (answer.ok) return (await answer.json()) as T;
  if (answer.status === 401) throw new Problem(401, t('登录已过期，请刷新页面重新登录。', 'The session has expired; reload the page to sign in again.'));
  const body = (await answer.json().catch(() => ({}))) as { detail_zh?: string; detail_en?: string };
  throw new Problem(answer.status, t(body.detail_zh ?? '', body.detail_en ?? '') || `HTTP ${answer.status}`);
}

const kept = new Map<string, Promise<unknown>>();

/** Asks once per page; a refusal is not kept. */
function once<T>(address: string): Promise<T> {
  const known = kept.get(address) as Promise<T> | undefined;
  if (known) return known;
  const asked = ask<T>(address);
  kept.set(address, asked);
  asked.catch(() => kept.delete(address));
  return asked;
}

/** What one layer is; a refusal in the node's own words when there is none the person may see. */
export function layerInfo(collection: string): Promise<LayerInfo> {
  return once<LayerInfo>(`/api/map/layers/${encodeURIComponent(collection)}`);
}

/** Rows directly under a row of the tree, '' for the root; `empty`: also what nobody delivered to yet. */
export function treeBelow(parent: string, empty = false): Promise<TreeAnswer> {
  const query = new URLSearchParams({ ...(parent ? { parent } : {}), ...(empty ? { empty: 'true' } : {}) });
  return once<TreeAnswer>(`/api/map/tree${query.size ? `?${query}` : ''}`);
}

/** Layers in whose names and codes every word stands. */
export function findLayers(words: string, signal?: AbortSignal): Promise<TreeAnswer> {
  return ask<TreeAnswer>(`/api/map/tree?${new URLSearchParams({ q: words })}`, signal);
}

/** What the person keeps at hand on the node. */
export const atHand = {
  favourites: (): Promise<readonly TreeNode[]> => ask('/api/map/favourites'),
  recent: (): Promise<readonly TreeNode[]> => ask('/api/map/recent'),
  keepFavourites: (collections: readonly string[]): Promise<readonly TreeNode[]> =>
    ask('/api/map/favourites', undefined, { method: 'PUT', body: { collections } }),
  noteUsed: (collections: readonly string[]): Promise<readonly TreeNode[]> =>
    ask('/api/map/recent', undefined, { method: 'POST', body: { collections } }),
};

/** The base maps of the node, boundaries first. */
export function baseMaps(): Promise<readonly BaseMap[]> {
  return once<readonly BaseMap[]>('/api/map/bases');
}

/** What lies at a place on a day (today when ''), in the named layers. */
export async function identify(
  at: { lon: number; lat: number; zoom: number; collections: readonly string[]; validAt: string; knownAt: string },
  signal: AbortSignal,
): Promise<readonly IdentifiedFeature[]> {
  const query = new URLSearchParams({
    lon: String(at.lon),
    lat: String(at.lat),
    zoom: at.zoom.toFixed(1),
    layers: at.collections.join(','),
  });
  if (at.validAt) query.set('valid_at', at.validAt);
  if (at.knownAt) query.set('known_at', at.knownAt);
  const answers = await ask<readonly IdentifiedAnswer[]>(`/api/map/identify?${query}`, signal);
  const layers = await Promise.all(answers.map((answer) => layerInfo(answer.collection).catch(() => undefined)));
  const known = new Map(answers.map((answer, index) => [answer.collection, layers[index]]));
  return answers.flatMap((answer) => {
    const layer = known.get(answer.collection);
    return answer.features.map((feature) => ({
      collection: answer.collection,
      dataset: layer?.dataset ?? answer.collection,
      layer_code: answer.layer,
      layer_zh: answer.name_zh,
      layer_en: answer.name_en,
      id: feature.id,
      valid_from: day(feature.valid[0]),
      valid_to: day(feature.valid[1]),
      fields: feature.attributes.map((field) => withEnglish(field, layer)),
      geometry: feature.geometry,
    }));
  });
}

function day(text: string): string {
  return text === '..' ? '' : text.slice(0, 10);
}

/** The legend knows the English names of the classes. */
function withEnglish(field: FieldValue, layer: LayerInfo | undefined): FieldValue {
  if (!layer || field.code !== layer.class_field) return field;
  const entry = layer.legend.find((one) => one.code === field.value);
  return entry ? { ...field, meaning_en: entry.name_en } : field;
}

/** Places, parcels and coordinates; one without a place on the map is left out. Layers of the map are asked first. */
export async function searchPlaces(
  words: string,
  validAt: string,
  signal: AbortSignal,
  layers: readonly string[] = [],
): Promise<readonly SearchHit[]> {
  const query = new URLSearchParams({ q: words, ...(validAt ? { valid_at: validAt } : {}) });
  if (layers.length) query.set('layers', layers.slice(0, MOST_ASKED_FIRST).join(','));
  const hits = await ask<readonly (SearchHit & { lon: number | null })[]>(`/api/map/search?${query}`, signal);
  return hits.filter((hit) => hit.lon !== null);
}

const MOST_ASKED_FIRST = 24;
