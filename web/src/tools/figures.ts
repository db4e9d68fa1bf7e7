/** Lengths and areas as people read them, with every unit the work is done in. */
import { t } from '../language';

const SQUARE_METRES_PER_MU = 10_000 / 15;

export function fixed(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `812.35 m`, from a kilometre on `12.345 km`. */
export function lengthText(metres: number): string {
  return Math.abs(metres) < 1000 ? `${fixed(metres, 2)} m` : `${fixed(metres / 1000, 3)} km`;
}

export interface AreaFigures {
  readonly m2: string;
  readonly hectares: string;
  readonly mu: string;
}

/** Square metres to the centimetre, hectares and mu to what still is one square metre. */
export function areaFigures(m2: number): AreaFigures {
  return { m2: fixed(m2, 2), hectares: fixed(m2 / 10_000, 4), mu: fixed(m2 / SQUARE_METRES_PER_MU, 3) };
}

/** For a label on the map: `1.2345 公顷`, small areas in m². */
export function areaLabel(m2: number): string {
  if (Math.abs(m2) < 100) return `${fixed(m2, 2)} m²`;
  return m2 < 1e8 ? `${fixed(m2 / 10_000, m2 < 1e6 ? 4 : 2)} ${t('公顷', 'ha')}` : `${fixed(m2 / 1e6, 2)} km²`;
}

/** `12.3 %`; what is more than nothing never reads as 0. */
export function shareText(share: number): string {
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  return `${fixed(share * 100, 1)} %`;
}
