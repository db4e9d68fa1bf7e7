import type { Point } from 'geojson';
import { expect, it } from 'vitest';
import { boxOf, marks, placed, union, type Findings } from '../src/map/findings';

const SLIVER: Findings = {
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: { fingerprint: 'a', rule: 'Q204', severity: 'S', message_zh: '', message_en: '' },
      geometry: null,
    },
    {
      type: 'Feature',
      properties: { fingerprint: 'b', rule: 'Q303', severity: 'S', message_zh: '', message_en: '' },
      geometry: {
        type: 'MultiPolygon',
        coordinates: [[[[113, 34], [113.002, 34], [113, 34.004], [113, 34]]]],
      },
    },
  ],
};

it('marks a finding in the middle of its box and skips one without a place', () => {
  const features = placed(SLIVER);
  expect(features.map((feature) => [feature.id, feature.properties.fingerprint])).toEqual([[2, 'b']]);
  const [mark] = marks(features);
  const [lon, lat] = (mark!.geometry as unknown as Point).coordinates;
  expect(lon).toBeCloseTo(113.001, 9);
  expect(lat).toBeCloseTo(34.002, 9);
});

it('joins boxes and answers null for none', () => {
  expect(union([null, boxOf({ type: 'Point', coordinates: [1, 2] }), [0, 3, 1, 4]])).toEqual([0, 2, 1, 4]);
  expect(union([null])).toBeNull();
  expect(boxOf({ type: 'GeometryCollection', geometries: [] })).toBeNull();
});
