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
  readonly geometry: 'Polygon' | 'LineString' | 'Point';
  /** XYZ template from the root of this site, with `{z}/{y}/{x}` */
  readonly tiles: string;
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
  readonly may_query: boolean;
}

interface BranchAnswer {
  readonly children: readonly BranchAnswer[];
  readonly layers: readonly (LayerInfo & { readonly geometry: string; readonly tiles: string | null })[];
}

export interface LayerNode {
  readonly collection: string;
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
}

export interface DatasetNode {
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly layers: readonly LayerNode[];
}

interface ItemAnswer {
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly children: readonly ItemAnswer[];
  readonly datasets: readonly { readonly code: string; readonly name_zh: string; readonly name_en: string }[];
}

/** A type, category or content item of the plan's catalogue. */
export interface ItemNode {
  readonly code: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly children: readonly ItemNode[];
  readonly datasets: readonly DatasetNode[];
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

async function ask<T>(address: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(address, { headers: { Accept: 'application/json' }, signal: signal ?? null });
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

let registry: Promise<readonly LayerInfo[]> | undefined;

/** Layers that can be drawn, in the catalogue's order. */
export function layerRegistry(): Promise<readonly LayerInfo[]> {
  registry ??= once<readonly BranchAnswer[]>('/api/map/layers').then((branches) => {
    const flat = (branch: BranchAnswer): LayerInfo[] => [
      ...branch.layers.filter((layer) => layer.tiles !== null),
      ...branch.children.flatMap(flat),
    ];
    return branches.flatMap(flat);
  });
  registry.catch(() => (registry = undefined));
  return registry;
}

/** What one layer is; a refusal in the node's own words when there is none the person may see. */
export async function layerInfo(collection: string): Promise<LayerInfo> {
  const found = (await layerRegistry()).find((layer) => layer.collection === collection);
  if (!found) throw new Problem(404, t(`没有图层 ${collection}，或者您无权查看。`, `There is no layer ${collection}, or you may not see it.`));
  return found;
}

/** The catalogue with the layers that have data put below their datasets. */
export async function catalogueTree(): Promise<readonly ItemNode[]> {
  const [tree, layers] = await Promise.all([once<readonly ItemAnswer[]>('/api/catalogue/tree'), layerRegistry()]);
  const byDataset = new Map<string, LayerInfo[]>();
  for (const layer of layers) byDataset.set(layer.dataset, [...(byDataset.get(layer.dataset) ?? []), layer]);
  const whole = (node: ItemAnswer): ItemNode => ({
    ...node,
    children: node.children.map(whole),
    datasets: node.datasets.map((dataset) => ({ ...dataset, layers: byDataset.get(dataset.code) ?? [] })),
  });
  return tree.map(whole);
}

/** What lies at a place on a day (today when ''), in the named layers. */
export async function identify(
  at: { lon: number; lat: number; zoom: number; collections: readonly string[]; validAt: string },
  signal: AbortSignal,
): Promise<readonly IdentifiedFeature[]> {
  const query = new URLSearchParams({
    lon: String(at.lon),
    lat: String(at.lat),
    zoom: at.zoom.toFixed(1),
    layers: at.collections.join(','),
  });
  if (at.validAt) query.set('valid_at', at.validAt);
  const answers = await ask<readonly IdentifiedAnswer[]>(`/api/map/identify?${query}`, signal);
  const known = new Map((await layerRegistry()).map((layer) => [layer.collection, layer]));
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

/** Places, parcels and coordinates; one without a place on the map is left out. */
export async function searchPlaces(words: string, validAt: string, signal: AbortSignal): Promise<readonly SearchHit[]> {
  const query = new URLSearchParams({ q: words, ...(validAt ? { valid_at: validAt } : {}) });
  const hits = await ask<readonly (SearchHit & { lon: number | null })[]>(`/api/map/search?${query}`, signal);
  return hits.filter((hit) => hit.lon !== null);
}
