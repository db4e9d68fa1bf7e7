/** The one store that all components of a page share: what is on the map, at which date, and what is selected. */

export interface LayerState {
  readonly collection: string;
  /** 0 … 1 */
  readonly opacity: number;
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
  readonly selection: Selection | null;
  readonly view: View | null;
}

type Listener = (state: State, before: State) => void;

const EMPTY: State = { layers: [], validAt: '', selection: null, view: null };

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

  isOn(collection: string): boolean {
    return this.#state.layers.some((layer) => layer.collection === collection);
  }

  /** Switches a layer on (it goes on top) or off; without `on`, to the other state. */
  toggle(collection: string, on = !this.isOn(collection)): void {
    if (on === this.isOn(collection)) return;
    const layers = on
      ? [{ collection, opacity: 1 }, ...this.#state.layers]
      : this.#state.layers.filter((layer) => layer.collection !== collection);
    const selection = !on && this.#state.selection?.collection === collection ? null : this.#state.selection;
    this.#set({ layers, selection });
  }

  setOpacity(collection: string, opacity: number): void {
    const value = Math.min(1, Math.max(0, opacity));
    this.#set({
      layers: this.#state.layers.map((layer) => (layer.collection === collection ? { ...layer, opacity: value } : layer)),
    });
  }

  /** Moves a layer towards the top (negative steps) or the bottom; it stops at either end. */
  move(collection: string, steps: number): void {
    const layers = [...this.#state.layers];
    const from = layers.findIndex((layer) => layer.collection === collection);
    if (from < 0) return;
    const to = Math.min(layers.length - 1, Math.max(0, from + steps));
    if (to === from) return;
    layers.splice(to, 0, ...layers.splice(from, 1));
    this.#set({ layers });
  }

  setValidAt(day: string): void {
    if (day !== '' && !/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new RangeError(`not an ISO day: ${day}`);
    if (day !== this.#state.validAt) this.#set({ validAt: day });
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

/** What a link to this map must carry, as a URL fragment without '#': view, day, layers with opacity. */
export function toFragment(state: State): string {
  const parts: string[] = [];
  if (state.view) {
    const { lon, lat, zoom } = state.view;
    parts.push(`map=${zoom.toFixed(2)}/${lat.toFixed(5)}/${lon.toFixed(5)}`);
  }
  if (state.validAt) parts.push(`date=${state.validAt}`);
  const layers = state.layers.map(({ collection, opacity }) =>
    opacity === 1 ? collection : `${collection}*${opacity.toFixed(2)}`,
  );
  parts.push(`layers=${layers.map(encodeURIComponent).join(',')}`);
  return parts.join('&');
}

/** Reads {@link toFragment}'s answer; what is malformed is left out. `layers` is absent when the link names none. */
export function fromFragment(fragment: string): Partial<State> {
  const found: { -readonly [K in keyof State]?: State[K] } = {};
  for (const part of fragment.replace(/^#/, '').split('&')) {
    const [key, value = ''] = part.split('=', 2);
    if (key === 'map') {
      const [zoom, lat, lon] = value.split('/').map(Number);
      if ([zoom, lat, lon].every((n) => Number.isFinite(n))) found.view = { zoom: zoom!, lat: lat!, lon: lon! };
    } else if (key === 'date' && /^\d{4}-\d{2}-\d{2}$/.test(value)) {
      found.validAt = value;
    } else if (key === 'layers') {
      found.layers = value.split(',').filter(Boolean).map(decodeURIComponent).map(layerOf);
    }
  }
  return found;
}

function layerOf(text: string): LayerState {
  const [collection = '', opacity = '1'] = text.split('*', 2);
  const value = Number(opacity);
  return { collection, opacity: Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 1 };
}

export const store = new Store(typeof location === 'undefined' ? {} : fromFragment(location.hash));
