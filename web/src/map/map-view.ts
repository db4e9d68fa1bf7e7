/** `<ky-map>`: the map of every page. Draws the layers of the shared store; `findings-url` adds findings of a check. */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import {
  Map as MapLibre,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type MapMouseEvent,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { baseMaps, layerInfo, type BaseMap } from '../api';
import { StoreElement } from '../element';
import { lonLat, planeXY } from '../format';
import { icon } from '../icons';
import { t } from '../language';
import { shownOn, store, type Side, type State } from '../store';
import type { MapPlace, MapTool } from '../tools/registry';
import { baseStyle } from './base-map';
import { BaseLayers } from './base-layers';
import { DataLayers } from './data-layers';
import { FINDINGS, FINDING_LAYERS, FINDING_MARKS, boxOf, marks, placed, union, type Box, type Findings } from './findings';
import { FeatureMark } from './feature-mark';
import { collectionOf } from './layer-style';
import { SKETCH, overlays, type OverlayLayer } from './overlays';
import { Waiting } from './waiting';

setWorkerUrl(workerUrl);

const CHINA: Box = [73.4, 17.9, 135.2, 53.7];
const KEYBOARD_STEP_PIXELS = 100;

export interface IdentifyDetail {
  readonly lon: number;
  readonly lat: number;
  readonly zoom: number;
  readonly side: Side;
}

export class KyMap extends StoreElement {
  static override properties = {
    findingsUrl: { attribute: 'findings-url' },
    side: {},
    ready: { state: true },
    pointer: { state: true },
    base: { state: true },
    problem: { state: true },
  };

  declare findingsUrl: string | null;
  /** Which map of a comparison this is; the left one is the page's own. */
  declare side: Side;
  declare ready: boolean;
  declare pointer: { lon: number; lat: number } | null;
  /** What lies under the data besides the boundaries. */
  declare base: readonly BaseMap[];
  declare problem: string;

  /** The MapLibre map, once it is drawn; scripts of the page may use it. */
  map: MapLibre | undefined;
  /** Who hears the map before a click asks what lies there. */
  listening: () => MapTool | null = () => null;

  #mark: FeatureMark | undefined;
  #findings: ReturnType<typeof placed> = [];
  #chosen: number | undefined;
  /** A finding that was asked for before the findings came; null once they are there. */
  #wanted: { fingerprint: string; zoom: boolean } | null | undefined;
  #hovered: { source: string; sourceLayer: string; id: number | string } | null = null;
  #resize: ResizeObserver | undefined;
  #layers: DataLayers | undefined;
  #base: BaseLayers | undefined;
  /** `aria-busy`: until what the map should show is drawn, nobody can read it from the picture. */
  readonly #waiting = new Waiting(
    (busy) => this.setAttribute('aria-busy', String(busy)),
    () => this.map?.triggerRepaint(),
  );

  constructor() {
    super();
    this.findingsUrl = null;
    this.side = 'left';
    this.ready = false;
    this.pointer = null;
    this.base = [];
    this.problem = '';
  }

  protected override render(): TemplateResult {
    const centre = this.pointer ?? this.map?.getCenter().wrap();
    const at = centre ? { lon: 'lon' in centre ? centre.lon : centre.lng, lat: centre.lat } : null;
    return html`
      <div class="ky-map-canvas"></div>
      <div class="ky-map-cross" aria-hidden="true">${icon('crosshair')}</div>
      ${this.side === 'left' ? html`<p class="ky-map-notice" role="note">
        ${icon('alert-triangle')}<strong>${t('示意', 'Schematic')}</strong>
        <span>${t('行政区划界线为示意，无审图号，不得公开印制、发布', 'boundaries carry no map approval number; not to be printed or published')}${this.#credits()}</span>
      </p>` : nothing}
      ${this.problem ? html`<p class="ky-map-problem" role="alert">${this.problem}</p>` : ''}
      <output class="ky-map-position" title=${t('CGCS2000 经纬度；3 度带高斯-克吕格平面坐标（米）', 'CGCS2000 longitude and latitude; 3° Gauss–Krüger plane coordinates, metres')}>
        ${at ? html`<span>${lonLat(at.lon, at.lat)}</span><span class="ky-map-plane">${planeXY(at.lon, at.lat)}</span>` : ''}
      </output>
    `;
  }

  /** Whoever made what lies under the data is named on the map. */
  #credits(): string {
    const outside = this.base.filter((one) => one.id !== 'relief' && one.attribution);
    return outside.map((one) => t(`；底图：${one.attribution} ${one.notice}`, `; base: ${one.attribution} ${one.notice_en}`)).join('');
  }

  protected override firstUpdated(): void {
    const view = store.state.view;
    const map = new MapLibre({
      container: this.querySelector<HTMLElement>('.ky-map-canvas')!,
      style: baseStyle(location.origin),
      ...(view ? { center: [view.lon, view.lat], zoom: view.zoom } : { bounds: CHINA, fitBoundsOptions: { padding: 24 } }),
      maxZoom: 21,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      locale: LOCALE(),
      fadeDuration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 150,
    });
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    if (this.side === 'left') {
      map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
      map.addControl(new ScaleControl({ maxWidth: 120, unit: 'metric' }), 'bottom-right');
    }
    const keys = t(
      '方向键平移，加减号缩放，回车查看中心处的地块，Esc 关闭详情。',
      'Arrow keys pan, plus and minus zoom, Enter shows the feature at the centre, Escape closes details.',
    );
    map.getCanvas().setAttribute('aria-label', `${this.side === 'left' ? t('地图。', 'Map. ') : t('对比的右图。', 'The right map of the comparison. ')}${keys}`);
    this.map = map;
    this.#listen(map);
    // the container changes size with panels and sheets, not only with the window
    this.#resize = new ResizeObserver(() => map.resize());
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize?.disconnect();
    if (this.map) overlays.leave(this.map);
    this.map?.remove();
    this.map = undefined;
    this.ready = false;
  }

  #listen(map: MapLibre): void {
    this.#waiting.begin();
    for (const begun of ['movestart', 'dataloading'] as const) map.on(begun, () => this.#waiting.begin());
    map.once('style.load', () => void this.#prepare(map));
    map.on('mousemove', (event) => this.#hover(map, event));
    map.on('mouseout', () => {
      this.pointer = null;
      this.#setHover(map, null);
      this.listening()?.mapMove?.(null);
    });
    map.on('click', (event) => this.#click(map, event));
    map.on('dblclick', (event) => {
      if (this.listening()?.mapDoubleClick?.(this.#placeOf(event))) event.preventDefault();
    });
    map.on('moveend', () => {
      if (this.side === 'right') return;
      const { lng, lat } = map.getCenter().wrap();
      store.setView({ lon: lng, lat, zoom: map.getZoom() });
    });
    map.on('idle', () => {
      this.#tellClasses(map);
      this.#waiting.rest();
    });
    map.on('error', ({ error }) => this.#complain(error));
    map.getCanvas().addEventListener('keydown', (event) => this.#key(map, event), { capture: true });
  }

  async #prepare(map: MapLibre): Promise<void> {
    this.#mark = new FeatureMark(map);
    this.#layers = new DataLayers(map, layerInfo);
    this.ready = true;
    overlays.join(map);
    void this.#waiting.during(this.#layers.show(shownOn(store.state, this.side)));
    this.#base = new BaseLayers(map, baseMaps);
    void this.#waiting.during(this.#showBase(store.state.base));
    if (this.findingsUrl) await this.#waiting.during(this.#loadFindings(this.findingsUrl));
    this.dispatchEvent(new CustomEvent('map-ready', { bubbles: true }));
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('findingsUrl') && this.ready && this.findingsUrl) void this.#waiting.during(this.#loadFindings(this.findingsUrl));
  }

  // -- layers of the store ---------------------------------------------------------------------------------

  protected override stateChanged(state: State, before: State): void {
    if (!this.ready || !this.map) return;
    const next = shownOn(state, this.side);
    const last = shownOn(before, this.side);
    if (next.layers !== last.layers || next.validAt !== last.validAt || next.knownAt !== last.knownAt) {
      if (next.layers !== last.layers) this.#setHover(this.map, null);
      if (this.#layers) void this.#waiting.during(this.#layers.show(next));
    }
    if (next.base !== last.base) void this.#waiting.during(this.#showBase(next.base));
    if (!state.selection) this.#mark?.clear();
  }

  /** Pages that show findings have the boundaries only: nothing distracts from what was found. */
  async #showBase(base: string): Promise<void> {
    if (!this.findingsUrl) this.base = (await this.#base?.show(base)) ?? [];
  }

  /** Says which classes are drawn, for the legend; a map that moves is not asked. */
  #tellClasses(map: MapLibre): void {
    const shown = new globalThis.Map<string, Set<string>>();
    for (const [collection, { layer }] of this.#layers?.drawn ?? []) {
      const field = layer.class_field;
      const drawn = ['fill', 'point'].map((part) => `${collection}|${part}`).filter((id) => map.getLayer(id));
      if (!field || !drawn.length) continue;
      const codes = map.queryRenderedFeatures({ layers: drawn }).map((feature) => String(feature.properties[field]));
      shown.set(collection, new Set(codes));
    }
    if (this.side === 'left') this.dispatchEvent(new CustomEvent('classes-shown', { detail: shown, bubbles: true }));
  }

  // -- pointing --------------------------------------------------------------------------------------------

  #hover(map: MapLibre, event: MapMouseEvent): void {
    this.pointer = { lon: event.lngLat.wrap().lng, lat: event.lngLat.lat };
    const tool = this.listening();
    tool?.mapMove?.(this.#placeOf(event));
    if (tool?.cursor) {
      map.getCanvas().style.cursor = tool.cursor;
      return this.#setHover(map, null);
    }
    const hits = map.queryRenderedFeatures(event.point);
    const finding = hits.some((hit) => hit.source === FINDINGS || hit.source === FINDING_MARKS);
    const hit = hits.find((one) => collectionOf(one.layer.id) !== null);
    map.getCanvas().style.cursor = hit || finding ? 'pointer' : '';
    const known = hit?.id !== undefined && hit.sourceLayer;
    this.#setHover(map, known ? { source: hit.source, sourceLayer: hit.sourceLayer!, id: hit.id! } : null);
  }

  #setHover(map: MapLibre, next: { source: string; sourceLayer: string; id: number | string } | null): void {
    const last = this.#hovered;
    if (last?.id === next?.id && last?.source === next?.source) return;
    if (last && map.getSource(last.source)) map.setFeatureState(last, { hover: false });
    if (next) map.setFeatureState(next, { hover: true });
    this.#hovered = next;
  }

  #placeOf({ lngLat, point }: Pick<MapMouseEvent, 'lngLat' | 'point'>): MapPlace {
    const { lng, lat } = lngLat.wrap();
    return { lon: lng, lat, zoom: this.map!.getZoom(), x: point.x, y: point.y };
  }

  #key(map: MapLibre, event: KeyboardEvent): void {
    const centre = map.getCenter().wrap();
    const used = this.listening()?.mapKey?.(event, this.#placeOf({ lngLat: centre, point: map.project(centre) }));
    if (used || event.key === 'Enter') event.preventDefault();
    if (used) event.stopPropagation();
    else if (event.key === 'Enter') this.#identify(centre.lng, centre.lat);
  }

  #click(map: MapLibre, event: MapMouseEvent): void {
    if (this.listening()?.mapClick?.(this.#placeOf(event))) return;
    const drawn = FINDING_LAYERS.map((layer) => layer.id).filter((id) => map.getLayer(id));
    const finding = drawn.length ? map.queryRenderedFeatures(event.point, { layers: drawn })[0] : undefined;
    if (finding) return this.chooseFinding(String(finding.properties['fingerprint']), { zoom: false });
    const { lng, lat } = event.lngLat.wrap();
    this.#identify(lng, lat);
  }

  #identify(lon: number, lat: number): void {
    const detail: IdentifyDetail = { lon, lat, zoom: this.map!.getZoom(), side: this.side };
    this.dispatchEvent(new CustomEvent('identify', { detail, bubbles: true }));
  }

  // -- for other components --------------------------------------------------------------------------------

  /** Draws features above the data, in the given style or in that of sketches; again with other features to change it. */
  addOverlay(id: string, features: GeoJSON.FeatureCollection, layers: readonly OverlayLayer[]): void {
    overlays.set(id, features, layers);
  }

  /** Sketches in the house look: areas, lines, points; a property `label` is written beside its point. */
  drawLayer(id: string, features: GeoJSON.FeatureCollection): void {
    overlays.set(id, features, SKETCH);
  }

  removeOverlay(id: string): void {
    overlays.remove(id);
  }

  /** Outlines one feature; null takes the outline away. */
  highlight(geometry: GeoJSON.Geometry | null): void {
    this.#mark?.show(geometry);
  }

  /** Shows a box (degrees) with room around it for the panels. */
  zoomTo(box: Box, padding: number | { top: number; bottom: number; left: number; right: number } = 60): void {
    const maxZoom = 18;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.map?.fitBounds(box, { padding, maxZoom, ...(still ? { duration: 0 } : { duration: 600 }) });
  }

  pan(x: number, y: number): void {
    this.map?.panBy([x * KEYBOARD_STEP_PIXELS, y * KEYBOARD_STEP_PIXELS]);
  }

  /** Chooses a finding by fingerprint, zooms to it and tells the page (`finding-chosen`); as soon as the findings are there. */
  chooseFinding(fingerprint: string, { zoom = true } = {}): void {
    const map = this.map;
    const found = this.#findings.find((feature) => feature.properties.fingerprint === fingerprint);
    if (this.#wanted !== null) this.#wanted = { fingerprint, zoom };
    if (!map || !found) return;
    for (const source of [FINDINGS, FINDING_MARKS]) {
      if (this.#chosen !== undefined) map.setFeatureState({ source, id: this.#chosen }, { chosen: false });
      map.setFeatureState({ source, id: found.id! }, { chosen: true });
    }
    this.#chosen = Number(found.id);
    const box = boxOf(found.geometry);
    if (zoom && box) map.fitBounds(box, { padding: 80, maxZoom: 20, duration: 500 });
    this.dispatchEvent(new CustomEvent('finding-chosen', { detail: found.properties, bubbles: true }));
  }

  async #loadFindings(url: string): Promise<void> {
    const answer = await fetch(url, { headers: { Accept: 'application/geo+json' } }).catch(() => null);
    if (!answer?.ok) {
      const why = answer?.status ?? '—';
      this.problem = t(`问题图斑没有取到（${why}），请刷新重试。`, `The findings did not arrive (${why}); reload to try again.`);
      return;
    }
    this.#findings = placed((await answer.json()) as Findings);
    const map = this.map!;
    const collection = (features: unknown): GeoJSON.FeatureCollection =>
      ({ type: 'FeatureCollection', features }) as GeoJSON.FeatureCollection;
    for (const [id, features] of [[FINDINGS, this.#findings], [FINDING_MARKS, marks(this.#findings)]] as const) {
      const source = map.getSource<GeoJSONSource>(id);
      if (source) source.setData(collection(features));
      else map.addSource(id, { type: 'geojson', data: collection(features), tolerance: 0 });
    }
    for (const layer of FINDING_LAYERS) if (!map.getLayer(layer.id)) map.addLayer(layer);
    const all = union(this.#findings.map((feature) => boxOf(feature.geometry)));
    if (all) map.fitBounds(all, { padding: 60, maxZoom: 17, duration: 0 });
    this.dispatchEvent(new CustomEvent('findings-loaded', { detail: { count: this.#findings.length }, bubbles: true }));
    const wanted = this.#wanted;
    this.#wanted = null;
    if (wanted) this.chooseFinding(wanted.fingerprint, wanted);
  }

  #complain(error: { message: string; name?: string; status?: number }): void {
    if (error.name === 'AbortError') return;
    if (error.status === 401 || error.status === 403) {
      this.problem = t('登录已过期，请刷新页面重新登录。', 'The session has expired; reload the page to sign in again.');
    } else if (error.status !== 404) {
      this.problem = t(`部分地图没有取到（${error.status ?? error.message}）；移动地图会重试。`, `Part of the map did not arrive (${error.status ?? error.message}); moving the map tries again.`);
    }
  }
}

function LOCALE(): Record<string, string> {
  return {
    'Map.Title': t('地图', 'Map'),
    'NavigationControl.ZoomIn': t('放大', 'Zoom in'),
    'NavigationControl.ZoomOut': t('缩小', 'Zoom out'),
    'ScaleControl.Meters': 'm',
    'ScaleControl.Kilometers': 'km',
  };
}

customElements.define('ky-map', KyMap);
declare global {
  interface HTMLElementTagNameMap {
    'ky-map': KyMap;
  }
}
