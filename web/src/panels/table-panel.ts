/** `<ky-table>`: the rows of a layer beside the map: sort, columns, filter, only what is in view; row and map follow each other. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { thousands } from '../format';
import { icon } from '../icons';
import { named, t } from '../language';
import { boxOf, type Box } from '../map/findings';
import type { KyMap } from '../map/map-view';
import { store, type State } from '../store';
import { oneFeature, rows, rowsAddress, type Row } from '../tools/api';
import { fixed } from '../tools/figures';
import { layerChoice } from '../tools/layer-choice';
import type { ToolPanel } from '../tools/registry';
import { onSubject, openFor, setSubject, subjectLayer } from '../tools/subject';
import { nextSort, sortText, wantsMore, windowOf, type Sort } from '../tools/table-state';
import { viewBox } from '../tools/view-box';

const PAGE = 200;
const ROW_HEIGHT = 30;
const SOON_MS = 250;
/** Columns a first look shows; the others are a click away. */
const FIRST_COLUMNS = 10;

export class KyTable extends StoreElement implements ToolPanel {
  static override properties = {
    collection: { state: true }, layers: { state: true }, sorts: { state: true }, held: { state: true }, matched: { state: true }, next: { state: true },
    busy: { state: true }, problem: { state: true }, inView: { state: true }, columns: { state: true }, top: { state: true }, height: { state: true }, active: { state: true },
  };

  declare collection: string | null;
  declare layers: readonly LayerInfo[];
  declare sorts: readonly Sort[];
  declare held: readonly Row[];
  declare matched: { count: number | null; isEstimate: boolean };
  declare next: string | null;
  declare busy: boolean;
  declare problem: string;
  declare inView: boolean;
  declare columns: readonly string[];
  declare top: number;
  declare height: number;
  /** the row the keys are on */
  declare active: number;
  map: KyMap | undefined;
  #request: AbortController | undefined;
  #outline: AbortController | undefined;
  #stop: (() => void) | undefined;
  #timer = 0;
  /** what was picked here: the map answering with the same selection must not scroll the table away */
  #picked = '';

  constructor() {
    super();
    this.collection = null;
    this.layers = [];
    this.sorts = [];
    this.held = [];
    this.matched = { count: null, isEstimate: false };
    this.next = null;
    this.busy = false;
    this.problem = '';
    this.inView = false;
    this.columns = [];
    this.top = 0;
    this.height = 200;
    this.active = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = onSubject(() => void this.#open());
    this.map?.map?.on('moveend', this.#moved);
    void this.#open();
  }

  override disconnectedCallback(): void {
    this.#stop?.();
    this.map?.map?.off('moveend', this.#moved);
    this.#request?.abort();
    super.disconnectedCallback();
  }

  protected override stateChanged(state: State, before: State): void {
    const filterOf = (one: State): string | null | undefined => one.layers.find((layer) => layer.collection === this.collection)?.filter;
    if (state.layers !== before.layers) void this.#open();
    if (state.validAt !== before.validAt || state.knownAt !== before.knownAt || filterOf(state) !== filterOf(before)) void this.#restart();
    if (state.selection !== before.selection) this.#follow(state);
  }

  async #open(): Promise<void> {
    const found = await Promise.all(store.state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    this.layers = found.filter((layer) => layer !== null);
    const collection = subjectLayer();
    if (collection === this.collection && (this.held.length || this.busy)) return;
    this.collection = collection;
    this.sorts = [];
    this.columns = (this.#layer?.fields ?? []).slice(0, FIRST_COLUMNS).map((field) => field.code);
    await this.#restart();
  }

  get #layer(): LayerInfo | undefined {
    return this.layers.find((layer) => layer.collection === this.collection);
  }

  readonly #moved = (): void => {
    if (!this.inView) return;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#restart(), SOON_MS);
  };

  get #box(): Box | null {
    return this.inView && this.map ? viewBox(this.map) : null;
  }

  async #restart(): Promise<void> {
    const { validAt, knownAt, layers } = store.state;
    this.held = [];
    this.next = null;
    this.matched = { count: null, isEstimate: false };
    this.active = 0;
    this.querySelector('.kt-grid')?.scrollTo({ top: 0 });
    if (!this.collection) return;
    const filter = layers.find((layer) => layer.collection === this.collection)?.filter ?? null;
    await this.#fetch(rowsAddress({ collection: this.collection, filter, sort: sortText(this.sorts), box: this.#box, limit: PAGE, validAt, knownAt }), true);
  }

  async #fetch(address: string, isFirst: boolean): Promise<void> {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.busy = true;
    this.problem = '';
    try {
      const page = await rows(address, request.signal);
      this.held = isFirst ? page.rows : [...this.held, ...page.rows];
      this.next = page.next;
      if (isFirst) this.matched = { count: page.matched, isEstimate: page.isEstimate };
    } catch (error) {
      if (request.signal.aborted) return;
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      if (this.#request === request) this.busy = false;
    }
  }

  #scrolled(event: Event): void {
    const box = event.target as HTMLElement;
    this.top = box.scrollTop;
    this.height = box.clientHeight;
    this.#more();
  }

  #more(): void {
    if (this.next && !this.busy && wantsMore(this.held.length, ROW_HEIGHT, this.top, this.height)) void this.#fetch(this.next, false);
  }

  protected override updated(changed: PropertyValues): void {
    const box = this.querySelector<HTMLElement>('.kt-grid');
    if (box && box.clientHeight && box.clientHeight !== this.height) this.height = box.clientHeight;
    if (changed.has('held')) this.#more();
  }

  #sort(field: string, join: boolean): void {
    this.sorts = nextSort(this.sorts, field, join);
    void this.#restart();
  }

  // -- row and map -----------------------------------------------------------------------------------------

  /** Shows a row on the map: outline, and the features at its place. */
  async #pick(index: number): Promise<void> {
    const row = this.held[index];
    const collection = this.collection;
    if (!row || !collection) return;
    this.active = index;
    this.#outline?.abort();
    const request = (this.#outline = new AbortController());
    try {
      const { validAt, knownAt } = store.state;
      const { geometry } = await oneFeature(collection, row.id, { validAt, knownAt }, request.signal);
      const box = boxOf(geometry);
      if (!box) return;
      this.#picked = row.id;
      store.select({ collection, fid: row.id, lon: (box[0] + box[2]) / 2, lat: (box[1] + box[3]) / 2 });
      this.map?.highlight(geometry);
      this.map?.zoomTo(box, roomFor());
    } catch (error) {
      if (!request.signal.aborted) this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  /** The feature that was clicked on the map becomes the row that is seen, when it is among the rows held. */
  #follow({ selection }: State): void {
    if (!selection || selection.collection !== this.collection || String(selection.fid) === this.#picked) return;
    this.#picked = '';
    const index = this.held.findIndex((row) => row.id === String(selection.fid));
    if (index < 0) return;
    this.active = index;
    this.querySelector('.kt-grid')?.scrollTo({ top: Math.max(0, index * ROW_HEIGHT - this.height / 2) });
  }

  #keys(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -this.held.length, End: this.held.length };
    const step = steps[event.key];
    if (event.key === 'Enter') void this.#pick(this.active);
    else if (step === undefined) return;
    else {
      this.active = Math.max(0, Math.min(this.held.length - 1, this.active + step));
      const box = this.querySelector<HTMLElement>('.kt-grid')!;
      const [above, below] = [this.active * ROW_HEIGHT, (this.active + 2) * ROW_HEIGHT];
      if (above < box.scrollTop) box.scrollTop = above;
      else if (below > box.scrollTop + box.clientHeight) box.scrollTop = below - box.clientHeight;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // -- what is seen ----------------------------------------------------------------------------------------

  protected override render(): TemplateResult {
    const layer = this.#layer;
    if (!layer) return html`<p class="ky-hint kt-pad">${t('地图上还没有图层；先在左侧打开一个，它的记录会列在这里。', 'No layer is on the map; switch one on at the left and its rows are listed here.')}</p>`;
    const fields = layer.fields.filter((field) => this.columns.includes(field.code));
    return html`<div class="kt-tablebar">
        ${layerChoice(this.layers, this.collection, 'kt-table-layer', (collection) => setSubject({ collection, feature: null, title: '' }))}
        <span class="kt-count" role="status" data-matched=${this.matched.count ?? nothing}>${this.#countText()}</span>
        <label class="ky-check"><input type="checkbox" class="form-check-input" .checked=${this.inView} @change=${(event: Event) => this.#setInView((event.target as HTMLInputElement).checked)}>${t('仅图面范围', 'Only in view')}</label>
        <details class="ky-menu kt-columns"><summary class="btn btn-sm">${icon('table')}${t(`列 ${fields.length}/${layer.fields.length}`, `Columns ${fields.length}/${layer.fields.length}`)}</summary>
          <div role="group" aria-label=${t('显示哪些列', 'Columns to show')}>${layer.fields.map((field) => html`<label><input type="checkbox" class="form-check-input" .checked=${this.columns.includes(field.code)} @change=${() => this.#toggleColumn(field.code)}>${named(field)}<span class="ky-code">${field.code}</span></label>`)}</div></details>
        <button type="button" class="btn btn-sm" @click=${() => openFor('filter', layer.collection)}>${icon('filter')}${t('筛选', 'Filter')}</button>
        <button type="button" class="btn btn-sm" @click=${() => openFor('export', layer.collection)}>${icon('download')}${t('导出', 'Export')}</button>
      </div>
      ${this.#filterChip(layer)}
      ${this.problem ? html`<p class="kt-problem kt-pad" role="alert">${this.problem}</p>` : nothing}
      ${this.busy ? html`<div class="ky-busy"></div>` : nothing}
      ${this.#grid(layer, fields)}`;
  }

  #countText(): string {
    const { count, isEstimate } = this.matched;
    if (count === null) return this.busy ? t('正在查询…', 'Looking…') : '';
    return t(`${isEstimate ? '约 ' : ''}${thousands(count)} 条，已取 ${thousands(this.held.length)} 条`, `${isEstimate ? 'about ' : ''}${thousands(count)} rows, ${thousands(this.held.length)} fetched`);
  }

  #filterChip(layer: LayerInfo): TemplateResult | typeof nothing {
    const filter = store.state.layers.find((one) => one.collection === layer.collection)?.filter;
    if (!filter) return nothing;
    return html`<p class="kt-chip">${icon('filter')}<code>${filter}</code><button type="button" class="ky-tool" aria-label=${t('去掉筛选', 'Remove the filter')} @click=${() => store.setFilter(layer.collection, null)}>${icon('x')}</button></p>`;
  }

  #setInView(on: boolean): void {
    this.inView = on;
    void this.#restart();
  }

  #toggleColumn(code: string): void {
    const order = this.#layer?.fields.map((field) => field.code) ?? [];
    const next = this.columns.includes(code) ? this.columns.filter((one) => one !== code) : [...this.columns, code];
    if (next.length) this.columns = order.filter((one) => next.includes(one));
    this.requestUpdate();
  }

  #grid(layer: LayerInfo, fields: LayerInfo['fields']): TemplateResult {
    const seen = windowOf(this.held.length, ROW_HEIGHT, this.top, this.height);
    const chosen = store.state.selection?.collection === layer.collection ? String(store.state.selection.fid) : '';
    if (!this.held.length && !this.busy && !this.problem) {
      return html`<p class="ky-hint kt-pad">${this.inView ? t('图面范围内没有符合条件的记录。移动地图，或取消“仅图面范围”。', 'Nothing in view matches. Move the map, or untick “Only in view”.') : t('没有符合条件的记录。可放宽筛选或换一个日期。', 'Nothing matches. Widen the filter or choose another day.')}</p>`;
    }
    return html`<div class="kt-grid" tabindex="0" role="region" aria-label=${t(`${named(layer)}的记录；方向键选行，回车在地图上显示`, `Rows of ${named(layer)}; arrows move, Enter shows on the map`)}
      @scroll=${this.#scrolled} @keydown=${this.#keys}>
      <table aria-rowcount=${this.matched.count ?? -1}>
        <thead><tr>${fields.map((field) => this.#head(field))}</tr></thead>
        <tbody>
          ${seen.above ? html`<tr class="kt-space" aria-hidden="true"><td colspan=${fields.length} style=${`height:${seen.above}px`}></td></tr>` : nothing}
          ${this.held.slice(seen.first, seen.last).map((row, offset) => this.#row(row, seen.first + offset, fields, chosen))}
          ${seen.below ? html`<tr class="kt-space" aria-hidden="true"><td colspan=${fields.length} style=${`height:${seen.below}px`}></td></tr>` : nothing}
        </tbody>
      </table>
    </div>`;
  }

  #head(field: LayerInfo['fields'][number]): TemplateResult {
    const at = this.sorts.findIndex((one) => one.field === field.code);
    const sort = this.sorts[at];
    return html`<th scope="col" aria-sort=${sort ? (sort.down ? 'descending' : 'ascending') : 'none'}>
      <button type="button" title=${t(`按${field.name_zh}排序；按住 Shift 叠加`, `Sort by ${named(field)}; with Shift as well`)} @click=${(event: MouseEvent) => this.#sort(field.code, event.shiftKey)}>
        <span>${named(field)}</span><span class="ky-code">${field.code}${field.unit ? ` ${field.unit}` : ''}</span>${sort ? html`<i aria-hidden="true">${sort.down ? '▼' : '▲'}${this.sorts.length > 1 ? at + 1 : ''}</i>` : nothing}</button></th>`;
  }

  #row(row: Row, index: number, fields: LayerInfo['fields'], chosen: string): TemplateResult {
    return html`<tr aria-rowindex=${index + 2} class=${`${row.id === chosen ? 'is-chosen' : ''} ${index === this.active ? 'is-active' : ''}`} data-id=${row.id} @click=${() => void this.#pick(index)}>
      ${fields.map((field) => cell(row.properties[field.code]))}</tr>`;
  }
}

function cell(value: string | number | boolean | null | undefined): TemplateResult {
  if (value === null || value === undefined || value === '') return html`<td class="none">—</td>`;
  if (typeof value === 'number') return html`<td class="num">${Number.isInteger(value) ? value : fixed(value, 2)}</td>`;
  return html`<td>${value}</td>`;
}

/** The table covers the lower part of the map, the layers its left. */
function roomFor(): { top: number; bottom: number; left: number; right: number } {
  const isPhone = matchMedia('(max-width: 767px)').matches;
  return isPhone ? { top: 60, bottom: Math.round(innerHeight * 0.5), left: 30, right: 30 } : { top: 70, bottom: 370, left: 390, right: 90 };
}

customElements.define('ky-table', KyTable);
