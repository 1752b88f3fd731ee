// The controls: what lets time pass, what is done to the group, and the settings of a new one.

import { byId, element, replaceChildren, setText } from "./dom.ts";
import { duration, moment } from "./format.ts";
import type { Deed } from "./deeds.ts";
import { groupsOf } from "./groups.ts";
import type { NodeState } from "./model.ts";
import { roleColour, roleName, type Theme } from "./colours.ts";
import type { Settings } from "./engine.ts";

// ---- Time

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

// ---- Nodes

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

// ---- Deeds

interface Field {
  readonly input: HTMLInputElement | HTMLSelectElement;
  readonly label: HTMLElement;
}

export class DeedPanel {
  readonly #place = byId("do", HTMLElement);
  readonly #do: (deed: Deed) => void;
  #names: readonly string[] = [];
  #node = 0;
  #title = element("h2", {}, "");
  #others: HTMLSelectElement[] = [];
  #buttons = new Map<string, HTMLButtonElement>();
  #memberRows: { voter: HTMLInputElement; learner: HTMLInputElement; none: HTMLInputElement }[] = [];
  #membersTouched = false;
  #membersShown = "";

  constructor(act: (deed: Deed) => void) {
    this.#do = act;
  }

  /** Builds the panel for the nodes of a model. */
  build(names: readonly string[]): void {
    this.#names = names;
    this.#node = 0;
    this.#others = [];
    this.#buttons.clear();
    this.#membersTouched = false;
    this.#membersShown = "";
    replaceChildren(
      this.#place,
      element("div", { class: "heading" }, this.#title),
      this.#process(),
      this.#leadership(),
      this.#links(),
      this.#clockAndDisk(),
      this.#network(),
      this.#members(),
    );
    this.choose(0);
  }

  choose(node: number): void {
    this.#node = node;
    setText(this.#title, `Do something to node ${this.#names[node] ?? ""}`);
    for (const select of this.#others) {
      for (const option of select.options) {
        option.disabled = option.value === String(node);
      }
      if (select.value === String(node) || select.value === "") {
        const other = [...select.options].find((option) => !option.disabled);
        if (other !== undefined) select.value = other.value;
      }
    }
  }

  /** Greys out what makes no sense for the chosen node, and shows the members in force. */
  show(state: NodeState | undefined, leaderState: NodeState | null): void {
    if (state === undefined) return;
    const runs = state.phase === "up" || state.phase === "frozen";
    this.#enable("crash", runs);
    this.#enable("restart", !runs);
    this.#enable("freeze", state.phase === "up");
    this.#enable("thaw", state.phase === "frozen");
    const membership = leaderState?.membership ?? state.membership;
    const shown = JSON.stringify([membership?.v, membership?.l]);
    if (membership === null || membership === undefined || this.#membersTouched || shown === this.#membersShown) return;
    this.#membersShown = shown;
    this.#memberRows.forEach(({ voter, learner, none }, node) => {
      voter.checked = membership.v.includes(node);
      learner.checked = membership.l.includes(node);
      none.checked = !voter.checked && !learner.checked;
    });
  }

  #enable(deed: string, enabled: boolean): void {
    const button = this.#buttons.get(deed);
    if (button !== undefined && button.disabled === enabled) button.disabled = !enabled;
  }

  #button(name: string, words: string, deed: () => Record<string, unknown>, title = ""): HTMLButtonElement {
    const act = (): void => this.#do({ do: name, ...deed() });
    const button = element("button", { type: "button", "data-test": `deed-${name}`, title, onclick: act }, words);
    this.#buttons.set(name, button);
    return button;
  }

  #onNode(name: string, words: string, title = ""): HTMLButtonElement {
    return this.#button(name, words, () => ({ node: this.#node }), title);
  }

  #number(test: string, label: string, value: number, min: number, max: number, step = 1): Field {
    const input = element("input", { type: "number", value, min, max, step, "data-test": test, inputmode: "decimal" });
    return { input, label: element("label", {}, label !== "" && element("span", {}, label), input) };
  }

  #check(test: string, label: string, title = ""): { input: HTMLInputElement; label: HTMLElement } {
    const input = element("input", { type: "checkbox", "data-test": test });
    return { input, label: element("label", { title }, input, element("span", {}, label)) };
  }

  #other(test: string, label: string, none?: string): Field {
    const select = element("select", { "data-test": test, "aria-label": label });
    if (none !== undefined) select.append(element("option", { value: "none" }, none));
    this.#names.forEach((name, node) => select.append(element("option", { value: node }, `node ${name}`)));
    this.#others.push(select);
    return { input: select, label: element("label", {}, element("span", {}, label), select) };
  }

  #section(title: string, hint: string, open: boolean, ...rows: HTMLElement[]): HTMLElement {
    return element(
      "details",
      { open },
      element("summary", {}, title, element("small", {}, hint)),
      element("div", { class: "fields" }, ...rows),
    );
  }

  #process(): HTMLElement {
    return this.#section(
      "Process", "", true,
      row(
        this.#onNode("crash", "Crash", "The process ends at once"),
        this.#onNode("restart", "Restart", "A new process starts with what is on the disk"),
        this.#onNode("freeze", "Freeze", "Nothing runs, and time passes: SIGSTOP, or a paused virtual machine"),
        this.#onNode("thaw", "Thaw", "It goes on where it stood"),
        this.#onNode("forget", "Lose its disk", "The process ends, and what it stored is gone"),
      ),
    );
  }

  #leadership(): HTMLElement {
    const successor = this.#other("deed-resign-successor", "to", "the best one");
    successor.input.value = "none";
    const now = this.#check("deed-resign-now", "at once", "Without waiting until the successor is ready");
    const priority = this.#number("deed-priority-value", "priority", 1, 0, 255);
    const position = this.#number("deed-position-index", "data reach", 1, 0, 1_000_000);
    return this.#section(
      "Leadership", "", true,
      row(
        this.#button("resign", "Resign", () => ({
          node: this.#node,
          successor: successor.input.value === "none" ? null : Number(successor.input.value),
          now: now.input.checked,
        })),
        successor.label,
        now.label,
      ),
      row(this.#onNode("campaign", "Campaign", "It asks for votes without waiting for its deadline")),
      row(priority.label, this.#button("priority", "Set", () => ({ node: this.#node, value: numberOf(priority) }))),
      row(position.label, this.#button("position", "Set", () => ({ node: this.#node, index: numberOf(position) }))),
    );
  }

  #links(): HTMLElement {
    const other = this.#other("deed-cut-to", "to");
    const both = this.#check("deed-cut-both", "both ways");
    both.input.checked = true;
    const ends = (): Record<string, unknown> => ({ from: this.#node, to: Number(other.input.value), both: both.input.checked });
    const half = Math.ceil(this.#names.length / 2);
    const groups = element("input", {
      type: "text",
      value: `${this.#names.slice(0, half).join(" ")} | ${this.#names.slice(half).join(" ")}`,
      "data-test": "deed-partition-groups",
      "aria-label": "Groups of the partition: names, with | between the groups",
    });
    return this.#section(
      "Links", "", true,
      row(other.label, both.label),
      row(this.#button("cut", "Cut", ends), this.#button("mend", "Mend", ends), this.#onNode("isolate", "Isolate", "Cuts all links of the node")),
      row(groups, this.#button("partition", "Partition", () => ({ groups: groupsOf(groups.value, this.#names) }))),
      row(this.#button("heal", "Mend all links", () => ({}))),
    );
  }

  #clockAndDisk(): HTMLElement {
    const ppm = this.#number("deed-clock-ppm", "clock, ppm fast", 0, -500_000, 500_000, 50);
    const beyond = this.#check("deed-clock-beyond", "beyond the bound", "Faster or slower than the configuration allows for: the promise about leases does not hold then");
    const from = this.#number("deed-disk-from", "writes take", 5, 0, 10_000);
    const to = this.#number("deed-disk-to", "to", 20, 0, 10_000);
    return this.#section(
      "Clock and disk", "of the node", false,
      row(ppm.label, this.#button("clock", "Set", () => ({
        node: this.#node, ppm: numberOf(ppm), ...(beyond.input.checked ? { beyond: true } : {}),
      }))),
      row(beyond.label),
      row(from.label, to.label, "ms", this.#button("disk", "Set", () => ({
        node: this.#node, us: [numberOf(from) * 1_000, numberOf(to) * 1_000],
      }))),
      row(
        this.#onNode("fill", "Fill the disk", "Writes begin and never end"),
        this.#onNode("empty", "Make room", "Writes end again"),
      ),
    );
  }

  #network(): HTMLElement {
    const share = (name: string, label: string): HTMLElement => {
      const field = this.#number(`deed-${name}-percent`, label, name === "loss" ? 5 : 10, 0, 100);
      return row(field.label, "%", this.#button(name, "Set", () => ({ ppm: Math.round(numberOf(field) * 10_000) })));
    };
    const from = this.#number("deed-delay-from", "delay", 2, 0, 10_000);
    const to = this.#number("deed-delay-to", "to", 8, 0, 10_000);
    return this.#section(
      "Network", "of all nodes", false,
      share("loss", "lost"),
      share("duplicates", "doubled"),
      share("late", "late"),
      row(from.label, to.label, "ms", this.#button("delay", "Set", () => ({
        us: [Math.round(numberOf(from) * 1_000), Math.round(numberOf(to) * 1_000)],
      }))),
      row(this.#onNode("old", "Old messages to the node", "Messages that were sent long ago arrive again")),
    );
  }

  #members(): HTMLElement {
    const other = this.#other("deed-discovered-other", "node");
    const about = (): Record<string, unknown> => ({ node: this.#node, other: Number(other.input.value) });
    const force = this.#check("deed-reconfigure-force", "force", "Without waiting for a quorum of the members that stay");
    const touched = (): void => {
      this.#membersTouched = true;
    };
    this.#memberRows = this.#names.map((name, node) => {
      const radio = (kind: string): HTMLInputElement =>
        element("input", {
          type: "radio", name: `member-${node}`, "data-test": `member-${node}-${kind}`,
          "aria-label": `Node ${name}: ${kind}`, onchange: touched,
        });
      return { voter: radio("voter"), learner: radio("learner"), none: radio("none") };
    });
    const muted = (text: string): HTMLElement => element("span", { class: "muted" }, text);
    const table = element(
      "div",
      { class: "members" },
      muted(""), muted("voter"), muted("learner"), muted("none"),
      ...this.#memberRows.flatMap(({ voter, learner, none }, node) => [
        element("span", {}, `node ${this.#names[node] ?? ""}`),
        element("label", {}, voter), element("label", {}, learner), element("label", {}, none),
      ]),
    );
    const chosen = (kind: "voter" | "learner"): number[] =>
      this.#memberRows.flatMap((inputs, node) => (inputs[kind].checked ? [node] : []));
    return this.#section(
      "Members", "told to the node", false,
      table,
      row(
        this.#button("reconfigure", "Change the members", () => {
          this.#membersTouched = false;
          this.#membersShown = "";
          return { node: this.#node, voters: chosen("voter"), learners: chosen("learner"), force: force.input.checked };
        }),
        force.label,
      ),
      row(this.#onNode("leave", "Leave the group", "The node asks the leader to be removed")),
      row(other.label),
      row(this.#button("discovered", "Discovered", about, "The host has found this node"), this.#button("lost", "Lost", about, "The host knows that this node will not come back")),
    );
  }
}

function row(...children: (HTMLElement | string)[]): HTMLElement {
  return element("div", { class: "row" }, ...children);
}

function numberOf(field: Field): number {
  const value = Number(field.input.value);
  return Number.isFinite(value) ? value : 0;
}

// ---- A new group

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
