// The data of a timeline: what happened when, the state of each node and the messages in flight at any instant.
// Text that is no timeline is refused with a sentence; nothing here throws, and nothing takes long.

import {
  isNumber,
  isObject,
  isTime,
  LONGEST_NAME,
  LONGEST_TEXT,
  MOST_CHARACTERS,
  MOST_EVENTS,
  MOST_NODES,
  refuse,
  shortened,
  type Json,
  type Refusal,
} from "./checks.ts";
import { bytes, floats, integers, type Column } from "./columns.ts";
import { Lane, NO_PROMISE, PHASES, ROLES, type Phase, type Role } from "./lane.ts";
import { Links } from "./links.ts";
import { Messages, type End } from "./messages.ts";
import { Phrases } from "./phrases.ts";
import { StateReader, type Membership } from "./state_reading.ts";
import { describeEvent } from "./words.ts";

export { isRefusal, MOST_CHARACTERS, MOST_EVENTS, MOST_NODES, type Refusal } from "./checks.ts";
export type { Phase, Role } from "./lane.ts";
export { fill } from "./phrases.ts";
export type { Membership } from "./state_reading.ts";

/** All that is known of a node at an instant. */
export interface NodeState {
  phase: Phase;
  /** When the phase began. */
  since: number;
  role: Role;
  term: number;
  vote: number | null;
  leader: number | null;
  leaseEnds: number | null;
  /** What the node is bound by. A holder of null is forgotten promises. */
  promise: { holder: number | null; ends: number } | null;
  membership: Membership | null;
  priority: number;
  position: string;
  /** Its place among those that could succeed the leader, from 0, as the last heartbeat said that it received. */
  rank: number | null;
  /** How much faster than true time its clock runs, in millionths. */
  ppm: number;
  writingSince: number | null;
}

export interface Message {
  id: number;
  from: number;
  to: number;
  sent: number;
  /** Arrivals and losses, those that are due too. A message that arrives twice has two. */
  ends: End[];
  text: number;
  numbers: number[];
}

export interface Violation {
  readonly at: number;
  readonly text: string;
}

export type RawEvent = readonly [number, string, ...unknown[]];

/** What happened since the last chunk. */
export interface Chunk {
  readonly texts: readonly string[];
  readonly events: readonly RawEvent[];
  readonly now: number;
  readonly violation: Violation | null;
}

const MOST_AT_ONCE = 4_000;

const KINDS = "udFfhcsWwlmrxao";
const NODE_KINDS = "udFfhcsWw";
/** What a person steps by: all but messages and changes of a state. */
const ACTS = "udFfhcWwlao";

const PHASE_OF: { readonly [kind: string]: Phase } = { u: "up", d: "down", F: "lost", f: "frozen", h: "up" };

let models = 0;

export class Model {
  /** Tells this model from all others of the page. */
  readonly serial: number;
  readonly title: string;
  readonly source: "simulation" | "record" | "playground";
  readonly command: string | null;
  readonly nodes: readonly string[];
  readonly lanes: readonly Lane[];
  end = 0;
  violation: Violation | null = null;
  /** The deeds from outside and what was found, for the strip above the lanes. */
  readonly outsideTimes: Column<Float64Array> = floats();

  private readonly phrases = new Phrases();
  private readonly messages = new Messages();
  private readonly links = new Links();
  private readonly reader: StateReader;
  // A row for each event: when, its kind, the node that it is about, and where the rest is.
  private readonly times: Column<Float64Array> = floats();
  private readonly kinds: Column<Uint8Array> = bytes();
  private readonly eventNodes: Column<Int32Array> = integers();
  private readonly details: Column<Int32Array> = integers();
  private readonly actEvents: Column<Int32Array> = integers();
  private readonly actTimes: Column<Float64Array> = floats();
  /** How many promises there were of each length when they were given, by powers of the square root of two. */
  private readonly promiseLengths: number[] = [];
  private promiseCount = 0;

  private constructor(head: Json, nodes: readonly string[]) {
    models += 1;
    this.serial = models;
    this.title = typeof head["title"] === "string" ? head["title"].slice(0, LONGEST_TEXT) : "";
    const source = head["source"];
    this.source = source === "record" || source === "playground" ? source : "simulation";
    this.command = typeof head["command"] === "string" ? head["command"].slice(0, LONGEST_TEXT) : null;
    this.nodes = nodes;
    this.lanes = nodes.map(() => new Lane());
    this.reader = new StateReader(nodes.length);
  }

  /** Reads a timeline. Its events may be missing: then it is the beginning of one that grows by `append`. */
  static parse(text: string): Model | Refusal {
    if (text.length > MOST_CHARACTERS) {
      return refuse(`This timeline is too large: ${text.length} characters, and ${MOST_CHARACTERS} are shown at most.`);
    }
    if (!/^\uFEFF?\s*\{/.test(text.slice(0, 1000))) return refuse("This is no timeline: it does not begin as JSON does.");
    let head: unknown;
    try {
      head = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
    } catch {
      return refuse(
        text.includes('"timeline"')
          ? "This timeline is cut or damaged: its JSON is not complete."
          : "This is no timeline: it is not JSON, or it is cut.",
      );
    }
    if (!isObject(head) || !("timeline" in head)) return refuse("This is no timeline: it does not say which version it has.");
    if (head["timeline"] !== 1) {
      return refuse(`This timeline has version ${shortened(head["timeline"])}, and this page reads version 1 only.`);
    }
    const names = head["nodes"];
    if (!Array.isArray(names) || names.length === 0) return refuse("This timeline names no nodes.");
    if (names.length > MOST_NODES) {
      return refuse(`This timeline has ${names.length} nodes, and ${MOST_NODES} are shown at most.`);
    }
    if (!names.every((name) => typeof name === "string" && name.length <= LONGEST_NAME)) {
      return refuse("This timeline names a node by something that is no short text.");
    }
    const events = head["events"] ?? [];
    if (Array.isArray(events) && events.length > MOST_EVENTS) {
      return refuse(`This timeline has ${events.length} events, and ${MOST_EVENTS} are shown at most.`);
    }
    const end = head["end"] ?? 0;
    if (!isTime(end)) return refuse("The end of this timeline is no time.");
    const model = new Model(head, names as string[]);
    const refusal = model.append({
      texts: (head["texts"] ?? []) as string[],
      events: events as RawEvent[],
      now: end,
      violation: (head["violation"] ?? null) as Violation | null,
    });
    return refusal ?? model;
  }

  /** Goes on with what happened since. What stands before an event that is refused has been taken. */
  append(chunk: Chunk): Refusal | null {
    const { texts, events, violation, now } = chunk;
    if (!Array.isArray(events)) return refuse("The events of this timeline are no list.");
    if (!isTime(now)) return refuse("The end of this timeline is no time.");
    if (violation !== null && !(isObject(violation) && isTime(violation.at) && typeof violation.text === "string")) {
      return refuse("This timeline has a violation without a time or without words.");
    }
    const wrong = this.phrases.addTexts(texts);
    if (wrong !== null) return refuse(wrong);
    for (const event of events) {
      const wrong = this.take(event);
      if (wrong !== null) return refuse(`Event ${this.eventCount + 1} of this timeline ${wrong}.`);
    }
    this.end = Math.max(this.end, now, this.eventCount === 0 ? 0 : this.timeOf(this.eventCount - 1));
    if (violation !== null && this.violation === null) {
      this.violation = { at: violation.at, text: violation.text.slice(0, LONGEST_TEXT) };
      this.end = Math.max(this.end, violation.at);
    }
    return null;
  }

  get eventCount(): number {
    return this.times.length;
  }

  timeOf(index: number): number {
    return this.times.at(index);
  }

  kindOf(index: number): string {
    return index >= 0 && index < this.eventCount ? (KINDS[this.kinds.at(index)] ?? "") : "";
  }

  /** The node that an event is about, or -1. */
  nodeOf(index: number): number {
    return index >= 0 && index < this.eventCount ? this.eventNodes.at(index) : -1;
  }

  /** The event in the form of the file. The state of a node is whole, not only what changed. */
  event(index: number): RawEvent {
    const [at, kind, node, detail] = [this.timeOf(index), this.kindOf(index), this.nodeOf(index), this.details.at(index)];
    switch (kind) {
      case "c":
        return [at, kind, node, this.lanes[node]?.value(detail, "ppm") ?? 0];
      case "s":
        return [at, kind, node, this.stateOf(node, detail, at)];
      case "l": {
        const { from, to, up } = this.links.at(detail);
        return [at, kind, from, to, up ? 1 : 0];
      }
      case "m": {
        const { id, from, to, text, numbers } = this.messageOf(detail);
        return [at, kind, id, from, to, text, numbers];
      }
      case "r":
      case "x":
        return [at, kind, detail < 0 ? -1 : this.messages.idOf(detail)];
      case "a":
        return [at, kind, node, this.phrases.textOf(detail), this.phrases.numbersOf(detail), this.rulesOf(index)];
      case "o":
        return [at, kind, node, this.phrases.textOf(detail), this.phrases.numbersOf(detail)];
      default:
        return [at, kind, node];
    }
  }

  firstAtOrAfter(at: number): number {
    return this.times.countBefore(at);
  }

  firstAfter(at: number): number {
    return this.times.countUpTo(at);
  }

  state(node: number, at: number): NodeState {
    return this.stateOf(node, this.lanes[node]?.rowAt(at) ?? 0, at);
  }

  membershipAt(index: number): Membership | null {
    return this.reader.memberships.at(index) ?? null;
  }

  linkUp(from: number, to: number, at: number): boolean {
    return this.links.isUp(from, to, at);
  }

  /** The links that are cut at an instant, each with its direction. */
  linksDown(at: number): { from: number; to: number }[] {
    return this.links.down(at);
  }

  message(id: number): Message | undefined {
    const index = this.messages.indexOf(id);
    return index < 0 ? undefined : this.messageOf(index);
  }

  inFlight(at: number): Message[] {
    return this.messagesBetween(at, at, MOST_AT_ONCE);
  }

  /** The messages that are in flight at some instant between two, the last ones if they are more than `limit`. */
  messagesBetween(from: number, to: number, limit: number): Message[] {
    return this.messages.between(from, to, limit).map((index) => this.messageOf(index));
  }

  /** How many messages are sent after `from` and up to `to`. */
  countMessages(from: number, to: number): number {
    return this.messages.countSent(from, to);
  }

  /** Half of the usual time of a flight. A message that is lost as soon as it is sent is shown for so long. */
  halfFlight(): number {
    return this.messages.halfFlight();
  }

  words(text: number, numbers: readonly number[]): string {
    return this.phrases.words(text, numbers);
  }

  /** The words of an act, of a deed from outside, or of a message that is sent. */
  wordsOf(index: number): string {
    const [kind, detail] = [this.kindOf(index), this.details.at(index)];
    if (kind !== "m" && kind !== "a" && kind !== "o") return "";
    const phrase = kind === "m" ? this.messages.phraseOf(detail) : detail;
    return this.phrases.words(this.phrases.textOf(phrase), this.phrases.numbersOf(phrase));
  }

  /** The numbers of the rules that acted. */
  rulesOf(index: number): readonly string[] {
    return this.kindOf(index) === "a" ? this.phrases.rulesOf(this.details.at(index)) : [];
  }

  /** Whether a node acts in these words all the time, as when it renews a promise. */
  isRoutine(index: number): boolean {
    return this.kindOf(index) === "a" && this.phrases.isRoutine(this.details.at(index));
  }

  describe(index: number): string {
    return describeEvent(this, index);
  }

  /** The events from `from` up to `to` that a person steps by; the first ones if they are more than `limit`. */
  actsBetween(from: number, to: number, limit: number): number[] {
    const first = this.actTimes.countBefore(from);
    const end = Math.min(this.actTimes.countUpTo(to), first + Math.max(0, limit));
    const found: number[] = [];
    for (let index = first; index < end; index += 1) found.push(this.actEvents.at(index));
    return found;
  }

  /** The scale of promise bars: three of four promises are no longer. */
  promiseScale(): number {
    let left = this.promiseCount * 0.75;
    for (let index = 0; index < this.promiseLengths.length; index += 1) {
      left -= this.promiseLengths[index] ?? 0;
      if (left <= 0 && this.promiseCount > 0) return 2 ** ((index + 1) / 2);
    }
    return 150_000;
  }

  private countPromise(length: number): void {
    if (!(length > 1)) return;
    const index = Math.min(90, Math.floor(2 * Math.log2(length)));
    while (this.promiseLengths.length <= index) this.promiseLengths.push(0);
    this.promiseLengths[index] = (this.promiseLengths[index] ?? 0) + 1;
    this.promiseCount += 1;
  }

  private stateOf(node: number, row: number, at: number): NodeState {
    const lane = this.lanes[node] ?? new Lane();
    const number = (key: Parameters<Lane["value"]>[1]): number => lane.value(row, key);
    const index = (key: "vote" | "leader"): number | null => (number(key) < 0 ? null : number(key));
    const instant = (key: "lease" | "writing"): number | null => (Number.isNaN(number(key)) ? null : number(key));
    const holder = number("holder");
    const role = ROLES[number("role")] ?? "F";
    return {
      phase: PHASES[number("phase")] ?? "unstarted",
      since: number("since"),
      role,
      term: number("term"),
      vote: index("vote"),
      leader: index("leader"),
      leaseEnds: instant("lease"),
      promise: holder === NO_PROMISE ? null : { holder: holder < 0 ? null : holder, ends: number("promise") },
      membership: this.membershipAt(number("membership")),
      priority: number("priority"),
      position: this.reader.positions.at(number("position")) ?? "",
      rank: role === "F" && number("leader") >= 0 ? lane.rankAt(at) : null,
      ppm: number("ppm"),
      writingSince: instant("writing"),
    };
  }

  private messageOf(index: number): Message {
    const phrase = this.messages.phraseOf(index);
    return {
      id: this.messages.idOf(index),
      from: this.messages.fromOf(index),
      to: this.messages.toOf(index),
      sent: this.messages.sentAt(index),
      ends: this.messages.endsOf(index),
      text: this.phrases.textOf(phrase),
      numbers: this.phrases.numbersOf(phrase),
    };
  }

  /** Takes one event. Returns what is wrong with it, as the end of a sentence. */
  private take(event: unknown): string | null {
    if (!Array.isArray(event)) return "is no list";
    const at: unknown = event[0];
    const kind: unknown = event[1];
    if (!isTime(at)) return "has no time";
    const count = this.times.length;
    if (count >= MOST_EVENTS) return `is one more than the ${MOST_EVENTS} that are shown at most`;
    if (count > 0 && at < this.times.at(count - 1)) return "is earlier than the event before it";
    const code = typeof kind === "string" && kind.length === 1 ? KINDS.indexOf(kind) : -1;
    if (code < 0) return `is of the kind ${shortened(kind)}, which this page does not know`;
    const name = kind as string;
    if (NODE_KINDS.includes(name)) return this.takeNode(at, name, code, event);
    if (name === "m") return this.takeMessage(at, code, event);
    if (name === "r" || name === "x") return this.takeEnd(at, name, code, event);
    return name === "l" ? this.takeLink(at, code, event) : this.takeWords(at, name, code, event);
  }

  private takeNode(at: number, kind: string, code: number, event: readonly unknown[]): string | null {
    const node = event[2];
    if (!this.reader.isNode(node)) return "is about a node that there is not";
    const lane = this.lanes[node] as Lane;
    if (kind === "c") {
      if (!isNumber(event[3])) return "gives a clock no rate";
      lane.change(at, { ppm: event[3] });
    } else if (kind === "s") {
      const changes = this.reader.read(event[3]);
      if (typeof changes === "string") return changes;
      lane.change(at, changes);
      this.countPromise((changes.promise ?? NaN) - at);
    } else if (kind === "w") lane.beginWrite(at);
    else if (kind === "W") lane.endWrite(at);
    else lane.enter(at, PHASE_OF[kind] ?? "up");
    this.record(at, kind, code, node, lane.length - 1);
    return null;
  }

  private takeMessage(at: number, code: number, event: readonly unknown[]): string | null {
    const [id, from, to] = [event[2], event[3], event[4]];
    if (!isNumber(id)) return "is a message without a number";
    if (this.messages.indexOf(id) >= 0) return `sends message ${id} again`;
    if (!this.reader.isNode(from) || !this.reader.isNode(to)) return "is a message of a node, or to one, that there is not";
    const phrase = this.phrases.add(event[5], event[6]);
    if (typeof phrase === "string") return phrase;
    const index = this.messages.send(id, at, from, to, phrase, event[7]);
    if (typeof index === "string") return index;
    this.lanes[from]?.sent.push(at);
    this.record(at, "m", code, from, index);
    return null;
  }

  private takeEnd(at: number, kind: string, code: number, event: readonly unknown[]): string | null {
    const id = event[2];
    if (!isNumber(id)) return "ends a message without a number";
    const index = this.messages.indexOf(id);
    const to = index < 0 ? -1 : this.messages.toOf(index);
    if (index >= 0) {
      const wrong = this.messages.end(index, at, kind === "x");
      if (wrong !== null) return wrong;
      const rank = kind === "r" ? this.phrases.rankOf(this.messages.phraseOf(index)) : -1;
      if (rank >= 0) this.lanes[to]?.rank(at, rank);
    }
    // An unknown message was sent before the record began.
    this.record(at, kind, code, to, index);
    return null;
  }

  private takeLink(at: number, code: number, event: readonly unknown[]): string | null {
    const [from, to, up] = [event[2], event[3], event[4]];
    if (!this.reader.isNode(from) || !this.reader.isNode(to)) return "is about the link of a node that there is not";
    if (up !== 0 && up !== 1) return "does not say whether the link is up";
    this.record(at, "l", code, from, this.links.change(at, from, to, up === 1));
    return null;
  }

  private takeWords(at: number, kind: string, code: number, event: readonly unknown[]): string | null {
    const node = event[2];
    if (!this.reader.isNode(node) && !(kind === "o" && node === -1)) return "is about a node that there is not";
    const phrase = this.phrases.add(event[3], event[4], kind === "a" ? event[5] : undefined);
    if (typeof phrase === "string") return phrase;
    if (kind === "a") this.phrases.countAct(phrase);
    else this.outsideTimes.push(at);
    this.record(at, kind, code, node, phrase);
    return null;
  }

  private record(at: number, kind: string, code: number, node: number, detail: number): void {
    if (ACTS.includes(kind)) {
      this.actEvents.push(this.times.length);
      this.actTimes.push(at);
    }
    this.times.push(at);
    this.kinds.push(code);
    this.eventNodes.push(node);
    this.details.push(detail);
  }
}
