/** What a chart of classes shows, as options for ECharts. No page in here. */
import { named } from './language';

export interface ChartRow {
  readonly code: string;
  readonly name_zh: string;
  readonly name_en?: string | null;
  readonly value: number;
  /** `#rrggbb`, the standard's colour of the class */
  readonly colour: string;
}

export type ChartOption = Readonly<Record<string, unknown>>;

const INK = '#17262b';
const FONT = { fontFamily: 'inherit', color: INK };

/** Share of each value in their sum, percent; of nothing it is 0. */
export function shares(rows: readonly ChartRow[]): number[] {
  const sum = rows.reduce((total, row) => total + row.value, 0);
  return rows.map((row) => (sum > 0 ? (row.value / sum) * 100 : 0));
}

/** Black or white, whichever is read better on a colour (WCAG contrast). */
export function inkOn(colour: string): string {
  const channel = (at: number): number => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  return (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) ? '#000000' : '#ffffff';
}

const figure = (value: number, unit: string): string => `${value.toLocaleString('en-US', { maximumFractionDigits: 2 })} ${unit}`.trim();

/** Horizontal bars, the first row on top. */
export function barsOption(rows: readonly ChartRow[], unit: string): ChartOption {
  return {
    textStyle: FONT,
    grid: { left: 4, right: 84, top: 4, bottom: 4, containLabel: true },
    tooltip: { trigger: 'item', valueFormatter: (value: number) => figure(value, unit) },
    xAxis: { type: 'value', show: false },
    yAxis: { type: 'category', inverse: true, data: rows.map(named), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { width: 110, overflow: 'truncate', color: INK } },
    series: [
      {
        type: 'bar',
        barMaxWidth: 16,
        data: rows.map((row) => ({ value: row.value, itemStyle: { color: row.colour, borderColor: 'rgba(0,0,0,.25)', borderWidth: 1 } })),
        label: { show: true, position: 'right', color: INK, formatter: ({ value }: { value: number }) => figure(value, unit) },
      },
    ],
  };
}

/** Whether a name fits into its part of a treemap of about 90 000 square pixels, were the part a square. A name cut short says nothing. */
function fits(name: string, part: number): boolean {
  const width = [...name].reduce((sum, one) => sum + (one.charCodeAt(0) > 255 ? 12 : 6.5), 6);
  return Math.sqrt(part * 90_000) >= width;
}

/** Areas in proportion, named inside in an ink that is read on the colour. */
export function treemapOption(rows: readonly ChartRow[], unit: string): ChartOption {
  const parts = new Map(shares(rows).map((percent, index) => [rows[index]!.code, percent / 100]));
  return {
    textStyle: FONT,
    tooltip: { valueFormatter: (value: number) => figure(value, unit) },
    series: [
      {
        type: 'treemap',
        roam: false,
        nodeClick: false,
        breadcrumb: { show: false },
        left: 0, right: 0, top: 0, bottom: 0,
        itemStyle: { borderColor: '#ffffff', borderWidth: 1, gapWidth: 1 },
        data: rows.filter((row) => row.value > 0).map((row) => ({
          name: named(row), value: row.value, itemStyle: { color: row.colour }, label: { color: inkOn(row.colour), show: fits(named(row), parts.get(row.code) ?? 0) },
        })),
      },
    ],
  };
}
