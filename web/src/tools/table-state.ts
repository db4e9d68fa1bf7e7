/** Rows of a layer as a table holds them: fetched page after page, shown through a window. Pure. */

export interface Sort {
  readonly field: string;
  readonly down: boolean;
}

/** Clicking a head: up, down, not at all; with Shift the field joins those already sorted by. */
export function nextSort(sorts: readonly Sort[], field: string, join: boolean): readonly Sort[] {
  const own = sorts.find((one) => one.field === field);
  const others = join ? sorts.filter((one) => one.field !== field) : [];
  if (!own) return [...others, { field, down: false }];
  return own.down ? others : join ? sorts.map((one) => (one === own ? { field, down: true } : one)) : [{ field, down: true }];
}

/** `-TBMJ,+BSM` as OGC API – Features Part 8 writes it; '' when not sorted. */
export function sortText(sorts: readonly Sort[]): string {
  return sorts.map(({ field, down }) => `${down ? '-' : '+'}${field}`).join(',');
}

export interface Window {
  readonly first: number;
  /** one after the last */
  readonly last: number;
  /** pixels above the first row drawn */
  readonly above: number;
  readonly below: number;
}

/** Rows to draw of `count` when scrolled `top` pixels down in a box of `height`: those seen and a few beside them. */
export function windowOf(count: number, rowHeight: number, top: number, height: number, spare = 8): Window {
  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - spare));
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + spare);
  return { first, last: Math.max(first, last), above: first * rowHeight, below: (count - Math.max(first, last)) * rowHeight };
}

/** Whether the next page is to be fetched: less than one box of rows is left below. */
export function wantsMore(count: number, rowHeight: number, top: number, height: number): boolean {
  return count * rowHeight - (top + height) < height;
}
