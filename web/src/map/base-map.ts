/** The base map: real administrative boundaries, marked as schematic, drawn with fonts of this machine only. */
import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import { pageLanguage } from '../language';

export const BASE_SOURCE = 'base';
/** Data layers are inserted below this one, so that names of divisions stay readable. */
export const FIRST_LABEL = 'base-names-province';
const FONT = ['Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', 'sans-serif'];
export const LABEL_FONT = [FONT.join(',')];

interface Rank {
  readonly layer: string;
  readonly line: { readonly minzoom: number; readonly width: number; readonly colour: string; readonly dash?: number[] };
  readonly name: { readonly minzoom: number; readonly maxzoom: number; readonly size: number };
}

const RANKS: readonly Rank[] = [
  {
    layer: 'province',
    line: { minzoom: 0, width: 1.4, colour: '#8a979b' },
    name: { minzoom: 2, maxzoom: 6.5, size: 13 },
  },
  {
    layer: 'city',
    line: { minzoom: 5, width: 1, colour: '#a5b0b3', dash: [6, 2] },
    name: { minzoom: 6, maxzoom: 8.8, size: 12 },
  },
  {
    layer: 'county',
    line: { minzoom: 7.5, width: 0.8, colour: '#b9c2c4', dash: [4, 2] },
    name: { minzoom: 8.5, maxzoom: 12, size: 12 },
  },
];

function lineOf({ layer, line }: Rank): LayerSpecification {
  return {
    id: `base-line-${layer}`,
    type: 'line',
    source: BASE_SOURCE,
    'source-layer': layer,
    minzoom: line.minzoom,
    paint: {
      'line-color': line.colour,
      'line-width': line.width,
      ...(line.dash ? { 'line-dasharray': line.dash } : {}),
    },
  };
}

function nameOf({ layer, name }: Rank): LayerSpecification {
  return {
    id: `base-names-${layer}`,
    type: 'symbol',
    source: BASE_SOURCE,
    'source-layer': `${layer}_name`,
    minzoom: name.minzoom,
    maxzoom: name.maxzoom,
    layout: {
      'text-field': ['get', 'name'],
      'text-font': LABEL_FONT,
      'text-size': name.size,
      'text-letter-spacing': 0.08,
      'text-max-width': 8,
      'text-padding': 8,
    },
    paint: { 'text-color': '#56666b', 'text-halo-color': '#ffffff', 'text-halo-width': 1.5 },
  };
}

/** The style of an empty map: land, boundaries, names. No address in it leaves this node. */
export function baseStyle(origin: string): StyleSpecification {
  return {
    version: 8,
    name: pageLanguage() === 'en' ? 'Administrative boundaries (schematic)' : '行政区划（示意）',
    sources: {
      [BASE_SOURCE]: { type: 'vector', tiles: [`${origin}/api/map/base/{z}/{x}/{y}`], minzoom: 0, maxzoom: 10 },
    },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': '#e9eff1' } },
      {
        id: 'base-land',
        type: 'fill',
        source: BASE_SOURCE,
        'source-layer': 'province',
        paint: { 'fill-color': '#fbfcfb' },
      },
      ...RANKS.map(lineOf),
      ...RANKS.map(nameOf),
    ],
  };
}
