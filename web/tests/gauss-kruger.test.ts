import { describe, expect, it } from 'vitest';
import { gaussKruger, zone3 } from '../src/map/gauss-kruger';

describe('Gauss–Krüger, CGCS2000, 3° zones', () => {
  // expected values: PROJ 9, EPSG:4490 → EPSG:4526, 4517, 4529
  it.each([
    [113.0, 34.5, 38, 38408158.33325642, 3819578.883095221],
    [113.123456, 34.512345, 38, 38419508.95015994, 3820843.209788982],
    [87.6, 43.8, 29, 29548285.115077205, 4851775.302747785],
  ])('%f %f agrees with PROJ to a millimetre', (lon, lat, zone, easting, northing) => {
    const point = gaussKruger(lon, lat);
    expect(point.zone).toBe(zone);
    expect(Math.abs(point.easting - easting)).toBeLessThan(0.001);
    expect(Math.abs(point.northing - northing)).toBeLessThan(0.001);
  });

  it('puts a point on a zone border into the eastern zone', () => {
    expect(zone3(112.5)).toBe(38);
    expect(zone3(112.4999)).toBe(37);
  });
});
