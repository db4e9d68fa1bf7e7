/** `<ky-palette>`: Ctrl-K reaches any layer, place, parcel and page. */
import { html, nothing, type TemplateResult } from 'lit';
import { findLayers, searchPlaces, type SearchHit, type TreeNode } from '../api';
import { PageElement } from '../element';
import { icon, type IconName } from '../icons';
import { named, t } from '../language';
import { store } from '../store';
import { tools } from '../tools/registry';
import { toggleTool } from './tool-host';

interface Command {
  readonly group: string;
  readonly title: string;
  readonly note: string;
  readonly icon: IconName;
  readonly words: string;
  run(): void;
}

const MOST_PER_GROUP = 8;
const PAUSE_MS = 180;

export class KyPalette extends PageElement {
  static override properties = { words: { state: true }, found: { state: true }, active: { state: true } };

  declare words: string;
  declare found: readonly Command[];
  declare active: number;
  #fixed: readonly Command[] = [];
  #timer = 0;
  #request: AbortController | undefined;

  constructor() {
    super();
    this.words = '';
    this.found = [];
    this.active = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#shortcut);
  }

  override disconnectedCallback(): void {
    document.removeEventListener('keydown', this.#shortcut);
    super.disconnectedCallback();
  }

  readonly #shortcut = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      this.show();
    }
  };

  get #dialog(): HTMLDialogElement | null {
    return this.querySelector('dialog');
  }

  show(): void {
    if (this.#dialog?.open) return;
    this.words = '';
    this.active = 0;
    this.#dialog?.showModal();
    this.querySelector('input')?.focus();
    this.#fixed = [...toolCommands(), ...pageCommands()];
    this.found = this.#matching('');
  }

  #close(): void {
    this.#dialog?.close();
  }

  #matching(words: string): Command[] {
    const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = new Map<string, number>();
    return this.#fixed.filter((command) => {
      if (!parts.every((part) => command.words.includes(part))) return false;
      const count = (counts.get(command.group) ?? 0) + 1;
      counts.set(command.group, count);
      return count <= MOST_PER_GROUP;
    });
  }

  #typed(event: InputEvent): void {
    this.words = (event.target as HTMLInputElement).value;
    this.active = 0;
    this.found = this.#matching(this.words);
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  /** Layers, places and parcels are asked of the node: it may know thousands. */
  async #ask(): Promise<void> {
    this.#request?.abort();
    const words = this.words.trim();
    if (!words) return;
    const request = (this.#request = new AbortController());
    const on = store.state.layers.map((layer) => layer.collection);
    const layers: Command[] = [];
    const places: Command[] = [];
    const show = (): void => {
      if (words === this.words.trim()) this.found = [...layers, ...this.#matching(words), ...places];
    };
    // whoever answers first is shown first; the search box says what is wrong with the search
    await Promise.all([
      findLayers(words, request.signal).then((answer) => {
        layers.push(...answer.nodes.slice(0, MOST_PER_GROUP).map(layerCommand));
        show();
      }).catch(() => undefined),
      searchPlaces(words, store.state.validAt, request.signal, on).then((hits) => {
        places.push(...hits.map((hit) => this.#placeCommand(hit)));
        show();
      }).catch(() => undefined),
    ]);
  }

  #placeCommand(hit: SearchHit): Command {
    return {
      group: t('地点与地块', 'Places and parcels'),
      title: hit.title,
      note: hit.subtitle,
      icon: hit.kind === 'feature' ? 'stack-2' : 'map-pin',
      words: '',
      run: () => this.dispatchEvent(new CustomEvent('search-taken', { detail: hit, bubbles: true })),
    };
  }

  #keys(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const count = this.found.length;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (count) this.active = (this.active + (event.key === 'ArrowDown' ? 1 : count - 1)) % count;
      void this.updateComplete.then(() => this.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.#run(this.found[this.active]);
    }
  }

  #run(command: Command | undefined): void {
    if (!command) return;
    this.#close();
    command.run();
  }

  protected override render(): TemplateResult {
    return html`<dialog class="ky-palette" aria-label=${t('命令面板', 'Command palette')} @click=${(event: Event) => {
      if (event.target === this.#dialog) this.#close();
    }}>
      <div class="ky-palette-box">
        <div class="ky-palette-input">${icon('command')}
          <input type="text" role="combobox" aria-expanded="true" aria-controls="ky-palette-list" aria-autocomplete="list" autocomplete="off" spellcheck="false"
            aria-label=${t('输入图层、地名、标识码或页面', 'Type a layer, place, parcel code or page')} placeholder=${t('图层、地名、标识码、页面…', 'Layer, place, parcel code, page…')}
            aria-activedescendant=${this.found.length ? `ky-command-${this.active}` : nothing} .value=${this.words} @input=${this.#typed} @keydown=${this.#keys}>
          <button type="button" class="ky-tool" @click=${() => this.#close()} aria-label=${t('关闭', 'Close')}>${icon('x')}</button>
        </div>
        ${this.#list()}
        <p class="ky-palette-help"><kbd>↑</kbd> <kbd>↓</kbd> ${t('选择', 'choose')} · <kbd>Enter</kbd> ${t('执行', 'run')} · <kbd>Esc</kbd> ${t('关闭', 'close')}</p>
      </div>
    </dialog>`;
  }

  #list(): TemplateResult {
    if (!this.found.length) return html`<p class="ky-hint" role="status">${t('没有相符的图层、地点或页面。', 'No layer, place or page matches.')}</p>`;
    let group = '';
    return html`<ul id="ky-palette-list" role="listbox" aria-label=${t('命令', 'Commands')}>${this.found.map((command, index) => {
      const head = command.group !== group ? html`<li class="ky-palette-group" role="presentation">${command.group}</li>` : nothing;
      group = command.group;
      return html`${head}<li id=${`ky-command-${index}`} role="option" aria-selected=${index === this.active ? 'true' : 'false'} @click=${() => this.#run(command)}>
        ${icon(command.icon)}<span>${command.title}</span><small>${command.note}</small></li>`;
    })}</ul>`;
  }
}

function layerCommand(node: TreeNode): Command {
  const isOn = store.isOn(node.id);
  return {
    group: t('图层（开关）', 'Layers (switch)'),
    title: named(node),
    note: `${node.code} ${named({ name_zh: node.path_zh, name_en: node.path_en })}${isOn ? t(' · 已开', ' · on') : ''}`,
    icon: 'stack-2',
    words: '',
    run: () => store.toggle(node.id),
  };
}

function toolCommands(): Command[] {
  return tools().map((tool) => ({
    group: t('工具', 'Tools'),
    title: t(...tool.title),
    note: tool.shortcut ? `Alt+${tool.shortcut.toUpperCase()}` : '',
    icon: tool.icon,
    words: tool.title.join(' ').toLowerCase(),
    run: () => toggleTool(tool),
  }));
}

/** Pages the person may open: what the top bar offers. */
function pageCommands(): Command[] {
  const links = document.querySelectorAll<HTMLAnchorElement>('.ky-nav a');
  return [...links].map((link) => ({
    group: t('页面', 'Pages'),
    title: link.textContent?.trim().replace(/\s+/g, ' · ') ?? '',
    note: link.getAttribute('href') ?? '',
    icon: 'file-text' as const,
    words: `${link.textContent} ${link.getAttribute('href')}`.toLowerCase(),
    run: () => location.assign(link.href),
  }));
}

customElements.define('ky-palette', KyPalette);
