/**
 * How a tool joins the desk.
 *
 * 1. `registerTool({ id, icon, title, shortcut, element, load })` puts a button into the strip at the right of the map
 *    (on a phone into the sheet 工具), and into the command palette. Call it from `tools/index.ts`, which the desk loads;
 *    put the panel itself behind `load: () => import('./my-panel')`, so that the first page does not wait for it.
 * 2. Pressing it sets `store.state.tool` to the id; the host (`panels/tool-host.ts`) makes `element` once, gives it
 *    `.map` (the `<ky-map>` of the left side) and shows it: `place: 'right'` beside the map (default, 380 px), `'bottom'`
 *    under it over the whole width (tables). `store.setTool(null)` closes. The element stays alive while closed.
 * 3. While it is open its optional `MapTool` methods hear the map first: `mapClick`, `mapDoubleClick` and `mapKey`
 *    answer true when they have used the event; a click nobody used asks what lies there (`ky-feature`). Set `cursor` to
 *    show another pointer. Clicks on the right map of a comparison are heard too.
 * 4. Drawing: `map.drawLayer(id, features)` in the house look for sketches, `map.addOverlay(id, features, layers)` in
 *    your own, both again with new features to change them, `map.removeOverlay(id)`; `map.zoomTo(box)`,
 *    `map.highlight(geometry)`. Overlays lie above the data and below the outline of the chosen feature; they appear on
 *    both maps of a comparison. Bare MapLibre: `map.map`.
 * 5. Shared state is `store.state` (`store.ts`): layers (with filter), validAt, knownAt, selection, view, compare, tool,
 *    plot, base. What a layer is: `await layerInfo(collection)` (`api.ts`), kept per page. Say something to the person:
 *    `this.dispatchEvent(new CustomEvent('desk-say', { detail: text, bubbles: true }))`. Open the features of a place:
 *    event `desk-identify` `{ lon, lat, zoom?, feature? }`; zoom so that panels hide nothing: event `zoom-to` with a Box.
 */
import type { IconName } from '../icons';
import type { KyMap } from '../map/map-view';

/** A place on the map, longitude and latitude in degrees (CGCS2000), with the pixel it was pointed at. */
export interface MapPlace {
  readonly lon: number;
  readonly lat: number;
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

/** What hears the map while a tool is open; true means: used, nobody else shall hear of it. */
export interface MapTool {
  readonly cursor?: string;
  mapClick?(place: MapPlace): boolean;
  mapDoubleClick?(place: MapPlace): boolean;
  /** null: the pointer left the map. */
  mapMove?(place: MapPlace | null): void;
  /** A key pressed while the map has the focus; Enter acts at the centre, which `place` is. */
  mapKey?(event: KeyboardEvent, place: MapPlace): boolean;
}

export interface ToolPanel extends HTMLElement, MapTool {
  map?: KyMap | undefined;
}

export interface Tool {
  readonly id: string;
  readonly icon: IconName;
  /** Chinese and English. */
  readonly title: readonly [string, string];
  /** One letter, pressed with Alt: `m` is Alt+M; '' has none. */
  readonly shortcut: string;
  /** Tag of the panel. */
  readonly element: string;
  readonly place?: 'right' | 'bottom';
  /** Smaller numbers come first in the strip; 50 unless told. */
  readonly order?: number;
  readonly load?: () => Promise<unknown>;
}

const registered = new Map<string, Tool>();
const listeners = new Set<() => void>();

/** Adds a tool; a second one of the same id takes the place of the first. */
export function registerTool(tool: Tool): void {
  registered.set(tool.id, tool);
  for (const listener of [...listeners]) listener();
}

/** The tools in the order of the strip. */
export function tools(): readonly Tool[] {
  return [...registered.values()].sort((a, b) => (a.order ?? 50) - (b.order ?? 50));
}

export function toolOf(id: string | null): Tool | undefined {
  return id === null ? undefined : registered.get(id);
}

/** Calls `listener` whenever a tool is added; the answer ends it. */
export function onToolsChanged(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
