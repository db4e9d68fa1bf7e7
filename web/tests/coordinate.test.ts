import { expect, it } from 'vitest';
import { readCoordinate } from '../src/map/coordinate';

it.each([
  ['113.02, 34.51', 113.02, 34.51],
  ['113.02，34.51', 113.02, 34.51],
  ['113.02 34.51', 113.02, 34.51],
  ['34.51, 113.02', 113.02, 34.51],
  ['34.51N 113.02E', 113.02, 34.51],
  ['113.02°E, 34.51°N', 113.02, 34.51],
  ['北34.51 东113.02', 113.02, 34.51],
  ['-70.5, -33.25', -70.5, -33.25],
])('reads %s', (text, lon, lat) => {
  expect(readCoordinate(text)).toEqual({ lon, lat });
});

it.each(['坤舆县', '990101211000000001', '113.02', '200, 100', '34.51E 113.02E'])('does not take %s for one', (text) => {
  expect(readCoordinate(text)).toBeNull();
});
