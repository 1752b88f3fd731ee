// The list of the tours, and the card with the text of a step.

import { byId, element, setText } from "./dom.ts";
import type { Model } from "./model.ts";
import type { Tour, TourRun } from "./tours.ts";
import toursData from "../tours.json";

const TOURS = toursData as unknown as readonly Tour[];

export interface TourActions {
  start(tour: Tour): void;
  next(): void;
  back(): void;
  leave(): void;
}

export class TourCard {
  readonly #dialog = byId("tours", HTMLDialogElement);
  readonly #card = byId("tour", HTMLElement);
  readonly #text = byId("tour-text", HTMLElement);

  constructor(actions: TourActions) {
    const entry = (tour: Tour): HTMLElement => {
      const start = (): void => {
        this.#dialog.close();
        actions.start(tour);
      };
      return element(
        "li",
        {},
        element(
          "button",
          { type: "button", "data-test": `tour-${tour.name}`, onclick: start },
          element("strong", {}, tour.title),
          tour.about !== undefined && element("span", {}, tour.about),
        ),
      );
    };
    this.#dialog.append(
      element("h2", { id: "tours-title" }, "Guided tours"),
      element("ul", { class: "tours" }, ...TOURS.map(entry)),
      element("div", { class: "row end" }, element("button", { type: "button", onclick: () => this.#dialog.close() }, "Close")),
    );
    byId("open-tours", HTMLButtonElement).addEventListener("click", () => this.openList());
    byId("tour-next", HTMLButtonElement).addEventListener("click", () => actions.next());
    byId("tour-back", HTMLButtonElement).addEventListener("click", () => actions.back());
    byId("tour-close", HTMLButtonElement).addEventListener("click", () => actions.leave());
  }

  openList(): void {
    this.#dialog.showModal();
  }

  hide(): void {
    this.#card.hidden = true;
  }

  /** The text of the step, with the nodes of the moment. */
  show(run: TourRun, model: Model, at: number): void {
    this.#card.hidden = false;
    setText(byId("tour-title", HTMLElement), run.tour.title);
    setText(byId("tour-step", HTMLElement), `${run.place + 1} of ${run.tour.steps.length}`);
    setText(this.#text, run.text(model, at));
    this.#text.dataset["step"] = String(run.place);
    this.#text.dataset["waiting"] = String(run.waiting);
    this.#text.dataset["fulfilled"] = String(run.fulfilled);
    byId("tour-back", HTMLButtonElement).disabled = run.place <= 0;
    setText(byId("tour-next", HTMLElement), run.isLast ? "Done" : "Next");
    setText(byId("tour-state", HTMLElement), run.waiting ? "Time passes …" : "");
  }

  get words(): string {
    return this.#text.textContent ?? "";
  }
}
