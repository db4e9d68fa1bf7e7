/** Reads a coordinate as people type it. */

export interface LonLat {
  readonly lon: number;
  readonly lat: number;
}

const NUMBER = String.raw`[-+]?\d{1,3}(?:\.\d+)?`;
const PAIR = new RegExp(String.raw`^\s*(${NUMBER})\s*°?\s*([EeNn东北])?\s*[,，;；\s]\s*(${NUMBER})\s*°?\s*([EeNn东北])?\s*$`);
const LETTER_FIRST = /^\s*([EeNn东北])\s*([\d.]+)°?\s*[,，;；\s]?\s*([EeNn东北])\s*([\d.]+)°?\s*$/;
const isNorth = (letter: string | undefined): boolean => Boolean(letter && 'Nn北'.includes(letter));

/**
 * `113.02, 34.51`, `34.51N 113.02E`, `北34.51 东113.02`: longitude first unless the letters or the size (no latitude
 * exceeds 90) say otherwise. Null when the text is no coordinate, or lies outside the world.
 */
export function readCoordinate(text: string): LonLat | null {
  const pair = PAIR.exec(text);
  const letters = LETTER_FIRST.exec(text);
  if (!pair && !letters) return null;
  const [first, firstLetter, second, secondLetter] = pair
    ? [Number(pair[1]), pair[2], Number(pair[3]), pair[4]]
    : [Number(letters![2]), letters![1], Number(letters![4]), letters![3]];
  const swapped = isNorth(firstLetter) || (!firstLetter && !secondLetter && Math.abs(second) > 90);
  if (!swapped && firstLetter && !isNorth(secondLetter) && secondLetter) return null;
  const [lon, lat] = swapped ? [second, first] : [first, second];
  if (!Number.isFinite(lon) || !Number.isFinite(lat) || Math.abs(lon) > 180 || Math.abs(lat) > 90) return null;
  return { lon, lat };
}
