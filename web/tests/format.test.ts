import { expect, it } from 'vitest';
import { area, lonLat } from '../src/format';

it('shows hectares with mu beside, and square metres for slivers', () => {
  expect(area(10_000)).toBe('1.00 公顷（15.0 亩）');
  expect(area(1_234_567.8)).toBe('123.46 公顷（1,851.9 亩）');
  expect(area(3.146)).toBe('3.15 m²');
});

it('names the hemisphere', () => {
  expect(lonLat(-70.5, -33.25)).toBe('70.500000°W 33.250000°S');
});
