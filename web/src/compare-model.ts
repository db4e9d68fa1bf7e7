/** The arithmetic of comparing two maps: where the divider stands and how it is moved by keys. No page in here. */

export const LEAST = 5;
export const MOST = 95;

/** Keeps the divider on the map, in percent of its width. */
export function within(percent: number): number {
  return Math.min(MOST, Math.max(LEAST, Math.round(percent * 10) / 10));
}

/** Where the divider goes when dragged to `x` pixels on a map that begins at `left` and is `width` wide. */
export function draggedTo(x: number, left: number, width: number): number {
  return width > 0 ? within(((x - left) / width) * 100) : 50;
}

/** What a key does to the divider, as the ARIA slider says; null when it does nothing. */
export function keyTo(key: string, percent: number): number | null {
  const step = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10 }[key];
  if (step) return within(percent + step);
  if (key === 'Home') return LEAST;
  if (key === 'End') return MOST;
  return null;
}

/** Lets two cameras follow each other without echo: while one moves the other, what the other says is not heard. */
export class Echo {
  #busy = false;

  run(act: () => void): void {
    if (this.#busy) return;
    this.#busy = true;
    try {
      act();
    } finally {
      this.#busy = false;
    }
  }
}
