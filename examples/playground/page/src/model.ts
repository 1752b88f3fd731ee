// The data of a timeline: what happened when, the state of each node and the messages in flight at any instant.
// Text that is no timeline is refused with a sentence; nothing here throws, and nothing takes long.

import { bytes, floats, integers, Maxima, type Column } from "./columns.ts";
import { Lane, NO_PROMISE, PHASES, ROLES, type Phase, type Role } from "./lane.ts";
import { describeEvent } from "./words.ts";

export type { Phase, Role } from "./lane.ts";

/** Why a text is not shown, as a sentence for a person. */
export interface Refusal {
  readonly refused: string;
}

export interface Membership {
  /** Its version. */
  readonly n: string;
  readonly v: readonly number[];
  readonly l: readonly number[];
  /** How many voters are a quorum. */
  readonly q: number;
  /** Whether it is committed. */
  readonly c: boolean;
}

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
  ends: { at: number; lost: boolean }[];
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

export const MOST_CHARACTERS = 135_000_000;
export const MOST_EVENTS = 2_500_000;
export const MOST_NODES = 100;
const MOST_TEXTS = 100_000;
const MOST_NUMBERS = 64;
/** The longest name, in characters, and the longest of any other text. */
const LONGEST_NAME = 200;
const LONGEST_TEXT = 20_000;
const LATEST = 2 ** 50;
/** For so long a message is shown whose end nobody knows. */
const UNKNOWN_FLIGHT = 20_000;
const MOST_AT_ONCE = 4_000;

const KINDS = "udFfhcsWwlmrxao";
const NODE_KINDS = "udFfhcsWw";
/** What a person steps by: all but messages and changes of a state. */
const ACTS = "udFfhcWwlao";

const NONE: readonly number[] = [];

// How a message ends.
const UNKNOWN = 0;
const DUE = 1;
const ARRIVED = 2;
const LOST = 3;

type Json = { readonly [key: string]: unknown };

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && typeof (value as Refusal).refused === "string";
}

const refuse = (refused: string): Refusal => ({ refused });

let models = 0;

export class Model {
  /** Tells this model from all others of the page. */
  readonly serial: number;
  readonly title: string;
  readonly source: "simulation" | "record" | "playground";
  readonly command: string | null;
  readonly nodes: readonly string[];
  readonly lanes: readonly Lane[];
  end: number;
  violation: Violation | null;
  /** How many promises there were of each length when they were given, by powers of the square root of two. */
  private readonly promiseLengths: number[] = [];
  private promiseCount = 0;

  private readonly texts: string[] = [];
  private readonly memberships: Membership[] = [];
  private readonly membershipIndex = new Map<string, number>();
  private readonly strings: string[] = [""];
  private readonly stringIndex = new Map<string, number>([["", 0]]);

  // One row for each event.
  private readonly times: Column<Float64Array> = floats();
  private readonly kinds: Column<Uint8Array> = bytes();
  private readonly eventNodes: Column<Int32Array> = integers();
  private readonly details: Column<Int32Array> = integers();
  private readonly actEvents: Column<Int32Array> = integers();
  private readonly actTimes: Column<Float64Array> = floats();

  // One row for each message, in the order in which they were sent.
  /** Where a message is, by its number; not needed while the numbers follow each other without a gap. */
  private messageIndex: Map<number, number> | null = null;
  private readonly messageIds: Column<Float64Array> = floats();
  private readonly sentTimes: Column<Float64Array> = floats();
  private readonly froms: Column<Int32Array> = integers();
  private readonly tos: Column<Int32Array> = integers();
  private readonly firstEnds: Column<Float64Array> = floats();
  private readonly firstKinds: Column<Uint8Array> = bytes();
  private readonly otherEnds = new Map<number, { at: number; kind: number }[]>();
  private readonly lastEnds = new Maxima();
  /** How often nodes acted in the words of each text, and in all. */
  private readonly actCounts: number[] = [];
  private actCount = 0;
  private flightTime = 0;
  private flightCount = 0;
  private readonly messageWords: Column<Int32Array> = integers();

  // One row for each filled template: the text, where its numbers begin, how many they are, and the rules that acted.
  private readonly wordTexts: Column<Int32Array> = integers();
  private readonly wordNumbers: Column<Int32Array> = integers();
  private readonly wordCounts: Column<Uint8Array> = bytes();
  private readonly wordRules: Column<Int32Array> = integers();
  private readonly numbers: Column<Float64Array> = floats();
  private readonly ruleLists: (readonly string[])[] = [[]];
  private readonly ruleIndex = new Map<string, number>([["", 0]]);

  private readonly links = new Map<number, { times: Column<Float64Array>; ups: Column<Uint8Array> }>();
  private readonly linkEvents: { from: number; to: number; up: boolean }[] = [];
  /** The events from outside and the violations found, for the strip above the lanes. */
  readonly outsideTimes: Column<Float64Array> = floats();
  readonly outsideEvents: Column<Int32Array> = integers();

  private constructor(head: Json, nodes: readonly string[]) {
    models += 1;
    this.serial = models;
    this.title = typeof head["title"] === "string" ? head["title"].slice(0, LONGEST_TEXT) : "";
    const source = head["source"];
    this.source = source === "record" || source === "playground" ? source : "simulation";
    this.command = typeof head["command"] === "string" ? head["command"].slice(0, LONGEST_TEXT) : null;
    this.nodes = nodes;
    this.lanes = nodes.map(() => new Lane());
    this.end = 0;
    this.violation = null;
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
    if (!Array.isArray(events)) return refuse("The events of this timeline are no list.");
    if (events.length > MOST_EVENTS) {
      return refuse(`This timeline has ${events.length} events, and ${MOST_EVENTS} are shown at most.`);
    }
    const end = head["end"] ?? 0;
    if (!isTime(end)) return refuse("The end of this timeline is no time.");
    const model = new Model(head, names as string[]);
    const refusal = model.append({
      texts: (head["texts"] ?? []) as string[],
      events: events as RawEvent[],
      now: 0,
      violation: (head["violation"] ?? null) as Violation | null,
    });
    if (refusal !== null) return refusal;
    model.end = Math.max(end, model.end);
    return model;
  }

  /** Goes on with what happened since. What stands before an event that is refused has been taken. */
  append(chunk: Chunk): Refusal | null {
    const { texts, events, violation, now } = chunk;
    if (!Array.isArray(texts) || !texts.every((text) => typeof text === "string" && text.length <= LONGEST_TEXT)) {
      return refuse("The texts of this timeline are no list of texts.");
    }
    if (this.texts.length + texts.length > MOST_TEXTS) return refuse("This timeline has too many different texts.");
    if (!Array.isArray(events)) return refuse("The events of this timeline are no list.");
    if (!isTime(now)) return refuse("The end of this timeline is no time.");
    if (violation !== null && !(isObject(violation) && isTime(violation.at) && typeof violation.text === "string")) {
      return refuse("This timeline has a violation without a time or without words.");
    }
    for (const text of texts) this.texts.push(text);
    for (const event of events) {
      const refusal = this.take(event);
      if (refusal !== null) return refuse(`Event ${this.times.length + 1} of this timeline ${refusal}.`);
    }
    this.end = Math.max(this.end, now, this.times.length === 0 ? 0 : this.times.at(this.times.length - 1));
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
        return [at, kind, node, this.stateOf(node, detail)];
      case "l": {
        const link = this.linkEvents[detail];
        return [at, kind, link?.from ?? 0, link?.to ?? 0, link?.up === true ? 1 : 0];
      }
      case "m": {
        const words = this.messageWords.at(detail);
        const [from, to] = [this.froms.at(detail), this.tos.at(detail)];
        return [at, kind, this.messageIds.at(detail), from, to, this.wordTexts.at(words), this.numbersOf(words)];
      }
      case "r":
      case "x":
        return [at, kind, detail < 0 ? -1 : this.messageIds.at(detail)];
      case "a":
        return [at, kind, node, this.wordTexts.at(detail), this.numbersOf(detail), this.rulesOf(index)];
      case "o":
        return [at, kind, node, this.wordTexts.at(detail), this.numbersOf(detail)];
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
    return this.stateOf(node, this.lanes[node]?.rowAt(at) ?? 0);
  }

  membershipAt(index: number): Membership | null {
    return this.memberships[index] ?? null;
  }

  linkUp(from: number, to: number, at: number): boolean {
    const link = this.links.get(from * MOST_NODES + to);
    if (link === undefined) return true;
    const changes = link.times.countUpTo(at);
    return changes === 0 || link.ups.at(changes - 1) === 1;
  }

  /** The links that are cut at an instant, each with its direction. */
  linksDown(at: number): { from: number; to: number }[] {
    const down: { from: number; to: number }[] = [];
    for (const key of this.links.keys()) {
      const [from, to] = [Math.floor(key / MOST_NODES), key % MOST_NODES];
      if (!this.linkUp(from, to, at)) down.push({ from, to });
    }
    return down;
  }

  message(id: number): Message | undefined {
    const index = this.indexOf(id);
    return index < 0 ? undefined : this.messageOf(index);
  }

  private indexOf(id: number): number {
    if (this.messageIndex !== null) return this.messageIndex.get(id) ?? -1;
    const index = id - this.messageIds.at(0);
    return Number.isInteger(index) && index >= 0 && index < this.messageIds.length ? index : -1;
  }

  private addId(id: number, index: number): void {
    if (this.messageIndex === null && index > 0 && id !== this.messageIds.at(0) + index) {
      this.messageIndex = new Map();
      for (let other = 0; other < index; other += 1) this.messageIndex.set(this.messageIds.at(other), other);
    }
    this.messageIndex?.set(id, index);
    this.messageIds.push(id);
  }

  inFlight(at: number): Message[] {
    return this.messagesBetween(at, at, MOST_AT_ONCE);
  }

  /** The messages that are in flight at some instant between two, the last ones if they are more than `limit`. */
  messagesBetween(from: number, to: number, limit: number): Message[] {
    const indices = this.lastEnds.above(from, this.sentTimes.countUpTo(to), limit);
    return indices.map((index) => this.messageOf(index));
  }

  /** At least how many messages are sent between two instants. */
  countMessages(from: number, to: number): number {
    return this.sentTimes.countUpTo(to) - this.sentTimes.countUpTo(from);
  }

  words(text: number, numbers: readonly number[]): string {
    return fill(this.texts[text] ?? "", numbers);
  }

  /** The words of an act, of a deed from outside, or of a message that is sent. */
  wordsOf(index: number): string {
    const kind = this.kindOf(index);
    const detail = kind === "m" ? this.messageWords.at(this.details.at(index)) : this.details.at(index);
    return kind === "m" || kind === "a" || kind === "o" ? this.words(this.wordTexts.at(detail), this.numbersOf(detail)) : "";
  }

  /** The numbers of the rules that acted. */
  rulesOf(index: number): readonly string[] {
    return this.kindOf(index) === "a" ? (this.ruleLists[this.wordRules.at(this.details.at(index))] ?? []) : [];
  }

  /** Whether a node acts in these words all the time, as when it renews a promise. */
  isRoutine(index: number): boolean {
    if (this.kindOf(index) !== "a") return false;
    const count = this.actCounts[this.wordTexts.at(this.details.at(index))] ?? 0;
    return count > 20 && count * 20 > this.actCount;
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

  /** Half of the usual time of a flight. A message that is lost as soon as it is sent is shown for so long. */
  halfFlight(): number {
    return this.flightCount === 0 ? 2_000 : this.flightTime / this.flightCount / 2;
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

  private stateOf(node: number, row: number): NodeState {
    const lane = this.lanes[node] ?? new Lane();
    const number = (key: Parameters<Lane["value"]>[1]): number => lane.value(row, key);
    const index = (key: "vote" | "leader"): number | null => (number(key) < 0 ? null : number(key));
    const instant = (key: "lease" | "writing"): number | null => (Number.isNaN(number(key)) ? null : number(key));
    const holder = number("holder");
    return {
      phase: PHASES[number("phase")] ?? "unstarted",
      since: number("since"),
      role: ROLES[number("role")] ?? "F",
      term: number("term"),
      vote: index("vote"),
      leader: index("leader"),
      leaseEnds: instant("lease"),
      promise: holder === NO_PROMISE ? null : { holder: holder < 0 ? null : holder, ends: number("promise") },
      membership: this.membershipAt(number("membership")),
      priority: number("priority"),
      position: this.strings[number("position")] ?? "",
      ppm: number("ppm"),
      writingSince: instant("writing"),
    };
  }

  private messageOf(index: number): Message {
    const words = this.messageWords.at(index);
    const ends: { at: number; lost: boolean }[] = [];
    const kind = this.firstKinds.at(index);
    if (kind !== UNKNOWN) ends.push({ at: this.firstEnds.at(index), lost: kind === LOST });
    for (const end of this.otherEnds.get(index) ?? []) ends.push({ at: end.at, lost: end.kind === LOST });
    return {
      id: this.messageIds.at(index),
      from: this.froms.at(index),
      to: this.tos.at(index),
      sent: this.sentTimes.at(index),
      ends,
      text: this.wordTexts.at(words),
      numbers: this.numbersOf(words),
    };
  }

  private numbersOf(words: number): number[] {
    const start = this.wordNumbers.at(words);
    const count = this.wordCounts.at(words);
    const found: number[] = [];
    for (let index = start; index < start + count; index += 1) found.push(this.numbers.at(index));
    return found;
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
    if (!this.isNode(node)) return "is about a node that there is not";
    const lane = this.lanes[node] as Lane;
    if (kind === "c") {
      if (!isNumber(event[3])) return "gives a clock no rate";
      lane.change(at, { ppm: event[3] });
    } else if (kind === "s") {
      const changes = this.readState(event[3]);
      if (typeof changes === "string") return changes;
      lane.change(at, changes);
      this.countPromise((changes["promise"] ?? NaN) - at);
    } else if (kind === "w") lane.beginWrite(at);
    else if (kind === "W") lane.endWrite(at);
    else lane.enter(at, PHASE_OF[kind] ?? "up");
    this.record(at, kind, code, node, lane.length - 1);
    return null;
  }

  private takeMessage(at: number, code: number, event: readonly unknown[]): string | null {
    const [id, from, to, text, numbers, due] = [event[2], event[3], event[4], event[5], event[6], event[7]];
    if (!isNumber(id)) return "is a message without a number";
    if (this.indexOf(id) >= 0) return `sends message ${id} again`;
    if (!this.isNode(from) || !this.isNode(to)) return "is a message of a node, or to one, that there is not";
    if (due !== undefined && !(Array.isArray(due) && due.length <= MOST_NUMBERS && due.every((end) => isTime(end) && end >= at))) {
      return "is a message that is due at no time";
    }
    const words = this.takeTemplate(text, numbers, 0);
    if (typeof words === "string") return words;
    const index = this.sentTimes.length;
    this.addId(id, index);
    this.sentTimes.push(at);
    this.froms.push(from);
    this.tos.push(to);
    this.messageWords.push(words);
    const ends = (due ?? NONE) as readonly number[];
    const first = ends[0];
    this.firstEnds.push(first ?? NaN);
    this.firstKinds.push(first === undefined ? UNKNOWN : DUE);
    if (ends.length > 1) this.otherEnds.set(index, ends.slice(1).map((end) => ({ at: end, kind: DUE })));
    this.lastEnds.push(first === undefined ? at + UNKNOWN_FLIGHT : ends.length === 1 ? first : Math.max(...ends));
    this.lanes[from]?.sent.push(at);
    this.record(at, "m", code, from, index);
    return null;
  }

  private takeEnd(at: number, kind: string, code: number, event: readonly unknown[]): string | null {
    const id = event[2];
    if (!isNumber(id)) return "ends a message without a number";
    const index = this.indexOf(id);
    this.record(at, kind, code, index < 0 ? -1 : this.tos.at(index), index);
    if (index < 0) return null; // Sent before the record began.
    const ended = kind === "x" ? LOST : ARRIVED;
    const first = this.firstKinds.at(index);
    const others = this.otherEnds.get(index);
    const due = others?.find((end) => end.kind === DUE);
    if (first === UNKNOWN || (first === DUE && (this.firstEnds.at(index) <= at || due === undefined))) {
      this.firstEnds.set(index, at);
      this.firstKinds.set(index, ended);
    } else if (due !== undefined) {
      due.at = at;
      due.kind = ended;
    } else if (others === undefined) this.otherEnds.set(index, [{ at, kind: ended }]);
    else if (others.length < MOST_NUMBERS) others.push({ at, kind: ended });
    else return `ends message ${id} too often`;
    const sent = this.sentTimes.at(index);
    // Some messages are late by seconds: they are not usual.
    if (ended === ARRIVED && at - sent < 200_000) {
      this.flightTime += at - sent;
      this.flightCount += 1;
    }
    const shown = ended === LOST && at === sent ? sent + this.halfFlight() : at;
    const latest = (this.otherEnds.get(index) ?? []).reduce((last, end) => Math.max(last, end.at), Math.max(shown, this.firstEnds.at(index)));
    this.lastEnds.set(index, latest);
    return null;
  }

  private takeLink(at: number, code: number, event: readonly unknown[]): string | null {
    const [, , from, to, up] = event;
    if (!this.isNode(from) || !this.isNode(to)) return "is about the link of a node that there is not";
    if (up !== 0 && up !== 1) return "does not say whether the link is up";
    const key = from * MOST_NODES + to;
    let link = this.links.get(key);
    if (link === undefined) {
      link = { times: floats(), ups: bytes() };
      this.links.set(key, link);
    }
    link.times.push(at);
    link.ups.push(up);
    this.linkEvents.push({ from, to, up: up === 1 });
    this.record(at, "l", code, from, this.linkEvents.length - 1);
    return null;
  }

  private takeWords(at: number, kind: string, code: number, event: readonly unknown[]): string | null {
    const [, , node, text, numbers, rules] = event;
    if (!this.isNode(node) && !(kind === "o" && node === -1)) return "is about a node that there is not";
    let list = 0;
    if (kind === "a" && rules !== undefined) {
      if (!Array.isArray(rules) || rules.length > MOST_NUMBERS || !rules.every(isShortText)) return "has rules that are no texts";
      list = this.intern(rules.join(" "), this.ruleIndex, this.ruleLists, rules as string[]);
    }
    const words = this.takeTemplate(text, numbers, list);
    if (typeof words === "string") return words;
    if (kind === "a") {
      this.lanes[node]?.acts.push(this.times.length);
      this.lanes[node]?.actTimes.push(at);
      this.actCounts[text as number] = (this.actCounts[text as number] ?? 0) + 1;
      this.actCount += 1;
    } else {
      this.outsideTimes.push(at);
      this.outsideEvents.push(this.times.length);
    }
    this.record(at, kind, code, node, words);
    return null;
  }

  private takeTemplate(text: unknown, numbers: unknown, rules: number): number | string {
    if (!isNumber(text) || !Number.isInteger(text) || text < 0 || text >= this.texts.length) return "has a text that there is not";
    if (!Array.isArray(numbers) || numbers.length > MOST_NUMBERS || !numbers.every(isNumber)) return "has numbers that are none";
    this.wordTexts.push(text);
    this.wordNumbers.push(this.numbers.length);
    this.wordCounts.push(numbers.length);
    this.wordRules.push(rules);
    for (const number of numbers as number[]) this.numbers.push(number);
    return this.wordTexts.length - 1;
  }

  private readState(value: unknown): { [key: string]: number } | string {
    if (!isObject(value)) return "has no state";
    const changes: { [key: string]: number } = {};
    for (const key of Object.keys(value)) {
      const part = value[key];
      switch (key) {
        case "r": {
          const role = typeof part === "string" ? ROLES.indexOf(part as Role) : -1;
          if (role < 0) return `has a role ${shortened(part)} that there is not`;
          changes["role"] = role;
          break;
        }
        case "t":
          if (!isNumber(part)) return "has a term that is no number";
          changes["term"] = part;
          break;
        case "v":
        case "k":
          if (part !== null && !this.isNode(part)) return "names a node that there is not";
          changes[key === "v" ? "vote" : "leader"] = part ?? -1;
          break;
        case "e":
          if (part !== null && !isNumber(part)) return "has a lease that ends at no time";
          changes["lease"] = part ?? NaN;
          break;
        case "p": {
          if (part === null) {
            changes["holder"] = NO_PROMISE;
            changes["promise"] = NaN;
            break;
          }
          const [holder, ends] = Array.isArray(part) ? (part as unknown[]) : [];
          if ((holder !== null && !this.isNode(holder)) || !isNumber(ends)) return "has a promise that is none";
          changes["holder"] = holder ?? -1;
          changes["promise"] = ends;
          break;
        }
        case "m":
          if (!this.isMembership(part)) return "has a membership that is none";
          changes["membership"] = this.intern(JSON.stringify(part), this.membershipIndex, this.memberships, part);
          break;
        case "y":
          if (!isNumber(part)) return "has a priority that is no number";
          changes["priority"] = part;
          break;
        case "x":
          if (!isShortText(part)) return "has a position that is no text";
          changes["position"] = this.intern(part, this.stringIndex, this.strings, part);
          break;
        default: // A later version of this format may say more of a node.
      }
    }
    return changes;
  }

  private intern<T>(key: string, index: Map<string, number>, list: T[], value: T): number {
    let at = index.get(key);
    if (at === undefined) {
      at = list.length;
      list.push(value);
      index.set(key, at);
    }
    return at;
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

  private isNode(value: unknown): value is number {
    return isNumber(value) && Number.isInteger(value) && value >= 0 && value < this.nodes.length;
  }

  private isMembership(value: unknown): value is Membership {
    if (!isObject(value)) return false;
    const { n, v, l, q, c } = value;
    const isList = (list: unknown): boolean =>
      Array.isArray(list) && list.length <= MOST_NODES && list.every((node) => this.isNode(node));
    return isShortText(n) && isList(v) && isList(l) && isNumber(q) && typeof c === "boolean";
  }
}

const PHASE_OF: { readonly [kind: string]: Phase } = { u: "up", d: "down", F: "lost", f: "frozen", h: "up" };

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

const isTime = (value: unknown): value is number => isNumber(value) && value >= 0 && value <= LATEST && Number.isInteger(value);

const isShortText = (value: unknown): value is string => typeof value === "string" && value.length <= LONGEST_NAME;

/** A value as a few characters of a sentence. */
function shortened(value: unknown): string {
  if (typeof value === "object" && value !== null) return "that is no single value";
  const text = typeof value === "string" ? `"${value}"` : String(value);
  return text.length > 30 ? `${text.slice(0, 30)}…` : text;
}

/** Puts numbers in the places of a template: each # is the next one. */
export function fill(template: string, numbers: readonly number[]): string {
  let next = 0;
  return template.replace(/#/g, (place) => {
    const number = numbers[next];
    next += 1;
    return number === undefined ? place : String(number);
  });
}
