/** The one store that all components of a page share: what is on the map, at which date, and what is selected. */

export interface LayerState {
  readonly collection: string;
  /** 0 … 1 */
  readonly opacity: number;
  /** CQL2 text; null draws every feature. */
  readonly filter: string | null;
}

export type CompareMode = 'off' | 'swipe' | 'side';

/** The second map of a comparison; the first one is the rest of the state. */
export interface Compare {
  readonly mode: CompareMode;
  /** Day of the right map, ISO; '' is today. */
  readonly rightValidAt: string;
  /** Layers of the right map; null: the same as on the left. */
  readonly rightLayers: readonly LayerState[] | null;
}

export interface Selection {
  readonly collection: string;
  readonly fid: number | string;
  readonly lon: number;
  readonly lat: number;
}

export interface View {
  readonly lon: number;
  readonly lat: number;
  readonly zoom: number;
}

export interface State {
  /** Layers that are on, topmost first. */
  readonly layers: readonly LayerState[];
  /** Day of the world shown, ISO; '' is today. */
  readonly validAt: string;
  /** The map as the node knew it at an RFC 3339 instant; '' is now. */
  readonly knownAt: string;
  readonly selection: Selection | null;
  readonly view: View | null;
  readonly compare: Compare;
  /** Id of the tool whose panel is open ({@link registerTool}). */
  readonly tool: string | null;
  /** The plot that was drawn or uploaded: what the analyses ask about. Longitude, latitude on CGCS2000. */
  readonly plot: GeoJSON.Polygon | GeoJSON.MultiPolygon | null;
  /** Id of the base map; '' is the node's own. */
  readonly base: string;
}

/** What one map shows: the left map is the whole state, the right one what {@link Compare} changes of it. */
export type Shown = Pick<State, 'layers' | 'validAt' | 'knownAt' | 'base'>;
export type Side = 'left' | 'right';

export function shownOn(state: State, side: Side): Shown {
  const { layers, validAt, knownAt, base, compare } = state;
  if (side === 'left') return { layers, validAt, knownAt, base };
  return { layers: compare.rightLayers ?? layers, validAt: compare.rightValidAt, knownAt, base };
}

type Listener = (state: State, before: State) => void;

const ISO_DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
const MODES: readonly CompareMode[] = ['off', 'swipe', 'side'];
const NO_COMPARE: Compare = { mode: 'off', rightValidAt: '', rightLayers: null };
const EMPTY: State = {
  layers: [], validAt: '', knownAt: '', selection: null, view: null, compare: NO_COMPARE, tool: null, plot: null, base: '',
};

export class Store {
  #state: State;
  readonly #listeners = new Set<Listener>();

  constructor(initial: Partial<State> = {}) {
    this.#state = { ...EMPTY, ...initial };
  }

  get state(): State {
    return this.#state;
  }

  /** Calls `listener` after every change; the answer ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Layers of a side; the right side has its own only while it is compared with other layers. */
  layersOn(side: Side): readonly LayerState[] {
    return shownOn(this.#state, side).layers;
  }

  isOn(collection: string, side: Side = 'left'): boolean {
    return this.layersOn(side).some((layer) => layer.collection === collection);
  }

  /** Switches a layer on (it goes on top) or off; without `on`, to the other state. */
  toggle(collection: string, on?: boolean, side: Side = 'left'): void {
    const isOn = this.isOn(collection, side);
    const wanted = on ?? !isOn;
    if (wanted === isOn) return;
    this.#edit(side, (layers) =>
      wanted
        ? [{ collection, opacity: 1, filter: null }, ...layers]
        : layers.filter((layer) => layer.collection !== collection),
    );
  }

  setOpacity(collection: string, opacity: number, side: Side = 'left'): void {
    const value = Math.min(1, Math.max(0, opacity));
    this.#edit(side, (layers) =>
      layers.map((layer) => (layer.collection === collection ? { ...layer, opacity: value } : layer)),
    );
  }

  /** Moves a layer towards the top (negative steps) or the bottom; it stops at either end. */
  move(collection: string, steps: number, side: Side = 'left'): void {
    const layers = [...this.layersOn(side)];
    const from = layers.findIndex((layer) => layer.collection === collection);
    if (from < 0) return;
    const to = Math.min(layers.length - 1, Math.max(0, from + steps));
    if (to === from) return;
    layers.splice(to, 0, ...layers.splice(from, 1));
    this.#edit(side, () => layers);
  }

  /** Changes the layers of a side; what is selected in a layer that goes off is forgotten. */
  #edit(side: Side, change: (layers: readonly LayerState[]) => readonly LayerState[]): void {
    const { compare } = this.#state;
    if (side === 'right' && compare.rightLayers) {
      this.#set({ compare: { ...compare, rightLayers: change(compare.rightLayers) } });
      return;
    }
    const layers = change(this.#state.layers);
    const { selection } = this.#state;
    const isGone = selection && !layers.some((layer) => layer.collection === selection.collection);
    this.#set({ layers, selection: isGone ? null : selection });
  }

  setValidAt(day: string): void {
    requireDay(day);
    if (day !== this.#state.validAt) this.#set({ validAt: day });
  }

  /** An RFC 3339 instant, or '' for now. */
  setKnownAt(instant: string): void {
    if (instant !== '' && !INSTANT.test(instant)) throw new RangeError(`not an RFC 3339 instant: ${instant}`);
    if (instant !== this.#state.knownAt) this.#set({ knownAt: instant });
  }

  /** Draws only what the CQL2 text lets through; null draws everything. */
  setFilter(collection: string, filter: string | null, side: Side = 'left'): void {
    const value = filter?.trim() || null;
    if (this.layersOn(side).find((layer) => layer.collection === collection)?.filter === value) return;
    this.#edit(side, (layers) =>
      layers.map((layer) => (layer.collection === collection ? { ...layer, filter: value } : layer)),
    );
  }

  setCompare(change: Partial<Compare>): void {
    requireDay(change.rightValidAt ?? '');
    this.#set({ compare: { ...this.#state.compare, ...change } });
  }

  /** Opens the panel of a tool, or closes the one that is open. */
  setTool(tool: string | null): void {
    if (tool !== this.#state.tool) this.#set({ tool });
  }

  setPlot(plot: State['plot']): void {
    if (plot !== this.#state.plot) this.#set({ plot });
  }

  setBase(base: string): void {
    if (base !== this.#state.base) this.#set({ base });
  }

  /** Everything off the map at once. */
  clearLayers(): void {
    if (this.#state.layers.length) this.#set({ layers: [], selection: null });
  }

  select(selection: Selection | null): void {
    if (selection !== this.#state.selection) this.#set({ selection });
  }

  setView(view: View): void {
    this.#set({ view });
  }

  #set(change: Partial<State>): void {
    const before = this.#state;
    this.#state = { ...before, ...change };
    for (const listener of [...this.#listeners]) listener(this.#state, before);
  }
}

function requireDay(day: string): void {
  if (day !== '' && !ISO_DAY.test(day)) throw new RangeError(`not an ISO day: ${day}`);
}

/** What a link to this map must carry, as a URL fragment without '#': view, day, layers, comparison, base map. */
export function toFragment(state: State): string {
  const parts: string[] = [];
  if (state.view) {
    const { lon, lat, zoom } = state.view;
    parts.push(`map=${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`);
  }
  if (state.validAt) parts.push(`date=${state.validAt}`);
  if (state.knownAt) parts.push(`known=${encodeURIComponent(state.knownAt)}`);
  const { mode, rightValidAt, rightLayers } = state.compare;
  if (mode !== 'off') {
    parts.push(`compare=${mode}`);
    if (rightValidAt) parts.push(`right-date=${rightValidAt}`);
    if (rightLayers) parts.push(`right-layers=${layersText(rightLayers)}`);
  }
  if (state.base) parts.push(`base=${encodeURIComponent(state.base)}`);
  if (state.tool) parts.push(`tool=${encodeURIComponent(state.tool)}`);
  parts.push(`layers=${layersText(state.layers)}`);
  return parts.join('&');
}

/** Reads {@link toFragment}'s answer; what is malformed is left out. `layers` is absent when the link names none. */
export function fromFragment(fragment: string): Partial<State> {
  const values = new Map<string, string>();
  for (const part of fragment.replace(/^#/, '').split('&')) {
    const equals = part.indexOf('=');
    if (equals > 0) values.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const found: { -readonly [K in keyof State]?: State[K] } = {};
  const view = viewOf(values.get('map') ?? '');
  if (view) found.view = view;
  if (ISO_DAY.test(values.get('date') ?? '')) found.validAt = values.get('date')!;
  const known = decoded(values.get('known') ?? '');
  if (INSTANT.test(known)) found.knownAt = known;
  const layers = values.get('layers');
  if (layers !== undefined) found.layers = layersOf(layers);
  const compare = compareOf(values);
  if (compare) found.compare = compare;
  const base = decoded(values.get('base') ?? '');
  if (base) found.base = base;
  const tool = decoded(values.get('tool') ?? '');
  if (tool) found.tool = tool;
  return found;
}

function viewOf(text: string): View | null {
  const [zoom, lat, lon] = text.split('/').map(Number);
  return [zoom, lat, lon].every((n) => Number.isFinite(n)) ? { zoom: zoom!, lat: lat!, lon: lon! } : null;
}

function compareOf(values: ReadonlyMap<string, string>): Compare | null {
  const mode = MODES.find((one) => one === values.get('compare'));
  if (!mode || mode === 'off') return null;
  const day = values.get('right-date') ?? '';
  const layers = values.get('right-layers');
  return { mode, rightValidAt: ISO_DAY.test(day) ? day : '', rightLayers: layers === undefined ? null : layersOf(layers) };
}

/** `collection`, `collection*0.40` or `collection*1*FILTER`, each encoded, joined by commas. */
function layersText(layers: readonly LayerState[]): string {
  return layers
    .map(({ collection, opacity, filter }) => {
      if (filter !== null) return `${collection}*${opacity.toFixed(2)}*${filter}`;
      return opacity === 1 ? collection : `${collection}*${opacity.toFixed(2)}`;
    })
    .map(encodeURIComponent)
    .join(',');
}

function layersOf(text: string): LayerState[] {
  return text.split(',').filter(Boolean).map(decoded).filter(Boolean).map(layerOf);
}

function layerOf(text: string): LayerState {
  const [collection = '', opacity = '1', ...rest] = text.split('*');
  const value = Number(opacity);
  const filter = rest.join('*').trim() || null;
  return { collection, opacity: Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 1, filter };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export const store = new Store(typeof location === 'undefined' ? {} : fromFragment(location.hash));
