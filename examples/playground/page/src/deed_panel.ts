// The panel of what can be done to the group.

import type { Deed } from "./deeds.ts";
import { byId, element, replaceChildren, setText } from "./dom.ts";
import { groupsOf } from "./groups.ts";
import type { NodeState } from "./model.ts";

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
