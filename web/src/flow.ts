/**
 * `<ky-flow>` around the picture of a flow: zoom and move it by mouse, finger, keyboard and buttons. Without scripts the
 * picture stands there by itself, scaled to the page; what it says is told by its title and description either way.
 */
import './styles/flow.css';
import { around, centred, first, fitted, heightFor, moved, viewBox, zoomed, type Frame, type View } from './flow/flow-model';
import { t } from './language';

const STEP = 60;
const FACTOR = 1.25;

class KyFlow extends HTMLElement {
  #svg: SVGSVGElement | null = null;
  #frame: Frame = { x: 0, y: 0, width: 1, height: 1 };
  #view: View | null = null;
  #pointers = new Map<number, PointerEvent>();
  #observer: ResizeObserver | null = null;
  #stop = new AbortController();

  connectedCallback(): void {
    const svg = this.querySelector('svg');
    const [x, y, width, height] = (svg?.getAttribute('viewBox') ?? '').split(' ').map(Number);
    if (!svg || !width || !height || this.#svg) return;
    this.#svg = svg;
    this.#frame = { x: x ?? 0, y: y ?? 0, width, height };
    this.tabIndex = 0;
    this.setAttribute('role', 'group');
    this.setAttribute('aria-label', t('流程图：方向键移动，加减号缩放，0 看全图', 'Flow: arrows move it, plus and minus zoom, 0 shows all'));
    this.classList.add('ky-flow-live');
    this.append(this.#toolbar());
    this.#listen();
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(this);
  }

  disconnectedCallback(): void {
    this.#observer?.disconnect();
    this.#stop.abort();
  }

  #listen(): void {
    const options = { signal: this.#stop.signal };
    this.addEventListener('keydown', (event) => this.#pressed(event), options);
    this.addEventListener('wheel', (event) => this.#turned(event), { ...options, passive: false });
    this.#svg!.addEventListener('pointerdown', (event) => this.#taken(event), options);
    this.#svg!.addEventListener('pointermove', (event) => this.#dragged(event), options);
    for (const name of ['pointerup', 'pointercancel'] as const) {
      this.#svg!.addEventListener(name, (event) => this.#pointers.delete(event.pointerId), options);
    }
    window.addEventListener('beforeprint', () => this.#show(fitted(this.#frame, this.#screen())), options);
  }

  #toolbar(): HTMLElement {
    const bar = document.createElement('div');
    bar.className = 'ky-flow-tools';
    const tools: [string, string, () => void][] = [
      ['+', t('放大', 'Zoom in'), () => this.#zoom(FACTOR)],
      ['−', t('缩小', 'Zoom out'), () => this.#zoom(1 / FACTOR)],
      [t('全图', 'All'), t('显示全图', 'Show all of it'), () => this.#show(fitted(this.#frame, this.#screen()))],
    ];
    if (this.#waiting()) tools.push([t('当前', 'Now'), t('显示当前环节', 'Show what waits now'), () => this.#showWaiting()]);
    for (const [text, label, act] of tools) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = text;
      button.title = label;
      button.setAttribute('aria-label', label);
      button.addEventListener('click', act);
      bar.append(button);
    }
    return bar;
  }

  #screen(): { width: number; height: number } {
    return { width: this.#svg!.clientWidth || 1, height: this.#svg!.clientHeight || 1 };
  }

  /** Around the stages that wait, in pixels of the picture; null when none does. */
  #waiting(): Frame | null {
    const found = this.#svg!.querySelectorAll<SVGGElement>('g[data-state="waiting"]');
    return around([...found].map((one) => one.getBBox()));
  }

  #resized(): void {
    const width = this.clientWidth;
    if (width === 0) return;
    this.#svg!.style.height = `${heightFor(this.#frame, width, window.innerHeight * 0.75)}px`;
    const screen = this.#screen();
    this.#show(this.#view ? moved(this.#view, 0, 0, this.#frame, screen) : first(this.#frame, screen, this.#waiting()));
  }

  #show(view: View): void {
    this.#view = view;
    this.#svg!.setAttribute('viewBox', viewBox(view, this.#screen()));
  }

  #showWaiting(): void {
    const box = this.#waiting();
    if (box) this.#show(centred(box, 1, this.#frame, this.#screen()));
  }

  #zoom(factor: number, x?: number, y?: number): void {
    if (!this.#view) return;
    const screen = this.#screen();
    this.#show(zoomed(this.#view, factor, x ?? screen.width / 2, y ?? screen.height / 2, this.#frame, screen));
  }

  #move(dx: number, dy: number): void {
    if (this.#view) this.#show(moved(this.#view, dx, dy, this.#frame, this.#screen()));
  }

  #pressed(event: KeyboardEvent): void {
    if (event.target !== this || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.#move(STEP, 0),
      ArrowRight: () => this.#move(-STEP, 0),
      ArrowUp: () => this.#move(0, STEP),
      ArrowDown: () => this.#move(0, -STEP),
      '+': () => this.#zoom(FACTOR),
      '=': () => this.#zoom(FACTOR),
      '-': () => this.#zoom(1 / FACTOR),
      '0': () => this.#show(fitted(this.#frame, this.#screen())),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** With Ctrl, as everywhere; the wheel alone moves the page. A pinch on a touchpad comes the same way. */
  #turned(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const place = this.#svg!.getBoundingClientRect();
    this.#zoom(Math.exp(-event.deltaY / 200), event.clientX - place.left, event.clientY - place.top);
  }

  #taken(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#pointers.set(event.pointerId, event);
    this.#svg!.setPointerCapture(event.pointerId);
  }

  #dragged(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.#pointers.values()].find((one) => one.pointerId !== event.pointerId);
    this.#pointers.set(event.pointerId, event);
    if (!other) {
      this.#move(event.clientX - before.clientX, event.clientY - before.clientY);
      return;
    }
    const apart = (one: PointerEvent): number => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    const place = this.#svg!.getBoundingClientRect();
    const [x, y] = [(event.clientX + other.clientX) / 2 - place.left, (event.clientY + other.clientY) / 2 - place.top];
    this.#zoom(apart(event) / apart(before), x, y);
    this.#move((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  }
}

customElements.define('ky-flow', KyFlow);
