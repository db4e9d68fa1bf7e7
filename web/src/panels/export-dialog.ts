/** `<ky-export>`: a layer as a file, made in the background; the person may leave and is told when it is ready. */
import { html, nothing, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { thousands } from '../format';
import { icon } from '../icons';
import { named, t } from '../language';
import type { KyMap } from '../map/map-view';
import { store } from '../store';
import { EXPORT_FORMATS, exportJob, orderExport, type ExportFormat, type ExportJob } from '../tools/api';
import { layerChoice } from '../tools/layer-choice';
import type { ToolPanel } from '../tools/registry';
import { onSubject, setSubject, subjectLayer } from '../tools/subject';
import { viewBox } from '../tools/view-box';

type Part = 'all' | 'view' | 'plot';
const ASK_EVERY_MS = 700;
const ENDED = ['done', 'finished', 'succeeded', 'ready', 'failed', 'cancelled', 'dismissed', 'expired'];

const formatName = (format: ExportFormat): string =>
  ({
    gpkg: 'GeoPackage (.gpkg)', shp: 'Shapefile (.zip)', geojson: 'GeoJSON', csv: t('CSV（含 WKT）', 'CSV (with WKT)'), parquet: 'GeoParquet', dxf: 'DXF (CAD)',
  })[format];

interface Ordered {
  readonly job: ExportJob;
  readonly title: string;
  readonly problem: string;
}

export class KyExport extends StoreElement implements ToolPanel {
  static override properties = {
    collection: { state: true }, layers: { state: true }, format: { state: true }, portion: { state: true }, crs: { state: true },
    orders: { state: true }, problem: { state: true }, busy: { state: true },
  };

  declare collection: string | null;
  declare layers: readonly LayerInfo[];
  declare format: ExportFormat;
  declare portion: Part;
  declare crs: string;
  declare orders: readonly Ordered[];
  declare problem: string;
  declare busy: boolean;
  map: KyMap | undefined;
  #stop: (() => void) | undefined;

  constructor() {
    super();
    this.collection = null;
    this.layers = [];
    this.format = 'gpkg';
    this.portion = 'all';
    this.crs = '';
    this.orders = [];
    this.problem = '';
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = onSubject(() => void this.#open());
    void this.#open();
  }

  override disconnectedCallback(): void {
    this.#stop?.();
    super.disconnectedCallback();
  }

  protected override stateChanged(): void {
    void this.#open();
  }

  async #open(): Promise<void> {
    const found = await Promise.all(store.state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    this.layers = found.filter((layer) => layer !== null);
    this.collection = subjectLayer();
    if (this.portion === 'plot' && !store.state.plot) this.portion = 'all';
  }

  get #layer(): LayerInfo | undefined {
    return this.layers.find((layer) => layer.collection === this.collection);
  }

  async #order(event: Event): Promise<void> {
    event.preventDefault();
    const layer = this.#layer;
    if (!layer) return;
    const { validAt, knownAt, plot, layers } = store.state;
    this.busy = true;
    this.problem = '';
    try {
      const job = await orderExport({
        collection: layer.collection,
        format: this.format,
        filter: layers.find((one) => one.collection === layer.collection)?.filter ?? null,
        box: this.portion === 'view' && this.map ? viewBox(this.map) : null,
        geometry: this.portion === 'plot' ? plot : null,
        properties: null,
        crs: this.crs || null,
        validAt,
        knownAt,
      });
      const title = `${named(layer)} · ${formatName(this.format)}`;
      this.orders = [{ job, title, problem: '' }, ...this.orders];
      void this.#follow(job.id);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      this.busy = false;
    }
  }

  /** Asks until the job has ended, whether the panel is open or not. */
  async #follow(id: ExportJob['id']): Promise<void> {
    for (;;) {
      const order = this.orders.find((one) => one.job.id === id);
      if (!order || isEnded(order.job)) return this.#tell(order);
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      try {
        const job = await exportJob(id);
        this.#replace(id, { job, problem: '' });
      } catch (error) {
        this.#replace(id, { problem: error instanceof Error ? error.message : String(error) });
        return;
      }
    }
  }

  #replace(id: ExportJob['id'], change: Partial<Ordered>): void {
    this.orders = this.orders.map((one) => (one.job.id === id ? { ...one, ...change } : one));
  }

  #tell(order: Ordered | undefined): void {
    if (!order || this.isConnected) return;
    const text = order.job.download ? t(`导出完成：${order.title}`, `Export ready: ${order.title}`) : t(`导出失败：${order.title}`, `Export failed: ${order.title}`);
    document.querySelector('ky-map')?.dispatchEvent(new CustomEvent('desk-say', { detail: text, bubbles: true }));
  }

  protected override render(): TemplateResult {
    const layer = this.#layer;
    if (!layer) return html`<div class="kt-body"><p class="ky-hint">${t('地图上还没有图层；先在左侧打开一个，再导出它。', 'No layer is on the map; switch one on at the left, then export it.')}</p></div>`;
    const filter = store.state.layers.find((one) => one.collection === layer.collection)?.filter;
    const parts: readonly [Part, string, boolean][] = [
      ['all', t('整个图层', 'The whole layer'), true],
      ['view', t('图面范围内', 'What the map shows'), true],
      ['plot', t('所画地块内', 'Inside the plot drawn'), store.state.plot !== null],
    ];
    return html`<form class="kt-body" @submit=${this.#order}>
      ${layerChoice(this.layers, this.collection, 'kt-export-layer', (collection) => setSubject({ collection, feature: null, title: '' }))}
      <fieldset class="kt-set"><legend>${t('格式', 'Format')}</legend><div class="kt-grid2">
        ${EXPORT_FORMATS.map((format) => html`<label><input type="radio" name="kt-format" value=${format} class="form-check-input" .checked=${this.format === format} @change=${() => (this.format = format)}>${formatName(format)}</label>`)}
      </div></fieldset>
      <fieldset class="kt-set"><legend>${t('范围', 'Extent')}</legend>
        ${parts.map(([part, label, possible]) => html`<label class=${possible ? '' : 'is-off'}><input type="radio" name="kt-part" value=${part} class="form-check-input" ?disabled=${!possible} .checked=${this.portion === part} @change=${() => (this.portion = part)}>${label}</label>`)}
      </fieldset>
      <label class="kt-label" for="kt-crs">${t('坐标系', 'Coordinate system')}</label>
      <select id="kt-crs" class="form-select form-select-sm" @change=${(event: Event) => (this.crs = (event.target as HTMLSelectElement).value)}>
        ${crsChoices(layer).map(([uri, label]) => html`<option value=${uri} .selected=${this.crs === uri}>${label}</option>`)}
      </select>
      ${filter ? html`<p class="kt-status">${icon('filter')}${t('按当前筛选导出：', 'Only what the filter lets through: ')}<code class="kt-code">${filter}</code></p>` : nothing}
      <p class="ky-hint">${t(`数据日期：${store.state.validAt || '今天'}`, `As of ${store.state.validAt || 'today'}`)}</p>
      ${this.problem ? html`<p class="kt-problem" role="alert">${this.problem}</p>` : nothing}
      <div class="kt-row"><button type="submit" class="btn btn-sm btn-primary" ?disabled=${this.busy}>${icon('download')}${t('开始导出', 'Export')}</button></div>
      ${this.orders.length ? html`<section class="kt-orders" aria-label=${t('导出作业', 'Exports')}>${this.orders.map((order) => this.#row(order))}
        <p class="ky-hint">${t('可以关闭此面板或离开页面：完成时会收到通知。', 'You may close this or leave the page; a notification tells when it is ready.')}</p></section>` : nothing}
    </form>`;
  }

  #row({ job, title, problem }: Ordered): TemplateResult {
    const share = job.records ? Math.min(1, job.done / job.records) : null;
    const counted = job.records === null ? thousands(job.done) : `${thousands(job.done)} / ${thousands(job.records)}`;
    return html`<div class="kt-order" data-state=${job.state}>
      <p><strong>${title}</strong><small role="status">${stateName(job)} · ${counted}${job.state === 'running' && job.attempts > 1 ? t(`；处理进程曾中断，已自动重新开始（第 ${job.attempts} 次）`, `; its process was interrupted, begun again by itself (run ${job.attempts})`) : ''}</small></p>
      ${isEnded(job) || problem ? nothing : html`<progress aria-label=${title} .value=${share ?? nothing} max="1"></progress>`}
      ${job.download ? html`<a class="btn btn-sm btn-primary" href=${job.download} download>${icon('download')}${t('下载', 'Download')}</a>` : nothing}
      ${problem || messageOf(job) ? html`<p class="kt-problem" role="alert">${problem || messageOf(job)}</p>` : nothing}
    </div>`;
  }
}

function isEnded(job: ExportJob): boolean {
  return job.download !== null || ENDED.includes(job.state);
}

function stateName(job: ExportJob): string {
  if (job.download) return t('已完成', 'ready');
  const names: Readonly<Record<string, string>> = {
    waiting: t('排队中', 'waiting'), queued: t('排队中', 'waiting'), running: t('正在写', 'writing'), failed: t('失败', 'failed'), cancelled: t('已取消', 'cancelled'), expired: t('已过期', 'expired'),
  };
  return names[job.state] ?? job.state;
}

function messageOf(job: ExportJob): string {
  return job.error ? t(job.error.detail_zh, job.error.detail_en) : '';
}

/** Longitude and latitude, and the 3° zones the layer lies in: EPSG 4513 is zone 25 with its number in front. */
function crsChoices(layer: LayerInfo): readonly (readonly [string, string])[] {
  const uri = (code: number): string => `http://www.opengis.net/def/crs/EPSG/0/${code}`;
  const zones = layer.extent ? rangeOf(Math.floor((layer.extent[0] + 1.5) / 3), Math.floor((layer.extent[2] + 1.5) / 3)) : [];
  const planes = zones.filter((zone) => zone >= 25 && zone <= 45).slice(0, 4).map((zone) =>
    [uri(4488 + zone), t(`CGCS2000 3 度带第 ${zone} 带（EPSG:${4488 + zone}）`, `CGCS2000 3° zone ${zone} (EPSG:${4488 + zone})`)] as const);
  return [['', t('CGCS2000 经纬度（默认）', 'CGCS2000 longitude, latitude (default)')], ...planes];
}

function rangeOf(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

customElements.define('ky-export', KyExport);
