// What the page says in words: errors, short notices, long work under way, and the news for screen readers.

import { byId, setText } from "./dom.ts";

const TOAST_MS = 3_500;

export class Notices {
  readonly #error = byId("error", HTMLElement);
  readonly #busy = byId("busy", HTMLElement);
  readonly #toast = byId("toast", HTMLElement);
  #toastTimer = 0;

  constructor() {
    byId("close-error", HTMLButtonElement).addEventListener("click", () => this.closeError());
  }

  error(text: string): void {
    this.#error.hidden = false;
    setText(byId("error-text", HTMLElement), text);
  }

  closeError(): void {
    this.#error.hidden = true;
  }

  /** Does what closes errors, and shows the one that was shown again. */
  keepError(work: () => unknown): void {
    const text = byId("error-text", HTMLElement).textContent ?? "";
    work();
    this.error(text);
  }

  toast(text: string): void {
    setText(this.#toast, text);
    this.#toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = window.setTimeout(() => {
      this.#toast.hidden = true;
    }, TOAST_MS);
  }

  /** For the live region. */
  say(text: string): void {
    setText(byId("live", HTMLElement), text);
  }

  /** Says what the page is busy with, and how far it is (from 0 to 1) if it can be stopped; `null` when it is done. */
  busy(words: string | null, progress: number | null = null): void {
    this.#busy.hidden = words === null;
    byId("stop-busy", HTMLButtonElement).hidden = progress === null;
    byId("busy-progress", HTMLProgressElement).hidden = progress === null;
    if (words === null) return;
    setText(byId("busy-text", HTMLElement), words);
    byId("busy-progress", HTMLProgressElement).value = progress ?? 0;
  }
}
