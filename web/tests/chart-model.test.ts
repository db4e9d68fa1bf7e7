import { describe, expect, it } from 'vitest';
import { barsOption, inkOn, shares, treemapOption, type ChartRow } from '../src/chart-model';

const ROWS: ChartRow[] = [
  { code: '0101', name_zh: '水田', name_en: 'Paddy', value: 30, colour: '#ffff64' },
  { code: '0301', name_zh: '乔木林地', name_en: 'Forest', value: 10, colour: '#2f8f3f' },
  { code: '09', name_zh: '特殊用地', name_en: '', value: 0, colour: '#202020' },
];

describe('chart of classes', () => {
  it('gives shares of the whole, and none of nothing', () => {
    expect(shares(ROWS)).toEqual([75, 25, 0]);
    expect(shares([{ ...ROWS[0]!, value: 0 }])).toEqual([0]);
  });

  it('draws bars in the colours of the standard, the first on top', () => {
    const option = barsOption(ROWS, 'ha') as { yAxis: { inverse: boolean; data: string[] }; series: { data: { value: number; itemStyle: { color: string } }[] }[] };
    expect(option.yAxis).toMatchObject({ inverse: true, data: ['水田', '乔木林地', '特殊用地'] });
    expect(option.series[0]!.data.map((one) => [one.value, one.itemStyle.color])).toEqual([[30, '#ffff64'], [10, '#2f8f3f'], [0, '#202020']]);
  });

  it('leaves classes without area out of the treemap and writes in an ink that is read', () => {
    const option = treemapOption(ROWS, 'ha') as { series: { data: { name: string; label: { color: string } }[] }[] };
    expect(option.series[0]!.data.map((one) => one.name)).toEqual(['水田', '乔木林地']);
    const small = treemapOption([...ROWS, { ...ROWS[0]!, code: '0102', name_zh: '水浇地', value: 0.1 }], 'ha') as { series: { data: { label: { show: boolean } }[] }[] };
    expect(small.series[0]!.data.map((one) => one.label.show)).toEqual([true, true, false]);
    expect(inkOn('#ffff64')).toBe('#000000');
    expect(inkOn('#202020')).toBe('#ffffff');
  });
});
