/** What a composition says, apart from the page that edits it. */
import type { LayerState } from './store';

export interface Classes {
  readonly field: string;
  readonly method: string;
  readonly count: number;
  /** '' is the default of the method */
  readonly ramp: string;
}

export interface LayerUse {
  readonly collection: string;
  /** 0 … 1; 1 when absent */
  readonly opacity?: number;
  /** MapLibre style layers; null or absent is the layer's own look */
  readonly style?: readonly Record<string, unknown>[] | null;
  readonly saved_style?: string;
  /** CQL2 text */
  readonly filter?: string;
  readonly valid_at?: string;
  readonly known_at?: string;
  readonly classes?: Classes | Record<string, never>;
  readonly in_legend?: boolean;
}

export interface Layout {
  readonly paper: string;
  readonly orientation: string;
  /** denominator; 0 fits the extent */
  readonly scale: number;
  readonly epsg: number;
  readonly north: string;
  readonly graticule: string;
  readonly legend: boolean;
  readonly approval_number: string;
  readonly author: string;
  readonly unit: string;
  readonly notes: string;
}

export interface Definition {
  readonly title_zh: string;
  readonly title_en?: string;
  readonly subtitle?: string;
  readonly layers: readonly LayerUse[];
  /** degrees: west, south, east, north */
  readonly extent: [number, number, number, number] | null;
  readonly layout: Layout;
  readonly valid_at?: string;
  readonly known_at?: string;
}

export function emptyDefinition(): Definition {
  return {
    title_zh: '专题图', layers: [], extent: null,
    layout: {
      paper: 'A4', orientation: 'landscape', scale: 0, epsg: 0, north: 'true', graticule: 'geographic', legend: true,
      approval_number: '', author: '', unit: '', notes: '',
    },
  };
}

const SAVED = ['collection', 'opacity', 'style', 'saved_style', 'filter', 'valid_at', 'known_at', 'classes', 'in_legend'] as const;

/** A layer as the node answers it, without what is only for looking at. */
export function withoutView(use: LayerUse): LayerUse {
  return Object.fromEntries(SAVED.filter((name) => use[name] !== undefined).map((name) => [name, use[name]])) as unknown as LayerUse;
}

/** A layer of the workbench's link as a layer of a composition. */
export function layerOfFragment({ collection, opacity, filter }: LayerState): LayerUse {
  return { collection, ...(opacity === 1 ? {} : { opacity }), ...(filter ? { filter } : {}) };
}

/** Attributes that style layers read: what tiles must carry. */
export function fieldsOf(style: readonly Record<string, unknown>[]): string[] {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (!Array.isArray(value)) return;
    if (['get', 'has'].includes(String(value[0])) && typeof value[1] === 'string') found.add(value[1]);
    if (value[0] !== 'literal') value.slice(1).forEach(visit);
  };
  for (const layer of style) {
    visit(layer.filter);
    for (const part of [layer.paint, layer.layout]) Object.values((part ?? {}) as Record<string, unknown>).forEach(visit);
  }
  return [...found];
}
