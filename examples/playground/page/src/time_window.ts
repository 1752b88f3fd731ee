// Which time is in sight on the timeline. All times are microseconds.

const USUAL_SPAN = 800_000;
const SHORTEST_SPAN = 2_000;
/** Where the moment that is shown stays in the window while time passes, as a share of it. */
const FOLLOWED_AT = 0.8;

export class TimeWindow {
  #from = 0;
  #span = USUAL_SPAN;
  /** All the time there is stays in sight. */
  #all = false;

  get from(): number {
    return this.#from;
  }

  get span(): number {
    return this.#span;
  }

  reset(): void {
    this.#from = 0;
    this.#span = USUAL_SPAN;
    this.#all = false;
  }

  set(from: number, span: number): void {
    this.#all = false;
    this.#from = from;
    this.#span = span;
  }

  /** Shows more or less time; the moment `around` stays in its place. */
  zoom(factor: number, around: number, end: number): void {
    const longest = Math.max(USUAL_SPAN, end * 1.05);
    const span = Math.max(SHORTEST_SPAN, Math.min(longest, this.#span * factor));
    const share = Math.max(0, Math.min(1, (around - this.#from) / this.#span));
    this.#all = false;
    this.#span = span;
    this.#from = Math.max(0, around - share * span);
  }

  /** Shows all the time until `end`, and room for more if the run goes on. */
  showAll(end: number, goesOn: boolean): void {
    this.#all = true;
    this.#from = 0;
    this.#span = Math.max(SHORTEST_SPAN, end * 1.02, goesOn ? USUAL_SPAN : 0);
  }

  pan(by: number, end: number): void {
    this.#all = false;
    this.#from = Math.max(0, Math.min(Math.max(0, end - this.#span * 0.2), this.#from + by));
  }

  /** Goes along with a moment that moves a little. */
  follow(at: number, goesOn: boolean): void {
    if (this.#all) {
      if (goesOn) this.#span = Math.max(this.#span, at * 1.1);
    } else if (at > this.#from + this.#span * FOLLOWED_AT) {
      this.#from = at - this.#span * FOLLOWED_AT;
    } else if (at < this.#from) {
      this.#from = Math.max(0, at - this.#span * 0.2);
    }
  }

  /** Goes to a moment that is out of sight. */
  keepInView(at: number, goesOn: boolean): void {
    if (at > this.#from + this.#span || at < this.#from) this.#from = Math.max(0, at - this.#span / 2);
    this.follow(at, goesOn);
  }
}
