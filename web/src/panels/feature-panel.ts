/** `<ky-feature>`: what lies where the map was clicked, in the official field names and with codes spelled out. */
import { html, nothing, type TemplateResult } from 'lit';
import { identify, type FieldValue, type IdentifiedFeature } from '../api';
import { StoreElement } from '../element';
import { area, lonLat, planeXY } from '../format';
import { icon } from '../icons';
import { named, t } from '../language';
import { isBoundary } from '../map/layer-style';
import { shownOn, store, type Side, type State } from '../store';
import { openFor } from '../tools/subject';

export class KyFeature extends StoreElement {
  static override properties = {
    features: { state: true },
    chosen: { state: true },
    place: { state: true },
    busy: { state: true },
    problem: { state: true },
    empties: { state: true },
  };

  declare features: readonly IdentifiedFeature[];
  declare chosen: number;
  declare place: { lon: number; lat: number; zoom: number } | null;
  declare busy: boolean;
  declare problem: string;
  /** Also show fields without a value. */
  declare empties: boolean;
  #request: AbortController | undefined;
  /** Which map of a comparison was asked. */
  #side: Side = 'left';

  constructor() {
    super();
    this.features = [];
    this.chosen = 0;
    this.place = null;
    this.busy = false;
    this.problem = '';
    this.empties = false;
  }

  /** Asks what lies at a place, on the layers and at the date of a side, topmost first. */
  async showAt(lon: number, lat: number, zoom: number, prefer?: string, side: Side = 'left'): Promise<void> {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.place = { lon, lat, zoom };
    this.busy = true;
    this.problem = '';
    this.#side = side;
    const { layers, validAt, knownAt } = shownOn(store.state, side);
    const collections = layers.map((layer) => layer.collection);
    try {
      const found = collections.length
        ? await identify({ lon, lat, zoom, collections, validAt, knownAt }, request.signal)
        : [];
      const rank = (feature: IdentifiedFeature): number =>
        collections.indexOf(feature.collection) + (isBoundary(feature.layer_code) ? collections.length : 0);
      this.features = [...found].sort((a, b) => rank(a) - rank(b));
      this.#choose(Math.max(0, this.features.findIndex((feature) => feature.id === prefer)));
    } catch (error) {
      if (request.signal.aborted) return;
      this.features = [];
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      if (this.#request === request) this.busy = false;
    }
  }

  close(): void {
    this.#request?.abort();
    this.place = null;
    this.features = [];
    store.select(null);
  }

  protected override stateChanged(state: State, before: State): void {
    if (!this.place) return;
    // another day or other layers: the answer at this place may be another one
    const [next, last] = [shownOn(state, this.#side), shownOn(before, this.#side)];
    if (next.validAt !== last.validAt || next.knownAt !== last.knownAt || next.layers.length !== last.layers.length) {
      void this.showAt(this.place.lon, this.place.lat, this.place.zoom, this.features[this.chosen]?.id, this.#side);
    }
  }

  #choose(index: number): void {
    this.chosen = index;
    const feature = this.features[index];
    const { lon, lat } = this.place!;
    store.select(feature ? { collection: feature.collection, fid: feature.id, lon, lat } : null);
    this.dispatchEvent(new CustomEvent('feature-shown', { detail: feature?.geometry ?? null, bubbles: true }));
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.place) return nothing;
    const feature = this.features[this.chosen];
    return html`
      <header class="ky-panel-head">
        <h2>${feature ? html`${named({ name_zh: feature.layer_zh, name_en: feature.layer_en })}<small class="ky-code">${feature.layer_code}</small>` : t('此处', 'Here')}</h2>
        <button type="button" class="ky-tool" @click=${() => this.close()} aria-label=${t('关闭详情', 'Close details')}>${icon('x')}</button>
      </header>
      ${this.busy ? html`<div class="ky-busy" role="status"><span class="visually-hidden">${t('正在查询', 'Looking')}</span></div>` : nothing}
      ${this.features.length > 1 ? html`${this.#pager()}${this.#tabs()}` : nothing}
      <div class="ky-panel-body" tabindex="0" role="region" aria-label=${t('地块详情', 'Feature details')}>
        ${this.problem ? html`<p class="ky-hint" role="alert">${this.problem}</p>` : feature ? this.#details(feature) : this.busy ? nothing : this.#nothingHere()}
        <p class="ky-place">${lonLat(this.place.lon, this.place.lat)}<br>${planeXY(this.place.lon, this.place.lat)}</p>
      </div>
    `;
  }

  /** One after the other, in the order of the map. */
  #pager(): TemplateResult {
    const count = this.features.length;
    const step = (by: number): void => this.#choose((this.chosen + by + count) % count);
    return html`<div class="kt-pager"><output>${t(`第 ${this.chosen + 1} 个，共 ${count} 个`, `${this.chosen + 1} of ${count}`)}</output>
      <button type="button" class="ky-tool" @click=${() => step(-1)} aria-label=${t('上一个要素', 'Previous feature')}>${icon('chevron-left')}</button>
      <button type="button" class="ky-tool" @click=${() => step(1)} aria-label=${t('下一个要素', 'Next feature')}>${icon('chevron-right')}</button></div>`;
  }

  /** One tab for each layer; several features of a layer are counted there and reached one by one. */
  #tabs(): TemplateResult {
    const layers = [...new Set(this.features.map((feature) => feature.collection))];
    return html`<div class="ky-tabs" role="group" aria-label=${t('此处的图层', 'Layers here')}>
      ${layers.map((collection) => {
        const first = this.features.findIndex((feature) => feature.collection === collection);
        const count = this.features.filter((feature) => feature.collection === collection).length;
        const feature = this.features[first]!;
        return html`<button type="button" aria-pressed=${this.features[this.chosen]?.collection === collection ? 'true' : 'false'} @click=${() => this.#choose(first)}>
          ${named({ name_zh: feature.layer_zh, name_en: feature.layer_en })}${count > 1 ? ` ${count}` : nothing}</button>`;
      })}
    </div>`;
  }

  /** Where the other tools take this feature. */
  #acts(feature: IdentifiedFeature, title: string): TemplateResult {
    const isArea = feature.geometry?.type === 'Polygon' || feature.geometry?.type === 'MultiPolygon';
    return html`<div class="kt-acts">
      <button type="button" class="btn btn-sm" @click=${() => openFor('lineage', feature.collection, feature.id, title)}>${icon('sitemap')}${t('从哪里来', 'Where from')}</button>
      ${isArea ? html`<button type="button" class="btn btn-sm" @click=${() => this.#analyse(feature)}>${icon('history')}${t('历史与冲突', 'History, conflicts')}</button>` : nothing}
      <button type="button" class="btn btn-sm" @click=${() => openFor('table', feature.collection)}>${icon('table')}${t('属性表', 'Table')}</button>
    </div>`;
  }

  #analyse(feature: IdentifiedFeature): void {
    store.setPlot(feature.geometry as GeoJSON.Polygon | GeoJSON.MultiPolygon);
    store.setTool('plot');
  }

  #nothingHere(): TemplateResult {
    return html`<p class="ky-hint">${store.state.layers.length
      ? t('已开的图层在此处、此日没有要素。可换一个地方、日期，或再打开图层。', 'The layers that are on have nothing here on this day. Try another place, another day or another layer.')
      : t('还没有打开图层。在左侧目录中打开一个，再点地图。', 'No layer is on. Switch one on at the left, then click the map.')}</p>`;
  }

  #details(feature: IdentifiedFeature): TemplateResult {
    const title = headline(feature);
    const m2 = Number(feature.fields.find((field) => field.unit === 'm²' && !isEmpty(field.value))?.value ?? 0);
    const fields = feature.fields.filter((field) => this.empties || !isEmpty(field.value));
    const hidden = feature.fields.length - fields.length;
    return html`
      <div class="ky-headline">
        ${title ? html`<strong>${title}</strong>` : nothing}
        ${m2 ? html`<span>${area(m2)}</span>` : nothing}
      </div>
      <dl class="ky-fields">${fields.map((field) => this.#field(field))}</dl>
      ${hidden || this.empties
        ? html`<button type="button" class="ky-link" @click=${() => (this.empties = !this.empties)}>
            ${this.empties ? t('收起空字段', 'Hide empty fields') : t(`另有 ${hidden} 个空字段`, `${hidden} empty fields more`)}</button>`
        : nothing}
      <p class="ky-origin">${this.#origin(feature)}</p>
      ${this.#acts(feature, title)}
    `;
  }

  #field(field: FieldValue): TemplateResult {
    return html`<div>
      <dt><span>${named(field)}</span><span class="ky-code">${field.code}</span></dt>
      <dd>${valueOf(field)}</dd>
    </div>`;
  }

  #origin(feature: IdentifiedFeature): TemplateResult {
    const { valid_from: from, valid_to: to } = feature;
    const valid = to ? t(`${from} 至 ${to} 有效`, `Valid ${from} to ${to}`) : t(`${from} 起有效`, `Valid from ${from}`);
    return html`${valid}
      <a href=${`/catalogue/${encodeURIComponent(feature.dataset)}/`}>${t('数据集与版本', 'Dataset and versions')}</a>`;
  }
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === '';
}

/** A value with what its code means, its unit, and hectares and mu beside areas. */
function valueOf(field: FieldValue): TemplateResult | string {
  if (isEmpty(field.value)) return '—';
  if (field.meaning_zh) {
    const meaning = named({ name_zh: field.meaning_zh, name_en: field.meaning_en ?? '' });
    return html`<span class="ky-code">${field.value}</span> ${meaning}`;
  }
  if (field.unit === 'm²' && typeof field.value === 'number') {
    const exact = field.value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return html`${exact} m²${field.value >= 100 ? html`<small>${area(field.value)}</small>` : nothing}`;
  }
  return html`${field.value}${field.unit ? ` ${field.unit}` : ''}`;
}

/** What people call the feature: the meaning of its class and its number, or its name. */
function headline(feature: IdentifiedFeature): string {
  const by = new Map(feature.fields.map((field) => [field.code, field]));
  const parcelClass = by.get('DLBM');
  const text = (code: string): string => String(by.get(code)?.value ?? '');
  if (parcelClass) {
    const meaning = named({ name_zh: parcelClass.meaning_zh ?? text('DLMC'), name_en: parcelClass.meaning_en ?? '' });
    const number = text('TBBH');
    return number ? t(`${meaning} · 图斑 ${number}`, `${meaning} · parcel ${number}`) : meaning;
  }
  const name = feature.fields.find((field) => /MC$/.test(field.code) && !isEmpty(field.value));
  return name ? String(name.value) : '';
}

customElements.define('ky-feature', KyFeature);
declare global {
  interface HTMLElementTagNameMap {
    'ky-feature': KyFeature;
  }
}
