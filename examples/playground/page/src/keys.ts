// The keys, and the list of them.

import { byId, element } from "./dom.ts";

export type KeyName =
  | "play" | "forward" | "back" | "start" | "end" | "closer" | "farther" | "all" | "slower" | "faster" | "settings"
  | "tours" | "link" | "open" | "theme" | "crash" | "restart" | "freeze" | "thaw" | "escape";

const NAMES: Readonly<Record<string, KeyName>> = {
  " ": "play", ArrowRight: "forward", ArrowLeft: "back", Home: "start", End: "end", "+": "closer", "=": "closer",
  "-": "farther", "0": "all", ",": "slower", ".": "faster", n: "settings", t: "tours", l: "link", o: "open", d: "theme",
  c: "crash", r: "restart", f: "freeze", w: "thaw", Escape: "escape",
};

const LIST: readonly (readonly [string, string])[] = [
  ["Space", "play or pause"], ["→", "step to the next event"], ["←", "back to the event before"], ["Home", "to the start"],
  ["End", "to the latest moment"], ["+ −", "show less or more time"], ["0", "show all the time"], [", .", "slower, faster"],
  ["n", "new group"], ["t", "tours"], ["l", "copy the link"], ["o", "open a file"], ["1 … 9", "choose a node"],
  ["c r f w", "crash, restart, freeze, thaw the chosen node"], ["d", "dark or light"], ["Esc", "close what is open"],
  ["?", "this list"],
];

/** Calls `press` for each key with a name, and `choose` with the index of a node. */
export function bindKeys(press: (name: KeyName) => void, choose: (node: number) => void): void {
  const dialog = byId("keys", HTMLDialogElement);
  const parts = (keys: string): (HTMLElement | string)[] =>
    keys.split(" ").map((part) => (part === "…" ? part : element("kbd", {}, part)));
  dialog.append(
    element("h2", { id: "keys-title" }, "Keys"),
    element(
      "div",
      { class: "grid" },
      ...LIST.flatMap(([keys, words]) => [element("span", {}, words), element("span", { class: "row" }, ...parts(keys))]),
    ),
    element("div", { class: "row end" }, element("button", { type: "button", onclick: () => dialog.close() }, "Close")),
  );
  byId("open-keys", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isMeantForOthers(event)) return;
    const name = NAMES[event.key];
    if (name !== undefined) press(name);
    else if (event.key === "?") dialog.showModal();
    else if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });
}

/** Whether a key types into a field, presses a button that has the focus, or belongs to an open dialog. */
function isMeantForOthers(event: KeyboardEvent): boolean {
  if (document.querySelector("dialog[open]") !== null) return true;
  const { target } = event;
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return true;
  const presses = target instanceof HTMLButtonElement || (target instanceof HTMLElement && target.tagName === "SUMMARY");
  return presses && (event.key === " " || event.key === "Enter");
}
