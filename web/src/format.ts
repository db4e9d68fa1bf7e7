/** Figures as people read them: units named, thousands separated, days ISO. */
import { t } from './language';
import { gaussKruger } from './map/gauss-kruger';

const SQUARE_METRES_PER_MU = 10_000 / 15;

function decimals(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function thousands(value: number): string {
  return value.toLocaleString('en-US');
}

/** `12.35 公顷（185.3 亩）`; under 100 m² square metres, where two decimals of a hectare would say 0.01 or nothing. */
export function area(m2: number): string {
  if (Math.abs(m2) < 100) return `${decimals(m2, 2)} m²`;
  return t(
    `${decimals(m2 / 10_000, 2)} 公顷（${decimals(m2 / SQUARE_METRES_PER_MU, 1)} 亩）`,
    `${decimals(m2 / 10_000, 2)} ha (${decimals(m2 / SQUARE_METRES_PER_MU, 1)} mu)`,
  );
}

/** `113.012345°E 34.512345°N` on CGCS2000. */
export function lonLat(lon: number, lat: number): string {
  const east = `${Math.abs(lon).toFixed(6)}°${lon < 0 ? 'W' : 'E'}`;
  return `${east} ${Math.abs(lat).toFixed(6)}°${lat < 0 ? 'S' : 'N'}`;
}

/** `X 3819578.9  Y 38408158.3`, in survey order: X is the northing. */
export function planeXY(lon: number, lat: number): string {
  const { easting, northing } = gaussKruger(lon, lat);
  return `X ${northing.toFixed(1)}  Y ${easting.toFixed(1)}`;
}

const CHINA_MS = 8 * 3600 * 1000;

/** `2026-11-24 11:02:50`: an instant as the pages of the node say it, in China's one time zone wherever the browser stands. */
export function instant(text: string): string {
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : new Date(at + CHINA_MS).toISOString().slice(0, 19).replace('T', ' ');
}
