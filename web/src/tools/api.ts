/** What the node answers to the tools of the map: rows, filters, exports, analyses of a plot, lineage. */
import { Problem, treeBelow } from '../api';
import { t } from '../language';
import type { Box } from '../map/findings';
import type { FieldType, FilterField } from './cql2';

export type Plot = GeoJSON.Polygon | GeoJSON.MultiPolygon;

/** The time a question is asked for; '' is today and now. */
export interface Moment {
  readonly validAt: string;
  readonly knownAt: string;
}

/** A refusal as a problem document tells it, with what it names besides (a place in a filter, a limit). */
export class Refusal extends Problem {
  readonly context: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, context: Readonly<Record<string, unknown>>) {
    super(status, message);
    this.context = context;
  }
}

/** The page's proof against requests of other sites stands in its forms; scripts cannot read the cookie. */
function pageToken(): string {
  return document.querySelector<HTMLInputElement>('input[name=csrfmiddlewaretoken]')?.value ?? '';
}

async function refusal(answer: Response): Promise<Problem> {
  if (answer.status === 401) return new Problem(401, t('登录已过期，请刷新页面重新登录。', 'The session has expired; reload the page to sign in again.'));
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const said = t(String(body['detail_zh'] ?? ''), String(body['detail_en'] ?? ''));
  return new Refusal(answer.status, said || t(`节点没有应答（${answer.status}），请稍后再试。`, `The node did not answer (${answer.status}); try again.`), body);
}

/** Asks with GET; the whole answer, for its headers. */
async function get(address: string, signal?: AbortSignal, accept = 'application/json'): Promise<Response> {
  const answer = await fetch(address, { headers: { Accept: accept }, signal: signal ?? null });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function post<T>(address: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const isForm = body instanceof FormData;
  const answer = await fetch(address, {
    method: 'POST',
    headers: { Accept: 'application/json', 'X-CSRFToken': pageToken(), ...(isForm ? {} : { 'Content-Type': 'application/json' }) },
    body: isForm ? body : JSON.stringify(body),
    signal: signal ?? null,
  });
  if (!answer.ok) throw await refusal(answer);
  return (await answer.json()) as T;
}

const atOf = ({ validAt, knownAt }: Moment): Record<string, string> => ({
  ...(validAt ? { valid_at: validAt } : {}),
  ...(knownAt ? { known_at: knownAt } : {}),
});
const addressOf = (collection: string): string => `/ogc/collections/${encodeURIComponent(collection).replaceAll('%40', '@')}`;

// -- fields ------------------------------------------------------------------------------------------------

interface SchemaProperty {
  readonly title?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly 'x-enum-titles'?: readonly string[];
  readonly 'x-unit'?: string;
  readonly 'x-ogc-role'?: string;
}

const asked = new Map<string, Promise<readonly FilterField[]>>();

/** The attributes of a layer that this person may filter by. */
export function queryables(collection: string): Promise<readonly FilterField[]> {
  const known = asked.get(collection);
  if (known) return known;
  const found = get(`${addressOf(collection)}/queryables`, undefined, 'application/schema+json, application/json')
    .then((answer) => answer.json() as Promise<{ properties: Record<string, SchemaProperty> }>)
    .then(({ properties }) => Object.entries(properties).filter(([, one]) => !one.format?.startsWith('geometry')).map(([code, one]) => fieldOf(code, one)));
  asked.set(collection, found);
  found.catch(() => asked.delete(collection));
  return found;
}

function fieldOf(code: string, one: SchemaProperty): FilterField {
  const [zh = code, en = ''] = (one.title ?? code).split(' / ', 2);
  const titles = one['x-enum-titles'] ?? [];
  const choices = (one.enum ?? []).map((value, index) => ({ code: value, name: titles[index] ?? '' }));
  return { code, name: t(zh, en || zh), type: typeOf(one), unit: one['x-unit'] ?? '', choices };
}

function typeOf({ type, format }: SchemaProperty): FieldType {
  if (format === 'date') return 'date';
  if (format === 'date-time') return 'instant';
  return type === 'integer' || type === 'number' ? type : 'text';
}

// -- rows --------------------------------------------------------------------------------------------------

export interface Row {
  readonly id: string;
  readonly geometry: GeoJSON.Geometry | null;
  readonly properties: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Rows {
  readonly rows: readonly Row[];
  /** how many there are in all; an estimate says so; null: nobody counted */
  readonly matched: number | null;
  readonly isEstimate: boolean;
  /** address of the next page */
  readonly next: string | null;
}

export interface RowsQuestion extends Moment {
  readonly collection: string;
  readonly filter: string | null;
  /** `-TBMJ,+BSM` */
  readonly sort: string;
  readonly box: Box | null;
  readonly limit: number;
}

interface ItemsAnswer {
  readonly features: readonly { readonly id: string | number; readonly geometry: GeoJSON.Geometry | null; readonly properties: Row['properties'] }[];
  readonly numberMatched?: number;
  readonly links: readonly { readonly rel: string; readonly href: string }[];
}

export function rowsAddress(question: RowsQuestion): string {
  const query = new URLSearchParams({ f: 'json', limit: String(question.limit), ...atOf(question) });
  if (question.filter) query.set('filter', question.filter);
  if (question.sort) query.set('sortby', question.sort);
  if (question.box) query.set('bbox', question.box.join(','));
  query.set('skipGeometry', 'true'); // rows are text; the outline comes with the row that is chosen
  return `${addressOf(question.collection)}/items?${query}`;
}

/** One page of rows, by {@link rowsAddress} or the address of a next page. */
export async function rows(address: string, signal?: AbortSignal): Promise<Rows> {
  const answer = await get(address, signal, 'application/geo+json');
  const body = (await answer.json()) as ItemsAnswer;
  const next = body.links.find((link) => link.rel === 'next')?.href ?? null;
  return {
    rows: body.features.map((one) => ({ id: String(one.id), geometry: one.geometry, properties: one.properties })),
    matched: body.numberMatched ?? null,
    isEstimate: /estimate|approx/i.test(answer.headers.get('Kunyu-Number-Matched') ?? ''),
    // the same node by another name would be another origin
    next: next && new URL(next, location.origin).pathname + new URL(next, location.origin).search,
  };
}

/** One feature with its geometry. */
export async function oneFeature(collection: string, id: string, moment: Moment, signal?: AbortSignal): Promise<Row> {
  const query = new URLSearchParams({ f: 'json', ...atOf(moment) });
  const answer = await get(`${addressOf(collection)}/items/${encodeURIComponent(id)}?${query}`, signal, 'application/geo+json');
  const one = (await answer.json()) as ItemsAnswer['features'][number];
  return { id: String(one.id), geometry: one.geometry, properties: one.properties };
}

/** Whether the node takes this filter: its refusal is thrown as it is. */
export async function checkFilter(collection: string, filter: string, signal?: AbortSignal): Promise<number | null> {
  const moment = { validAt: '', knownAt: '' };
  const found = await rows(rowsAddress({ collection, filter, sort: '', box: null, limit: 1, ...moment }), signal);
  return found.matched;
}

// -- exports -----------------------------------------------------------------------------------------------

export const EXPORT_FORMATS = ['gpkg', 'shp', 'geojson', 'csv', 'parquet', 'dxf'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportOrder extends Moment {
  readonly collection: string;
  readonly format: ExportFormat;
  readonly filter: string | null;
  readonly box: Box | null;
  readonly geometry: Plot | null;
  readonly properties: readonly string[] | null;
  readonly crs: string | null;
}

export interface ExportJob {
  readonly id: number | string;
  readonly state: string;
  readonly records: number | null;
  readonly done: number;
  /** runs begun; all but the last were interrupted */
  readonly attempts: number;
  readonly download: string | null;
  readonly error: { readonly code: string; readonly detail_zh: string; readonly detail_en: string } | null;
}

export function orderExport({ validAt, knownAt, box, ...order }: ExportOrder): Promise<ExportJob> {
  return post<ExportJob>('/api/map/exports', { ...order, bbox: box, valid_at: validAt || null, known_at: knownAt || null });
}

export async function exportJob(id: number | string, signal?: AbortSignal): Promise<ExportJob> {
  return (await get(`/api/map/exports/${encodeURIComponent(id)}`, signal)).json() as Promise<ExportJob>;
}

// -- lineage -----------------------------------------------------------------------------------------------

export interface LineageNode {
  readonly id: string;
  readonly kind: string;
  readonly title_zh: string;
  readonly title_en: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly href: string | null;
}

export interface LineageEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
}

export interface Lineage {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
}

export async function lineage(collection: string, feature: string | null, knownAt: string, signal?: AbortSignal): Promise<Lineage> {
  const query = new URLSearchParams({ collection, ...(feature ? { feature } : {}), ...(knownAt ? { known_at: knownAt } : {}) });
  return (await get(`/api/catalogue/lineage?${query}`, signal)).json() as Promise<Lineage>;
}

// -- analyses of a plot --------------------------------------------------------------------------------------

export interface VersionFacts {
  readonly id: number;
  readonly county: string;
  readonly number: number;
  readonly valid_from: string;
  readonly known_from: string;
}

export interface ClassArea {
  readonly code: string;
  readonly name_zh: string;
  readonly area_m2: number;
  readonly count: number;
}

export interface OverlapPiece {
  readonly id: string;
  readonly code: string | null;
  readonly area_m2: number;
  /** the part of the record that lies in the plot, 0 … 1 */
  readonly share: number;
  readonly geometry?: GeoJSON.Geometry | null;
}

export interface OverlapLayer {
  readonly collection: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly state: 'conflict' | 'clear' | 'not_checked';
  readonly reason_zh: string | null;
  readonly reason_en: string | null;
  readonly versions: readonly VersionFacts[];
  readonly area_m2: number | null;
  readonly count: number | null;
  readonly classes: readonly ClassArea[];
  readonly overlaps: readonly OverlapPiece[];
  readonly truncated: boolean;
  readonly unclassified_m2?: number;
}

/** A large question that the node answers in the background. */
export interface AnalysisJob<T> {
  readonly id: number;
  readonly state: 'accepted' | 'running' | 'successful' | 'failed' | 'dismissed';
  readonly done: number;
  readonly total: number;
  readonly message_zh: string;
  readonly message_en: string;
  readonly answer?: T;
}

interface Replayable {
  /** null while a job works on it */
  readonly digest: string | null;
  readonly geometry_area_m2: number | null;
  readonly valid_at: string;
  readonly known_at: string;
  /** set when the question became a job: then there are no layers yet */
  readonly job: number | null;
  /** number of the stored result, to be replayed */
  readonly result: number | null;
}

export interface Overlap extends Replayable {
  readonly layers: readonly OverlapLayer[];
}

export interface HistoryChange {
  readonly county: string;
  readonly number: number;
  readonly version: number;
  readonly delivery: number | null;
  readonly valid_from: string;
  readonly known_from: string;
  readonly changed: boolean;
  readonly before: readonly Omit<ClassArea, 'count'>[];
  readonly after: readonly Omit<ClassArea, 'count'>[];
}

export interface HistoryLayer {
  readonly collection: string;
  readonly name_zh: string;
  readonly name_en: string;
  readonly state: 'found' | 'nothing_found' | 'not_checked';
  readonly reason_zh: string | null;
  readonly reason_en: string | null;
  readonly truncated: boolean;
  readonly changes: readonly HistoryChange[];
}

export interface History extends Replayable {
  readonly layers: readonly HistoryLayer[];
}

export type AnalysisKind = 'overlap' | 'land-classes' | 'history';

/** Asks about a plot; `layers` null leaves the choice to the node. */
export function analyse<T>(kind: AnalysisKind, geometry: Plot, layers: readonly string[] | null, moment: Moment, signal: AbortSignal): Promise<T> {
  return post<T>(
    `/api/analysis/${kind}`,
    {
      geometry,
      layers,
      ...atOf(moment),
      ...(kind === 'overlap' ? { geometries: true } : {}),
    },
    signal,
  );
}

export async function analysisJob<T>(id: number, signal: AbortSignal): Promise<AnalysisJob<T>> {
  return (await get(`/api/analysis/jobs/${id}`, signal)).json() as Promise<AnalysisJob<T>>;
}

export interface Replay {
  readonly equal?: boolean;
  readonly message_zh: string;
  readonly message_en: string;
  readonly job: number | null;
}

/** Asks the node to reckon a stored result again, and whether it comes out the same. */
export function replay(result: number): Promise<Replay> {
  return post<Replay>(`/api/analysis/results/${result}/replay`, {});
}

/** Area layers of the plan's control lines: those with data, and datasets that nobody delivered to yet. */
export async function controlLines(): Promise<ReadonlyMap<string, { readonly name_zh: string; readonly name_en: string }>> {
  const found = new Map<string, { name_zh: string; name_en: string }>();
  const walk = async (parent: string): Promise<void> => {
    const { nodes } = await treeBelow(parent, true).catch((error: unknown) => {
      if (error instanceof Problem && error.status === 404) return { nodes: [] }; // nothing there that may be seen
      throw error;
    });
    for (const node of nodes) {
      if (node.kind === 'layer' && node.geometry === 'Polygon') found.set(node.id, node);
      else if (node.kind === 'dataset' && !node.count) found.set(node.id, node);
      else if (node.kind !== 'layer') await walk(node.id);
    }
  };
  for (const parent of CONTROL_LINES) await walk(parent);
  return found;
}

/**
 * The three control lines of the plan's catalogue (202 重要控制线): ecological red line, permanent basic farmland, urban
 * boundary. Farmland is named in both 10502 and 20202; its data stand under the first.
 */
export const CONTROL_LINES = ['20201', '10502', '20203'] as const;

export interface ReadPlots {
  readonly features: readonly { readonly geometry: Plot; readonly area_m2: number; readonly name: string | null }[];
  readonly crs: unknown;
  readonly notes: readonly unknown[];
}

/** The plots of a file, or of coordinates somebody pasted; `crs` where the text does not say. */
export function readPlots(source: File | string, crs: string): Promise<ReadPlots> {
  const form = new FormData();
  if (typeof source === 'string') form.set('text', source);
  else form.set('file', source, source.name);
  if (crs) form.set('crs', crs);
  return post<ReadPlots>('/api/analysis/plot', form);
}

export { get, post };
