/** How a data layer is drawn: the standard's class colours where it has them, a quiet outline otherwise. */
import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl';
import type { LayerInfo } from '../api';
import { LABEL_FONT } from './base-map';

/**
 * Control lines are read by their outline, over whatever lies below. None of these is red: red means conflict.
 * The colours follow common practice (green, ochre, purple); no standard text was at hand to confirm them.
 */
const CONTROL_LINES: Readonly<Record<string, string>> = {
  STBHHX: '#12803c',
  YJJBNTTB: '#a37400',
  YJJBNTBHTB: '#a37400',
  CSKFBJ: '#6b3fa0',
  CZKFBJ: '#6b3fa0',
};

const PARCELS = 'DLTB';

/** What a tile must carry to be drawn, as a list of attributes; '' leaves it to the node. */
export function drawnAttributes(layer: LayerInfo): string {
  return layer.code === PARCELS ? 'BSM,DLBM,TBBH' : '';
}

/** Whether a layer is an outline around everything: what lies inside is what a click asks for first. */
export function isBoundary(layerCode: string): boolean {
  return layerCode in BOUNDARIES;
}

/** Outlines of administrative and survey areas. */
const BOUNDARIES: Readonly<Record<string, { colour: string; width: number; dash?: number[] }>> = {
  XZQ: { colour: '#51372b', width: 2, dash: [6, 2, 1, 2] },
  XZQJX: { colour: '#51372b', width: 2, dash: [6, 2, 1, 2] },
  CJDCQ: { colour: '#7d6658', width: 1.2, dash: [4, 3] },
  CJDCQJX: { colour: '#7d6658', width: 1.2, dash: [4, 3] },
};

/** One colour for layers without classes: that of the layer's role, else the one the node gives it. */
export function hueOf(layer: LayerInfo): string {
  return CONTROL_LINES[layer.code] ?? BOUNDARIES[layer.code]?.colour ?? layer.colour;
}

function isClassed(layer: LayerInfo): boolean {
  return layer.class_field !== null && layer.legend.length > 0 && !(layer.code in CONTROL_LINES);
}

/** Colour of each feature: by class where the layer has classes, one hue otherwise. */
function colourOf(layer: LayerInfo): string | ExpressionSpecification {
  if (!isClassed(layer)) return hueOf(layer);
  const pairs = layer.legend.flatMap((entry) => [entry.code, entry.colour]);
  return ['match', ['to-string', ['get', layer.class_field]], ...pairs, '#cfd6d8'] as unknown as ExpressionSpecification;
}

const hovered = <T>(yes: T, no: T): ExpressionSpecification =>
  ['case', ['boolean', ['feature-state', 'hover'], false], yes, no] as unknown as ExpressionSpecification;

export function layerIds(collection: string): string[] {
  return ['raster', 'fill', 'line', 'point', 'label'].map((part) => `${collection}|${part}`);
}

/** The collection a style layer belongs to, or null for the base map. */
export function collectionOf(styleLayerId: string): string | null {
  const bar = styleLayerId.indexOf('|');
  return bar < 0 ? null : styleLayerId.slice(0, bar);
}

/** The style layers of one data layer, from bottom to top, at an opacity of 0 … 1. */
export function styleLayers(layer: LayerInfo, opacity: number): LayerSpecification[] {
  const common = { source: layer.collection, 'source-layer': layer.source_layer } as const;
  const id = (part: string): string => `${layer.collection}|${part}`;
  if (layer.tile_type === 'raster') return [{ source: layer.collection, id: id('raster'), type: 'raster', paint: { 'raster-opacity': opacity } }];
  if (layer.geometry === 'Point') return [{ ...common, id: id('point'), type: 'circle', paint: pointPaint(layer, opacity) }];
  if (layer.geometry === 'LineString') return [{ ...common, id: id('line'), type: 'line', paint: linePaint(layer, opacity) }];
  const drawn: LayerSpecification[] = [
    { ...common, id: id('fill'), type: 'fill', paint: fillPaint(layer, opacity) },
    { ...common, id: id('line'), type: 'line', ...outline(layer, opacity) },
  ];
  if (layer.code === PARCELS) drawn.push(parcelLabel(common, id('label'), opacity));
  return drawn;
}

function fillPaint(layer: LayerInfo, opacity: number): Record<string, unknown> {
  const classed = isClassed(layer);
  const outlined = layer.code in BOUNDARIES;
  // an area known by its outline keeps a trace of fill, so that it can be pointed at anywhere inside
  const base = classed ? 0.86 : outlined ? 0.001 : layer.code in CONTROL_LINES ? 0.05 : 0.16;
  return {
    'fill-color': colourOf(layer),
    'fill-opacity': hovered(Math.min(1, (classed ? 1 : base + 0.08) * opacity), base * opacity),
    'fill-antialias': false,
  };
}

function outline(layer: LayerInfo, opacity: number): { paint: Record<string, unknown>; minzoom?: number } {
  if (isClassed(layer)) {
    // outlines of parcels would fill a small-scale map with grey
    return {
      minzoom: 12.5,
      paint: {
        'line-color': hovered('#17262b', '#6d5f4d'),
        'line-width': ['interpolate', ['linear'], ['zoom'], 12.5, 0.15, 15, 0.6, 18, 1.2],
        'line-opacity': 0.8 * opacity,
      },
    };
  }
  return { paint: linePaint(layer, opacity) };
}

function linePaint(layer: LayerInfo, opacity: number): Record<string, unknown> {
  const boundary = BOUNDARIES[layer.code];
  const width = boundary?.width ?? (layer.code in CONTROL_LINES ? 2.2 : 1.4);
  return {
    'line-color': hueOf(layer),
    'line-width': ['interpolate', ['linear'], ['zoom'], 8, width * 0.5, 14, width],
    'line-opacity': opacity,
    ...(boundary?.dash ? { 'line-dasharray': boundary.dash } : {}),
  };
}

function pointPaint(layer: LayerInfo, opacity: number): Record<string, unknown> {
  return {
    'circle-color': colourOf(layer),
    'circle-radius': ['interpolate', ['linear'], ['zoom'], 8, 2.5, 16, 6],
    'circle-stroke-color': '#ffffff',
    'circle-stroke-width': 1.2,
    'circle-opacity': opacity,
    'circle-stroke-opacity': opacity,
  };
}

/** Survey maps write parcel number over class code. */
function parcelLabel(
  common: { source: string; 'source-layer': string },
  id: string,
  opacity: number,
): LayerSpecification {
  return {
    ...common,
    id,
    type: 'symbol',
    minzoom: 15.5,
    layout: {
      'text-field': ['concat', ['get', 'TBBH'], '\n', ['get', 'DLBM']],
      'text-font': LABEL_FONT,
      'text-size': 11,
      'text-line-height': 1.15,
      'text-padding': 4,
    },
    paint: { 'text-color': '#17262b', 'text-halo-color': '#ffffff', 'text-halo-width': 1.2, 'text-opacity': opacity },
  };
}
