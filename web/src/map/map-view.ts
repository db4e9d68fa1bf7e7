/** `<ky-map>`: the map of every page. Draws the layers of the shared store; `findings-url` adds findings of a check. */
import { html, type PropertyValues, type TemplateResult } from 'lit';
import {
  Map as MapLibre,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type MapMouseEvent,
  type VectorTileSource,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { layerRegistry, type LayerInfo } from '../api';
import { StoreElement } from '../element';
import { lonLat, planeXY } from '../format';
import { icon } from '../icons';
import { t } from '../language';
import { store, type State } from '../store';
import { FIRST_LABEL, baseStyle } from './base-map';
import { FINDINGS, FINDING_LAYERS, FINDING_MARKS, boxOf, marks, placed, union, type Box, type Findings } from './findings';
import { FeatureMark } from './feature-mark';
import { collectionOf, drawnAttributes, layerIds, styleLayers } from './layer-style';

setWorkerUrl(workerUrl);

const CHINA: Box = [73.4, 17.9, 135.2, 53.7];
const KEYBOARD_STEP_PIXELS = 100;

export interface IdentifyDetail {
  readonly lon: number;
  readonly lat: number;
  readonly zoom: number;
}

export class KyMap extends StoreElement {
  static override properties = {
    findingsUrl: { attribute: 'findings-url' },
    ready: { state: true },
    pointer: { state: true },
    problem: { state: true },
  };

  declare findingsUrl: string | null;
  declare ready: boolean;
  declare pointer: { lon: number; lat: number } | null;
  declare problem: string;

  /** The MapLibre map, once it is drawn; scripts of the page may use it. */
  map: MapLibre | undefined;

  #mark: FeatureMark | undefined;
  #findings: ReturnType<typeof placed> = [];
  #chosen: number | undefined;
  #hovered: { source: string; sourceLayer: string; id: number | string } | null = null;
  #resize: ResizeObserver | undefined;
  #layers = new globalThis.Map<string, LayerInfo>();

  constructor() {
    super();
    this.findingsUrl = null;
    this.ready = false;
    this.pointer = null;
    this.problem = '';
  }

  protected override render(): TemplateResult {
    const centre = this.pointer ?? this.map?.getCenter().wrap();
    const at = centre ? { lon: 'lon' in centre ? centre.lon : centre.lng, lat: centre.lat } : null;
    return html`
      <div class="ky-map-canvas"></div>
      <div class="ky-map-cross" aria-hidden="true">${icon('crosshair')}</div>
      <p class="ky-map-notice" role="note">
        ${icon('alert-triangle')}<strong>${t('示意', 'Schematic')}</strong>
        <span>${t('行政区划界线为示意，无审图号，不得公开印制、发布', 'boundaries carry no map approval number; not to be printed or published')}</span>
      </p>
      ${this.problem ? html`<p class="ky-map-problem" role="alert">${this.problem}</p>` : ''}
      <output class="ky-map-position" title=${t('CGCS2000 经纬度；3 度带高斯-克吕格平面坐标（米）', 'CGCS2000 longitude and latitude; 3° Gauss–Krüger plane coordinates, metres')}>
        ${at ? html`<span>${lonLat(at.lon, at.lat)}</span><span class="ky-map-plane">${planeXY(at.lon, at.lat)}</span>` : ''}
      </output>
    `;
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
    map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
    map.addControl(new ScaleControl({ maxWidth: 120, unit: 'metric' }), 'bottom-right');
    map.getCanvas().setAttribute('aria-label', t(
      '地图。方向键平移，加减号缩放，回车查看中心处的地块，Esc 关闭详情。',
      'Map. Arrow keys pan, plus and minus zoom, Enter shows the feature at the centre, Escape closes details.',
    ));
    this.map = map;
    this.#listen(map);
    // the container changes size with panels and sheets, not only with the window
    this.#resize = new ResizeObserver(() => map.resize());
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize?.disconnect();
    this.map?.remove();
    this.map = undefined;
    this.ready = false;
  }

  #listen(map: MapLibre): void {
    map.once('style.load', () => void this.#prepare(map));
    map.on('mousemove', (event) => this.#hover(map, event));
    map.on('mouseout', () => {
      this.pointer = null;
      this.#setHover(map, null);
    });
    map.on('click', (event) => this.#click(map, event));
    map.on('moveend', () => {
      const { lng, lat } = map.getCenter().wrap();
      store.setView({ lon: lng, lat, zoom: map.getZoom() });
    });
    map.on('idle', () => this.#tellClasses(map));
    map.on('error', ({ error }) => this.#complain(error));
    map.getCanvas().addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        const { lng, lat } = map.getCenter().wrap();
        this.#identify(lng, lat);
      }
    });
  }

  async #prepare(map: MapLibre): Promise<void> {
    this.#mark = new FeatureMark(map);
    for (const layer of await layerRegistry()) this.#layers.set(layer.collection, layer);
    if (!this.map) return;
    this.ready = true;
    this.#syncLayers(store.state);
    this.#mark.raise();
    if (this.findingsUrl) await this.#loadFindings(this.findingsUrl);
    this.dispatchEvent(new CustomEvent('map-ready', { bubbles: true }));
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('findingsUrl') && this.ready && this.findingsUrl) void this.#loadFindings(this.findingsUrl);
  }

  // -- layers of the store ---------------------------------------------------------------------------------

  protected override stateChanged(state: State, before: State): void {
    if (!this.ready || !this.map) return;
    if (state.validAt !== before.validAt) this.#changeDay(state);
    if (state.layers !== before.layers) this.#syncLayers(state);
    if (!state.selection) this.#mark?.clear();
  }

  #tiles(layer: LayerInfo, validAt: string): string[] {
    const url = new URL(layer.tiles.replaceAll('{', '%7B').replaceAll('}', '%7D'), location.origin);
    if (validAt) url.searchParams.set('valid_at', validAt);
    const attributes = drawnAttributes(layer);
    if (attributes) url.searchParams.set('properties', attributes);
    return [url.href.replaceAll('%7B', '{').replaceAll('%7D', '}')];
  }

  #changeDay(state: State): void {
    for (const { collection } of state.layers) {
      const layer = this.#layers.get(collection);
      const source = this.map?.getSource<VectorTileSource>(collection);
      if (layer && source) source.setTiles(this.#tiles(layer, state.validAt));
    }
  }

  #syncLayers(state: State): void {
    const map = this.map!;
    const wanted = new Set(state.layers.map((layer) => layer.collection));
    for (const id of Object.keys(map.getStyle().sources)) {
      if (this.#layers.has(id) && !wanted.has(id)) this.#remove(map, id);
    }
    // bottom first: every layer is put directly below the names, so the last one ends on top
    for (const { collection, opacity } of [...state.layers].reverse()) this.#put(map, collection, opacity, state);
  }

  #put(map: MapLibre, collection: string, opacity: number, state: State): void {
    const layer = this.#layers.get(collection);
    if (!layer) return;
    if (!map.getSource(collection)) {
      map.addSource(collection, {
        type: 'vector',
        tiles: this.#tiles(layer, state.validAt),
        maxzoom: layer.max_zoom,
        ...(layer.extent ? { bounds: layer.extent } : {}),
      });
    }
    for (const drawn of styleLayers(layer, opacity)) {
      if (map.getLayer(drawn.id)) {
        for (const [name, value] of Object.entries(drawn.type === 'background' ? {} : (drawn.paint ?? {}))) {
          map.setPaintProperty(drawn.id, name as never, value as never);
        }
        map.moveLayer(drawn.id, FIRST_LABEL);
      } else map.addLayer(drawn, FIRST_LABEL);
    }
  }

  #remove(map: MapLibre, collection: string): void {
    this.#setHover(map, null);
    for (const id of layerIds(collection)) if (map.getLayer(id)) map.removeLayer(id);
    map.removeSource(collection);
  }

  /** Says which classes are drawn, for the legend; a map that moves is not asked. */
  #tellClasses(map: MapLibre): void {
    const shown = new globalThis.Map<string, Set<string>>();
    for (const { collection } of store.state.layers) {
      const field = this.#layers.get(collection)?.class_field;
      const drawn = ['fill', 'point'].map((part) => `${collection}|${part}`).filter((id) => map.getLayer(id));
      if (!field || !drawn.length) continue;
      const codes = map.queryRenderedFeatures({ layers: drawn }).map((feature) => String(feature.properties[field]));
      shown.set(collection, new Set(codes));
    }
    this.dispatchEvent(new CustomEvent('classes-shown', { detail: shown, bubbles: true }));
  }

  // -- pointing --------------------------------------------------------------------------------------------

  #hover(map: MapLibre, event: MapMouseEvent): void {
    this.pointer = { lon: event.lngLat.wrap().lng, lat: event.lngLat.lat };
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

  #click(map: MapLibre, event: MapMouseEvent): void {
    const drawn = FINDING_LAYERS.map((layer) => layer.id).filter((id) => map.getLayer(id));
    const finding = drawn.length ? map.queryRenderedFeatures(event.point, { layers: drawn })[0] : undefined;
    if (finding) return this.chooseFinding(String(finding.properties['fingerprint']), { zoom: false });
    const { lng, lat } = event.lngLat.wrap();
    this.#identify(lng, lat);
  }

  #identify(lon: number, lat: number): void {
    const detail: IdentifyDetail = { lon, lat, zoom: this.map!.getZoom() };
    this.dispatchEvent(new CustomEvent('identify', { detail, bubbles: true }));
  }

  // -- for other components --------------------------------------------------------------------------------

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

  /** Chooses a finding by fingerprint, zooms to it and tells the page (`finding-chosen`). */
  chooseFinding(fingerprint: string, { zoom = true } = {}): void {
    const map = this.map;
    const found = this.#findings.find((feature) => feature.properties.fingerprint === fingerprint);
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
    const answer = await fetch(url, { headers: { Accept: 'application/geo+json' } });
    if (!answer.ok) {
      this.problem = t(`问题图斑没有取到（${answer.status}），请刷新重试。`, `The findings did not arrive (${answer.status}); reload to try again.`);
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
