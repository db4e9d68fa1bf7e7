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
  readonly geometry: 'Polygon' | 'LineString' | 'Point';
  /** XYZ template, with `{z}/{y}/{x}` */
  readonly tiles: string;
  readonly source_layer: string;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** degrees */
  readonly extent: Box | null;
  readonly legend: { readonly field: string; readonly entries: readonly LegendEntry[] } | null;
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
  readonly meaning_en: string | null;
  readonly unit: string;
  /** square metres: shown in hectares and mu too */
  readonly is_area: boolean;
}

export interface IdentifiedFeature {
  readonly collection: string;
  readonly dataset: string;
  readonly layer_code: string;
  readonly layer_zh: string;
  readonly layer_en: string;
  readonly id: string;
  readonly area_m2: number | null;
  readonly valid_from: string | null;
  readonly valid_to: string | null;
  readonly fields: readonly FieldValue[];
  readonly geometry: GeoJSON.Geometry;
}

export interface SearchHit {
  readonly kind: 'place' | 'feature' | 'coordinate';
  readonly title: string;
  readonly note: string;
  readonly lon: number;
  readonly lat: number;
  readonly box: Box | null;
  readonly collection?: string;
  readonly id?: string;
}

export interface ChangeDate {
  /** ISO day */
  readonly date: string;
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

export function layerRegistry(): Promise<readonly LayerInfo[]> {
  return once('/api/map/layers');
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

export function identify(
  at: { lon: number; lat: number; zoom: number; collections: readonly string[]; validAt: string },
  signal: AbortSignal,
): Promise<readonly IdentifiedFeature[]> {
  const query = new URLSearchParams({
    lon: String(at.lon),
    lat: String(at.lat),
    zoom: at.zoom.toFixed(1),
    collections: at.collections.join(','),
  });
  if (at.validAt) query.set('valid_at', at.validAt);
  return ask(`/api/map/identify?${query}`, signal);
}

export function searchPlaces(words: string, signal: AbortSignal): Promise<readonly SearchHit[]> {
  return ask(`/api/map/search?${new URLSearchParams({ q: words })}`, signal);
}

export function changeDates(collections: readonly string[]): Promise<readonly ChangeDate[]> {
  return ask(`/api/map/dates?${new URLSearchParams({ collections: collections.join(',') })}`);
}
