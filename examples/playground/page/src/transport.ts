// What lets time pass: play, steps, speed, the bar, and how much time is in sight.

import { byId, element, setText } from "./dom.ts";
import { duration, moment } from "./format.ts";

export const SPEEDS: readonly (readonly [number, string])[] = [
  [0.01, "1/100"], [0.02, "1/50"], [0.05, "1/20"], [0.1, "1/10"], [0.2, "1/5"], [0.5, "1/2"],
  [1, "1×"], [2, "2×"], [5, "5×"], [10, "10×"],
];
/** A promise lasts 150 ms: at a tenth of the speed one sees it run out. */
export const USUAL_SPEED = 0.1;

export interface TransportActions {
  play(): void;
  step(): void;
  back(): void;
  speed(value: number): void;
  scrub(time: number): void;
  zoom(factor: number): void;
  zoomAll(): void;
  latest(): void;
}

export class Transport {
  readonly #play = byId("play", HTMLButtonElement);
  readonly #scrub = byId("scrub", HTMLInputElement);
  readonly #speed = byId("speed", HTMLSelectElement);
  readonly #now = byId("now", HTMLOutputElement);
  readonly #span = byId("span", HTMLOutputElement);
  readonly #past = byId("past", HTMLElement);

  constructor(actions: TransportActions) {
    this.#play.removeAttribute("aria-label");
    for (const [value, words] of SPEEDS) this.#speed.append(element("option", { value }, words));
    this.#play.addEventListener("click", () => actions.play());
    byId("step", HTMLButtonElement).addEventListener("click", () => actions.step());
    byId("back", HTMLButtonElement).addEventListener("click", () => actions.back());
    this.#speed.addEventListener("change", () => actions.speed(Number(this.#speed.value)));
    this.#scrub.addEventListener("input", () => actions.scrub(Number(this.#scrub.value)));
    byId("zoom-in", HTMLButtonElement).addEventListener("click", () => actions.zoom(1 / 2));
    byId("zoom-out", HTMLButtonElement).addEventListener("click", () => actions.zoom(2));
    byId("zoom-all", HTMLButtonElement).addEventListener("click", () => actions.zoomAll());
    byId("latest", HTMLButtonElement).addEventListener("click", () => actions.latest());
  }

  show(state: { at: number; end: number; playing: boolean; speed: number; span: number; past: boolean }): void {
    const label = state.playing ? "Pause" : "Play";
    if (this.#play.getAttribute("aria-label") !== label) {
      this.#play.setAttribute("aria-label", label);
      document.getElementById("play-shape")?.setAttribute("d", state.playing ? "M3 2h4v12H3zM9 2h4v12H9z" : "M4 2v12l10-6z");
    }
    const max = String(Math.max(1, state.end));
    if (this.#scrub.max !== max) this.#scrub.max = max;
    if (Number(this.#scrub.value) !== state.at) this.#scrub.value = String(state.at);
    setText(this.#now, moment(state.at));
    this.#scrub.setAttribute("aria-valuetext", moment(state.at));
    setText(this.#span, duration(state.span));
    const speed = String(state.speed);
    if (this.#speed.value !== speed) {
      if (!SPEEDS.some(([value]) => value === state.speed) && this.#speed.querySelector(`option[value="${speed}"]`) === null) {
        this.#speed.append(element("option", { value: speed }, `${speed}×`));
      }
      this.#speed.value = speed;
    }
    this.#past.hidden = !state.past;
  }
}
