/** `<ky-tool-host>`: shows the panel of the tool that is open and lets it hear the map first. */
import { html, nothing, type TemplateResult } from 'lit';
import { StoreElement } from '../element';
import { icon } from '../icons';
import { t } from '../language';
import type { KyMap } from '../map/map-view';
import { store, type State } from '../store';
import { onToolsChanged, toolOf, tools, type MapTool, type Tool, type ToolPanel } from '../tools/registry';

export class KyToolHost extends StoreElement {
  static override properties = { place: {}, panel: { state: true }, problem: { state: true } };

  /** Which tools this host shows. */
  declare place: 'right' | 'bottom';
  declare panel: ToolPanel | null;
  declare problem: string;
  map: KyMap | undefined;
  readonly #panels = new Map<string, ToolPanel>();

  constructor() {
    super();
    this.place = 'right';
    this.panel = null;
    this.problem = '';
  }

  /** The tool that is open here, if any. */
  get tool(): Tool | undefined {
    const tool = toolOf(store.state.tool);
    return tool && (tool.place ?? 'right') === this.place ? tool : undefined;
  }

  /** What hears the map now. */
  get listening(): MapTool | null {
    return this.tool ? this.panel : null;
  }

  protected override firstUpdated(): void {
    void this.#open();
  }

  protected override stateChanged(state: State, before: State): void {
    if (state.tool !== before.tool) void this.#open();
  }

  async #open(): Promise<void> {
    const tool = this.tool;
    this.problem = '';
    this.panel = null;
    if (!tool) return this.#opened();
    const known = this.#panels.get(tool.id);
    if (!known) {
      try {
        await tool.load?.();
      } catch {
        this.problem = t('这个工具没有取到，请刷新页面。', 'This tool did not arrive; reload the page.');
        return;
      }
    }
    if (this.tool?.id !== tool.id) return; // another one was opened meanwhile
    const panel = known ?? (document.createElement(tool.element) as ToolPanel);
    this.#panels.set(tool.id, panel);
    panel.map = this.map;
    this.panel = panel;
    this.#opened();
  }

  #opened(): void {
    this.dispatchEvent(new CustomEvent('tool-opened', { bubbles: true }));
  }

  protected override render(): TemplateResult | typeof nothing {
    const tool = this.tool;
    if (!tool) return nothing;
    const title = t(...tool.title);
    return html`
      <header class="ky-panel-head">
        <h2>${icon(tool.icon)}${title}</h2>
        <button type="button" class="ky-tool" @click=${() => store.setTool(null)} aria-label=${t(`关闭${title}`, `Close ${title}`)}>${icon('x')}</button>
      </header>
      <div class="ky-tool-body" aria-busy=${this.panel || this.problem ? 'false' : 'true'}>${this.problem ? html`<p class="ky-hint" role="alert">${this.problem}</p>` : this.panel ?? nothing}</div>
    `;
  }
}

/** `<ky-tool-strip>`: the buttons of the tools. */
export class KyToolStrip extends StoreElement {
  #stop: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = onToolsChanged(() => this.requestUpdate());
    document.addEventListener('keydown', this.#shortcut);
  }

  override disconnectedCallback(): void {
    this.#stop?.();
    document.removeEventListener('keydown', this.#shortcut);
    super.disconnectedCallback();
  }

  readonly #shortcut = (event: KeyboardEvent): void => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    const tool = tools().find((one) => one.shortcut && `Key${one.shortcut.toUpperCase()}` === event.code);
    if (!tool) return;
    event.preventDefault();
    toggleTool(tool);
  };

  protected override render(): TemplateResult {
    return html`<div class="ky-strip" role="toolbar" aria-orientation="vertical" aria-label=${t('工具', 'Tools')} @keydown=${this.#keys}>
      ${tools().map((tool, index) => this.#button(tool, index))}
    </div>`;
  }

  #button(tool: Tool, index: number): TemplateResult {
    const open = store.state.tool === tool.id;
    const focusable = tools().some((one) => one.id === store.state.tool) ? open : index === 0;
    const hint = tool.shortcut ? ` (Alt+${tool.shortcut.toUpperCase()})` : '';
    return html`<button type="button" aria-pressed=${open ? 'true' : 'false'} data-tool=${tool.id} tabindex=${focusable ? 0 : -1}
      title=${`${t(...tool.title)}${hint}`} @click=${() => toggleTool(tool)}>${icon(tool.icon)}<span>${t(...tool.title)}</span></button>`;
  }

  /** Arrows move along the strip, as a toolbar's do. */
  #keys(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.querySelectorAll<HTMLButtonElement>('button')];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  }
}

export function toggleTool(tool: Tool): void {
  store.setTool(store.state.tool === tool.id ? null : tool.id);
}

customElements.define('ky-tool-host', KyToolHost);
customElements.define('ky-tool-strip', KyToolStrip);
declare global {
  interface HTMLElementTagNameMap {
    'ky-tool-host': KyToolHost;
    'ky-tool-strip': KyToolStrip;
  }
}
