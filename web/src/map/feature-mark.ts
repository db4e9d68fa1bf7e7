/** The outline of the feature that is looked at: dark on white, so that it stands on every colour and is not red. */
import type { GeoJSONSource, Map as MapLibre } from 'maplibre-gl';

const SOURCE = 'feature-mark';
const EMPTY: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };

export class FeatureMark {
  readonly #map: MapLibre;

  constructor(map: MapLibre) {
    this.#map = map;
    map.addSource(SOURCE, { type: 'geojson', data: EMPTY });
    map.addLayer({
      id: 'feature-mark-casing',
      type: 'line',
      source: SOURCE,
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#ffffff', 'line-width': 6, 'line-opacity': 0.9 },
    });
    map.addLayer({
      id: 'feature-mark-line',
      type: 'line',
      source: SOURCE,
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#0b5c63', 'line-width': 3 },
    });
    map.addLayer({
      id: 'feature-mark-point',
      type: 'circle',
      source: SOURCE,
      filter: ['==', ['geometry-type'], 'Point'],
      paint: {
        'circle-radius': 9,
        'circle-color': 'rgba(0, 0, 0, 0)',
        'circle-stroke-color': '#0b5c63',
        'circle-stroke-width': 3,
      },
    });
  }

  show(geometry: GeoJSON.Geometry | null): void {
    const features: GeoJSON.Feature[] = geometry ? [{ type: 'Feature', properties: {}, geometry }] : [];
    this.#map.getSource<GeoJSONSource>(SOURCE)?.setData({ type: 'FeatureCollection', features });
  }

  clear(): void {
    this.show(null);
  }

  /** Puts the outline above everything that was added since. */
  raise(): void {
    for (const part of ['casing', 'line', 'point']) this.#map.moveLayer(`feature-mark-${part}`);
  }
}
