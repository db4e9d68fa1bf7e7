/** Which part of a picture is seen, and how large: pure arithmetic for panning and zooming. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Frame extends Size {
  readonly x: number;
  readonly y: number;
}

/** `x`, `y`: the point of the picture at the upper left corner; `scale`: pixels of the screen for one of the picture. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export const LARGEST = 3;
/** Text of 12 px is still read at two thirds. */
export const READABLE = 0.66;
/** Nothing is enlarged to fill a wide page. */
export const NATURAL = 1.15;

/** The whole picture, in the middle. */
export function fitted(frame: Frame, screen: Size): View {
  return kept({ x: frame.x, y: frame.y, scale: smallest(frame, screen) }, frame, screen);
}

/** What is seen first: all of it when it can be read, otherwise the part that waits, at a readable size. */
export function first(frame: Frame, screen: Size, waiting: Frame | null): View {
  const whole = fitted(frame, screen);
  if (whole.scale >= READABLE) return whole;
  return centred(waiting ?? { x: frame.x, y: frame.y, width: 0, height: frame.height }, 0.85, frame, screen);
}

/** The middle of `box` in the middle of the screen. */
export function centred(box: Frame, scale: number, frame: Frame, screen: Size): View {
  const x = box.x + box.width / 2 - screen.width / scale / 2;
  const y = box.y + box.height / 2 - screen.height / scale / 2;
  return kept({ x, y, scale }, frame, screen);
}

/** Larger or smaller by `factor`; the point of the picture under (`x`, `y`) of the screen stays where it is. */
export function zoomed(view: View, factor: number, x: number, y: number, frame: Frame, screen: Size): View {
  const scale = Math.min(LARGEST, Math.max(smallest(frame, screen), view.scale * factor));
  return kept({ x: view.x + x / view.scale - x / scale, y: view.y + y / view.scale - y / scale, scale }, frame, screen);
}

/** Moved by pixels of the screen; the picture follows the finger. */
export function moved(view: View, dx: number, dy: number, frame: Frame, screen: Size): View {
  return kept({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, frame, screen);
}

/** Never beyond the edges; in the middle along a side where all of it is seen. */
export function kept(view: View, frame: Frame, screen: Size): View {
  return {
    x: within(view.x, frame.x, frame.width, screen.width / view.scale),
    y: within(view.y, frame.y, frame.height, screen.height / view.scale),
    scale: view.scale,
  };
}

/** What an SVG wants. */
export function viewBox(view: View, screen: Size): string {
  return [view.x, view.y, screen.width / view.scale, screen.height / view.scale].map((one) => one.toFixed(2)).join(' ');
}

/** A rectangle around all of them; null around nothing. */
export function around(boxes: readonly Frame[]): Frame | null {
  if (boxes.length === 0) return null;
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** Height of the window for a picture: as much as it needs at the width there is, no more than the screen allows. */
export function heightFor(frame: Frame, width: number, most: number): number {
  const scale = Math.min(NATURAL, width / frame.width);
  const wanted = frame.height * (scale >= READABLE ? scale : 0.85);
  return Math.round(Math.max(200, Math.min(wanted, most)));
}

function smallest(frame: Frame, screen: Size): number {
  return Math.min(NATURAL, screen.width / frame.width, screen.height / frame.height);
}

function within(at: number, start: number, length: number, seen: number): number {
  if (seen >= length) return start - (seen - length) / 2;
  return Math.min(start + length - seen, Math.max(start, at));
}
