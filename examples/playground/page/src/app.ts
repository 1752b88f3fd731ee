// The page: what is shown, at which moment, and what the person does with it.

import { CanvasPen } from "./canvas_pen.ts";
import { roleName, type Theme } from "./colours.ts";
import { DeedPanel } from "./deed_panel.ts";
import { NodeRow } from "./node_row.ts";
import { SettingsForm, USUAL_SETTINGS } from "./settings_form.ts";
import { SPEEDS, Transport, USUAL_SPEED } from "./transport.ts";
import { sentence, type Deed } from "./deeds.ts";
import { byId, drawn, element, nextFrame, replaceChildren, setText } from "./dom.ts";
import { loadEngine, Replay, sentenceOf, Session, type Engine, type Settings } from "./engine.ts";
import { count, duration, list, moment } from "./format.ts";
import { Inspector } from "./inspector.ts";
import { decodeLink, encodeLink, type Link } from "./link.ts";
import { isRefusal, Model, type NodeState, type Refusal } from "./model.ts";
import { drawRing, hitRing } from "./ring_view.ts";
import type { Rules } from "./rules.ts";
import {
  drawTimeline, hitTimeline, timeAt, timelineHeight, type Selection, type TimelineWindow,
} from "./timeline_view.ts";
import { leaderAt, TourRepeat, TourRun, type Tour } from "./tours.ts";
import toursData from "../tours.json";

/** How long the engine may work in one frame, in milliseconds. */
const BUDGET_MS = 9;
/** How long it may work in one frame while nothing else goes on. */
const REPLAY_BUDGET_MS = 30;
const LARGEST_FILE = 128 * 1024 * 1024;
const USUAL_SPAN = 800_000;
const SHORTEST_SPAN = 2_000;
/** A longer timeline begins at the speed of true time. */
const LONG_RUN = 10_000_000;
/** Where the moment that is shown stays in the window while time passes. */
const FOLLOWED_AT = 0.8;
const FRAMES_KEPT = 600;
/** The axis of the timeline, and the lowest lane of a node, in pixels. */
const LANES_HEAD = 44;
const LOWEST_LANE = 22;

const TOURS = toursData as unknown as readonly Tour[];

/** Long work under way. */
interface Job {
  /** The person wants what there is so far. */
  stopped: boolean;
  abandoned: boolean;
}

class App {
  #engine: Engine | null = null;
  #session: Session | null = null;
  #model: Model | null = null;
  #at = 0;
  /** The moment as a fraction, so that slow time does not stand still. */
  #position = 0;
  #playing = false;
  #speed = USUAL_SPEED;
  #from = 0;
  #span = USUAL_SPAN;
  #all = false;
  #selected: Selection | null = null;
  #chosen = 0;
  #tour: TourRun | null = null;
  #theme: Theme = "light";
  #dirty = true;
  #lastFrame = 0;
  #slowPart = 0;
  #frames: number[] = [];
  #busy: Job | null = null;
  #leaderSaid: number | null = null;
  #hashTimer = 0;
  #toastTimer = 0;
  readonly #still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  readonly #ring = byId("ring", HTMLCanvasElement);
  readonly #lanes = byId("lanes", HTMLCanvasElement);
  readonly #rows = byId("rows", HTMLElement);
  readonly #ringPen = new CanvasPen(this.#ring);
  readonly #lanesPen = new CanvasPen(this.#lanes);
  readonly #transport: Transport;
  readonly #nodes = new NodeRow();
  readonly #deeds: DeedPanel;
  readonly #inspector: Inspector;
  readonly #settings: SettingsForm;

  constructor(rules: Rules) {
    this.#transport = new Transport({
      play: () => this.play(!this.#playing),
      step: () => this.stepForward(),
      back: () => this.stepBack(),
      speed: (value) => this.setSpeed(value),
      scrub: (time) => this.goTo(time),
      zoom: (factor) => this.zoom(factor),
      zoomAll: () => this.zoomAll(),
      latest: () => this.goTo(this.#model?.end ?? 0),
    });
    this.#deeds = new DeedPanel((deed) => void this.act(deed));
    this.#inspector = new Inspector(byId("see", HTMLElement), rules, {
      select: (selection) => this.select(selection),
      goTo: (time) => this.goTo(time),
    });
    this.#settings = new SettingsForm((settings) => this.newGroup(settings));
    this.#bindPage();
    this.#bindRing();
    this.#bindLanes();
    this.#bindFiles();
    this.#bindKeys();
    this.#bindTours();
    requestAnimationFrame((time) => this.#frame(time));
  }

  // ---- What is shown

  async start(): Promise<void> {
    const embedded = textOf("timeline");
    const engine = await loadEngine(textOf("engine"));
    if (isRefusal(engine)) this.error(engine.refused);
    else this.#engine = engine;
    document.body.classList.toggle("no-engine", this.#engine === null);
    if (embedded !== "") {
      this.#busyText("Reading the timeline …");
      await drawn();
      this.#showText(embedded);
      this.#busyText(null);
    } else if (this.#engine === null) {
      this.#showNothing();
    } else if (location.hash.length > 1) {
      await this.openLink(location.hash.slice(1));
    } else if (this.newGroup(USUAL_SETTINGS)) {
      // The first thing to see is a group at work, unless somebody wants nothing to move.
      if (!this.#still && location.search !== "?still") this.play(true);
    }
  }

  #showNothing(): void {
    document.body.classList.add("viewer", "empty");
    byId("verdict", HTMLElement).hidden = true;
  }

  newGroup(settings: Settings): boolean {
    if (this.#engine === null) return false;
    const session = Session.open(this.#engine, settings);
    if (isRefusal(session)) {
      this.error(session.refused);
      // There is always a group to look at.
      if (this.#model === null && settings !== USUAL_SETTINGS) this.#keepError(() => this.newGroup(USUAL_SETTINGS));
      return false;
    }
    this.#abandonWork();
    this.#leaveTour();
    this.#showSession(session);
    this.#say(`A new group of ${session.model.nodes.length} nodes.`);
    this.#updateHash();
    return true;
  }

  #showSession(session: Session): void {
    if (this.#session !== null && this.#session !== session) this.#session.close();
    this.#session = session;
    this.#showModel(session.model);
    this.#setAt(session.now);
  }

  #showText(text: string): boolean {
    const model = Model.parse(text);
    if (isRefusal(model)) {
      this.error(model.refused);
      if (this.#model === null) {
        if (this.#engine === null) this.#showNothing();
        else this.#keepError(() => this.newGroup(USUAL_SETTINGS));
      }
      return false;
    }
    this.#abandonWork();
    this.#leaveTour();
    this.#session?.close();
    this.#session = null;
    this.#showModel(model);
    this.#setAt(model.violation === null ? 0 : Math.min(model.end, model.violation.at));
    this.zoomAll();
    this.#speed = model.end > LONG_RUN ? 1 : USUAL_SPEED;
    return true;
  }

  #showModel(model: Model): void {
    this.closeError();
    this.#model = model;
    this.#playing = false;
    this.#selected = null;
    this.#chosen = 0;
    this.#from = 0;
    this.#span = USUAL_SPAN;
    this.#all = false;
    this.#leaderSaid = null;
    document.body.classList.toggle("viewer", this.#session === null);
    document.body.classList.remove("empty");
    byId("verdict", HTMLElement).hidden = false;
    const title = this.#session === null ? model.title : this.#groupTitle(model);
    setText(byId("title", HTMLElement), title);
    byId("title", HTMLElement).title = model.command ?? title;
    document.title = this.#session === null ? `${model.title} · quorate` : "quorate";
    this.#nodes.build(model.nodes, (node) => this.select({ what: "node", node }));
    if (this.#session !== null) this.#deeds.build(model.nodes);
    this.#resize();
    this.#touch();
  }

  #groupTitle(model: Model): string {
    const seed = this.#session?.settings["seed"] ?? 1;
    const n = Number(this.#session?.settings["nodes"] ?? model.nodes.length);
    return `${n} ${n === 1 ? "node" : "nodes"}, seed ${String(seed)}`;
  }

  // ---- Links

  async openLink(hash: string): Promise<void> {
    if (this.#engine === null) {
      this.error("This page shows a timeline and has no engine, so it cannot run what the link holds: open the link with quorate.html.");
      return;
    }
    const link = decodeLink(hash);
    if (isRefusal(link)) {
      this.error(link.refused);
      if (this.#model === null) this.#keepError(() => this.newGroup(USUAL_SETTINGS));
      return;
    }
    const refusal = await this.#replay(link);
    if (refusal !== null) {
      this.error(refusal.refused);
      if (this.#model === null) this.#keepError(() => this.newGroup(USUAL_SETTINGS));
    }
  }

  #keepError(show: () => unknown): void {
    const text = byId("error-text", HTMLElement).textContent ?? "";
    show();
    this.error(text);
  }

  /** Runs a link again and shows its moment. */
  async #replay(link: Link): Promise<Refusal | null> {
    if (this.#engine === null) return { refused: "This page has no engine." };
    const replay = Replay.begin(this.#engine, link);
    if (isRefusal(replay)) return replay;
    const end = await this.#work(replay, `Running the group to ${moment(link.at)} …`);
    if (isRefusal(end) || end === "abandoned") {
      replay.session.close();
      return isRefusal(end) ? end : null;
    }
    const chosen = this.#chosen;
    const [from, span] = [this.#from, this.#span];
    const again = this.#model !== null && this.#session !== null;
    this.#leaveTour();
    this.#showSession(replay.session);
    if (again && chosen < replay.session.model.nodes.length) {
      // The person goes on with the same group: the view stays as it is.
      this.#choose(chosen);
      [this.#from, this.#span] = [from, span];
    }
    this.#keepInView();
    this.#updateHash();
    return null;
  }

  /** Does long work a little in each frame, so that nothing freezes, until it is done or the person stops it. */
  async #work(
    work: { readonly progress: number; advance(deadline: number): "there" | "more" | Refusal },
    words: string,
  ): Promise<Refusal | "there" | "stopped" | "abandoned"> {
    this.#abandonWork();
    const job: Job = { stopped: false, abandoned: false };
    this.#busy = job;
    this.#playing = false;
    const began = performance.now();
    try {
      for (;;) {
        const end = work.advance(performance.now() + REPLAY_BUDGET_MS);
        if (end !== "more") return end;
        if (job.stopped) return "stopped";
        // What takes no time to speak of needs no banner.
        if (performance.now() - began > 150) this.#busyText(words, work.progress);
        await nextFrame();
        if (job.abandoned) return "abandoned";
      }
    } catch (error) {
      return { refused: `The engine has stopped: ${sentenceOf(error)}` };
    } finally {
      if (this.#busy === job) {
        this.#busy = null;
        this.#busyText(null);
      }
    }
  }

  /** Another group or timeline is shown: the work under way is for nobody any more. */
  #abandonWork(): void {
    if (this.#busy === null) return;
    this.#busy.abandoned = true;
    this.#busy = null;
    this.#busyText(null);
  }

  #busyText(words: string | null, progress = 0): void {
    byId("busy", HTMLElement).hidden = words === null;
    byId("stop-busy", HTMLButtonElement).hidden = this.#busy === null;
    byId("busy-progress", HTMLProgressElement).hidden = this.#busy === null;
    if (words === null) return;
    setText(byId("busy-text", HTMLElement), words);
    byId("busy-progress", HTMLProgressElement).value = progress;
  }

  link(): string {
    const session = this.#session;
    if (session === null) return "";
    const deeds = session.deeds.filter(([time]) => time <= this.#at);
    return encodeLink({ settings: session.settings, deeds, at: this.#at });
  }

  /** The address follows what is shown, once it has come to rest. */
  #updateHash(): void {
    clearTimeout(this.#hashTimer);
    this.#hashTimer = window.setTimeout(() => {
      if (this.#session === null || this.#playing) return;
      try {
        history.replaceState(null, "", `#${this.link()}`);
      } catch {
        // Some browsers limit how often an address changes, or do not change that of a file.
      }
    }, 250);
  }

  async #copyLink(): Promise<void> {
    const address = `${location.href.split("#")[0] ?? ""}#${this.link()}`;
    try {
      history.replaceState(null, "", address);
    } catch {
      // The clipboard has it all the same.
    }
    try {
      await navigator.clipboard.writeText(address);
      this.#toast("The link to this moment is in the clipboard.");
    } catch {
      this.#toast("The address bar holds the link to this moment.");
    }
  }

  // ---- Time

  play(on: boolean): void {
    const model = this.#model;
    if (model === null || this.#busy !== null) return;
    if (on && this.#session === null && this.#at >= model.end) this.#setAt(0);
    if (on && this.#session?.ended != null && this.#at >= this.#session.now) this.#toast(this.#session.ended);
    else this.#playing = on;
    if (!on) this.#updateHash();
    this.#touch();
  }

  setSpeed(value: number): void {
    this.#speed = value;
    this.#touch();
  }

  #otherSpeed(direction: 1 | -1): void {
    const place = SPEEDS.findIndex(([value]) => value >= this.#speed);
    const next = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, (place < 0 ? SPEEDS.length - 1 : place) + direction))];
    if (next !== undefined) {
      this.setSpeed(next[0]);
      this.#say(`Speed ${next[1]}.`);
    }
  }

  /** Shows a moment of what has happened so far. */
  goTo(time: number): void {
    const model = this.#model;
    if (model === null) return;
    this.#playing = false;
    this.#setAt(Math.max(0, Math.min(model.end, Math.round(time))));
    this.#keepInView();
    this.#updateHash();
  }

  stepForward(): void {
    const model = this.#model;
    if (model === null || this.#busy !== null) return;
    this.#playing = false;
    let index = model.firstAfter(this.#at);
    while (index < model.eventCount && model.kindOf(index) === "s") index++;
    if (index >= model.eventCount && this.#session !== null) {
      const session = this.#session;
      this.#guard(() => {
        session.runTo(this.#at, Infinity);
        index = model.eventCount;
        session.step();
      });
      if (session.ended !== null) this.#toast(session.ended);
      this.#setAt(session.now);
    } else {
      this.#setAt(index < model.eventCount ? model.timeOf(index) : model.end);
    }
    this.#keepInView();
    this.#sayStep(index);
    this.#updateHash();
  }

  stepBack(): void {
    const model = this.#model;
    if (model === null || this.#busy !== null) return;
    this.#playing = false;
    let index = model.firstAtOrAfter(this.#at) - 1;
    while (index >= 0 && model.kindOf(index) === "s") index--;
    this.#setAt(index >= 0 ? model.timeOf(index) : 0);
    this.#keepInView();
    this.#sayStep(index);
    this.#updateHash();
  }

  #sayStep(index: number): void {
    const model = this.#model;
    if (model !== null && index >= 0 && index < model.eventCount) this.#say(model.describe(index));
  }

  #setAt(time: number): void {
    this.#at = time;
    this.#position = time;
    this.#touch();
  }

  #advance(passed: number, deadline: number): void {
    const model = this.#model;
    if (model === null) return;
    const target = this.#position + passed * 1_000 * this.#speed;
    const session = this.#session;
    if (session === null || target <= session.now) {
      this.#position = Math.min(target, model.end);
      if (session === null && this.#position >= model.end) this.play(false);
    } else if (this.#tour?.waiting === true) {
      const reached = this.#tour.advance(session, Math.floor(target), deadline);
      this.#position = reached === "there" ? target : session.now;
      if (reached === "finished") this.#tourStepDone();
    } else {
      const reached = session.runTo(Math.floor(target), deadline);
      this.#position = reached === "there" ? target : session.now;
      if (reached === "ended") {
        this.#playing = false;
        this.#say(session.ended ?? "");
        if (session.ended !== null && model.violation === null) this.#toast(session.ended);
      }
    }
    this.#at = Math.floor(this.#position);
    this.#follow();
    this.#announce();
  }

  // ---- The window of the timeline

  zoom(factor: number, around = this.#at): void {
    const model = this.#model;
    if (model === null) return;
    const longest = Math.max(USUAL_SPAN, model.end * 1.05);
    const span = Math.max(SHORTEST_SPAN, Math.min(longest, this.#span * factor));
    const share = Math.max(0, Math.min(1, (around - this.#from) / this.#span));
    this.#all = false;
    this.#span = span;
    this.#from = Math.max(0, around - share * span);
    this.#touch();
  }

  zoomAll(): void {
    const model = this.#model;
    if (model === null) return;
    this.#all = true;
    this.#from = 0;
    this.#span = Math.max(SHORTEST_SPAN, model.end * 1.02, this.#session === null ? 0 : USUAL_SPAN);
    this.#touch();
  }

  #pan(by: number): void {
    const end = this.#model?.end ?? 0;
    this.#all = false;
    this.#from = Math.max(0, Math.min(Math.max(0, end - this.#span * 0.2), this.#from + by));
    this.#touch();
  }

  #follow(): void {
    if (this.#all) {
      if (this.#session !== null) this.#span = Math.max(this.#span, this.#at * 1.1);
    } else if (this.#at > this.#from + this.#span * FOLLOWED_AT) {
      this.#from = this.#at - this.#span * FOLLOWED_AT;
    } else if (this.#at < this.#from) {
      this.#from = Math.max(0, this.#at - this.#span * 0.2);
    }
  }

  #keepInView(): void {
    if (this.#at > this.#from + this.#span || this.#at < this.#from) {
      this.#from = Math.max(0, this.#at - this.#span / 2);
    }
    this.#follow();
    this.#touch();
  }

  #window(): TimelineWindow {
    return {
      from: this.#from, to: this.#from + this.#span, at: this.#at, width: this.#rows.clientWidth,
      height: this.#lanesHeight, theme: this.#theme, selected: this.#selected,
    };
  }

  #lanesHeight = 0;

  #resize(): void {
    const model = this.#model;
    if (model === null) return;
    // Lanes are lower rather than out of sight, down to a height at which they can still be read.
    const wanted = timelineHeight(model.nodes.length, this.#rows.clientWidth);
    const least = Math.min(wanted, LANES_HEAD + model.nodes.length * LOWEST_LANE);
    this.#lanesHeight = Math.round(Math.min(wanted, Math.max(least, innerHeight * 0.37)));
    this.#lanes.style.height = `${this.#lanesHeight}px`;
    this.#touch();
  }

  // ---- Deeds

  async act(deed: Deed): Promise<void> {
    const session = this.#session;
    if (session === null || this.#busy !== null) return;
    this.closeError();
    const wasPlaying = this.#playing;
    if (this.#at < session.now) {
      const deeds = session.deeds.filter(([time]) => time <= this.#at);
      const refusal = await this.#replay({ settings: session.settings, deeds, at: this.#at });
      if (refusal !== null) {
        this.error(refusal.refused);
        return;
      }
      if (this.#session === null || this.#session === session) return;
      this.#toast(`Another history begins at ${moment(this.#at)}.`);
    }
    const current = this.#session;
    if (current === null) return;
    let refusal: Refusal | null = null;
    this.#guard(() => {
      refusal = current.act(deed);
    });
    this.#setAt(current.now);
    if (refusal !== null) this.error((refusal as Refusal).refused);
    else this.#say(sentence(deed, current.model.nodes));
    this.#playing = wasPlaying && refusal === null;
    this.#keepInView();
    this.#updateHash();
  }

  /** An error of the engine is a sentence, not a dead page. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#playing = false;
      this.error(`The engine has stopped: ${sentenceOf(error)}`);
    }
  }

  // ---- Choosing

  select(selection: Selection | null): void {
    this.#selected = selection;
    if (selection?.what === "node") this.#choose(selection.node);
    if (selection?.what === "moment" && selection.node !== null) this.#choose(selection.node);
    this.#slowPart = 0;
    this.#touch();
  }

  #choose(node: number): void {
    this.#chosen = node;
    this.#deeds.choose(node);
    this.#touch();
  }

  // ---- Tours

  #bindTours(): void {
    const dialog = byId("tours", HTMLDialogElement);
    dialog.append(
      element("h2", { id: "tours-title" }, "Guided tours"),
      element(
        "ul",
        { class: "tours" },
        ...TOURS.map((tour) =>
          element(
            "li",
            {},
            element(
              "button",
              {
                type: "button",
                "data-test": `tour-${tour.name}`,
                onclick: () => {
                  dialog.close();
                  void this.startTour(tour);
                },
              },
              element("strong", {}, tour.title),
              tour.about !== undefined && element("span", {}, tour.about),
            ),
          ),
        ),
      ),
      element("div", { class: "row end" }, element("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    );
    byId("open-tours", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
    byId("tour-next", HTMLButtonElement).addEventListener("click", () => void this.nextTourStep());
    byId("tour-back", HTMLButtonElement).addEventListener("click", () => void this.backInTour());
    byId("tour-close", HTMLButtonElement).addEventListener("click", () => this.#leaveTour());
  }

  async startTour(tour: Tour, place = 0): Promise<void> {
    if (this.#engine === null) return;
    const session = Session.open(this.#engine, { ...USUAL_SETTINGS, ...tour.settings });
    if (isRefusal(session)) {
      this.error(session.refused);
      return;
    }
    const repeat = new TourRepeat(tour, session, place);
    const end = await this.#work(repeat, "Going back in the tour …");
    if (end !== "there") {
      session.close();
      if (isRefusal(end)) this.error(end.refused);
      return;
    }
    this.#showSession(session);
    this.#tour = repeat.run;
    this.#tourStepBegun();
    this.#resize();
  }

  async nextTourStep(): Promise<void> {
    const tour = this.#tour;
    const session = this.#session;
    if (tour === null || session === null || this.#busy !== null) return;
    if (tour.waiting) {
      // The person does not want to wait: the step comes to its end at once.
      const rest = {
        progress: 0,
        advance: (deadline: number) => (tour.advance(session, Infinity, deadline) === "more" ? ("more" as const) : ("there" as const)),
      };
      const end = await this.#work(rest, "Going on to the end of the step …");
      if (isRefusal(end)) this.error(end.refused);
      if (end !== "there" || this.#tour !== tour) return;
    }
    this.#setAt(session.now);
    if (tour.isLast) {
      this.#leaveTour();
      return;
    }
    const refusal = tour.begin(session);
    if (refusal !== null) this.error(refusal.refused);
    this.#tourStepBegun();
  }

  async backInTour(): Promise<void> {
    const tour = this.#tour;
    if (tour !== null && tour.place > 0 && this.#busy === null) await this.startTour(tour.tour, tour.place - 1);
  }

  #tourStepBegun(): void {
    const tour = this.#tour;
    const session = this.#session;
    if (tour === null || session === null) return;
    this.#setAt(session.now);
    this.#speed = tour.speed;
    this.#playing = tour.waiting;
    const show = tour.step?.show;
    const node = show?.node === undefined ? null : tour.node(show.node, session.model, session.now);
    this.select(node === null ? null : { what: "node", node });
    this.#inspector.openRules(show?.rules ?? [], true);
    this.#showTour();
    this.#keepInView();
    this.#say(byId("tour-text", HTMLElement).textContent ?? "");
  }

  #tourStepDone(): void {
    this.#playing = false;
    this.#showTour();
    this.#updateHash();
  }

  #showTour(): void {
    const tour = this.#tour;
    const card = byId("tour", HTMLElement);
    if (card.hidden !== (tour === null)) {
      card.hidden = tour === null;
      this.#touch();
    }
    const session = this.#session;
    if (tour === null || session === null) return;
    setText(byId("tour-title", HTMLElement), tour.tour.title);
    setText(byId("tour-step", HTMLElement), `${tour.place + 1} of ${tour.tour.steps.length}`);
    const text = byId("tour-text", HTMLElement);
    setText(text, tour.text(session.model, session.now));
    text.dataset["step"] = String(tour.place);
    text.dataset["waiting"] = String(tour.waiting);
    text.dataset["fulfilled"] = String(tour.fulfilled);
    byId("tour-back", HTMLButtonElement).disabled = tour.place <= 0;
    setText(byId("tour-next", HTMLElement), tour.isLast ? "Done" : "Next");
    setText(byId("tour-state", HTMLElement), tour.waiting ? "Time passes …" : "");
  }

  #leaveTour(): void {
    if (this.#tour === null) return;
    this.#tour = null;
    this.#playing = false;
    this.#showTour();
    this.#updateHash();
  }

  // ---- Files

  #bindFiles(): void {
    const input = byId("file", HTMLInputElement);
    byId("open-file", HTMLButtonElement).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file !== undefined) void this.openFile(file);
      input.value = "";
    });
    let entered = 0;
    addEventListener("dragenter", () => document.body.classList.toggle("dropping", ++entered > 0));
    addEventListener("dragleave", () => document.body.classList.toggle("dropping", --entered > 0));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      entered = 0;
      document.body.classList.remove("dropping");
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) void this.openFile(file);
    });
  }

  async openFile(file: File): Promise<void> {
    if (file.size > LARGEST_FILE) {
      this.error(`The file ${file.name} has ${count(file.size / 1_048_576)} MB; the page opens files of up to 128 MB.`);
      return;
    }
    this.#busyText(`Reading ${file.name} …`);
    await drawn();
    try {
      if (this.#showText(await file.text())) this.#say(`The timeline ${file.name} is open.`);
    } catch (error) {
      this.error(`The file ${file.name} cannot be read: ${sentenceOf(error)}`);
    } finally {
      this.#busyText(null);
    }
  }

  // ---- The page around it

  #bindPage(): void {
    byId("open-settings", HTMLButtonElement).addEventListener("click", () => this.#openSettings());
    byId("copy-link", HTMLButtonElement).addEventListener("click", () => void this.#copyLink());
    byId("close-error", HTMLButtonElement).addEventListener("click", () => this.closeError());
    byId("stop-busy", HTMLButtonElement).addEventListener("click", () => {
      if (this.#busy !== null) this.#busy.stopped = true;
    });
    addEventListener("hashchange", () => {
      if (location.hash.length > 1 && location.hash.slice(1) !== this.link()) void this.openLink(location.hash.slice(1));
    });
    const system = matchMedia("(prefers-color-scheme: dark)");
    const kept = stored("quorate-theme");
    const apply = (theme: Theme): void => {
      this.#theme = theme;
      document.documentElement.dataset["theme"] = theme;
      const button = byId("theme", HTMLButtonElement);
      setText(button, theme === "dark" ? "☀" : "☾");
      button.setAttribute("aria-label", theme === "dark" ? "Light colours" : "Dark colours");
      this.#touch();
    };
    apply(kept === "dark" || kept === "light" ? kept : system.matches ? "dark" : "light");
    system.addEventListener("change", () => apply(system.matches ? "dark" : "light"));
    byId("theme", HTMLButtonElement).addEventListener("click", () => {
      apply(this.#theme === "dark" ? "light" : "dark");
      store("quorate-theme", this.#theme);
    });
    addEventListener("resize", () => this.#resize());
    new ResizeObserver(() => this.#resize()).observe(this.#rows);
    new ResizeObserver(() => this.#touch()).observe(this.#ring);
  }

  #openSettings(): void {
    if (this.#engine !== null) this.#settings.open(this.#session?.settings ?? USUAL_SETTINGS);
  }

  error(text: string): void {
    this.#playing = false;
    byId("error", HTMLElement).hidden = false;
    setText(byId("error-text", HTMLElement), text);
    this.#touch();
  }

  closeError(): void {
    byId("error", HTMLElement).hidden = true;
  }

  #toast(text: string): void {
    const toast = byId("toast", HTMLElement);
    setText(toast, text);
    toast.hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = window.setTimeout(() => {
      toast.hidden = true;
    }, 3_500);
  }

  #say(text: string): void {
    setText(byId("live", HTMLElement), text);
  }

  /** Says in words who leads when that has changed. */
  #announce(): void {
    const model = this.#model;
    if (model === null) return;
    const leader = leaderAt(model, this.#at);
    if (leader === this.#leaderSaid) return;
    this.#leaderSaid = leader;
    if (leader === null) this.#say("No node leads.");
    else this.#say(`Node ${model.nodes[leader] ?? ""} leads in term ${model.state(leader, this.#at).term}.`);
  }

  // ---- Pointers

  #bindRing(): void {
    this.#ring.addEventListener("click", (event) => {
      const model = this.#model;
      if (model === null) return;
      const place = this.#ring.getBoundingClientRect();
      const layout = { width: place.width, height: place.height, theme: this.#theme, selected: this.#selected, still: this.#still };
      this.select(hitRing(model, this.#at, layout, event.clientX - place.left, event.clientY - place.top));
    });
  }

  #bindLanes(): void {
    const pointers = new Map<number, { x: number; y: number }>();
    let moved = false;
    let began = { x: 0, from: 0 };
    let pinch = 0;
    const placeOf = (event: { clientX: number; clientY: number }): { x: number; y: number } => {
      const place = this.#lanes.getBoundingClientRect();
      return { x: event.clientX - place.left, y: event.clientY - place.top };
    };
    const distance = (): number => {
      const [a, b] = [...pointers.values()];
      return a === undefined || b === undefined ? 0 : Math.max(1, Math.abs(a.x - b.x));
    };
    this.#lanes.addEventListener("pointerdown", (event) => {
      this.#lanes.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, placeOf(event));
      if (pointers.size === 1) {
        moved = false;
        began = { x: placeOf(event).x, from: this.#from };
      } else {
        moved = true;
        pinch = distance();
      }
    });
    this.#lanes.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId)) return;
      const { x, y } = placeOf(event);
      pointers.set(event.pointerId, { x, y });
      if (pointers.size === 2) {
        const now = distance();
        this.zoom(pinch / now, timeAt(this.#window(), x));
        pinch = now;
        return;
      }
      if (!moved && Math.abs(x - began.x) < 5) return;
      moved = true;
      if (event.pointerType === "touch" || event.shiftKey) {
        const width = Math.max(1, this.#rows.clientWidth);
        this.#pan(began.from - ((x - began.x) / width) * this.#span - this.#from);
      } else {
        this.goTo(timeAt(this.#window(), x));
      }
    });
    const end = (event: PointerEvent): void => {
      if (!pointers.delete(event.pointerId) || moved || event.type === "pointercancel") return;
      const { x, y } = placeOf(event);
      this.#clickLanes(x, y);
    };
    this.#lanes.addEventListener("pointerup", end);
    this.#lanes.addEventListener("pointercancel", end);
    this.#lanes.addEventListener(
      "wheel",
      (event) => {
        const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
        const scrolls = this.#rows.scrollHeight > this.#rows.clientHeight + 1;
        if (!sideways && scrolls && !event.ctrlKey) return;
        event.preventDefault();
        const by = event.deltaMode === 1 ? 16 : 1;
        if (sideways) {
          const delta = (event.deltaX === 0 ? event.deltaY : event.deltaX) * by;
          this.#pan((delta / Math.max(1, this.#rows.clientWidth)) * this.#span);
        } else {
          this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * by * 0.002))), timeAt(this.#window(), placeOf(event).x));
        }
      },
      { passive: false },
    );
  }

  #clickLanes(x: number, y: number): void {
    const model = this.#model;
    if (model === null) return;
    const hit = hitTimeline(model, this.#window(), x, y);
    if (hit?.what === "moment") this.goTo(hit.at);
    else if (hit !== null) this.#playing = false;
    this.select(hit?.what === "moment" ? { ...hit, at: this.#at } : hit);
  }

  // ---- Keys

  #bindKeys(): void {
    const keys: readonly (readonly [string, string])[] = [
      ["Space", "play or pause"], ["→", "step to the next event"], ["←", "back to the event before"],
      ["Home", "to the start"], ["End", "to the latest moment"], ["+ −", "show less or more time"], ["0", "show all the time"],
      [", .", "slower, faster"], ["n", "new group"], ["t", "tours"], ["l", "copy the link"], ["o", "open a file"],
      ["1 … 9", "choose a node"], ["c r f w", "crash, restart, freeze, thaw the chosen node"],
      ["d", "dark or light"], ["Esc", "close what is open"], ["?", "this list"],
    ];
    const dialog = byId("keys", HTMLDialogElement);
    dialog.append(
      element("h2", { id: "keys-title" }, "Keys"),
      element(
        "div",
        { class: "grid" },
        ...keys.flatMap(([key, words]) => [
          element("span", {}, words),
          element("span", { class: "row" }, ...key.split(" ").map((part) => (part === "…" ? part : element("kbd", {}, part)))),
        ]),
      ),
      element("div", { class: "row end" }, element("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    );
    byId("open-keys", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
      const target = event.target;
      const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
      const pressing = target instanceof HTMLButtonElement || (target instanceof HTMLElement && target.tagName === "SUMMARY");
      if (typing || (pressing && (event.key === " " || event.key === "Enter"))) return;
      if (this.#key(event.key, dialog)) event.preventDefault();
    });
  }

  #key(key: string, keys: HTMLDialogElement): boolean {
    const onChosen = (name: string): void => void this.act({ do: name, node: this.#chosen });
    switch (key) {
      case " ": this.play(!this.#playing); return true;
      case "ArrowRight": this.stepForward(); return true;
      case "ArrowLeft": this.stepBack(); return true;
      case "Home": this.goTo(0); return true;
      case "End": this.goTo(this.#model?.end ?? 0); return true;
      case "+": case "=": this.zoom(1 / 2); return true;
      case "-": this.zoom(2); return true;
      case "0": this.zoomAll(); return true;
      case ".": this.#otherSpeed(1); return true;
      case ",": this.#otherSpeed(-1); return true;
      case "n": this.#openSettings(); return true;
      case "t": if (this.#engine !== null) byId("tours", HTMLDialogElement).showModal(); return true;
      case "l": if (this.#session !== null) void this.#copyLink(); return true;
      case "o": byId("file", HTMLInputElement).click(); return true;
      case "d": byId("theme", HTMLButtonElement).click(); return true;
      case "c": onChosen("crash"); return true;
      case "r": onChosen("restart"); return true;
      case "f": onChosen("freeze"); return true;
      case "w": onChosen("thaw"); return true;
      case "?": keys.showModal(); return true;
      case "Escape": this.closeError(); this.select(null); return true;
      default: break;
    }
    const node = Number(key) - 1;
    if (!Number.isInteger(node) || node < 0 || node >= (this.#model?.nodes.length ?? 0)) return false;
    this.select({ what: "node", node });
    return true;
  }

  // ---- Drawing

  #touch(): void {
    this.#dirty = true;
  }

  #frame(time: number): void {
    requestAnimationFrame((next) => this.#frame(next));
    const began = performance.now();
    const passed = Math.min(100, Math.max(0, time - this.#lastFrame));
    this.#lastFrame = time;
    if (this.#playing && this.#busy === null) {
      this.#guard(() => this.#advance(passed, began + BUDGET_MS));
      this.#dirty = true;
    }
    if (!this.#dirty || this.#model === null) return;
    this.#dirty = false;
    this.#draw(this.#model, time);
    this.#frames.push(performance.now() - began);
    if (this.#frames.length > FRAMES_KEPT) this.#frames.shift();
  }

  #draw(model: Model, time: number): void {
    const { clientWidth, clientHeight } = this.#ring;
    this.#ringPen.begin(clientWidth, clientHeight);
    drawRing(this.#ringPen, model, this.#at, {
      width: clientWidth, height: clientHeight, theme: this.#theme, selected: this.#selected, still: this.#still,
    });
    const view = this.#window();
    this.#lanesPen.begin(view.width, view.height);
    drawTimeline(this.#lanesPen, model, view);
    const session = this.#session;
    this.#transport.show({
      at: this.#at, end: model.end, playing: this.#playing, speed: this.#speed, span: this.#span,
      past: session !== null && !this.#playing && this.#at < session.now,
    });
    // Words change ten times a second while time passes, which is as fast as anybody reads.
    if (this.#playing && time - this.#slowPart < 100) return;
    this.#slowPart = time;
    this.#drawWords(model);
  }

  #drawWords(model: Model): void {
    const session = this.#session;
    const states = model.nodes.map((_, node) => model.state(node, this.#at));
    this.#nodes.show(states, this.#chosen, this.#theme);
    const live = session !== null && this.#at >= session.now;
    this.#inspector.show({
      model, at: this.#at, selected: this.#selected, playing: this.#playing,
      status: live ? (node) => session.status(node) : null,
    });
    const leader = leaderAt(model, this.#at);
    if (session !== null) this.#deeds.show(states[this.#chosen], leader === null ? null : (states[leader] ?? null));
    this.#drawVerdict(model, states, leader);
    const picture = inSentences(model, states, leader);
    if (this.#ring.getAttribute("aria-label") !== picture) this.#ring.setAttribute("aria-label", picture);
  }

  #drawVerdict(model: Model, states: readonly NodeState[], leader: number | null): void {
    const place = byId("verdict", HTMLElement);
    const violation = model.violation;
    place.classList.toggle("bad", violation !== null);
    const text = byId("verdict-text", HTMLElement);
    if (violation !== null) {
      if (text.dataset["at"] === String(violation.at)) return;
      text.dataset["at"] = String(violation.at);
      replaceChildren(
        text,
        `Violation: ${violation.text}`,
        element("button", { type: "button", class: "cite", onclick: () => this.goTo(violation.at) }, `Show ${moment(violation.at)}`),
      );
      return;
    }
    delete text.dataset["at"];
    const term = Math.max(0, ...states.map((state) => state.term));
    const leads = leader === null ? "no leader" : `node ${model.nodes[leader] ?? ""} leads`;
    if (this.#session === null) {
      setText(text, `No violation found · ${leads} · term ${term}`);
    } else {
      setText(text, `Safe: ${count(this.#session.verdict().checks)} checks passed · ${leads} · term ${term}`);
    }
  }

  // ---- For tests

  handle(): Record<string, unknown> {
    return {
      now: () => this.#at,
      end: () => this.#model?.end ?? 0,
      events: () => this.#model?.eventCount ?? 0,
      state: (node: number) => this.#model?.state(node, this.#at) ?? null,
      frameTimes: () => [...this.#frames],
      link: () => this.link(),
      playing: () => this.#playing,
      busy: () => this.#busy !== null,
      span: () => duration(this.#span),
    };
  }
}

/** The ring in words, for those who do not see it. */
function inSentences(model: Model, states: readonly NodeState[], leader: number | null): string {
  const named = (wanted: (state: NodeState) => boolean): string[] =>
    model.nodes.filter((_, node) => {
      const state = states[node];
      return state !== undefined && wanted(state);
    });
  const parts = [`${model.nodes.length} nodes.`];
  parts.push(leader === null ? "No node leads." : `Node ${model.nodes[leader] ?? ""} leads in term ${states[leader]?.term ?? 0}.`);
  for (const role of ["P", "C", "R"] as const) {
    const names = named((state) => state.phase === "up" && state.role === role);
    if (names.length > 0) parts.push(`${roleName(role)}: ${list(names)}.`);
  }
  for (const phase of ["down", "lost", "frozen"] as const) {
    const names = named((state) => state.phase === phase);
    if (names.length > 0) parts.push(`${phase}: ${list(names)}.`);
  }
  return parts.join(" ");
}

function textOf(id: string): string {
  return (document.getElementById(id)?.textContent ?? "").trim();
}

/** A browser may refuse storage to a page that was opened from a file. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The choice lasts for this visit.
  }
}

const app = new App(JSON.parse(textOf("rules") || "{}") as Rules);
(window as unknown as { quorate: unknown }).quorate = app.handle();
const report = (error: unknown): void => app.error(`The page has made an error: ${sentenceOf(error)}`);
addEventListener("error", (event) => report(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => report(event.reason));
void app.start();
