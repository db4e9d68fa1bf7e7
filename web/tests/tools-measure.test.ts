import { describe, expect, it } from 'vitest';
import { distance, legs, lengthOf, polygonArea, ringArea } from '../src/tools/ellipsoid';
import { centralMeridian, lonLatOf, readPoint } from '../src/tools/plane';
import { gaussKruger } from '../src/map/gauss-kruger';

type Ring = [number, number][];
const CELL: Ring = [[113.0, 34.5], [113.001, 34.5], [113.001, 34.501], [113.0, 34.501], [113.0, 34.5]];
const FIVE: Ring = [[113.0, 34.5], [113.2, 34.45], [113.25, 34.7], [113.1, 34.62], [112.95, 34.68], [113.0, 34.5]];
const SMALL: Ring = [[87.5, 43.8], [87.5001, 43.8], [87.50013, 43.80007], [87.5, 43.8]];
const PROVINCE: Ring = [[110, 18], [118, 19], [117, 27], [109, 26], [110, 18]];

// expected values: kunyu.kernel.geodesy.area_of_lonlat and pyproj.Geod on CGCS2000
describe('area, the standard trapezoids', () => {
  it.each([
    [CELL, 10187.882237200076],
    [FIVE, 440300002.069075],
    [SMALL, 31.295083705863174],
    [PROVINCE, 739997356739.2087],
  ])('agrees with the server to 1e-8', (ring, expected) => {
    expect(Math.abs(ringArea(ring) / expected - 1)).toBeLessThan(1e-8);
    expect(Math.abs(ringArea([...ring].reverse().slice(1)) / expected - 1)).toBeLessThan(1e-8); // other way, not closed
  });

  it('takes holes away', () => {
    const hole: Ring = [[113.05, 34.55], [113.1, 34.55], [113.1, 34.58], [113.05, 34.55]];
    expect(Math.abs(polygonArea([FIVE, hole]) / 432664899.47424823 - 1)).toBeLessThan(1e-8);
  });
});

describe('length, geodesics', () => {
  it.each([
    [CELL, 405.54178266904944],
    [FIVE, 99433.0439009974],
    [SMALL, 29.22726111776627],
    [PROVINCE, 3440687.9289342226],
  ])('agrees with PROJ to a tenth of a millimetre', (line, expected) => {
    expect(Math.abs(lengthOf(line) - expected)).toBeLessThan(1e-4);
  });

  it('is nothing for a point, and the legs add up', () => {
    expect(lengthOf([[113, 34]])).toBe(0);
    expect(legs(FIVE).reduce((sum, one) => sum + one, 0)).toBe(lengthOf(FIVE));
    expect(distance([0, 0], [180, 0])).toBeGreaterThan(2e7); // opposite points have a way too
  });
});

describe('a point as typed', () => {
  it.each([
    [38408158.33325642, 3819578.883095221, 113.0, 34.5],
    [29548285.115077205, 4851775.302747785, 87.6, 43.8],
  ])('%f %f is where PROJ puts it', (easting, northing, lon, lat) => {
    const point = lonLatOf(easting, northing)!;
    expect(Math.abs(point.lon - lon)).toBeLessThan(1e-9); // a tenth of a millimetre
    expect(Math.abs(point.lat - lat)).toBeLessThan(1e-9);
  });

  it('goes there and back', () => {
    const { easting, northing } = gaussKruger(114.987, 30.123);
    const { lon, lat } = lonLatOf(easting, northing)!;
    expect(lon).toBeCloseTo(114.987, 9);
    expect(lat).toBeCloseTo(30.123, 9);
  });

  it('reads both orders, letters and six-degree zones', () => {
    for (const text of ['3819578.8831 38408158.3333', '38408158.3333, 3819578.8831', 'X=3819578.8831，Y=38408158.3333']) {
      const point = readPoint(text)!;
      expect(point.lon).toBeCloseTo(113, 7);
      expect(point.lat).toBeCloseTo(34.5, 7);
    }
    expect(centralMeridian(19)).toBe(111);
    expect(readPoint('113.02, 34.51')).toEqual({ lon: 113.02, lat: 34.51 });
  });

  it.each(['408158.33, 3819578.88', '99408158.3, 3819578.8', 'abc', '38408158 38408158'])('%s has no place', (text) => {
    expect(readPoint(text)).toBeNull();
  });
});
