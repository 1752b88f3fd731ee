// The address of the page: it holds what is shown, so that it can be sent to somebody.

import type { Notices } from "./notices.ts";

/** The address follows what is shown once that has come to rest for so long. */
const REST_MS = 250;

export class Address {
  readonly #notices: Notices;
  /** The link to what is shown, or null while there is none or time passes. */
  readonly #link: () => string | null;
  #timer = 0;

  constructor(notices: Notices, link: () => string | null, open: (hash: string) => void) {
    this.#notices = notices;
    this.#link = link;
    addEventListener("hashchange", () => {
      const hash = location.hash.slice(1);
      if (hash !== "" && hash !== link()) open(hash);
    });
  }

  update(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      const link = this.#link();
      if (link !== null) replace(`#${link}`);
    }, REST_MS);
  }

  async copy(link: string): Promise<void> {
    const address = `${location.href.split("#")[0] ?? ""}#${link}`;
    replace(address);
    try {
      await navigator.clipboard.writeText(address);
      this.#notices.toast("The link to this moment is in the clipboard.");
    } catch {
      this.#notices.toast("The address bar holds the link to this moment.");
    }
  }
}

function replace(address: string): void {
  try {
    history.replaceState(null, "", address);
  } catch {
    // Some browsers limit how often an address changes, or do not change that of a file.
  }
}
