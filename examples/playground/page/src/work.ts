// Long work, a little in each frame, so that nothing freezes.

import { byId, nextFrame } from "./dom.ts";
import { sentenceOf } from "./engine.ts";
import type { Refusal } from "./model.ts";
import type { Notices } from "./notices.ts";

/** How long work may take in one frame while nothing else goes on, in milliseconds. */
const BUDGET_MS = 30;
/** What is done within this time is not spoken of. */
const UNSPOKEN_MS = 150;

interface Job {
  /** The person wants what there is so far. */
  stopped: boolean;
  abandoned: boolean;
}

export interface Work {
  /** From 0 to 1. */
  readonly progress: number;
  /** Goes on until the deadline, a time of `performance.now()`. */
  advance(deadline: number): "there" | "more" | Refusal;
}

export class LongWork {
  readonly #notices: Notices;
  #job: Job | null = null;

  constructor(notices: Notices) {
    this.#notices = notices;
    byId("stop-busy", HTMLButtonElement).addEventListener("click", () => {
      if (this.#job !== null) this.#job.stopped = true;
    });
  }

  get underWay(): boolean {
    return this.#job !== null;
  }

  /** Works until it is done, or the person stops it, or it is abandoned. */
  async run(work: Work, words: string): Promise<Refusal | "there" | "stopped" | "abandoned"> {
    this.abandon();
    const job: Job = { stopped: false, abandoned: false };
    this.#job = job;
    const began = performance.now();
    try {
      for (;;) {
        const end = work.advance(performance.now() + BUDGET_MS);
        if (end !== "more") return end;
        if (job.stopped) return "stopped";
        if (performance.now() - began > UNSPOKEN_MS) this.#notices.busy(words, work.progress);
        await nextFrame();
        if (job.abandoned) return "abandoned";
      }
    } catch (error) {
      return { refused: `The engine has stopped: ${sentenceOf(error)}` };
    } finally {
      if (this.#job === job) this.#end();
    }
  }

  /** Another group or timeline is shown: the work under way is for nobody any more. */
  abandon(): void {
    if (this.#job === null) return;
    this.#job.abandoned = true;
    this.#end();
  }

  #end(): void {
    this.#job = null;
    this.#notices.busy(null);
  }
}
