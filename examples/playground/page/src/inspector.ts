// What is known of what a person has clicked: a message in words, a node with its status, a moment with what
// happened then, and the rules that acted.

import { element, replaceChildren } from "./dom.ts";
import { duration, list, moment, rate } from "./format.ts";
import type { Message, Model, NodeState } from "./model.ts";
import { roleName } from "./colours.ts";
import type { Selection } from "./timeline_view.ts";
import { ruleNumber, showRule, type Rules } from "./rules.ts";

export interface InspectorView {
  readonly model: Model;
  readonly at: number;
  readonly selected: Selection | null;
  readonly playing: boolean;
  /** The status of a node from the engine, when the moment that is shown is the engine's own. */
  readonly status: ((node: number) => string) | null;
}

export interface InspectorActions {
  select(selection: Selection | null): void;
  goTo(time: number): void;
}

/** How many of the latest events are listed. */
const LATEST = 40;
/** How many acts are looked through for them. */
const MOST_ACTS = 20_000;
const LISTED = new Set(["a", "o", "u", "d", "F", "f", "h", "c", "l"]);

export class Inspector {
  readonly #place: HTMLElement;
  readonly #rules: Rules;
  readonly #actions: InspectorActions;
  #openRules: string[] = [];
  #rulesFirst = false;
  #shown = "";
  #pressed = false;
  #view: InspectorView | null = null;

  constructor(place: HTMLElement, rules: Rules, actions: InspectorActions) {
    this.#place = place;
    this.#rules = rules;
    this.#actions = actions;
    place.addEventListener("pointerdown", () => {
      this.#pressed = true;
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      addEventListener(end, () => {
        this.#pressed = false;
      });
    }
  }

  /** Opens the texts of these rules: below the rest, or above it, as a tour does that speaks of them. */
  openRules(numbers: readonly string[], first = false): void {
    this.#openRules = numbers.map(ruleNumber);
    this.#rulesFirst = first;
    this.#shown = "";
    if (this.#view !== null) this.show(this.#view);
  }

  /** Shows what is selected, as of the moment that the page shows. */
  show(view: InspectorView): void {
    this.#view = view;
    const content = this.#content(view);
    // The panel is built anew only if it differs, and not under a finger, so that a click never loses its target.
    if (content.key === this.#shown || this.#pressed) return;
    this.#shown = content.key;
    const scrolled = this.#place.scrollTop;
    const [parts, rules] = [content.build(), this.#ruleTexts()];
    replaceChildren(this.#place, ...(this.#rulesFirst ? [...rules, ...parts] : [...parts, ...rules]));
    this.#place.scrollTop = scrolled;
  }

  #content(view: InspectorView): { key: string; build: () => HTMLElement[] } {
    const { selected } = view;
    switch (selected?.what) {
      case "node": return this.#node(view, selected.node);
      case "message": return this.#message(view, selected.id);
      case "moment": return this.#moment(view, selected.at, selected.node);
      case "link": return this.#link(view, selected.from, selected.to);
      default: return this.#latest(view);
    }
  }

  #heading(text: string, closes: boolean): HTMLElement {
    return element(
      "div",
      { class: "heading" },
      element("h2", {}, text),
      closes &&
        element("button", { type: "button", class: "quiet", "aria-label": "Show the latest events", onclick: () => this.#actions.select(null) }, "×"),
    );
  }

  #latest(view: InspectorView): { key: string; build: () => HTMLElement[] } {
    const events = latestEvents(view.model, view.at, LATEST, null);
    // While time passes the list would change faster than anybody reads.
    const flying = view.playing ? [] : view.model.inFlight(view.at).slice(0, LATEST);
    return {
      key: `latest ${view.at === 0} ${events.join()} ${flying.map((message) => message.id).join()}`,
      build: () => [
        this.#heading("What happened", false),
        this.#events(view.model, events, "Nothing has happened yet."),
        ...(view.at === 0 ? beginnings(view.model) : []),
        ...this.#onTheirWay(view.model, flying),
        ...again(view.model),
      ],
    };
  }

  /** The messages in flight, for those who do not catch a dot. */
  #onTheirWay(model: Model, messages: readonly Message[]): HTMLElement[] {
    if (messages.length === 0) return [];
    const choose = (id: number) => (): void => this.#actions.select({ what: "message", id });
    return [
      element("h3", {}, "On their way"),
      element(
        "ol",
        { class: "events" },
        ...messages.map((message) =>
          element(
            "li",
            {},
            element("span", { class: "muted" }, `${name(model, message.from)} → ${name(model, message.to)}`),
            element(
              "button",
              { type: "button", class: "cite words", "data-test": "message", onclick: choose(message.id) },
              model.words(message.text, message.numbers),
            ),
          ),
        ),
      ),
    ];
  }

  #moment(view: InspectorView, at: number, node: number | null): { key: string; build: () => HTMLElement[] } {
    const model = view.model;
    const events = latestEvents(model, at, 6, node);
    const whose = node === null ? "" : `, node ${name(model, node)}`;
    return {
      key: `moment ${at} ${node} ${events.join()}`,
      build: () => {
        const parts = [this.#heading(`${moment(at)}${whose}`, true)];
        if (node !== null) parts.push(facts(model, node, at));
        parts.push(element("h3", {}, "Until then"), this.#events(model, events, "Nothing has happened by then."));
        return parts;
      },
    };
  }

  #link(view: InspectorView, from: number, to: number): { key: string; build: () => HTMLElement[] } {
    const { model, at } = view;
    const there = model.linkUp(from, to, at);
    const back = model.linkUp(to, from, at);
    const way = (a: number, b: number, up: boolean): HTMLElement =>
      element("p", {}, `Node ${name(model, a)} → node ${name(model, b)}: ${up ? "messages get through" : "cut"}`);
    return {
      key: `link ${from} ${to} ${there} ${back}`,
      build: () => [
        this.#heading(`Link between ${name(model, from)} and ${name(model, to)}`, true),
        way(from, to, there),
        way(to, from, back),
      ],
    };
  }

  #message(view: InspectorView, id: number): { key: string; build: () => HTMLElement[] } {
    const { model } = view;
    const message = model.message(id);
    if (message === undefined) return this.#latest(view);
    const ends = message.ends.map((end) => `${end.at}${end.lost}`).join();
    return {
      key: `message ${id} ${ends}`,
      build: () => {
        const caused = message.ends
          .filter((end) => !end.lost)
          .flatMap((end) => actsAt(model, message.to, end.at))
          .slice(0, 8);
        return [
          this.#heading(`Message ${name(model, message.from)} → ${name(model, message.to)}`, true),
          element("p", { class: "words" }, model.words(message.text, message.numbers)),
          definitions([
            ["sent", this.#time(message.sent)],
            ...message.ends.map((end): [string, Node] => [
              end.lost ? "lost" : "arrives",
              element("span", {}, this.#time(end.at), ` (after ${duration(end.at - message.sent)})`),
            ]),
          ]),
          caused.length > 0 && element("h3", {}, "What it caused"),
          caused.length > 0 && this.#events(model, caused, ""),
        ].filter((part) => part !== false);
      },
    };
  }

  #node(view: InspectorView, node: number): { key: string; build: () => HTMLElement[] } {
    const { model, at } = view;
    const state = model.state(node, at);
    const status = view.status?.(node) ?? null;
    const events = latestEvents(model, at, 5, node);
    return {
      key: `node ${node} ${status ?? ""} ${JSON.stringify(state)} ${Math.floor(at / 5_000)} ${events.join()}`,
      build: () => [
        this.#heading(`Node ${name(model, node)}: ${inWords(state)}`, true),
        facts(model, node, at),
        status === null
          ? element("p", { class: "muted small" }, "Its Status is shown at the latest moment of a run of the playground.")
          : element("pre", { class: "status", "data-test": "status", tabindex: 0, "aria-label": "Status of the node" }, status),
        element("h3", {}, "What it did last"),
        this.#events(model, events, "It has not done anything yet."),
      ],
    };
  }

  #time(at: number): HTMLElement {
    return element("button", { type: "button", class: "cite", title: "Show this moment", onclick: () => this.#actions.goTo(at) }, moment(at));
  }

  /** The events as a list, the latest first. */
  #events(model: Model, events: readonly number[], none: string): HTMLElement {
    if (events.length === 0) return element("p", { class: "muted" }, none);
    return element(
      "ol",
      { class: "events", "data-test": "events" },
      ...lines(model, events).map(({ index, words }) => {
        const rules = model.rulesOf(index).map((rule) => this.#chip(rule));
        return element(
          "li",
          {},
          this.#time(model.timeOf(index)),
          element("div", {}, words, rules.length > 0 && element("div", { class: "chips" }, ...rules)),
        );
      }),
    );
  }

  #chip(citation: string): HTMLElement {
    const number = ruleNumber(citation);
    const title = this.#rules[number]?.title ?? "";
    const open = this.#openRules.includes(number);
    const toggle = (): void => {
      this.openRules(open ? this.#openRules.filter((other) => other !== number) : [number]);
      this.#place.querySelector(".rule")?.scrollIntoView({ block: "nearest" });
    };
    return element(
      "button",
      { type: "button", class: "chip", title, "aria-expanded": String(open), "data-test": "rule", onclick: toggle },
      `rule ${citation}`,
    );
  }

  #ruleTexts(): HTMLElement[] {
    if (this.#openRules.length === 0) return [];
    const open = (number: string): void => this.openRules([number], this.#rulesFirst);
    return [
      element(
        "div",
        { class: "heading" },
        element("h2", {}, this.#openRules.length === 1 ? "The rule" : "The rules"),
        element("button", { type: "button", class: "quiet", "aria-label": "Close the rules", onclick: () => this.openRules([]) }, "×"),
      ),
      ...this.#openRules.map((number) => showRule(number, this.#rules, open)),
    ];
  }
}

/** The command that draws a timeline again. */
function again(model: Model): HTMLElement[] {
  if (model.command === null) return [];
  return [element("h3", {}, "This run again"), element("pre", { tabindex: 0, "aria-label": "Command" }, model.command)];
}

/** What to do first, for those who see the page for the first time. */
function beginnings(model: Model): HTMLElement[] {
  const lines = ["Press play to let time pass, or step from event to event.", "Click a node, a message or a moment to read what it is."];
  if (model.source === "playground") lines.push("The tours show one idea each.");
  return lines.map((line) => element("p", { class: "muted hint" }, line));
}

function name(model: Model, node: number): string {
  return model.nodes[node] ?? "?";
}

/** The indices of the latest listed events up to `at`, the latest first: of one node, or of all. */
function latestEvents(model: Model, at: number, limit: number, node: number | null): number[] {
  let found: number[] = [];
  // A span that holds too few is looked through once more, four times as long.
  for (let span = 100_000; found.length < limit; span *= 4) {
    const acts = model.actsBetween(at - span, at, MOST_ACTS);
    if (acts.length >= MOST_ACTS) break;
    found = acts.filter((index) => isListed(model, index) && (node === null || model.nodeOf(index) === node));
    if (span > at) break;
  }
  return found.slice(-limit).reverse();
}

/** Whether an event is news: no promise renewed as each few milliseconds, and no rate that a clock has from the start. */
function isListed(model: Model, index: number): boolean {
  const kind = model.kindOf(index);
  return LISTED.has(kind) && !model.isRoutine(index) && !(kind === "c" && model.timeOf(index) === 0);
}

/** Events of one kind at one time are one line: all nodes start, or all links of a node are cut. */
function lines(model: Model, events: readonly number[]): { index: number; words: string }[] {
  const found: { index: number; words: string; names: string[] }[] = [];
  for (const index of events) {
    const last = found[found.length - 1];
    const kind = model.kindOf(index);
    const same = last !== undefined && kind === model.kindOf(last.index) && model.timeOf(index) === model.timeOf(last.index);
    const [, , first, second, up] = model.event(index);
    if (kind === "u") {
      if (same) last.names.unshift(name(model, Number(first)));
      else found.push({ index, words: "", names: [name(model, Number(first))] });
    } else if (kind === "l" && same && model.event(last.index)[4] === up) {
      last.names.unshift(`${name(model, Number(first))} → ${name(model, Number(second))}`);
    } else if (kind === "l") {
      found.push({ index, words: "", names: [`${name(model, Number(first))} → ${name(model, Number(second))}`] });
    } else found.push({ index, words: model.describe(index), names: [] });
  }
  return found.map(({ index, words, names }) => {
    if (names.length < 2) return { index, words: words === "" ? model.describe(index) : words };
    if (model.kindOf(index) === "u") return { index, words: `Nodes ${list(names)} start.` };
    return { index, words: `The links ${list(names)} are ${model.event(index)[4] === 1 ? "mended" : "cut"}.` };
  });
}

function actsAt(model: Model, node: number, at: number): number[] {
  const found: number[] = [];
  for (let index = model.firstAtOrAfter(at); index < model.eventCount && model.timeOf(index) === at; index++) {
    if (model.kindOf(index) === "a" && model.nodeOf(index) === node) found.push(index);
  }
  return found;
}

/** "leader in term 7", "down since 1.200 s" */
export function inWords(state: NodeState): string {
  switch (state.phase) {
    case "unstarted": return "not started";
    case "down": return "down";
    case "lost": return "down, its disk lost";
    case "frozen": return `frozen, ${roleName(state.role)} in term ${state.term}`;
    case "up": return `${roleName(state.role)} in term ${state.term}`;
  }
}

function facts(model: Model, node: number, at: number): HTMLElement {
  const state = model.state(node, at);
  const left = (ends: number): string => (ends > at ? `for another ${duration(ends - at)}` : "over");
  const rows: [string, Node | string][] = [["state", inWords(state)]];
  if (state.phase !== "unstarted") {
    rows.push(["since", moment(state.since)]);
    rows.push(["leader", state.leader === null ? "none known" : `node ${name(model, state.leader)}`]);
    rows.push(["vote", state.vote === null ? "none" : `for node ${name(model, state.vote)}`]);
    if (state.leaseEnds !== null) rows.push(["lease", left(state.leaseEnds)]);
    if (state.promise !== null) {
      const { holder, ends } = state.promise;
      rows.push(["promise", `${holder === null ? "forgotten ones" : `to node ${name(model, holder)}`}, ${left(ends)}`]);
    }
    if (state.membership !== null) {
      const { n, v, l, q, c } = state.membership;
      const learners = l.length === 0 ? "" : `; learners ${l.map((member) => name(model, member)).join(" ")}`;
      const members = `${n}: voters ${v.map((member) => name(model, member)).join(" ")}${learners}; quorum ${q}`;
      rows.push(["members", `${members}, ${c ? "committed" : "not known to be committed"}`]);
    }
    rows.push(["position", `${state.position}, priority ${state.priority}`]);
    if (state.writingSince !== null) rows.push(["disk", `writes since ${moment(state.writingSince)}`]);
  }
  rows.push(["clock", rate(state.ppm)]);
  return definitions(rows);
}

function definitions(rows: readonly (readonly [string, Node | string])[]): HTMLElement {
  return element("dl", {}, ...rows.flatMap(([term, what]) => [element("dt", {}, term), element("dd", {}, what)]));
}
