// The form of a new group.

import { byId, element } from "./dom.ts";
import type { Settings } from "./engine.ts";

interface SettingField {
  readonly key: string;
  readonly words: string;
  readonly hint: string;
  readonly input: () => HTMLInputElement | HTMLSelectElement;
  read(input: HTMLInputElement | HTMLSelectElement, settings: Settings): void;
  write(input: HTMLInputElement | HTMLSelectElement, settings: Settings): void;
}

export const USUAL_SETTINGS: Settings = {
  seed: 1, nodes: 5, starts: "bootstrapped", memory: "durable", spares: 2, promise_ms: 150,
  delay_us: [2_000, 8_000], disk_us: [0, 0], drift_ppm: 500, loss: 0, duplicates: 0,
};

function numeric(key: string, words: string, hint: string, min: number, max: number, scale = 1): SettingField {
  return {
    key, words, hint,
    input: () => element("input", { type: "number", min, max, step: scale === 1 ? 1 : "any", required: true, "data-test": `setting-${key}` }),
    read: (input, settings) => {
      settings[key] = Math.round(Number(input.value) * scale);
    },
    write: (input, settings) => {
      input.value = String(Number(settings[key] ?? USUAL_SETTINGS[key] ?? 0) / scale);
    },
  };
}

function choice(key: string, words: string, hint: string, options: readonly (readonly [string, string])[]): SettingField {
  return {
    key, words, hint,
    input: () => element("select", { "data-test": `setting-${key}` }, ...options.map(([value, text]) => element("option", { value }, text))),
    read: (input, settings) => {
      settings[key] = input.value;
    },
    write: (input, settings) => {
      input.value = String(settings[key] ?? USUAL_SETTINGS[key]);
    },
  };
}

/** One end of a pair of times, in milliseconds. */
function endOfPair(key: string, place: 0 | 1, words: string, hint: string): SettingField {
  const pair = (settings: Settings): number[] => {
    const value = settings[key] ?? USUAL_SETTINGS[key];
    return Array.isArray(value) ? value.map(Number) : [0, 0];
  };
  return {
    key, words, hint,
    input: () => element("input", { type: "number", min: 0, max: 10_000, step: "any", required: true, "data-test": `setting-${key}-${place}` }),
    read: (input, settings) => {
      const ends = [...pair(settings)];
      ends[place] = Math.round(Number(input.value) * 1_000);
      settings[key] = ends;
    },
    write: (input, settings) => {
      input.value = String((pair(settings)[place] ?? 0) / 1_000);
    },
  };
}

const FIELDS: readonly SettingField[] = [
  numeric("nodes", "Nodes", "1 to 25", 1, 25),
  numeric("spares", "Spare nodes", "that may become members later", 0, 8),
  choice("starts", "They start", "with a list of members, looking for each other, or with nothing stored", [
    ["bootstrapped", "bootstrapped"], ["forming", "forming"], ["blank", "blank"],
  ]),
  choice("memory", "Memory", "what a crash leaves of a node's state", [["durable", "on disk"], ["volatile", "none"]]),
  numeric("promise_ms", "Promise, ms", "how long a voter is bound", 5, 60_000),
  endOfPair("delay_us", 0, "Delay from, ms", "of a message, at least"),
  endOfPair("delay_us", 1, "Delay to, ms", "of a message, at most"),
  endOfPair("disk_us", 0, "Writes from, ms", "of a node's disk, at least"),
  endOfPair("disk_us", 1, "Writes to, ms", "of a node's disk, at most"),
  numeric("drift_ppm", "Clock drift, ppm", "by how much the rates of clocks may differ", 0, 100_000),
  numeric("loss", "Lost messages, %", "", 0, 100, 10_000),
  numeric("duplicates", "Doubled messages, %", "", 0, 100, 10_000),
  numeric("seed", "Seed", "the same seed and deeds give the same run", 0, 4_294_967_295),
];

/** The form of a new group in its dialog. */
export class SettingsForm {
  readonly #dialog = byId("settings", HTMLDialogElement);
  readonly #inputs = new Map<SettingField, HTMLInputElement | HTMLSelectElement>();
  #base: Settings = USUAL_SETTINGS;

  constructor(start: (settings: Settings) => void) {
    const grid = element("div", { class: "grid" });
    FIELDS.forEach((field, place) => {
      const input = field.input();
      input.id = `setting-${place}`;
      this.#inputs.set(field, input);
      grid.append(
        element("label", { for: input.id }, field.words, field.hint !== "" && element("small", {}, field.hint)),
        input,
      );
    });
    const form = element(
      "form",
      { method: "dialog", onsubmit: () => start(this.#read()) },
      element("h2", { id: "settings-title" }, "A new group"),
      grid,
      element(
        "div",
        { class: "row end" },
        element("button", { type: "button", onclick: () => this.#chance() }, "Another seed"),
        element("button", { type: "button", onclick: () => this.#dialog.close() }, "Cancel"),
        element("button", { type: "submit", class: "primary", "data-test": "setting-start" }, "Start"),
      ),
    );
    this.#dialog.append(form);
  }

  open(settings: Settings): void {
    this.#base = settings;
    for (const [field, input] of this.#inputs) field.write(input, settings);
    this.#dialog.showModal();
  }

  #chance(): void {
    for (const [field, input] of this.#inputs) {
      if (field.key === "seed") input.value = String(Math.floor(Math.random() * 1_000_000));
    }
  }

  #read(): Settings {
    const settings: Settings = { ...this.#base };
    for (const [field, input] of this.#inputs) field.read(input, settings);
    return settings;
  }
}
