/** Days along which a map moves: stops, labels, playing. No page in here. */

/** ISO day of the calendar, or null. */
export function readDay(text: string): string | null {
  const day = text.trim().replace(/[./年月]/g, '-').replace(/日$/, '');
  const parts = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(day);
  if (!parts) return null;
  const iso = `${parts[1]}-${parts[2]!.padStart(2, '0')}-${parts[3]!.padStart(2, '0')}`;
  const date = new Date(`${iso}T00:00:00Z`);
  return Number.isNaN(date.getTime()) || !date.toISOString().startsWith(iso) ? null : iso;
}

/** Days of change of several layers, oldest first, each once. */
export function daysOf(lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort();
}

/** Index of the stop in force on a day: the last change on or before it; the stop after the last change is today (''). */
export function stopOf(days: readonly string[], day: string): number {
  if (day === '') return days.length;
  let found = 0;
  days.forEach((one, index) => {
    if (one <= day) found = index;
  });
  return found;
}

/** The day of a stop; '' is today. */
export function dayOf(days: readonly string[], stop: number): string {
  return days[stop] ?? '';
}

/** Which of `count` stops bear a label so that at most `most` do, evenly, the first and the last among them. */
export function labelled(count: number, most: number): ReadonlySet<number> {
  if (count <= most) return new Set(Array.from({ length: count }, (_, index) => index));
  const step = (count - 1) / (most - 1);
  return new Set(Array.from({ length: most }, (_, index) => Math.round(index * step)));
}

/** The next stop of playing, from the beginning again after the last. */
export function nextStop(days: readonly string[], day: string): number {
  const stop = stopOf(days, day) + 1;
  return stop > days.length ? 0 : stop;
}

/** Instants at which something was published, the newest first, each once, at most `most`. */
export function instantsOf(lists: readonly (readonly string[])[], most = 50): string[] {
  return [...new Set(lists.flat())].sort((a, b) => Date.parse(b) - Date.parse(a)).slice(0, most);
}
