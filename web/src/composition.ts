/** The page on which thematic maps are made: `<ky-composition>`. Layers, classes, sheet, preview, print, list. */
import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/map.css';
import './styles/composition.css';
import { html, nothing, type TemplateResult } from 'lit';
import { Map as MapLibre, NavigationControl, setWorkerUrl, type LayerSpecification } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { ask, findLayers, layerInfo, pageToken, type LayerInfo, type TreeNode } from './api';
import { emptyDefinition, fieldsOf, layerOfFragment, withoutView, type Classes, type Definition, type LayerUse } from './composition-model';
import { PageElement } from './element';
import { named, t } from './language';
import { baseStyle } from './map/base-map';
import { fromFragment } from './store';

setWorkerUrl(workerUrl);

interface Palette {
  readonly ramps: readonly { id: string; kind: string; name_zh: string; name_en: string; colours: readonly string[]; colour_blind_safe: boolean }[];
  readonly methods: readonly { id: string; name_zh: string; name_en: string }[];
  readonly papers: readonly string[];
  readonly base_layers: readonly { collection: string; name_zh: string; name_en: string }[];
  readonly most_classes: number;
}
interface Brief {
  readonly id: string; readonly title_zh: string; readonly title_en: string; readonly version: number; readonly ships: boolean;
  readonly audience: string; readonly is_mine: boolean; readonly owner: string;
}
interface Full extends Brief {
  readonly definition: Omit<Definition, 'layers'> & { readonly layers: readonly (LayerUse & { name_zh: string; name_en: string })[] };
  readonly omitted: number;
  readonly recorded_versions: Readonly<Record<string, Readonly<Record<string, { number: number; valid_from: string }>>>>;
}
interface ClassedAnswer {
  readonly classes: readonly { colour: string; count: number; text_zh: string; text_en: string }[];
  readonly style: readonly Record<string, unknown>[];
  readonly rows: number;
  readonly missing: number;
}
interface PrintAnswer { readonly id: number; readonly state: string; readonly download: string | null; readonly why_zh: string; readonly why_en: string }
type Info = LayerInfo & { readonly paint: readonly Record<string, unknown>[]; readonly fields: readonly { code: string; name_zh: string; name_en: string }[] };

const API = '/api/map/compositions';
const POLL_MS = 800;
const CHINA: [number, number, number, number] = [73.4, 17.9, 135.2, 53.7];

export class KyComposition extends PageElement {
  static override properties = {
    definition: { state: true }, palette: { state: true }, list: { state: true }, open: { state: true }, chosen: { state: true },
    found: { state: true }, said: { state: true }, failed: { state: true }, preview: { state: true }, busy: { state: true },
    classed: { state: true }, classes: { state: true }, audience: { state: true }, view: { state: true }, names: { state: true }, begun: { state: true },
  };

  declare definition: Definition;
  declare palette: Palette | null;
  declare list: readonly Brief[];
  declare open: Full | null;
  declare chosen: number;
  declare found: readonly TreeNode[];
  declare said: string;
  declare failed: boolean;
  declare preview: string;
  declare busy: string;
  declare classed: ClassedAnswer | null;
  declare classes: Classes;
  declare audience: string;
  declare view: 'map' | 'sheet';
  declare names: Readonly<Record<string, string>>;
  /** Before it has come, what is typed would be lost to what comes. */
  declare begun: boolean;
  #map: MapLibre | undefined;
  #infos = new Map<string, Info>();
  #drawing = 0;
  #finding = 0;
  #telling = 0;
  #classing = 0;

  constructor() {
    super();
    this.definition = emptyDefinition();
    this.palette = null;
    this.list = [];
    this.open = null;
    this.chosen = -1;
    this.found = [];
    this.said = '';
    this.failed = false;
    this.preview = '';
    this.busy = '';
    this.classed = null;
    this.classes = { field: '', method: 'unique', count: 5, ramp: '' };
    this.audience = 'private';
    this.view = 'map';
    this.names = {};
    this.begun = false;
  }

  protected override firstUpdated(): void {
    this.#map = new MapLibre({
      container: this.querySelector<HTMLElement>('.ky-compose-canvas')!, style: baseStyle(location.origin), bounds: CHINA,
      attributionControl: false, dragRotate: false, pitchWithRotate: false, maxZoom: 20,
    });
    this.#map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
    this.#map.getCanvas().setAttribute('aria-label', t('专题图地图预览', 'Map of the composition'));
    new ResizeObserver(() => this.#map?.resize()).observe(this.querySelector('.ky-compose-canvas')!);
    this.#map.once('load', () => void this.#begin());
  }

  async #begin(): Promise<void> {
    await this.#tell(async () => {
      [this.palette, this.list] = await Promise.all([ask<Palette>(`${API}/palette`), ask<Brief[]>(API)]);
      const asked = new URLSearchParams(location.hash.slice(1)).get('composition');
      if (asked) return this.#load(asked);
      const shared = fromFragment(location.hash);
      const layers = (shared.layers ?? []).map(layerOfFragment);
      if (shared.view) this.#map!.jumpTo({ center: [shared.view.lon, shared.view.lat], zoom: shared.view.zoom });
      if (!layers.length) {
        const first = this.list.find((one) => one.ships);
        return first ? this.#load(first.id) : undefined;
      }
      this.#change({ layers: [{ collection: 'base:boundaries' }, ...layers], valid_at: shared.validAt ?? '' });
    });
    this.begun = true;
  }

  /** Tells what is being done, what came of it, and what went wrong; of several at once, what began last. */
  async #tell(act: () => Promise<unknown>, busy = ''): Promise<void> {
    const turn = ++this.#telling;
    this.busy = busy;
    this.said = '';
    this.failed = false;
    try {
      await act();
    } catch (error) {
      this.failed = true;
      this.said = error instanceof Error ? error.message : String(error);
    } finally {
      if (turn === this.#telling) this.busy = '';
    }
  }

  async #load(id: string): Promise<void> {
    const full = await ask<Full>(`${API}/${encodeURIComponent(id)}`);
    this.open = full;
    this.audience = full.is_mine ? full.audience : 'private';
    const { layers, ...rest } = full.definition;
    this.definition = { ...rest, layers: layers.map(withoutView) };
    this.names = { ...this.names, ...Object.fromEntries(layers.map((one) => [one.collection, named(one)])) };
    this.chosen = -1;
    this.classed = null;
    history.replaceState(null, '', `#composition=${encodeURIComponent(id)}`);
    await this.#draw();
    await this.#fit();
  }

  #change(part: Partial<Definition>): void {
    this.definition = { ...this.definition, ...part };
    void this.#draw();
  }

  #layout(part: Partial<Definition['layout']>): void {
    this.definition = { ...this.definition, layout: { ...this.definition.layout, ...part } };
  }

  async #info(collection: string): Promise<Info | null> {
    if (collection.startsWith('base:')) return null;
    const known = this.#infos.get(collection);
    if (known) return known;
    const info = (await layerInfo(collection)) as Info;
    this.#infos.set(collection, info);
    this.names = { ...this.names, [collection]: named(info) };
    return info;
  }

  async #fit(): Promise<void> {
    let box = this.definition.extent;
    for (const use of box ? [] : this.definition.layers) {
      const extent = (await this.#info(use.collection).catch(() => null))?.extent;
      if (extent) box = box ? [Math.min(box[0], extent[0]), Math.min(box[1], extent[1]), Math.max(box[2], extent[2]), Math.max(box[3], extent[3])] : extent;
    }
    if (box) this.#map?.fitBounds(box, { padding: 30, duration: 0 });
  }

  /** Draws all layers anew, topmost last. */
  async #draw(): Promise<void> {
    const map = this.#map;
    if (!map) return;
    const turn = ++this.#drawing;
    const infos = await Promise.all(this.definition.layers.map((use) => this.#info(use.collection).catch(() => null)));
    if (turn !== this.#drawing) return;
    for (const layer of map.getStyle().layers) if (layer.id.startsWith('c|')) map.removeLayer(layer.id);
    for (const source of Object.keys(map.getStyle().sources)) if (source.startsWith('c|')) map.removeSource(source);
    const above = map.getStyle().layers.find((one) => one.type === 'symbol')?.id;
    [...this.definition.layers.entries()].reverse().forEach(([place, use]) => {
      const info = infos[place];
      if (!info?.tiles) return;
      const source = `c|${place}`;
      const wanted = new URLSearchParams(this.definition.valid_at ? { valid_at: this.definition.valid_at } : {});
      if (use.filter) wanted.set('filter', use.filter);
      const style = use.style ?? info.paint;
      const fields = fieldsOf(style).filter((code) => info.fields.some((one) => one.code === code));
      if (info.tile_type !== 'raster' && fields.length) wanted.set('properties', fields.join(','));
      const tiles = [`${location.origin}${info.tiles}${wanted.size ? `${info.tiles.includes('?') ? '&' : '?'}${wanted}` : ''}`];
      map.addSource(source, info.tile_type === 'raster' ? { type: 'raster', tiles, tileSize: 256 } : { type: 'vector', tiles, maxzoom: info.max_zoom });
      const parts = info.tile_type === 'raster' ? [{ id: 'raster', type: 'raster', paint: { 'raster-opacity': use.opacity ?? 1 } }] : style;
      parts.forEach((part, number) => {
        const { metadata: _, ...rest } = part;
        const layer = { ...rest, id: `c|${place}|${number}`, source, ...(info.tile_type === 'raster' ? {} : { 'source-layer': info.source_layer }) };
        map.addLayer(layer as unknown as LayerSpecification, above);
        const kind = String(part.type);
        const own = (part.paint as Record<string, unknown> | undefined)?.[`${kind}-opacity`];
        if (['fill', 'line', 'circle'].includes(kind) && typeof own !== 'object') {
          map.setPaintProperty(layer.id, `${kind}-opacity` as 'fill-opacity', (typeof own === 'number' ? own : 1) * (use.opacity ?? 1));
        }
      });
    });
  }

  #search(words: string): void {
    clearTimeout(this.#finding);
    if (!words.trim()) {
      this.found = [];
      return;
    }
    this.#finding = window.setTimeout(() => void this.#tell(async () => {
      this.found = (await findLayers(words)).nodes.filter((one) => one.kind === 'layer').slice(0, 12);
    }), 200);
  }

  #add(collection: string): void {
    this.found = [];
    this.querySelector<HTMLInputElement>('#ky-compose-find')!.value = '';
    if (this.definition.layers.some((one) => one.collection === collection)) return;
    this.#change({ layers: [{ collection }, ...this.definition.layers] });
  }

  #use(place: number, part: Partial<LayerUse>): void {
    this.#change({ layers: this.definition.layers.map((one, number) => (number === place ? { ...one, ...part } : one)) });
  }

  #move(place: number, step: number): void {
    const layers = [...this.definition.layers];
    const to = place + step;
    if (to < 0 || to >= layers.length) return;
    layers.splice(to, 0, ...layers.splice(place, 1));
    if (this.chosen === place) this.chosen = to;
    this.#change({ layers });
  }

  #remove(place: number): void {
    this.chosen = -1;
    this.#change({ layers: this.definition.layers.filter((_, number) => number !== place) });
  }

  async #choose(place: number): Promise<void> {
    this.chosen = this.chosen === place ? -1 : place;
    this.classed = null;
    const use = this.definition.layers[place];
    if (this.chosen < 0 || !use) return;
    const info = await this.#info(use.collection).catch(() => null);
    const kept = use.classes?.field ? (use.classes as Classes) : null;
    this.classes = kept ?? { field: info?.class_field ?? info?.fields[0]?.code ?? '', method: 'unique', count: 5, ramp: '' };
    this.requestUpdate();
  }

  async #classify(part: Partial<Classes>): Promise<void> {
    this.classes = { ...this.classes, ...part };
    const place = this.chosen;
    const use = this.definition.layers[place];
    if (!use || !this.classes.field) return;
    const turn = ++this.#classing;
    await this.#tell(async () => {
      const body = { collection: use.collection, ...this.classes, filter: use.filter ?? '', ...(this.definition.valid_at ? { valid_at: this.definition.valid_at } : {}) };
      const classed = await ask<ClassedAnswer>(`${API}/classes`, undefined, { method: 'POST', body });
      if (turn !== this.#classing || place !== this.chosen) return; // other classes, or another layer, by now
      this.classed = classed;
      this.#use(place, { style: this.classed.style, classes: this.classes });
    }, t('正在分级…', 'Classifying…'));
  }

  async #save(asNew: boolean): Promise<void> {
    const mine = this.open?.is_mine && !asNew ? this.open.id : '';
    const body = { definition: this.definition, sharing: { audience: this.audience } };
    await this.#tell(async () => {
      const full = await ask<Full>(mine ? `${API}/${mine}` : API, undefined, { method: mine ? 'PUT' : 'POST', body });
      this.list = await ask<Brief[]>(API);
      this.open = full;
      history.replaceState(null, '', `#composition=${encodeURIComponent(full.id)}`);
      this.said = t(`已保存为第 ${full.version} 版。`, `Saved as version ${full.version}.`);
    }, t('正在保存…', 'Saving…'));
  }

  async #showSheet(): Promise<void> {
    this.view = 'sheet';
    await this.#tell(async () => {
      const answer = await fetch(`${API}/preview`, {
        method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRFToken': pageToken() },
        body: JSON.stringify({ definition: this.definition, valid_at: this.definition.valid_at ?? '' }),
      });
      if (!answer.ok) {
        const said = (await answer.json().catch(() => ({}))) as { detail_zh?: string; detail_en?: string };
        throw new Error(t(said.detail_zh ?? '', said.detail_en ?? '') || `HTTP ${answer.status}`);
      }
      if (this.preview) URL.revokeObjectURL(this.preview);
      this.preview = URL.createObjectURL(await answer.blob());
    }, t('正在排版…', 'Laying out…'));
  }

  async #print(format: string): Promise<void> {
    await this.#tell(async () => {
      const body = { definition: this.definition, format };
      let state = await ask<PrintAnswer>(`${API}/prints`, undefined, { method: 'POST', body });
      while (state.state === 'waiting' || state.state === 'running') {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        state = await ask<PrintAnswer>(`${API}/prints/${state.id}`);
      }
      if (!state.download) throw new Error(t(state.why_zh, state.why_en));
      location.assign(state.download);
      this.said = t('打印完成，文件已下载。', 'Printed; the file is downloaded.');
    }, t('正在出图，可以离开此页，完成后会通知您。', 'Printing. You may leave: you will be told.'));
  }

  #takeExtent(): void {
    const box = this.#map!.getBounds();
    this.definition = { ...this.definition, extent: [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()] };
    this.said = t('已取当前地图范围。', 'The extent is that of the map now.');
  }

  override render(): TemplateResult {
    return html`
      <div class="ky-compose-side" ?inert=${!this.begun} aria-busy=${this.busy || !this.begun ? 'true' : 'false'}>
        <p class="ky-compose-said ${this.failed ? 'is-failed' : ''}" role="status" aria-live="polite">${this.busy || this.said}</p>
        ${this.#titlePart()} ${this.#layersPart()} ${this.#sheetPart()} ${this.#actions()} ${this.#listPart()}
      </div>
      <div class="ky-compose-stage">
        <div class="ky-compose-tabs" role="group" aria-label=${t('预览', 'Preview')}>
          <button type="button" class="btn btn-sm" aria-pressed=${this.view === 'map'} @click=${() => { this.view = 'map'; }}>${t('地图', 'Map')}</button>
          <button type="button" class="btn btn-sm" aria-pressed=${this.view === 'sheet'} @click=${() => void this.#showSheet()}>${t('版面', 'Sheet')}</button>
        </div>
        <div class="ky-compose-canvas" ?hidden=${this.view !== 'map'}></div>
        <div class="ky-compose-paper" ?hidden=${this.view !== 'sheet'}>
          ${this.preview ? html`<img src=${this.preview} alt=${t(`版面预览：${this.definition.title_zh}`, `Sheet: ${this.definition.title_zh}`)} />` : nothing}
        </div>
      </div>
    `;
  }

  #titlePart(): TemplateResult {
    const text = (name: 'title_zh' | 'title_en' | 'subtitle') => (event: Event): void => {
      this.definition = { ...this.definition, [name]: (event.target as HTMLInputElement).value };
    };
    return html`<section aria-labelledby="ky-c-title"><h2 id="ky-c-title">${t('图名', 'Title')}</h2>
      <label>${t('图名（中文）', 'Title (Chinese)')}<input class="form-control form-control-sm" maxlength="120" .value=${this.definition.title_zh} @input=${text('title_zh')} /></label>
      <label>${t('副图名', 'Subtitle')}<input class="form-control form-control-sm" maxlength="160" .value=${this.definition.subtitle ?? ''} @input=${text('subtitle')} /></label>
      <label>${t('数据日期（空为今天）', 'Date of the data (empty: today)')}<input class="form-control form-control-sm" type="date" .value=${this.definition.valid_at ?? ''} @change=${(e: Event) => this.#change({ valid_at: (e.target as HTMLInputElement).value })} /></label>
      ${this.open?.omitted ? html`<p class="ky-compose-note">${t(`有 ${this.open.omitted} 个图层您无权查看，未列出。`, `${this.open.omitted} layers that you may not see are left out.`)}</p>` : nothing}
    </section>`;
  }

  #layersPart(): TemplateResult {
    return html`<section aria-labelledby="ky-c-layers"><h2 id="ky-c-layers">${t('图层（上层在前）', 'Layers, topmost first')}</h2>
      <label class="visually-hidden" for="ky-compose-find">${t('查找图层', 'Find a layer')}</label>
      <input id="ky-compose-find" class="form-control form-control-sm" type="search" placeholder=${t('查找并添加图层…', 'Find and add a layer…')} @input=${(e: Event) => this.#search((e.target as HTMLInputElement).value)} />
      ${this.found.length ? html`<ul class="ky-compose-found">${this.found.map((one) => html`<li><button type="button" @click=${() => this.#add(one.id)}>${named(one)} <small>${one.code}</small></button></li>`)}</ul>` : nothing}
      <div class="ky-compose-bases">${(this.palette?.base_layers ?? []).filter((base) => !this.definition.layers.some((one) => one.collection === base.collection)).map((base) => html`<button type="button" class="btn btn-sm" @click=${() => this.#change({ layers: [...this.definition.layers, { collection: base.collection }] })}>＋ ${named(base)}</button>`)}</div>
      <ol class="ky-compose-layers">${this.definition.layers.map((use, place) => this.#row(use, place))}</ol>
    </section>`;
  }

  #row(use: LayerUse, place: number): TemplateResult {
    const base = this.palette?.base_layers.find((one) => one.collection === use.collection);
    const name = base ? named(base) : (this.names[use.collection] ?? use.collection);
    return html`<li>
      <div class="ky-compose-row">
        <button type="button" class="ky-compose-name" aria-expanded=${this.chosen === place} @click=${() => void this.#choose(place)}>${name}</button>
        <button type="button" aria-label=${t(`上移${name}`, `Move ${name} up`)} ?disabled=${place === 0} @click=${() => this.#move(place, -1)}>↑</button>
        <button type="button" aria-label=${t(`下移${name}`, `Move ${name} down`)} ?disabled=${place === this.definition.layers.length - 1} @click=${() => this.#move(place, 1)}>↓</button>
        <button type="button" aria-label=${t(`移除${name}`, `Remove ${name}`)} @click=${() => this.#remove(place)}>×</button>
      </div>
      ${this.chosen === place ? this.#look(use, place, Boolean(base)) : nothing}
    </li>`;
  }

  #look(use: LayerUse, place: number, isBase: boolean): TemplateResult {
    const info = this.#infos.get(use.collection);
    const select = (name: keyof Classes) => (event: Event): void => void this.#classify({ [name]: (event.target as HTMLSelectElement).value });
    const ramps = this.palette?.ramps ?? [];
    const ramp = ramps.find((one) => one.id === (this.classes.ramp || (this.classes.method === 'unique' ? 'Okabe' : 'YlGnBu')));
    return html`<div class="ky-compose-look">
      <label>${t('不透明度', 'Opacity')}<input type="range" class="form-range" min="0" max="1" step="0.05" .value=${String(use.opacity ?? 1)} @change=${(e: Event) => this.#use(place, { opacity: Number((e.target as HTMLInputElement).value) })} /></label>
      ${isBase || !info || info.tile_type === 'raster' ? nothing : html`
        <label>${t('分级字段', 'Attribute')}<select class="form-select form-select-sm" @change=${select('field')}>${info.fields.map((one) => html`<option value=${one.code} ?selected=${one.code === this.classes.field}>${named(one)} ${one.code}</option>`)}</select></label>
        <label>${t('方法', 'Method')}<select class="form-select form-select-sm" @change=${select('method')}>${(this.palette?.methods ?? []).map((one) => html`<option value=${one.id} ?selected=${one.id === this.classes.method}>${named(one)}</option>`)}</select></label>
        ${this.classes.method === 'unique' ? nothing : html`<label>${t('级数', 'Classes')}<input class="form-control form-control-sm" type="number" min="1" max=${this.palette?.most_classes ?? 12} .value=${String(this.classes.count)} @change=${(e: Event) => void this.#classify({ count: Number((e.target as HTMLInputElement).value) })} /></label>`}
        <label>${t('色带', 'Ramp')}<select class="form-select form-select-sm" @change=${select('ramp')}><option value="">${t('按方法默认（地类用标准色）', 'Default (land classes: the standard’s)')}</option>${ramps.map((one) => html`<option value=${one.id} ?selected=${one.id === this.classes.ramp}>${named(one)}${one.colour_blind_safe ? t('（色觉友好）', ' (colour-blind-safe)') : ''}</option>`)}</select></label>
        <div class="ky-compose-ramp" aria-hidden="true">${(ramp?.colours ?? []).map((colour) => html`<i style="background:${colour}"></i>`)}</div>
        <div class="ky-compose-buttons"><button type="button" class="btn btn-sm btn-primary" @click=${() => void this.#classify({})}>${t('分级', 'Classify')}</button>
          <button type="button" class="btn btn-sm" ?disabled=${!use.style} @click=${() => { this.classed = null; this.#use(place, { style: null, classes: {} }); }}>${t('恢复标准样式', 'Standard look')}</button></div>
        <label>${t('过滤（CQL2）', 'Filter (CQL2)')}<input class="form-control form-control-sm" maxlength="4000" placeholder="TBMJ > 10000" .value=${use.filter ?? ''} @change=${(e: Event) => this.#use(place, { filter: (e.target as HTMLInputElement).value })} /></label>
        ${this.classed ? html`<table class="ky-compose-classes"><caption>${t(`共 ${this.classed.rows.toLocaleString()} 条，无值 ${this.classed.missing.toLocaleString()} 条`, `${this.classed.rows.toLocaleString()} rows, ${this.classed.missing.toLocaleString()} without a value`)}</caption><tbody>${this.classed.classes.map((one) => html`<tr><td><i style="background:${one.colour}"></i></td><th scope="row">${t(one.text_zh, one.text_en || one.text_zh)}</th><td>${one.count.toLocaleString()}</td></tr>`)}</tbody></table>` : nothing}
      `}
    </div>`;
  }

  #sheetPart(): TemplateResult {
    const layout = this.definition.layout;
    const choose = (name: keyof Definition['layout'], options: readonly (readonly [string, string])[], label: string): TemplateResult => html`<label>${label}<select class="form-select form-select-sm" @change=${(e: Event) => this.#layout({ [name]: (e.target as HTMLSelectElement).value })}>${options.map(([value, text]) => html`<option value=${value} ?selected=${String(layout[name]) === value}>${text}</option>`)}</select></label>`;
    const field = (name: 'approval_number' | 'unit' | 'author' | 'notes', label: string, most: number): TemplateResult => html`<label>${label}<input class="form-control form-control-sm" maxlength=${most} .value=${layout[name]} @input=${(e: Event) => this.#layout({ [name]: (e.target as HTMLInputElement).value })} /></label>`;
    return html`<section aria-labelledby="ky-c-sheet"><h2 id="ky-c-sheet">${t('版面', 'Sheet')}</h2><div class="ky-compose-grid">
      ${choose('paper', (this.palette?.papers ?? ['A4']).map((one) => [one, one] as const), t('纸张', 'Paper'))}
      ${choose('orientation', [['landscape', t('横向', 'Landscape')], ['portrait', t('纵向', 'Portrait')]], t('方向', 'Orientation'))}
      <label>${t('比例尺 1:（0 为自动）', 'Scale 1: (0: automatic)')}<input class="form-control form-control-sm" type="number" min="0" max="100000000" .value=${String(layout.scale)} @change=${(e: Event) => this.#layout({ scale: Number((e.target as HTMLInputElement).value) })} /></label>
      ${choose('graticule', [['geographic', t('经纬网', 'Graticule')], ['grid', t('公里网', 'Kilometre grid')], ['none', t('无', 'None')]], t('图廓网', 'Grid'))}
      ${choose('north', [['true', t('真北', 'True north')], ['grid', t('坐标北', 'Grid north')], ['none', t('无', 'None')]], t('指北针', 'North'))}
      ${field('approval_number', t('审图号', 'Approval number (审图号)'), 60)} ${field('unit', t('制图单位', 'Unit'), 80)} ${field('author', t('制图人', 'Author'), 60)}
      </div>${field('notes', t('附注', 'Notes'), 400)}
      ${layout.approval_number ? nothing : html`<p class="ky-compose-note">${t('没有审图号：图上将注明界线为示意，不得公开出版、印刷。', 'Without an approval number the sheet says that boundaries are illustrative and not for publication.')}</p>`}
      <div class="ky-compose-buttons"><button type="button" class="btn btn-sm" @click=${() => this.#takeExtent()}>${t('取当前地图范围', 'Use the extent of the map')}</button>
      <button type="button" class="btn btn-sm" ?disabled=${!this.definition.extent} @click=${() => { this.definition = { ...this.definition, extent: null }; void this.#fit(); }}>${t('用数据范围', 'Use the extent of the data')}</button></div>
    </section>`;
  }

  #actions(): TemplateResult {
    const busy = Boolean(this.busy);
    return html`<section class="ky-compose-actions" aria-label=${t('操作', 'Actions')}>
      <button type="button" class="btn btn-primary" ?disabled=${busy} @click=${() => void this.#print('pdf')}>${t('打印 PDF', 'Print PDF')}</button>
      <button type="button" class="btn" ?disabled=${busy} @click=${() => void this.#print('png')}>${t('导出 PNG', 'Export PNG')}</button>
      <button type="button" class="btn" ?disabled=${busy} @click=${() => void this.#save(false)}>${this.open?.is_mine ? t('保存新版', 'Save a version') : t('另存为我的图', 'Save as mine')}</button>
      <label>${t('共享', 'Sharing')}<select class="form-select form-select-sm" @change=${(e: Event) => { this.audience = (e.target as HTMLSelectElement).value; }}>
        ${[['private', t('仅自己', 'Only me')], ['everybody', t('本节点所有用户', 'Everybody on this node')]].map(([value, text]) => html`<option value=${value!} ?selected=${this.audience === value}>${text}</option>`)}</select></label>
    </section>`;
  }

  #listPart(): TemplateResult {
    return html`<section aria-labelledby="ky-c-list"><h2 id="ky-c-list">${t('已保存与共享的专题图', 'Saved and shared compositions')}</h2>
      <ul class="ky-compose-list">${this.list.map((one) => html`<li><button type="button" aria-current=${this.open?.id === one.id ? 'true' : 'false'} @click=${() => void this.#tell(() => this.#load(one.id))}>
        <span>${t(one.title_zh, one.title_en || one.title_zh)}</span><small>${one.ships ? t('随系统提供', 'Ships with the node') : one.is_mine ? t('我的', 'Mine') : one.owner} · ${t(`第 ${one.version} 版`, `version ${one.version}`)}</small></button></li>`)}</ul>
      ${this.open ? html`<details><summary>${t('所用数据版本', 'Dataset versions')}</summary><ul class="ky-compose-versions">${Object.entries(this.open.recorded_versions).map(([collection, counties]) => html`<li>${this.names[collection] ?? collection}：${Object.entries(counties).map(([county, one]) => t(`${county} 第${one.number}版（${one.valid_from}）`, `${county} v${one.number} (${one.valid_from})`)).join('、')}</li>`)}</ul></details>` : nothing}
    </section>`;
  }
}

customElements.define('ky-composition', KyComposition);
