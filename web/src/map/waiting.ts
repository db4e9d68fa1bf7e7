/** Whether the picture of a map is complete: nothing is awaited of the node, and the map has come to rest. */
export class Waiting {
  readonly #tell: (busy: boolean) => void;
  readonly #draw: () => void;
  #awaited = 0;
  #busy: boolean | null = null;

  /** `tell` hears every change; `draw` asks for one more picture, after which the map says that it rests. */
  constructor(tell: (busy: boolean) => void, draw: () => void) {
    this.#tell = tell;
    this.#draw = draw;
  }

  /** Something is on its way, or the map moves. */
  begin(): void {
    this.#set(true);
  }

  /** The map has drawn all it asked for; that is all there is once no answer is awaited any more. */
  rest(): void {
    if (!this.#awaited) this.#set(false);
  }

  /** Counts an answer among those that are awaited. Fails as the answer does. */
  async during<T>(answer: Promise<T>): Promise<T> {
    this.#awaited += 1;
    this.begin();
    try {
      return await answer;
    } finally {
      this.#awaited -= 1;
      if (!this.#awaited) this.#draw();
    }
  }

  #set(busy: boolean): void {
    if (busy === this.#busy) return;
    this.#busy = busy;
    this.#tell(busy);
  }
}
