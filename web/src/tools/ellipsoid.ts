/**
 * Lengths and areas on the CGCS2000 ellipsoid.
 *
 * Lengths are geodesics (Karney). Areas are the standard's trapezoids (TD/T 1055-2019, 图斑椭球面积), the same figure as
 * the server's `kernel.geodesy`: for long edges it is not the area of the polygon of geodesics.
 */
import { Geodesic } from 'geographiclib-geodesic';
import type { Position } from 'geojson';

const A_M = 6378137.0;
const FLATTENING = 1 / 298.257222101;
const B_M = A_M * (1 - FLATTENING);
const E2 = FLATTENING * (2 - FLATTENING);
const GEODESIC = new Geodesic.Geodesic(A_M, FLATTENING);

/** Coefficients A … E of the trapezoid series. */
const SERIES = [
  1 + (3 / 6) * E2 + (30 / 80) * E2 ** 2 + (35 / 112) * E2 ** 3 + (630 / 2304) * E2 ** 4,
  (1 / 6) * E2 + (15 / 80) * E2 ** 2 + (21 / 112) * E2 ** 3 + (420 / 2304) * E2 ** 4,
  (3 / 80) * E2 ** 2 + (7 / 112) * E2 ** 3 + (180 / 2304) * E2 ** 4,
  (1 / 112) * E2 ** 3 + (45 / 2304) * E2 ** 4,
  (5 / 2304) * E2 ** 4,
];

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Metres between two points given in degrees, longitude first. */
export function distance(from: Position, to: Position): number {
  return GEODESIC.Inverse(from[1]!, from[0]!, to[1]!, to[0]!).s12 ?? NaN;
}

/** Metres of each leg of a line. */
export function legs(line: readonly Position[]): number[] {
  return line.slice(1).map((point, index) => distance(line[index]!, point));
}

/** Metres along a line; 0 for less than two points. */
export function lengthOf(line: readonly Position[]): number {
  return legs(line).reduce((sum, one) => sum + one, 0);
}

/** Square metres inside a ring, closed or not, whichever way it runs. */
export function ringArea(ring: readonly Position[]): number {
  let sum = 0;
  const [base] = ring[0] ?? [0];
  ring.forEach((from, index) => {
    const to = ring[(index + 1) % ring.length]!;
    const south = radians(from[1]!);
    const north = radians(to[1]!);
    const half = (north - south) / 2;
    const middle = (north + south) / 2;
    const trapezoid = SERIES.reduce((total, coefficient, order) => {
      const odd = 2 * order + 1;
      const term = coefficient * Math.sin(odd * half) * Math.cos(odd * middle);
      return order % 2 ? total - term : total + term;
    }, 0);
    sum += radians(from[0]! - base! + (to[0]! - base!)) * trapezoid;
  });
  return Math.abs(sum) * B_M ** 2;
}

/** Square metres of a polygon: its outer ring less its holes. */
export function polygonArea(rings: readonly (readonly Position[])[]): number {
  return rings.reduce((sum, ring, index) => (index ? sum - ringArea(ring) : ringArea(ring)), 0);
}

/** Square metres of any geometry; lines and points have none. */
export function areaOf(geometry: GeoJSON.Geometry): number {
  if (geometry.type === 'Polygon') return polygonArea(geometry.coordinates);
  if (geometry.type === 'MultiPolygon') return geometry.coordinates.reduce((sum, part) => sum + polygonArea(part), 0);
  if (geometry.type === 'GeometryCollection') return geometry.geometries.reduce((sum, part) => sum + areaOf(part), 0);
  return 0;
}
