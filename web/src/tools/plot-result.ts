/** What the answers about a plot mean: which are conflicts, in what order, and the same as text to copy. Pure. */
import { named, t } from '../language';
import { CONTROL_LINES, type ClassArea, type History, type HistoryChange, type Overlap, type OverlapLayer } from './api';
import { areaFigures, fixed, shareText } from './figures';

/** To lie inside the urban development boundary is no conflict: it is where building belongs. */
const URBAN_BOUNDARY = '20203';
export const PARCELS = '10401-003';

export type Verdict = 'conflict' | 'inside' | 'touched' | 'clear' | 'not_checked';

/** `conflict` only for control lines; what else is met is told without alarm. */
export function verdictOf(layer: Pick<OverlapLayer, 'collection' | 'state'>): Verdict {
  if (layer.state !== 'conflict') return layer.state;
  if (layer.collection.startsWith(URBAN_BOUNDARY)) return 'inside';
  return CONTROL_LINES.some((item) => layer.collection.startsWith(item)) ? 'conflict' : 'touched';
}

export function verdictText(verdict: Verdict): string {
  return {
    conflict: t('冲突', 'Conflict'), inside: t('在界内', 'Inside'), touched: t('有重叠', 'Overlaps'), clear: t('无冲突', 'Clear'), not_checked: t('未检测', 'Not checked'),
  }[verdict];
}

const RANK: readonly Verdict[] = ['conflict', 'not_checked', 'inside', 'touched', 'clear'];

/** Worst first; what was not checked comes before what is clear. */
export function ranked(layers: readonly OverlapLayer[]): readonly OverlapLayer[] {
  return [...layers].sort((a, b) => RANK.indexOf(verdictOf(a)) - RANK.indexOf(verdictOf(b)) || (b.area_m2 ?? 0) - (a.area_m2 ?? 0) || a.collection.localeCompare(b.collection));
}

/** One line for the head: how many conflicts, how much unknown. */
export function summaryOf(layers: readonly OverlapLayer[]): { readonly verdict: Verdict; readonly text: string } {
  const count = (verdict: Verdict): number => layers.filter((layer) => verdictOf(layer) === verdict).length;
  const [conflicts, unknown] = [count('conflict'), count('not_checked')];
  if (conflicts) return { verdict: 'conflict', text: t(`与 ${conflicts} 个控制线图层冲突${unknown ? `，另有 ${unknown} 项未检测` : ''}`, `In conflict with ${conflicts} control-line layer${conflicts === 1 ? '' : 's'}${unknown ? `; ${unknown} not checked` : ''}`) };
  if (unknown) return { verdict: 'not_checked', text: t(`未发现冲突，但有 ${unknown} 项未检测`, `No conflict found, but ${unknown} not checked`) };
  return { verdict: 'clear', text: t('与各控制线均无冲突', 'No conflict with any control line') };
}

/** Classes by area, the largest first, with their part of the whole. */
export function sharesOf(classes: readonly ClassArea[], whole: number): readonly (ClassArea & { readonly part: number })[] {
  return [...classes].sort((a, b) => b.area_m2 - a.area_m2).map((one) => ({ ...one, part: whole > 0 ? one.area_m2 / whole : 0 }));
}

/** What a change did: classes that came, went or changed in area, the largest change first. */
export function stepsOf(change: HistoryChange): readonly { readonly code: string; readonly name_zh: string; readonly before: number; readonly after: number }[] {
  const codes = new Map([...change.before, ...change.after].map((one) => [one.code, one.name_zh]));
  const areaIn = (list: HistoryChange['before'], code: string): number => list.find((one) => one.code === code)?.area_m2 ?? 0;
  return [...codes]
    .map(([code, name_zh]) => ({ code, name_zh, before: areaIn(change.before, code), after: areaIn(change.after, code) }))
    .filter(({ before, after }) => Math.abs(before - after) >= 0.005)
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before));
}

export interface Report {
  readonly areaM2: number;
  readonly classes: Overlap | null;
  readonly overlaps: Overlap | null;
  readonly history: History | null;
  readonly nameOf: (collection: string) => string;
}

const line = (...cells: readonly string[]): string => cells.join('\t');

/** Plain text with tabs, which pastes into a letter as well as into a spreadsheet. */
export function reportText({ areaM2, classes, overlaps, history, nameOf }: Report): string {
  const all = areaFigures(areaM2);
  const out = [line(t('地块面积', 'Plot area'), `${all.m2} m²`, `${all.hectares} ${t('公顷', 'ha')}`, `${all.mu} ${t('亩', 'mu')}`)];
  const first = classes?.layers[0];
  if (classes && first) {
    out.push('', line(t('地类', 'Land class'), t('编码', 'Code'), 'm²', t('公顷', 'ha'), t('亩', 'mu'), t('占比', 'Share')));
    if (first.state === 'not_checked') out.push(named({ name_zh: first.reason_zh ?? '', name_en: first.reason_en ?? '' }));
    for (const one of sharesOf(first.classes, areaM2)) {
      const figures = areaFigures(one.area_m2);
      out.push(line(one.name_zh, one.code, figures.m2, figures.hectares, figures.mu, shareText(one.part)));
    }
  }
  if (overlaps) {
    out.push('', line(t('控制线等', 'Control lines and others'), t('结论', 'Finding'), 'm²', t('个数', 'Count'), t('说明', 'Note')));
    for (const one of ranked(overlaps.layers)) {
      out.push(line(nameOf(one.collection), verdictText(verdictOf(one)), one.area_m2 === null ? '—' : fixed(one.area_m2, 2), String(one.count ?? '—'), named({ name_zh: one.reason_zh ?? '', name_en: one.reason_en ?? '' })));
    }
  }
  for (const change of history?.layers.flatMap((layer) => layer.changes.filter((one) => one.changed)) ?? []) {
    out.push('', line(change.valid_from, t(`版本 ${change.number}`, `version ${change.number}`)));
    for (const step of stepsOf(change)) out.push(line(step.name_zh, step.code, fixed(step.before, 2), '→', fixed(step.after, 2)));
  }
  const dated = overlaps ?? classes ?? history;
  if (dated) out.push('', line(t('数据日期', 'Valid at'), dated.valid_at), line(t('截至所知', 'Known at'), dated.known_at));
  for (const [label, answer] of [[t('地类摘要', 'Classes'), classes], [t('叠置摘要', 'Overlaps'), overlaps], [t('历史摘要', 'History'), history]] as const) {
    if (answer) out.push(line(`${label} SM3`, answer.digest ?? '—'));
  }
  return out.join('\n');
}
