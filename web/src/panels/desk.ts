/** `<ky-workbench>`: puts the map and its panels together and carries what one tells the other. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { layerInfo, treeBelow, type SearchHit } from '../api';
import { StoreElement } from '../element';
import { icon, type IconName } from '../icons';
import { t } from '../language';
import { union, type Box } from '../map/findings';
import type { IdentifyDetail, KyMap } from '../map/map-view';
import { fromFragment, store, toFragment, type State } from '../store';
import { toolOf } from '../tools/registry';
import type { KyToolHost } from './tool-host';

type Sheet = 'layers' | 'time' | 'tools' | 'feature' | null;
const PHONE = '(max-width: 767px)';
const PLACE_ZOOM = 16;
const SAY_MS = 6000;
const LEFT_PANEL_PIXELS = 354;
const MOST_COVERED = 0.7;

export class KyWorkbench extends StoreElement {
  static override properties = { steward: { type: Boolean }, sheet: { state: true }, said: { state: true } };

  /** On a phone one panel at a time rises as a sheet. */
  declare sheet: Sheet;
  /** What a tool has to say. */
  declare said: string;
  /** Answers for data: may also ask what was known earlier. */
  declare steward: boolean;
  #saidFor = 0;

  constructor() {
    super();
    this.sheet = null;
    this.said = '';
    this.steward = false;
  }

  get #hosts(): KyToolHost[] {
    return [...this.querySelectorAll('ky-tool-host')];
  }

  get #map(): KyMap {
    return this.querySelector('ky-map')!;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('search-taken', this.#searchTaken);
    document.addEventListener('keydown', this.#escape);
  }

  override disconnectedCallback(): void {
    document.removeEventListener('search-taken', this.#searchTaken);
    document.removeEventListener('keydown', this.#escape);
    super.disconnectedCallback();
  }

  protected override firstUpdated(): void {
    for (const host of this.#hosts) host.map = this.#map;
    this.#map.listening = () => this.#hosts.map((host) => host.listening).find(Boolean) ?? null;
    this.querySelector('ky-compare')!.begin(this.#map);
    const link = fromFragment(location.hash);
    if (!link.layers?.length) void this.#openDefault(link.view !== undefined);
    else if (!link.view) void this.#zoomToLayers();
  }

  /** The first visit shows something: the layer of land parcels, or whatever comes first, where its data is. */
  async #openDefault(stay: boolean): Promise<void> {
    const first = await treeBelow('').then((answer) => answer.start).catch(() => null);
    if (!first || store.state.layers.length) return;
    store.toggle(first, true);
    if (!stay) await this.#zoomToLayers();
  }

  /** A link that names layers but no place shows where their data is. */
  async #zoomToLayers(): Promise<void> {
    const found = await Promise.all(store.state.layers.map(({ collection }) => layerInfo(collection).catch(() => null)));
    const box = union(found.map((layer) => layer?.extent ?? null));
    if (box) this.#zoom(box);
  }

  protected override stateChanged(state: State, before: State): void {
    if (state.compare.mode !== before.compare.mode) this.#makeRoom();
    if (state.tool !== before.tool && state.tool && matchMedia(PHONE).matches) this.sheet = 'tools';
    history.replaceState(null, '', `#${toFragment(state)}`);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('sheet')) this.#makeRoom();
  }

  /** The map's centre is that of the part one sees: side by side the panels cover its left, on a phone a sheet its lower part. */
  #makeRoom(): void {
    const { mode } = store.state.compare;
    const isPhone = matchMedia(PHONE).matches;
    const left = mode === 'side' && !isPhone ? LEFT_PANEL_PIXELS : 0;
    // two maps of a comparison lie on one another and have one centre
    const bottom = isPhone && mode === 'off' ? this.#covered() : 0;
    this.#map.map?.setPadding({ left, top: 0, right: 0, bottom });
  }

  /** Pixels of the map's lower part under the sheet; some of the map is always left. */
  #covered(): number {
    const sheet = this.querySelector('.ky-panel.is-open');
    if (!sheet) return 0;
    const map = this.#map.getBoundingClientRect();
    return Math.min(Math.max(map.bottom - sheet.getBoundingClientRect().top, 0), MOST_COVERED * map.height);
  }

  readonly #escape = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || document.querySelector('dialog[open]')) return;
    if (store.state.selection || this.querySelector('ky-feature h2')) this.querySelector('ky-feature')?.close();
    else store.setTool(null);
    this.sheet = null;
  };

  #identify(event: CustomEvent<IdentifyDetail & { feature?: string }>): void {
    const { lon, lat, zoom = this.#map.map?.getZoom() ?? PLACE_ZOOM, feature, side = 'left' } = event.detail;
    this.sheet = 'feature';
    void this.#keepInSight(lon, lat);
    void this.querySelector('ky-feature')?.showAt(lon, lat, zoom, feature, side);
  }

  #say(event: CustomEvent<string>): void {
    this.said = event.detail;
    window.clearTimeout(this.#saidFor);
    this.#saidFor = window.setTimeout(() => (this.said = ''), SAY_MS);
  }

  /** On a phone the place moves to the middle of what the sheet leaves of the map. */
  async #keepInSight(lon: number, lat: number): Promise<void> {
    if (!matchMedia(PHONE).matches) return;
    await this.updateComplete; // the sheet is up
    const map = this.#map.map;
    map?.easeTo({ center: [lon, lat], offset: [0, ((map.getPadding().bottom ?? 0) - this.#covered()) / 2] });
  }

  #classesShown(event: CustomEvent<ReadonlyMap<string, ReadonlySet<string>>>): void {
    this.querySelector('ky-layers')!.inView = event.detail;
  }

  readonly #searchTaken = (event: Event): void => {
    const hit = (event as CustomEvent<SearchHit>).detail;
    if (hit.collection) store.toggle(hit.collection, true);
    const [west, south, east, north] = hit.box ?? [NaN, NaN, NaN, NaN];
    if (hit.box && (west !== east || south !== north)) this.#zoom(hit.box);
    else this.#map.map?.jumpTo({ center: [hit.lon, hit.lat], zoom: PLACE_ZOOM });
    if (hit.kind === 'division') return;
    this.sheet = 'feature';
    this.#map.map?.once('idle', () => void this.#keepInSight(hit.lon, hit.lat));
    void this.querySelector('ky-feature')?.showAt(hit.lon, hit.lat, PLACE_ZOOM, hit.feature ?? undefined);
  };

  /** Zooms so that what is shown is not hidden behind the panels. */
  #zoom(box: Box): void {
    const show = (): void =>
      this.#map.zoomTo(
        box,
        matchMedia(PHONE).matches ? { top: 60, bottom: 60, left: 24, right: 24 } : { top: 56, bottom: 120, left: 366, right: 60 },
      );
    if (this.#map.ready) show();
    else this.#map.addEventListener('map-ready', show, { once: true });
  }

  #rise(sheet: Exclude<Sheet, null>): void {
    this.sheet = this.sheet === sheet ? null : sheet;
  }

  protected override render(): TemplateResult {
    const open = (sheet: Sheet): string => (this.sheet === sheet ? 'is-open' : '');
    const tool = toolOf(store.state.tool);
    const place = tool ? (tool.place ?? 'right') : null;
    return html`<div class="ky-desk-parts ${place === 'bottom' ? 'has-bottom' : ''} is-${store.state.compare.mode}" @zoom-to=${(event: CustomEvent<Box>) => this.#zoom(event.detail)}
      @desk-identify=${this.#identify} @desk-say=${this.#say}>
      <ky-map @identify=${this.#identify} @classes-shown=${this.#classesShown}></ky-map>
      <ky-compare @identify=${this.#identify}></ky-compare>
      <aside class="ky-panel ky-left ${open('layers')}" aria-label=${t('图层与目录', 'Layers and catalogue')}><ky-layers></ky-layers></aside>
      <div class="ky-right">
        <aside class="ky-panel ky-tools ${open('tools')}" aria-label=${t('工具', 'Tools')}>
          <ky-tool-strip></ky-tool-strip>
          <ky-tool-host place="right"></ky-tool-host>
        </aside>
        <aside class="ky-panel ky-details ${open('feature')}" aria-label=${t('详情', 'Details')}
          @feature-shown=${(event: CustomEvent<GeoJSON.Geometry | null>) => this.#map.highlight(event.detail)}><ky-feature></ky-feature></aside>
      </div>
      <section class="ky-panel ky-table-place ${open('tools')}" aria-label=${t('表格', 'Table')} ?hidden=${place !== 'bottom'}><ky-tool-host place="bottom"></ky-tool-host></section>
      <section class="ky-panel ky-bottom ${open('time')}" aria-label=${t('时间', 'Time')}><ky-timeline ?steward=${this.steward}></ky-timeline></section>
      <nav class="ky-sheet-tabs" aria-label=${t('面板', 'Panels')}>
        ${this.#tab('layers', 'stack-2', t(`图层 ${store.state.layers.length}`, `Layers ${store.state.layers.length}`))}
        ${this.#tab('time', 'calendar-time', store.state.validAt || t('今天', 'Today'))}
        ${this.#tab('tools', 'tools', tool ? t(...tool.title) : t('工具', 'Tools'))}
        ${this.#tab('feature', 'info-circle', t('详情', 'Details'))}
      </nav>
      <p class="ky-said" role="status">${this.said || nothing}</p>
      <ky-palette></ky-palette>
    </div>`;
  }

  #tab(sheet: Exclude<Sheet, null>, name: IconName, label: string): TemplateResult {
    return html`<button type="button" aria-expanded=${this.sheet === sheet ? 'true' : 'false'} @click=${() => this.#rise(sheet)}>${icon(name)}<span>${label}</span></button>`;
  }
}

customElements.define('ky-workbench', KyWorkbench);
