// The row of nodes below the ring.

import { roleColour, roleName, type Theme } from "./colours.ts";
import { byId, element, replaceChildren, setText } from "./dom.ts";
import type { NodeState } from "./model.ts";

/** One button for each node: chooses the node that deeds are done to and that is looked at. */
export class NodeRow {
  readonly #place = byId("nodes", HTMLElement);
  #buttons: { button: HTMLButtonElement; dot: HTMLElement; words: HTMLElement }[] = [];

  build(names: readonly string[], choose: (node: number) => void): void {
    this.#place.classList.toggle("many", names.length > 9);
    this.#buttons = names.map((name, node) => {
      const dot = element("span", { class: "dot" });
      const words = element("span", { class: "hidden" });
      const button = element(
        "button",
        { type: "button", "data-test": `node-${node}`, "aria-pressed": "false", onclick: () => choose(node) },
        dot,
        element("span", {}, element("span", { class: "hidden" }, "Node "), name),
        words,
      );
      return { button, dot, words };
    });
    replaceChildren(this.#place, ...this.#buttons.map(({ button }) => button));
  }

  show(states: readonly NodeState[], chosen: number, theme: Theme): void {
    this.#buttons.forEach(({ button, dot, words }, node) => {
      const state = states[node];
      if (state === undefined) return;
      const up = state.phase === "up" || state.phase === "frozen";
      const colour = up ? roleColour(state.role, theme) : "";
      if (dot.dataset["colour"] !== colour) {
        dot.dataset["colour"] = colour;
        dot.style.background = colour;
      }
      dot.classList.toggle("down", !up);
      dot.classList.toggle("frozen", state.phase === "frozen");
      const said = up ? `${roleName(state.role)}${state.phase === "frozen" ? ", frozen" : ""}` : state.phase;
      setText(words, `, ${said}`);
      if (button.title !== said) button.title = said;
      const pressed = String(node === chosen);
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    });
  }
}
