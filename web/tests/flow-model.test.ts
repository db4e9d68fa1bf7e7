import { describe, expect, it } from 'vitest';
import { around, centred, first, fitted, heightFor, LARGEST, moved, NATURAL, viewBox, zoomed } from '../src/flow/flow-model';

const FRAME = { x: 100, y: 50, width: 1600, height: 800 };
const WIDE = { width: 1200, height: 600 };
const PHONE = { width: 360, height: 500 };

describe('the picture of a flow', () => {
  it('is shown whole and in the middle', () => {
    expect(fitted(FRAME, WIDE)).toEqual({ x: 100, y: 50, scale: 0.75 });
    expect(viewBox(fitted(FRAME, WIDE), WIDE)).toBe('100.00 50.00 1600.00 800.00');
    const tall = fitted(FRAME, { width: 800, height: 600 });
    expect(tall).toEqual({ x: 100, y: 50 - (1200 - 800) / 2, scale: 0.5 });
  });

  it('is not blown up', () => {
    expect(fitted({ x: 0, y: 0, width: 200, height: 100 }, WIDE).scale).toBe(NATURAL);
  });

  it('begins on a phone with what waits, large enough to be read', () => {
    const waiting = { x: 900, y: 400, width: 100, height: 80 };
    const view = first(FRAME, PHONE, waiting);
    expect(view.scale).toBe(0.85);
    expect(view.x + PHONE.width / view.scale / 2).toBeCloseTo(950);
    expect(first(FRAME, PHONE, null).x).toBe(FRAME.x);
    expect(first(FRAME, WIDE, waiting)).toEqual(fitted(FRAME, WIDE));
  });

  it('keeps the point under the finger when zooming', () => {
    const view = { x: 500, y: 300, scale: 1 };
    const closer = zoomed(view, 2, 600, 200, FRAME, WIDE);
    expect(closer.scale).toBe(2);
    expect(closer.x + 600 / closer.scale).toBeCloseTo(view.x + 600 / view.scale);
    expect(closer.y + 200 / closer.scale).toBeCloseTo(view.y + 200 / view.scale);
  });

  it('has a largest and a smallest size', () => {
    expect(zoomed({ x: 500, y: 300, scale: 2.9 }, 4, 0, 0, FRAME, WIDE).scale).toBe(LARGEST);
    expect(zoomed({ x: 500, y: 300, scale: 1 }, 0.01, 0, 0, FRAME, WIDE)).toEqual(fitted(FRAME, WIDE));
  });

  it('follows the finger and never leaves the window', () => {
    const view = { x: 500, y: 300, scale: 1 };
    expect(moved(view, 50, -20, FRAME, WIDE)).toEqual({ x: 450, y: 250, scale: 1 });
    expect(moved(view, 9999, 9999, FRAME, WIDE)).toEqual({ x: 100, y: 50, scale: 1 });
    expect(moved(view, -9999, -9999, FRAME, WIDE)).toEqual({ x: 500, y: 250, scale: 1 });
  });

  it('goes to a place', () => {
    const view = centred({ x: 880, y: 430, width: 40, height: 40 }, 2, FRAME, WIDE);
    expect(view).toEqual({ x: 600, y: 300, scale: 2 });
  });

  it('knows what lies around several', () => {
    expect(around([])).toBeNull();
    expect(around([{ x: 1, y: 2, width: 3, height: 4 }, { x: 10, y: 0, width: 1, height: 1 }])).toEqual({ x: 1, y: 0, width: 10, height: 6 });
  });

  it('takes the height it needs', () => {
    expect(heightFor(FRAME, 1200, 900)).toBe(600);
    expect(heightFor(FRAME, 360, 500)).toBe(500);
    expect(heightFor({ x: 0, y: 0, width: 2000, height: 100 }, 400, 500)).toBe(200);
  });
});
