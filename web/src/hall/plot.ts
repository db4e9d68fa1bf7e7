/** The plot of an application on the map: drawn by touch, mouse or keys, and what it overlaps. The forms work without it. */
import type { Position } from 'geojson';
import { t } from '../language';
import { boxOf } from '../map/findings';
import '../map/map-view';
import type { KyMap } from '../map/map-view';
import { readPoint } from '../tools/plane';
import { begin, canFinish, removeVertex, sketchOf, type Sketch } from '../tools/sketch';
import { SketchControl } from '../tools/sketch-control';
import { MARK_LAYERS, PLACE_LAYERS, WHOLE_LAYERS, cornerText, cornersOf, geometryFrom, hintOf, marksOf, overlapsOf, readBox, sentOf, type Places } from './plot-model';

const NOTHING: Places = { type: 'FeatureCollection', features: [] };

export class HallPlot {
  readonly #card: HTMLElement;
  readonly #form: HTMLFormElement;
  readonly #field: HTMLInputElement;
  readonly #map: KyMap;
  readonly #control: SketchControl;
  readonly #fault: Position | null;
  #places: Places = NOTHING;
  #chosen = '';

  constructor(card: HTMLElement) {
    this.#card = card;
    this.#form = card.querySelector('form')!;
    this.#field = this.#form.querySelector('input[name=geometry]')!;
    const { faultLon, faultLat, box } = card.dataset;
    this.#fault = faultLon && faultLat ? [Number(faultLon), Number(faultLat)] : null;
    // the server alone says how large the plot is
    this.#control = new SketchControl({ id: 'plot', kind: 'area', legs: false, total: false, changed: (sketch) => this.#changed(sketch) });
    this.#map = document.createElement('ky-map');
    this.#map.className = 'hl-map';
    this.#map.listening = () => this.#control;
    this.#map.addEventListener('map-ready', () => void this.#begin(readBox(box)), { once: true });
    card.querySelector<HTMLElement>('[data-drawing]')!.hidden = false;
    card.querySelector('.hl-map-place')!.replaceChildren(this.#map);
    this.#listen();
    this.#tell();
  }

  #part<T extends HTMLElement>(name: string): T {
    return this.#card.querySelector<T>(`[data-${name}]`)!;
  }

  #listen(): void {
    this.#part('finish').addEventListener('click', () => this.#control.finish());
    this.#part('undo').addEventListener('click', () => this.#control.undo());
    this.#part('restart').addEventListener('click', () => this.#control.restart());
    this.#part('add').addEventListener('click', () => this.#addCorner());
    this.#part('corner').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.#addCorner();
    });
    // a draft taken back fills the field
    this.#field.addEventListener('change', () => this.#show(geometryFrom(this.#field.value)));
    document.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('[data-show-place]') : null;
      const fingerprint = button?.closest<HTMLElement>('[data-fingerprint]')?.dataset.fingerprint;
      if (fingerprint) this.#choose(fingerprint);
    });
    document.addEventListener('hall-checked', () => void this.#loadPlaces());
  }

  async #begin(box: [number, number, number, number] | null): Promise<void> {
    this.#map.addOverlay('places', overlapsOf(NOTHING, ''), PLACE_LAYERS);
    this.#control.attach(this.#map);
    await this.#loadPlaces();
    const given = geometryFrom(this.#field.value);
    if (given) this.#show(given);
    else this.#showKept();
    const shown = given ? boxOf(given) : box;
    if (this.#fault) this.#map.map?.jumpTo({ center: this.#fault as [number, number], zoom: Math.max(this.#map.map.getZoom(), 11) });
    if (shown) this.#map.map?.fitBounds(shown, { padding: 48, maxZoom: 18, duration: 0 });
  }

  /** The plot as the node keeps it. */
  #showKept(): void {
    const kept = this.#places.features.find((one) => one.properties.tone === 'plot');
    if (!kept) return;
    const sketch = sketchOf(kept.geometry);
    if (sketch) this.#control.show(sketch);
    else this.#map.addOverlay('whole', { type: 'FeatureCollection', features: [kept] }, WHOLE_LAYERS);
    this.#tell();
    this.#part<HTMLButtonElement>('save').disabled = true; // nothing was changed yet
  }

  #show(geometry: GeoJSON.Geometry | null): void {
    this.#control.show((geometry && sketchOf(geometry)) ?? begin('area'));
    this.#field.value = sentOf(this.#control.sketch);
    this.#tell();
  }

  #changed(sketch: Sketch): void {
    this.#map.removeOverlay('whole');
    this.#field.value = sentOf(sketch);
    this.#field.dispatchEvent(new Event('input', { bubbles: true }));
    this.#tell();
  }

  #addCorner(): void {
    const input = this.#part<HTMLInputElement>('corner');
    const problem = this.#part('corner-problem');
    const point = readPoint(input.value);
    problem.hidden = point !== null;
    problem.textContent = point ? '' : t(`“${input.value}”不是坐标。`, `“${input.value}” is no coordinate.`);
    if (!point) return;
    input.value = '';
    if (this.#control.sketch.finished) this.#control.show(begin('area'));
    this.#control.add([point.lon, point.lat]);
    this.#map.map?.easeTo({ center: [point.lon, point.lat], ...(this.#map.map.getZoom() < 14 ? { zoom: 15 } : {}) });
  }

  #removeCorner(ring: number, index: number): void {
    const { sketch } = this.#control;
    // while it grows any corner may go; an outline that is finished keeps its three
    const next = sketch.finished ? removeVertex(sketch, { ring, index }) : { ...sketch, rings: sketch.rings.map((points, at) => (at === ring ? points.filter((_, place) => place !== index) : points)) };
    this.#control.show(next);
    this.#changed(next);
  }

  /** Buttons, sentence, list of corners and marks as the sketch stands. */
  #tell(): void {
    const { sketch } = this.#control;
    const begun = sketch.finished || Boolean(sketch.rings[0]?.length);
    this.#part('hint').textContent = hintOf(sketch);
    this.#part<HTMLButtonElement>('finish').disabled = !canFinish(sketch);
    this.#part<HTMLButtonElement>('undo').disabled = !begun;
    this.#part<HTMLButtonElement>('restart').disabled = !begun;
    this.#part<HTMLButtonElement>('save').disabled = !this.#field.value;
    const rows = cornersOf(sketch).map(({ ring, index, at, name }) => {
      const row = document.createElement('li');
      const words = document.createElement('span');
      words.textContent = `${name}：${cornerText(at)}`;
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'btn btn-outline-secondary';
      button.textContent = t('删除', 'Remove');
      button.setAttribute('aria-label', t(`删除角点 ${name}`, `Remove corner ${name}`));
      button.disabled = sketch.finished && ring === 0 && (sketch.rings[0]?.length ?? 0) <= 3;
      button.addEventListener('click', () => this.#removeCorner(ring, index));
      row.append(words, button);
      return row;
    });
    this.#part('corners').replaceChildren(...rows);
    if (this.#map.ready) this.#map.addOverlay('marks', marksOf(sketch, this.#fault), MARK_LAYERS);
  }

  // -- what it overlaps ------------------------------------------------------------------------------------

  async #loadPlaces(): Promise<void> {
    const answer = await fetch(this.#card.dataset.places!, { headers: { Accept: 'application/geo+json' } }).catch(() => null);
    this.#places = answer?.ok ? ((await answer.json()) as Places) : NOTHING;
    this.#map.addOverlay('places', overlapsOf(this.#places, this.#chosen), PLACE_LAYERS);
    for (const button of document.querySelectorAll<HTMLElement>('[data-show-place]')) button.hidden = false;
  }

  #choose(fingerprint: string): void {
    this.#chosen = fingerprint;
    this.#map.addOverlay('places', overlapsOf(this.#places, fingerprint), PLACE_LAYERS);
    const found = this.#places.features.find((one) => one.properties.fingerprint === fingerprint);
    const box = boxOf(found?.geometry);
    this.#map.scrollIntoView({ block: 'center' });
    if (box) this.#map.zoomTo(box);
  }
}
