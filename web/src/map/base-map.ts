/** The base map: real administrative boundaries, marked as schematic, drawn with fonts of this machine only. */
import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import { pageLanguage } from '../language';

export const BASE_SOURCE = 'base';
/** Data layers are inserted below this one, so that names of divisions stay readable. */
export const FIRST_LABEL = 'base-names-county';
const FONT = ['Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', 'sans-serif'];
export const LABEL_FONT = [FONT.join(',')];

/** Divisions by the level that tiles carry: 1 province, 2 city, 3 county. */
interface Rank {
  readonly id: string;
  readonly level: number;
  readonly line: { readonly minzoom: number; readonly width: number; readonly colour: string; readonly dash?: number[] };
  readonly name: { readonly minzoom: number; readonly maxzoom: number; readonly size: number };
}

const RANKS: readonly Rank[] = [
  { id: 'county', level: 3, line: { minzoom: 7, width: 0.8, colour: '#c3cccf', dash: [4, 2] }, name: { minzoom: 8.2, maxzoom: 13, size: 12 } },
  { id: 'city', level: 2, line: { minzoom: 4.5, width: 1, colour: '#a9b5b8', dash: [6, 2] }, name: { minzoom: 6, maxzoom: 9, size: 13 } },
  { id: 'province', level: 1, line: { minzoom: 0, width: 1.4, colour: '#84949a' }, name: { minzoom: 2.5, maxzoom: 6.5, size: 13 } },
];

function lineOf({ id, level, line }: Rank): LayerSpecification {
  return {
    id: `base-line-${id}`,
    type: 'line',
    source: BASE_SOURCE,
    'source-layer': 'boundaries',
    filter: ['==', ['get', 'level'], level],
    minzoom: line.minzoom,
    paint: {
      'line-color': line.colour,
      'line-width': line.width,
      ...(line.dash ? { 'line-dasharray': line.dash } : {}),
    },
  };
}

function nameOf({ id, level, name }: Rank): LayerSpecification {
  return {
    id: `base-names-${id}`,
    type: 'symbol',
    source: BASE_SOURCE,
    'source-layer': 'places',
    filter: ['==', ['get', 'level'], level],
    minzoom: name.minzoom,
    maxzoom: name.maxzoom,
    layout: {
      'text-field': ['get', 'name'],
      'text-font': LABEL_FONT,
      'text-size': name.size,
      'text-letter-spacing': 0.08,
      'text-max-width': 10,
      'text-padding': 8,
    },
    paint: { 'text-color': '#52636a', 'text-halo-color': '#ffffff', 'text-halo-width': 1.5 },
  };
}

/** The style of an empty map: boundaries and names. No address in it leaves this node. */
export function baseStyle(origin: string): StyleSpecification {
  return {
    version: 8,
    name: pageLanguage() === 'en' ? 'Administrative boundaries (schematic)' : '行政区划（示意）',
    sources: {
      [BASE_SOURCE]: { type: 'vector', tiles: [`${origin}/api/map/base/{z}/{y}/{x}`], minzoom: 0, maxzoom: 12 },
    },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': '#f1f4f4' } },
      ...RANKS.map(lineOf),
      ...RANKS.map(nameOf),
    ],
  };
}
