/** Reads one point as surveyors type it: longitude and latitude, or Gauss–Krüger with the zone in front. */
import { readCoordinate, type LonLat } from '../map/coordinate';

const A = 6378137.0;
const N = 1 / (2 * 298.257222101 - 1); // n = f / (2 − f) with f = 1 / 298.257222101
const RADIUS = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const BETA = [
  N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3 - N ** 4 / 360,
  N ** 2 / 48 + N ** 3 / 15 - (437 / 1440) * N ** 4,
  (17 / 480) * N ** 3 - (37 / 840) * N ** 4,
  (4397 / 161280) * N ** 4,
];
const DELTA = [
  2 * N - (2 / 3) * N ** 2 - 2 * N ** 3 + (116 / 45) * N ** 4,
  (7 / 3) * N ** 2 - (8 / 5) * N ** 3 - (227 / 45) * N ** 4,
  (56 / 15) * N ** 3 - (136 / 35) * N ** 4,
  (4279 / 630) * N ** 4,
];
const degrees = (value: number): number => (value * 180) / Math.PI;

/** 3° zones 25 … 45 and 6° zones 13 … 23 cover China and never share a number. */
export function centralMeridian(zone: number): number | null {
  if (zone >= 25 && zone <= 45) return zone * 3;
  if (zone >= 13 && zone <= 23) return zone * 6 - 3;
  return null;
}

/**
 * Longitude and latitude (degrees, CGCS2000) of a Gauss–Krüger point; Krüger's series in n to n⁴ (Kawase 2011), better
 * than 1 mm inside a zone. `easting` carries zone and 500 km; null when its zone is none of China's.
 */
export function lonLatOf(easting: number, northing: number): LonLat | null {
  const zone = Math.floor(easting / 1_000_000);
  const meridian = centralMeridian(zone);
  if (meridian === null) return null;
  const xi0 = northing / RADIUS;
  const eta0 = (easting - zone * 1_000_000 - 500_000) / RADIUS;
  let xi = xi0;
  let eta = eta0;
  BETA.forEach((beta, index) => {
    const j = 2 * (index + 1);
    xi -= beta * Math.sin(j * xi0) * Math.cosh(j * eta0);
    eta -= beta * Math.cos(j * xi0) * Math.sinh(j * eta0);
  });
  const chi = Math.asin(Math.sin(xi) / Math.cosh(eta));
  const phi = DELTA.reduce((sum, delta, index) => sum + delta * Math.sin(2 * (index + 1) * chi), chi);
  return { lon: meridian + degrees(Math.atan2(Math.sinh(eta), Math.cos(xi))), lat: degrees(phi) };
}

const PLANE = /^\s*(?:[XxYy]\s*[=:：]?\s*)?(\d{7,8}(?:\.\d+)?)\s*[,，;；\s]\s*(?:[XxYy]\s*[=:：]?\s*)?(\d{7,8}(?:\.\d+)?)\s*$/;

/**
 * `113.02, 34.51` or `3819578.88, 38408158.33`: the coordinate with zone has eight digits before the point, so either
 * order is understood. Null when the text is no coordinate of either kind.
 */
export function readPoint(text: string): LonLat | null {
  const plane = PLANE.exec(text);
  if (!plane) return readCoordinate(text);
  const [first, second] = [Number(plane[1]), Number(plane[2])];
  const [easting, northing] = first > second ? [first, second] : [second, first];
  return northing < 10_000_000 ? lonLatOf(easting, northing) : null;
}
