/** What every component of the page has in common: no shadow root, so that the page's look applies to it. */
import { LitElement } from 'lit';
import { store, type State } from './store';

export class PageElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** A component that is drawn again whenever the shared store changes. */
export class StoreElement extends PageElement {
  #unsubscribe: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = store.subscribe((state, before) => {
      this.stateChanged(state, before);
      this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    this.#unsubscribe?.();
    super.disconnectedCallback();
  }

  /** For what must happen besides drawing again. */
  protected stateChanged(_state: State, _before: State): void {}
}
