/** `<ky-plot>`: a plot drawn, typed or uploaded, and at once what it is, what it meets and what it was. */
import { html, nothing, type TemplateResult } from 'lit';
import { layerInfo, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { instant } from '../format';
import { icon } from '../icons';
import { named, t } from '../language';
import { boxOf, union } from '../map/findings';
import type { KyMap } from '../map/map-view';
import type { OverlayLayer } from '../map/overlays';
import { store, type State } from '../store';
import { analyse, analysisJob, controlLines, oneFeature, readPlots, replay, type AnalysisKind, type History, type Overlap, type OverlapLayer, type OverlapPiece, type Plot, type ReadPlots } from '../tools/api';
import { areaOf } from '../tools/ellipsoid';
import { areaFigures } from '../tools/figures';
import { PARCELS, reportText, verdictOf } from '../tools/plot-result';
import { classTable, historyList, overlapList, type TableTools } from '../tools/plot-tables';
import { readPoint } from '../tools/plane';
import type { MapPlace, ToolPanel } from '../tools/registry';
import { begin, beginHole, canFinish, geometryOf, removeVertex, sketchOf, type Sketch } from '../tools/sketch';
import { SketchControl, vertexCount } from '../tools/sketch-control';

const ASK_EVERY_MS = 1000;
/** More corners than this are not listed one by one. */
const MOST_LISTED = 60;
const OVERLAY = 'plot-overlaps';

/** Red for conflicts only; other overlaps in the house accent; the chosen one is drawn stronger. */
const OVERLAP_LAYERS = [
  { id: 'fill', type: 'fill', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': ['match', ['get', 'verdict'], 'conflict', '#b42318', '#0b5c63'], 'fill-opacity': ['case', ['get', 'chosen'], 0.5, ['==', ['get', 'verdict'], 'conflict'], 0.3, 0.06] } },
  { id: 'line', type: 'line', paint: { 'line-color': ['match', ['get', 'verdict'], 'conflict', '#b42318', '#0b5c63'], 'line-width': ['case', ['get', 'chosen'], 3, 1.5] } },
] as unknown as readonly OverlayLayer[];

interface Answers {
  readonly classes: Overlap | null;
  readonly overlaps: Overlap | null;
  readonly history: History | null;
}

type Part = keyof Answers;
const KINDS: Readonly<Record<Part, AnalysisKind>> = { classes: 'land-classes', overlaps: 'overlap', history: 'history' };
const NOTHING: Answers = { classes: null, overlaps: null, history: null };

export class KyPlot extends StoreElement implements ToolPanel {
  static override properties = {
    answers: { state: true }, problems: { state: true }, jobs: { state: true }, way: { state: true }, text: { state: true }, problem: { state: true }, read: { state: true },
    chosen: { state: true }, busy: { state: true }, replayed: { state: true }, corner: { state: true },
  };

  declare answers: Answers;
  declare problems: Readonly<Partial<Record<Part, string>>>;
  /** answers that became jobs: progress 0 … 1, and what the job says of itself, as that it was interrupted */
  declare jobs: Readonly<Partial<Record<Part, { share: number; said: string }>>>;
  declare way: 'draw' | 'text' | 'file';
  declare text: string;
  declare problem: string;
  declare read: ReadPlots | null;
  declare chosen: string;
  declare busy: boolean;
  declare replayed: string;
  declare corner: string;
  map: KyMap | undefined;
  #control = new SketchControl({ id: 'plot', kind: 'area', legs: false, changed: (sketch) => this.#drawn(sketch) });
  #request: AbortController | undefined;
  #names: ReadonlyMap<string, { name_zh: string; name_en: string }> = new Map();
  #parcels: LayerInfo | undefined;
  /** the geometry the answers are about */
  #asked = '';

  constructor() {
    super();
    this.answers = NOTHING;
    this.problems = {};
    this.jobs = {};
    this.way = 'draw';
    this.text = '';
    this.problem = '';
    this.read = null;
    this.chosen = '';
    this.busy = false;
    this.replayed = '';
    this.corner = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#drawOverlaps(); // first: what is drawn later lies above it
    this.#control.attach(this.map);
    if (store.state.plot) void this.#take(store.state.plot, false);
  }

  override disconnectedCallback(): void {
    this.#control.detach();
    this.map?.removeOverlay(OVERLAY);
    super.disconnectedCallback();
  }

  protected override stateChanged(state: State, before: State): void {
    if (state.plot !== before.plot && state.plot && this.isConnected) void this.#take(state.plot, false);
    if ((state.validAt !== before.validAt || state.knownAt !== before.knownAt) && state.plot) void this.#ask(state.plot);
  }

  // -- the map speaks --------------------------------------------------------------------------------------

  get cursor(): string {
    return this.way === 'draw' ? this.#control.cursor : '';
  }

  mapClick(place: MapPlace): boolean {
    return this.way === 'draw' && this.#control.mapClick(place);
  }

  mapDoubleClick(): boolean {
    return this.#control.mapDoubleClick();
  }

  mapMove(place: MapPlace | null): void {
    if (this.way === 'draw') this.#control.mapMove(place);
  }

  mapKey(event: KeyboardEvent, place: MapPlace): boolean {
    return this.way === 'draw' && this.#control.mapKey(event, place);
  }

  #drawn(sketch: Sketch): void {
    const geometry = sketch.finished ? geometryOf(sketch) : null;
    if (geometry?.type === 'Polygon') {
      this.#asked = '';
      store.setPlot(geometry);
    } else if (store.state.plot && !sketch.rings[0]?.length) this.#clear();
    this.requestUpdate();
  }

  /** A plot from anywhere: shown, measured, asked about. */
  async #take(plot: Plot, zoom: boolean): Promise<void> {
    const text = JSON.stringify(plot.coordinates);
    const own = geometryOf(this.#control.sketch);
    if (!own || JSON.stringify(own.coordinates) !== text) this.#control.show(sketchOf(plot) ?? { ...begin('area'), finished: true });
    this.#drawOverlaps();
    const box = boxOf(plot);
    if (zoom && box) this.dispatchEvent(new CustomEvent('zoom-to', { detail: box, bubbles: true }));
    if (text !== this.#asked) await this.#ask(plot);
  }

  #clear(): void {
    this.#request?.abort();
    this.#asked = '';
    this.answers = NOTHING;
    this.problems = {};
    this.jobs = {};
    this.read = null;
    this.chosen = '';
    store.setPlot(null);
    if (this.#control.sketch.rings[0]?.length || this.#control.sketch.finished) this.#control.show(begin('area'));
    this.#drawOverlaps();
  }

  // -- questions -------------------------------------------------------------------------------------------

  async #ask(plot: Plot): Promise<void> {
    this.#asked = JSON.stringify(plot.coordinates);
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    this.answers = NOTHING;
    this.problems = {};
    this.jobs = {};
    this.chosen = '';
    this.replayed = '';
    this.busy = true;
    this.#parcels ??= await layerInfo(PARCELS).catch(() => undefined);
    const layers = await this.#layers().catch(() => null);
    if (request.signal.aborted) return;
    await Promise.all([
      this.#one('classes', plot, null, request.signal),
      this.#one('overlaps', plot, layers, request.signal),
      this.#one('history', plot, null, request.signal),
    ]);
    if (this.#request === request) this.busy = false;
  }

  /** Every control line of the plan, delivered or not, and the area layers on the map besides the parcels. */
  async #layers(): Promise<readonly string[]> {
    const lines = await controlLines();
    const on = await Promise.all(store.state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    const others = on.filter((layer) => layer !== null).filter((layer) => layer.geometry === 'Polygon' && layer.tiles !== null && !/^10401-/.test(layer.collection) && layer.may_query);
    this.#names = new Map([...lines, ...others.map((layer) => [layer.collection, layer] as const)]);
    return [...this.#names.keys()];
  }

  async #one(part: Part, plot: Plot, layers: readonly string[] | null, signal: AbortSignal): Promise<void> {
    const { validAt, knownAt } = store.state;
    try {
      let answer = await analyse<Overlap & History>(KINDS[part], plot, layers, { validAt, knownAt }, signal);
      if (answer.job !== null) answer = await this.#awaited<Overlap & History>(part, answer.job, signal);
      this.answers = { ...this.answers, [part]: answer };
      if (part === 'overlaps') this.#drawOverlaps();
    } catch (error) {
      if (!signal.aborted) this.problems = { ...this.problems, [part]: error instanceof Error ? error.message : String(error) };
    }
  }

  async #awaited<T>(part: Part, id: number, signal: AbortSignal): Promise<T> {
    for (;;) {
      const job = await analysisJob<T>(id, signal);
      if (job.answer) return { ...job.answer, job: null };
      if (job.state === 'failed' || job.state === 'dismissed') throw new Error(t(job.message_zh || '作业没有完成。', job.message_en || 'The job did not finish.'));
      this.jobs = { ...this.jobs, [part]: { share: job.total ? job.done / job.total : 0, said: t(job.message_zh, job.message_en) } };
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      if (signal.aborted) throw new DOMException('aborted', 'AbortError');
    }
  }

  // -- what is drawn of the answers ------------------------------------------------------------------------

  #drawOverlaps(): void {
    if (!this.map || !this.isConnected) return;
    const plot = store.state.plot;
    const shapes: GeoJSON.Feature[] = plot?.type === 'MultiPolygon' && plot.coordinates.length > 1 ? [{ type: 'Feature', properties: { verdict: 'plot', chosen: false }, geometry: plot }] : [];
    for (const layer of this.answers.overlaps?.layers ?? []) {
      for (const piece of layer.overlaps) {
        if (!piece.geometry) continue;
        shapes.push({ type: 'Feature', properties: { verdict: verdictOf(layer), chosen: this.chosen === `${layer.collection}|${piece.id}` }, geometry: piece.geometry });
      }
    }
    this.map.addOverlay(OVERLAY, { type: 'FeatureCollection', features: shapes }, OVERLAP_LAYERS);
  }

  async #show(layer: OverlapLayer, piece: OverlapPiece): Promise<void> {
    this.chosen = `${layer.collection}|${piece.id}`;
    this.#drawOverlaps();
    // the answer of a job comes without shapes: then the whole record is shown
    const { validAt, knownAt } = store.state;
    const geometry = piece.geometry ?? (await oneFeature(layer.collection, piece.id, { validAt, knownAt }).catch(() => null))?.geometry ?? null;
    this.map?.highlight(geometry);
    const box = boxOf(geometry);
    if (box) this.dispatchEvent(new CustomEvent('zoom-to', { detail: box, bubbles: true }));
  }

  #showAll(layer: OverlapLayer): void {
    store.toggle(layer.collection, true);
    const box = union(layer.overlaps.map((piece) => boxOf(piece.geometry)));
    if (box) this.dispatchEvent(new CustomEvent('zoom-to', { detail: box, bubbles: true }));
  }

  // -- other ways in ---------------------------------------------------------------------------------------

  async #readSource(source: File | string): Promise<void> {
    this.problem = '';
    this.read = null;
    this.busy = true;
    try {
      const found = await readPlots(source, '');
      this.read = found;
      const first = found.features[0];
      if (first) this.#choosePlot(first.geometry);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    } finally {
      this.busy = false;
    }
  }

  #choosePlot(geometry: Plot): void {
    this.#asked = '';
    store.setPlot(geometry);
    void this.#take(geometry, true);
  }

  #file(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    input.value = '';
    if (file) void this.#readSource(file);
  }

  #choose(way: KyPlot['way']): void {
    this.way = way;
    this.problem = '';
  }

  #addCorner(event: Event): void {
    event.preventDefault();
    const point = readPoint(this.corner);
    this.problem = point ? '' : t(`“${this.corner}”不是坐标。`, `“${this.corner}” is no coordinate.`);
    if (!point) return;
    this.corner = '';
    this.#control.add([point.lon, point.lat]);
  }

  async #replay(result: number | null | undefined): Promise<void> {
    if (!result) return;
    try {
      const said = await replay(result);
      this.replayed = t(said.message_zh, said.message_en) || (said.job === null ? '' : t('复算已作为作业提交。', 'The replay runs as a job.'));
    } catch (error) {
      this.replayed = error instanceof Error ? error.message : String(error);
    }
  }

  async #copy(): Promise<void> {
    const plot = store.state.plot;
    if (!plot) return;
    const text = reportText({ areaM2: this.#area(plot), ...this.answers, nameOf: this.#nameOf });
    await navigator.clipboard.writeText(text).catch(() => undefined);
    this.dispatchEvent(new CustomEvent('desk-say', { detail: t('已复制，可粘贴到文书或表格。', 'Copied; paste it into a letter or a spreadsheet.'), bubbles: true }));
  }

  readonly #nameOf = (collection: string): string => {
    const own = this.#names.get(collection);
    const answered = this.answers.overlaps?.layers.find((layer) => layer.collection === collection);
    return (own && named(own)) || (answered && named(answered)) || collection;
  };

  /** The node's own figure once it has answered; the same formula until then. */
  #area(plot: Plot): number {
    return this.answers.classes?.geometry_area_m2 ?? this.answers.overlaps?.geometry_area_m2 ?? areaOf(plot);
  }

  // -- what is seen ----------------------------------------------------------------------------------------

  protected override render(): TemplateResult {
    const { plot } = store.state;
    const ways: readonly [KyPlot['way'], string][] = [['draw', t('绘制', 'Draw')], ['text', t('坐标', 'Coordinates')], ['file', t('文件', 'File')]];
    return html`<div class="kt-body kt-plot">
      <div class="kt-segments" role="group" aria-label=${t('地块从哪里来', 'Where the plot comes from')}>${ways.map(([way, label]) => html`<button type="button" aria-pressed=${this.way === way ? 'true' : 'false'} @click=${() => this.#choose(way)}>${label}</button>`)}</div>
      ${this.way === 'draw' ? this.#drawing() : this.way === 'text' ? this.#textForm() : this.#fileForm()}
      ${this.problem ? html`<p class="kt-problem" role="alert">${this.problem}</p>` : nothing}
      ${this.read ? this.#readNote(this.read) : nothing}
      ${plot ? this.#report(plot) : nothing}
    </div>`;
  }

  #drawing(): TemplateResult {
    const { sketch } = this.#control;
    const begun = (sketch.rings[0]?.length ?? 0) > 0;
    return html`<div class="kt-row">
        ${sketch.finished
          ? html`<button type="button" class="btn btn-sm" @click=${() => { this.#control.show(beginHole(sketch)); this.requestUpdate(); }}>${icon('polygon')}${t('挖洞', 'Cut a hole')}</button>`
          : html`<button type="button" class="btn btn-sm" ?disabled=${!canFinish(sketch)} @click=${() => this.#control.finish()}>${icon('check')}${t('完成', 'Finish')}</button>`}
        <button type="button" class="btn btn-sm" ?disabled=${!begun} @click=${() => this.#control.undo()}>${icon('arrow-back-up')}${t('撤回', 'Undo')}</button>
        <button type="button" class="btn btn-sm" ?disabled=${!begun && !store.state.plot} @click=${() => this.#clear()}>${icon('trash')}${t('清除', 'Clear')}</button>
      </div>
      ${sketch.finished ? this.#corners() : html`<p class="ky-hint">${begun
        ? t('继续逐点单击；双击、回车或点起点完成。', 'Go on point by point; double click, Enter or the first point finishes.')
        : t('在地图上逐点画出地块；也可粘贴坐标或上传文件。不用鼠标：Tab 到地图，空格加点，回车完成。', 'Draw the plot point by point, or paste coordinates or upload a file. By keyboard: Tab to the map, space adds a point, Enter finishes.')}</p>
        <form class="kt-line" @submit=${this.#addCorner}><label for="kt-corner">${t('输入坐标加点', 'Add a point by coordinates')}</label><div>
          <input id="kt-corner" class="form-control form-control-sm" autocomplete="off" .value=${this.corner} placeholder="113.02, 34.51" @input=${(event: InputEvent) => (this.corner = (event.target as HTMLInputElement).value)}>
          <button type="submit" class="btn btn-sm" ?disabled=${!this.corner.trim()}>${t('加点', 'Add')}</button></div></form>`}`;
  }

  #corners(): TemplateResult | typeof nothing {
    const { sketch } = this.#control;
    const count = vertexCount(sketch);
    if (!count) return nothing;
    return html`<details class="kt-corners"><summary>${t(`顶点 ${count} 个（可在图上拖动）`, `${count} corners (drag them on the map)`)}</summary>
      ${count > MOST_LISTED ? html`<p class="ky-hint">${t('顶点较多，请在图上编辑。', 'Many corners: edit them on the map.')}</p>` : html`<ol>${sketch.rings.flatMap((ring, at) => ring.map(([lon = 0, lat = 0], index) => html`<li>
        ${at ? t(`洞 ${at} `, `hole ${at} `) : nothing}<span class="num">${lon.toFixed(7)}, ${lat.toFixed(7)}</span>
        <button type="button" class="ky-tool" aria-label=${t(`删去顶点 ${index + 1}`, `Remove corner ${index + 1}`)} @click=${() => this.#remove(at, index)}>${icon('x')}</button></li>`))}</ol>`}
    </details>`;
  }

  #remove(ring: number, index: number): void {
    const next = removeVertex(this.#control.sketch, { ring, index });
    this.#control.show(next);
    this.#drawn(next);
  }

  #textForm(): TemplateResult {
    return html`<form @submit=${(event: Event) => { event.preventDefault(); void this.#readSource(this.text); }}>
      <label class="kt-label" for="kt-plot-text">${t('粘贴坐标，一行一点（经度,纬度，或带带号的高斯-克吕格坐标）；GeoJSON、WKT 亦可', 'Paste coordinates, a point a line (longitude, latitude, or Gauss–Krüger with zone), GeoJSON or WKT')}</label>
      <textarea id="kt-plot-text" class="form-control kt-cql" rows="6" spellcheck="false" .value=${this.text} placeholder=${'38408158.33, 3819578.88\n38408258.33, 3819578.88\n38408258.33, 3819678.88'}
        @input=${(event: InputEvent) => (this.text = (event.target as HTMLTextAreaElement).value)}></textarea>
      <div class="kt-row"><button type="submit" class="btn btn-sm btn-primary" ?disabled=${this.busy || !this.text.trim()}>${icon('check')}${t('用这个地块', 'Use this plot')}</button></div>
    </form>`;
  }

  #fileForm(): TemplateResult {
    return html`<label class="kt-file">${icon('upload')}<span><strong>${t('选择文件', 'Choose a file')}</strong><br>${t('GeoPackage、Shapefile（zip）、GeoJSON、KML、DXF 或坐标文本；只用来分析，不入库', 'GeoPackage, Shapefile (zip), GeoJSON, KML, DXF or coordinate text; analysed, not stored')}</span>
      <input type="file" accept=".zip,.gpkg,.geojson,.json,.kml,.dxf,.txt,.csv,.shp,.gml,.wkt" @change=${this.#file}></label>`;
  }

  #readNote(found: ReadPlots): TemplateResult {
    const crs = typeof found.crs === 'string' ? found.crs : found.crs && typeof found.crs === 'object' ? String((found.crs as Record<string, unknown>)['name'] ?? JSON.stringify(found.crs)) : '';
    return html`<div class="kt-read" role="status">
      <p>${t(`读到 ${found.features.length} 个地块`, `${found.features.length} plots read`)}${crs ? `；${crs}` : ''}</p>
      ${found.notes.map((note) => html`<p class="ky-hint">${noteText(note)}</p>`)}
      ${found.features.length > 1 ? html`<label class="kt-choice" for="kt-plots"><span>${t('地块', 'Plot')}</span><select id="kt-plots" class="form-select form-select-sm" @change=${(event: Event) => this.#choosePlot(found.features[Number((event.target as HTMLSelectElement).value)]!.geometry)}>
        ${found.features.map((one, index) => html`<option value=${index}>${one.name || t(`第 ${index + 1} 个`, `no. ${index + 1}`)}${t(`（${areaFigures(one.area_m2).hectares} 公顷）`, ` (${areaFigures(one.area_m2).hectares} ha)`)}</option>`)}</select></label>` : nothing}
    </div>`;
  }

  #report(plot: Plot): TemplateResult {
    const m2 = this.#area(plot);
    const figures = areaFigures(m2);
    const legend = new Map(this.#parcels?.legend.map((entry) => [entry.code, entry]));
    const tools: TableTools = {
      nameOf: this.#nameOf,
      colourOf: (code) => legend.get(code)?.colour ?? '#9aa7ab',
      englishOf: (code) => legend.get(code)?.name_en ?? '',
      show: (layer, piece) => void this.#show(layer, piece),
      showAll: (layer) => this.#showAll(layer),
      chosen: this.chosen,
    };
    const dated = this.answers.overlaps ?? this.answers.classes ?? this.answers.history;
    return html`<div class="kt-report">
      <div class="kt-figures is-plot" aria-live="polite"><dl>
        <div><dt>${t('地块面积', 'Area of the plot')}</dt><dd data-figure="m2" data-m2=${m2}>${figures.m2} m²</dd></div>
        <div><dt>${t('公顷', 'Hectares')}</dt><dd>${figures.hectares}</dd></div><div><dt>${t('亩', 'Mu')}</dt><dd>${figures.mu}</dd></div></dl></div>
      ${this.#section('overlaps', t('与控制线的关系', 'Control lines'), () => overlapList(this.answers.overlaps!, tools))}
      ${this.#section('classes', t('地类面积', 'Land classes'), () => classTable(this.answers.classes!, m2, tools))}
      ${this.#section('history', t('历史', 'History'), () => historyList(this.answers.history!, tools))}
      ${dated ? html`<footer class="kt-replay"><p>${t(`数据日期 ${dated.valid_at}，截至 ${instant(dated.known_at)} 所知`, `Valid at ${dated.valid_at}, as known at ${instant(dated.known_at)}`)}</p>
        <details><summary>${t('复算摘要（SM3）', 'Replay digests (SM3)')}</summary><dl>${(['overlaps', 'classes', 'history'] as const).map((part) => this.answers[part] ? html`<div><dt>${partName(part)}</dt><dd><code data-digest=${part}>${this.answers[part]!.digest}</code>
          ${this.answers[part]!.result ? html`<button type="button" class="ky-link" @click=${() => void this.#replay(this.answers[part]!.result)}>${t('复算', 'Replay')}</button>` : nothing}</dd></div>` : nothing)}</dl></details>
        ${this.replayed ? html`<p class="kt-status" role="status">${this.replayed}</p>` : nothing}
        <div class="kt-row"><button type="button" class="btn btn-sm" @click=${() => void this.#copy()}>${icon('copy')}${t('复制结果', 'Copy')}</button>
          <button type="button" class="btn btn-sm" @click=${() => printReport(this)}>${icon('printer')}${t('打印', 'Print')}</button></div></footer>` : nothing}
    </div>`;
  }

  #section(part: Part, title: string, body: () => TemplateResult): TemplateResult {
    const problem = this.problems[part];
    const job = this.jobs[part];
    return html`<section class="kt-section" data-part=${part} aria-label=${title} aria-busy=${problem || this.answers[part] ? 'false' : 'true'}><h3>${title}</h3>
      ${problem ? html`<p class="kt-problem" role="alert">${problem}</p>` : this.answers[part] ? body() : job !== undefined
        ? html`<p class="kt-status" role="status">${t('地块较大，正在后台计算；可以离开，完成时会通知。', 'A large plot: it is reckoned in the background; you may leave, a notification tells when it is done.')}${job.said ? ` ${job.said}` : ''}</p><progress max="1" .value=${job.share} aria-label=${title}></progress>`
        : html`<p class="kt-status" role="status">${t('正在计算…', 'Reckoning…')}</p>`}
    </section>`;
  }
}

const partName = (part: Part): string => ({ overlaps: t('控制线', 'Control lines'), classes: t('地类', 'Land classes'), history: t('历史', 'History') })[part];

function noteText(note: unknown): string {
  if (typeof note === 'string') return note;
  const said = (note ?? {}) as Record<string, unknown>;
  return t(String(said['zh'] ?? said['note_zh'] ?? ''), String(said['en'] ?? said['note_en'] ?? ''));
}

/** Only the report reaches paper: the base map carries no map approval number. */
function printReport(panel: HTMLElement): void {
  const paper = panel.querySelector('.kt-report')!.cloneNode(true) as HTMLElement;
  paper.querySelectorAll('button').forEach((button) => (button.hidden = true));
  paper.querySelectorAll('details').forEach((part) => (part.open = true));
  const sheet = document.createElement('div');
  sheet.className = 'kt-paper';
  const title = document.createElement('h1');
  title.textContent = t('地块分析', 'Analysis of a plot');
  sheet.append(title, paper);
  document.body.append(sheet);
  document.documentElement.classList.add('kt-printing');
  const done = (): void => {
    sheet.remove();
    document.documentElement.classList.remove('kt-printing');
  };
  addEventListener('afterprint', done, { once: true });
  print();
}

customElements.define('ky-plot', KyPlot);
