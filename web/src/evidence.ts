/** Pages of evidence: the patch, photos and view cones on the map; keys that move and that lead to the decisions. */
import './styles/evidence.css';
import type { FeatureCollection, Geometry } from 'geojson';
import type { LayerSpecification, Map as MapLibre, MapMouseEvent } from 'maplibre-gl';
import { boxOf, union, type Box } from './map/findings';
import { t } from './language';

interface MapElement extends HTMLElement {
  readonly map: MapLibre | undefined;
  readonly ready: boolean;
  problem: string;
  zoomTo(box: Box, padding?: number): void;
}

interface Facts {
  readonly kind: 'parcel' | 'cone' | 'photo';
  readonly id: number;
  readonly good: boolean;
}

const SOURCE = 'evidence';
const TONE = ['case', ['get', 'good'], '#0b5c63', '#b42318'];
const kind = (name: string): unknown => ['==', ['get', 'kind'], name];

/** What is chosen is drawn stronger; photos are told apart by shape and ring too, not by colour alone. */
function layers(chosen: number): LayerSpecification[] {
  const strong = (yes: number, no: number): unknown => ['case', ['==', ['get', 'id'], chosen], yes, no];
  return [
    { id: 'ev-parcel', type: 'fill', source: SOURCE, filter: kind('parcel'), paint: { 'fill-color': '#c27c00', 'fill-opacity': 0.18 } },
    { id: 'ev-parcel-line', type: 'line', source: SOURCE, filter: kind('parcel'), paint: { 'line-color': '#c27c00', 'line-width': 2.5 } },
    { id: 'ev-cone', type: 'fill', source: SOURCE, filter: kind('cone'), paint: { 'fill-color': TONE, 'fill-opacity': strong(0.35, 0.1) } },
    { id: 'ev-cone-line', type: 'line', source: SOURCE, filter: kind('cone'), paint: { 'line-color': TONE, 'line-width': strong(2, 1) } },
    {
      id: 'ev-photo', type: 'circle', source: SOURCE, filter: kind('photo'),
      paint: {
        'circle-color': TONE, 'circle-radius': strong(8, 5.5), 'circle-stroke-color': '#ffffff',
        'circle-stroke-width': ['case', ['get', 'good'], 2, 3.5],
      },
    },
  ] as unknown as LayerSpecification[];
}

async function draw(element: MapElement, map: MapLibre): Promise<void> {
  const answer = await fetch(element.dataset.features ?? '', { headers: { Accept: 'application/json' } }).catch(() => null);
  if (!answer?.ok) {
    element.problem = t(`图斑与照片位置没有取到（${answer?.status ?? '—'}），请刷新重试。`, `Patch and places did not arrive (${answer?.status ?? '—'}); reload to try again.`);
    return;
  }
  const found = (await answer.json()) as FeatureCollection<Geometry, Facts>;
  map.addSource(SOURCE, { type: 'geojson', data: found as never, tolerance: 0 });
  for (const layer of layers(Number(element.dataset.photo ?? 0))) map.addLayer(layer);
  // a photo far off would shrink all the others to a dot: it is shown when it is the chosen one
  const near = found.features.filter(({ properties: { kind: what, good, id } }) =>
    what === 'parcel' || (what === 'photo' && (good || String(id) === element.dataset.photo)));
  const box = union(near.map((one) => boxOf(one.geometry)));
  if (box) map.fitBounds(box, { padding: 50, maxZoom: 18, duration: 0 });
  map.on('click', (event: MapMouseEvent) => {
    const hit = map.queryRenderedFeatures(event.point, { layers: ['ev-photo'] })[0];
    if (hit) location.search = `?photo=${hit.properties['id']}`;
  });
  element.dataset.drawn = String(found.features.length);
}

/** `data-key`: a link is followed, a button is reached (Enter then does it), a part that unfolds is opened at its text. */
function press(key: string): boolean {
  const target = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  if (!target) return false;
  if (target instanceof HTMLAnchorElement) target.click();
  else if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.querySelector('textarea')?.focus();
  } else target.focus();
  return true;
}

document.addEventListener('keydown', (event) => {
  const at = event.target;
  const typing = at instanceof HTMLElement && (at.isContentEditable || at.matches('input, textarea, select, canvas'));
  if (typing || event.altKey || event.ctrlKey || event.metaKey) return;
  if (press(event.key.length === 1 ? event.key.toLowerCase() : event.key)) event.preventDefault();
});

const element = document.querySelector<MapElement>('ky-map[data-features]');
if (element) {
  const start = (): void => {
    if (element.map) void draw(element, element.map);
  };
  if (element.ready) start();
  else element.addEventListener('map-ready', start, { once: true });
}
