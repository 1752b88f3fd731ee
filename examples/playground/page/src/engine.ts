// The engine: the real elections in the deterministic simulator, compiled to WebAssembly, and a session with it,
// which keeps what has happened and what was done.

import type { Deed } from "./deeds.ts";
import { duration } from "./format.ts";
import { LONGEST_RUN, MOST_DEEDS, type Link } from "./link.ts";
import { isRefusal, Model, type Chunk, type Refusal, type Violation } from "./model.ts";

/** The class that the engine exports. All times are microseconds. */
export interface Playground {
  head(): string;
  now(): number;
  run(until: number, maxEvents: number): string;
  step(): string;
  act(deed: string): string;
  status(node: number): string;
  verdict(): string;
  free(): void;
}

export type Settings = Record<string, unknown>;
export type Engine = (settings: string) => Playground;

export interface Verdict {
  readonly violation: Violation | string | null;
  /** How many events were checked. */
  readonly checks: number;
  readonly leader: number | null;
}

interface Glue {
  default(options: { module_or_path: BufferSource }): Promise<unknown>;
  Playground: new (settings: string) => Playground;
}

/** The engine that is embedded in the page, if one is. */
export async function loadEngine(base64: string): Promise<Engine | Refusal | null> {
  if (base64 === "") return null;
  const glue = (globalThis as { quorateEngine?: Glue }).quorateEngine;
  if (glue === undefined) return { refused: "The engine of this page is incomplete: build the page again." };
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    await glue.default({ module_or_path: bytes });
    return (settings) => new glue.Playground(settings);
  } catch (error) {
    return { refused: `This browser cannot run the engine of the page: ${sentenceOf(error)}` };
  }
}

/** A run holds no more events than this, so that the page does not fill the memory when it is left alone. */
export const MOST_EVENTS = 3_000_000;
const EVENTS_AT_ONCE = 400;
/** A step of a person is one that shows something; the simulator also has events that change nothing. */
const MOST_STEPS = 2_000;

export class Session {
  readonly settings: Settings;
  readonly model: Model;
  readonly deeds: [number, Deed][] = [];
  /** Why the run cannot go on, if so. */
  ended: string | null = null;
  readonly #engine: Playground;
  /** A step may stop between two events of one moment. */
  #between = false;

  private constructor(settings: Settings, engine: Playground, model: Model) {
    this.settings = settings;
    this.#engine = engine;
    this.model = model;
  }

  static open(engine: Engine, settings: Settings): Session | Refusal {
    let playground: Playground;
    try {
      playground = engine(JSON.stringify(settings));
    } catch (error) {
      return { refused: `A group with these settings cannot be started: ${sentenceOf(error)}` };
    }
    const head = JSON.parse(playground.head()) as Record<string, unknown>;
    const model = Model.parse(JSON.stringify({ texts: [], events: [], ...head }));
    if (isRefusal(model)) return model;
    const session = new Session(settings, playground, model);
    // What happens at the start belongs to the first picture.
    session.#take(playground.run(0, 1_000_000));
    return session;
  }

  get now(): number {
    return Math.floor(Number(this.#engine.now()));
  }

  /** Lets virtual time pass until `until`, as far as it gets before the deadline (of `performance.now()`). */
  runTo(until: number, deadline: number): "there" | "more" | "ended" {
    while (this.ended === null && this.now < until) {
      const before = this.now;
      const taken = this.#take(this.#engine.run(until, EVENTS_AT_ONCE));
      this.#between = false;
      if (taken === 0 && this.now === before) this.ended = "The run is over.";
      if (this.now < until && performance.now() > deadline) return "more";
    }
    return this.ended === null ? "there" : "ended";
  }

  /** Goes on until something is to be seen. */
  step(): void {
    for (let steps = 0; steps < MOST_STEPS && this.ended === null; steps++) {
      const before = this.model.eventCount;
      const time = this.now;
      this.#take(this.#engine.step());
      this.#between = true;
      for (let event = before; event < this.model.eventCount; event++) {
        if (this.model.kindOf(event) !== "s") return;
      }
      if (this.now === time && this.model.violation !== null) return;
    }
  }

  /** Does a deed now. */
  act(deed: Deed): Refusal | null {
    if (this.deeds.length >= MOST_DEEDS) {
      return { refused: `A run takes ${MOST_DEEDS} deeds at most. Start a new group.` };
    }
    // The link repeats the deed at a whole microsecond, after all that happens until then.
    if (this.#between) this.runTo(this.now + 1, Infinity);
    const at = this.now;
    try {
      this.#take(this.#engine.act(JSON.stringify(deed)));
    } catch (error) {
      return { refused: sentenceOf(error) };
    }
    this.deeds.push([at, deed]);
    return null;
  }

  status(node: number): string {
    try {
      return this.#engine.status(node);
    } catch (error) {
      return sentenceOf(error);
    }
  }

  verdict(): Verdict {
    return JSON.parse(this.#engine.verdict()) as Verdict;
  }

  close(): void {
    this.#engine.free();
  }

  #take(text: string): number {
    const chunk = JSON.parse(text) as Chunk;
    const refusal = this.model.append(chunk);
    if (refusal !== null) this.ended = `The engine and the page do not fit together: ${refusal.refused}`;
    if (this.model.violation !== null) this.ended = "The run has ended with a violation.";
    if (this.model.eventCount > MOST_EVENTS) {
      this.ended = "The run has three million events, as many as the page keeps. Start a new group.";
    }
    if (this.now >= LONGEST_RUN) this.ended = "The run is an hour long, as long as the page goes. Start a new group.";
    return chunk.events.length;
  }
}

/** Runs a link again, a little in each frame. */
export class Replay {
  readonly session: Session;
  readonly #link: Link;
  #next = 0;

  private constructor(session: Session, link: Link) {
    this.session = session;
    this.#link = link;
  }

  static begin(engine: Engine, link: Link): Replay | Refusal {
    const session = Session.open(engine, link.settings);
    return isRefusal(session) ? session : new Replay(session, link);
  }

  /** From 0 to 1. */
  get progress(): number {
    return this.#link.at === 0 ? 1 : Math.min(1, this.session.now / this.#link.at);
  }

  advance(deadline: number): "there" | "more" | Refusal {
    for (;;) {
      const entry = this.#link.deeds[this.#next];
      const reached = this.session.runTo(entry === undefined ? this.#link.at : entry[0], deadline);
      if (reached === "more") return "more";
      if (entry === undefined || reached === "ended") return "there";
      const refusal = this.session.act(entry[1]);
      if (refusal !== null) {
        return { refused: `What is done at ${duration(entry[0])} cannot be done in this run: ${refusal.refused}` };
      }
      this.#next++;
      if (performance.now() > deadline) return "more";
    }
  }
}

export function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
