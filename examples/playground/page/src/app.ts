// The page: what is shown, at which moment, and what the person does with it.

import { Address } from "./address.ts";
import { CanvasPen } from "./canvas_pen.ts";
import type { Theme } from "./colours.ts";
import { DeedPanel } from "./deed_panel.ts";
import { sentence, type Deed } from "./deeds.ts";
import { byId, drawn, setText } from "./dom.ts";
import { loadEngine, Replay, sentenceOf, Session, type Engine, type Settings } from "./engine.ts";
import { bindFiles } from "./files.ts";
import { duration, moment } from "./format.ts";
import { Inspector } from "./inspector.ts";
import { bindKeys, type KeyName } from "./keys.ts";
import { decodeLink, encodeLink, type Link } from "./link.ts";
import { isRefusal, Model, type Refusal } from "./model.ts";
import { NodeRow } from "./node_row.ts";
import { Notices } from "./notices.ts";
import { bindLanes } from "./pointers.ts";
import { drawRing, hitRing } from "./ring_view.ts";
import type { Rules } from "./rules.ts";
import { SettingsForm, USUAL_SETTINGS } from "./settings_form.ts";
import { bindTheme } from "./theme.ts";
import { TimeWindow } from "./time_window.ts";
import { drawTimeline, hitTimeline, timeAt, timelineHeight, type Selection, type TimelineWindow } from "./timeline_view.ts";
import { TourCard } from "./tour_card.ts";
import { leaderAt, TourRepeat, TourRun, type Tour } from "./tours.ts";
import { SPEEDS, Transport, USUAL_SPEED } from "./transport.ts";
import { inSentences, showVerdict } from "./verdict.ts";
import { LongWork } from "./work.ts";

/** How long the engine may work in one frame, in milliseconds. */
const BUDGET_MS = 9;
/** A longer timeline begins at the speed of true time. */
const LONG_RUN = 10_000_000;
const FRAMES_KEPT = 600;
/** The axis of the timeline, and the lowest lane of a node, in pixels. */
const LANES_HEAD = 44;
const LOWEST_LANE = 22;

class App {
  #engine: Engine | null = null;
  #session: Session | null = null;
  #model: Model | null = null;
  #at = 0;
  /** The moment as a fraction, so that slow time does not stand still. */
  #position = 0;
  #playing = false;
  #speed = USUAL_SPEED;
  #selected: Selection | null = null;
  #chosen = 0;
  #tour: TourRun | null = null;
  #theme: Theme = "light";
  #dirty = true;
  #lastFrame = 0;
  #slowPart = 0;
  #frames: number[] = [];
  #leaderSaid: number | null = null;
  readonly #still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  readonly #notices = new Notices();
  readonly #work = new LongWork(this.#notices);
  readonly #time = new TimeWindow();
  readonly #address: Address;
  readonly #tourCard: TourCard;
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
    this.#address = new Address(this.#notices, () => (this.#session === null || this.#playing ? null : this.link()), (hash) => void this.openLink(hash));
    this.#tourCard = new TourCard({
      start: (tour) => void this.startTour(tour),
      next: () => void this.nextTourStep(),
      back: () => void this.backInTour(),
      leave: () => this.#leaveTour(),
    });
    bindTheme((theme) => {
      this.#theme = theme;
      this.#touch();
    });
    bindFiles(this.#notices, (text) => this.#showText(text));
    bindKeys((name) => this.#key(name), (node) => {
      if (node < (this.#model?.nodes.length ?? 0)) this.select({ what: "node", node });
    });
    bindLanes(this.#lanes, this.#rows, {
      click: (x, y) => this.#clickLanes(x, y),
      scrub: (x) => this.goTo(timeAt(this.#window(), x)),
      pan: (share) => this.#pan(share * this.#time.span),
      zoom: (factor, x) => this.zoom(factor, timeAt(this.#window(), x)),
    });
    this.#bindPage();
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
      this.#notices.busy("Reading the timeline …");
      await drawn();
      this.#showText(embedded);
      this.#notices.busy(null);
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
      if (this.#model === null && settings !== USUAL_SETTINGS) this.#notices.keepError(() => this.newGroup(USUAL_SETTINGS));
      return false;
    }
    this.#work.abandon();
    this.#leaveTour();
    this.#showSession(session);
    this.#notices.say(`A new group of ${session.model.nodes.length} nodes.`);
    this.#address.update();
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
        else this.#notices.keepError(() => this.newGroup(USUAL_SETTINGS));
      }
      return false;
    }
    this.#work.abandon();
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
    this.#notices.closeError();
    this.#model = model;
    this.#playing = false;
    this.#selected = null;
    this.#chosen = 0;
    this.#time.reset();
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
      if (this.#model === null) this.#notices.keepError(() => this.newGroup(USUAL_SETTINGS));
      return;
    }
    const refusal = await this.#replay(link);
    if (refusal !== null) {
      this.error(refusal.refused);
      if (this.#model === null) this.#notices.keepError(() => this.newGroup(USUAL_SETTINGS));
    }
  }

  /** Runs a link again and shows its moment. */
  async #replay(link: Link): Promise<Refusal | null> {
    if (this.#engine === null) return { refused: "This page has no engine." };
    const replay = Replay.begin(this.#engine, link);
    if (isRefusal(replay)) return replay;
    this.#playing = false;
    const end = await this.#work.run(replay, `Running the group to ${moment(link.at)} …`);
    if (isRefusal(end) || end === "abandoned") {
      replay.session.close();
      return isRefusal(end) ? end : null;
    }
    const chosen = this.#chosen;
    const { from, span } = this.#time;
    const again = this.#model !== null && this.#session !== null;
    this.#leaveTour();
    this.#showSession(replay.session);
    if (again && chosen < replay.session.model.nodes.length) {
      // The person goes on with the same group: the view stays as it is.
      this.#choose(chosen);
      this.#time.set(from, span);
    }
    this.#keepInView();
    this.#address.update();
    return null;
  }

  link(): string {
    const session = this.#session;
    if (session === null) return "";
    const deeds = session.deeds.filter(([time]) => time <= this.#at);
    // A run breaks off between two microseconds; the next one shows why.
    const isAtItsEnd = session.model.violation !== null && this.#at >= session.now;
    return encodeLink({ settings: session.settings, deeds, at: isAtItsEnd ? this.#at + 1 : this.#at });
  }

  // ---- Time

  play(on: boolean): void {
    const model = this.#model;
    if (model === null || this.#work.underWay) return;
    if (on && this.#session === null && this.#at >= model.end) this.#setAt(0);
    if (on && this.#session?.ended != null && this.#at >= this.#session.now) this.#notices.toast(this.#session.ended);
    else this.#playing = on;
    if (!on) this.#address.update();
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
      this.#notices.say(`Speed ${next[1]}.`);
    }
  }

  /** Shows a moment of what has happened so far. */
  goTo(time: number): void {
    const model = this.#model;
    if (model === null) return;
    this.#playing = false;
    this.#setAt(Math.max(0, Math.min(model.end, Math.round(time))));
    this.#keepInView();
    this.#address.update();
  }

  stepForward(): void {
    const model = this.#model;
    if (model === null || this.#work.underWay) return;
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
      if (session.ended !== null) this.#notices.toast(session.ended);
      this.#setAt(session.now);
    } else {
      this.#setAt(index < model.eventCount ? model.timeOf(index) : model.end);
    }
    this.#keepInView();
    this.#sayStep(index);
    this.#address.update();
  }

  stepBack(): void {
    const model = this.#model;
    if (model === null || this.#work.underWay) return;
    this.#playing = false;
    let index = model.firstAtOrAfter(this.#at) - 1;
    while (index >= 0 && model.kindOf(index) === "s") index--;
    this.#setAt(index >= 0 ? model.timeOf(index) : 0);
    this.#keepInView();
    this.#sayStep(index);
    this.#address.update();
  }

  #sayStep(index: number): void {
    const model = this.#model;
    if (model !== null && index >= 0 && index < model.eventCount) this.#notices.say(model.describe(index));
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
        this.#notices.say(session.ended ?? "");
        if (session.ended !== null && model.violation === null) this.#notices.toast(session.ended);
      }
    }
    this.#at = Math.floor(this.#position);
    this.#time.follow(this.#at, session !== null);
    this.#announce();
  }

  // ---- The window of the timeline

  zoom(factor: number, around = this.#at): void {
    this.#time.zoom(factor, around, this.#model?.end ?? 0);
    this.#touch();
  }

  zoomAll(): void {
    this.#time.showAll(this.#model?.end ?? 0, this.#session !== null);
    this.#touch();
  }

  #pan(by: number): void {
    this.#time.pan(by, this.#model?.end ?? 0);
    this.#touch();
  }

  #keepInView(): void {
    this.#time.keepInView(this.#at, this.#session !== null);
    this.#touch();
  }

  #window(): TimelineWindow {
    return {
      from: this.#time.from, to: this.#time.from + this.#time.span, at: this.#at, width: this.#rows.clientWidth,
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
    if (session === null || this.#work.underWay) return;
    this.#notices.closeError();
    const wasPlaying = this.#playing;
    if (this.#at < session.now) {
      const deeds = session.deeds.filter(([time]) => time <= this.#at);
      const refusal = await this.#replay({ settings: session.settings, deeds, at: this.#at });
      if (refusal !== null) {
        this.error(refusal.refused);
        return;
      }
      if (this.#session === null || this.#session === session) return;
      this.#notices.toast(`Another history begins at ${moment(this.#at)}.`);
    }
    const current = this.#session;
    if (current === null) return;
    let refusal: Refusal | null = null;
    this.#guard(() => {
      refusal = current.act(deed);
    });
    this.#setAt(current.now);
    if (refusal !== null) this.error((refusal as Refusal).refused);
    else this.#notices.say(sentence(deed, current.model.nodes));
    this.#playing = wasPlaying && refusal === null;
    this.#keepInView();
    this.#address.update();
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

  async startTour(tour: Tour, place = 0): Promise<void> {
    if (this.#engine === null) return;
    const session = Session.open(this.#engine, { ...USUAL_SETTINGS, ...tour.settings });
    if (isRefusal(session)) {
      this.error(session.refused);
      return;
    }
    const repeat = new TourRepeat(tour, session, place);
    this.#playing = false;
    const end = await this.#work.run(repeat, "Going back in the tour …");
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
    if (tour === null || session === null || this.#work.underWay) return;
    if (tour.waiting) {
      // The person does not want to wait: the step comes to its end at once.
      const rest = {
        progress: 0,
        advance: (deadline: number) => (tour.advance(session, Infinity, deadline) === "more" ? ("more" as const) : ("there" as const)),
      };
      this.#playing = false;
      const end = await this.#work.run(rest, "Going on to the end of the step …");
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
    if (tour !== null && tour.place > 0 && !this.#work.underWay) await this.startTour(tour.tour, tour.place - 1);
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
    this.#time.set(Math.max(0, session.now - tour.span * 0.2), tour.span);
    this.#keepInView();
    this.#notices.say(this.#tourCard.words);
  }

  #tourStepDone(): void {
    this.#playing = false;
    this.#showTour();
    this.#address.update();
  }

  #showTour(): void {
    if (this.#tour === null || this.#session === null) this.#tourCard.hide();
    else this.#tourCard.show(this.#tour, this.#session.model, this.#session.now);
    this.#touch();
  }

  #leaveTour(): void {
    if (this.#tour === null) return;
    this.#tour = null;
    this.#playing = false;
    this.#showTour();
    this.#address.update();
  }

  // ---- The page around it

  #bindPage(): void {
    byId("open-settings", HTMLButtonElement).addEventListener("click", () => this.#openSettings());
    byId("copy-link", HTMLButtonElement).addEventListener("click", () => void this.#address.copy(this.link()));
    this.#ring.addEventListener("click", (event) => this.#clickRing(event));
    addEventListener("resize", () => this.#resize());
    new ResizeObserver(() => this.#resize()).observe(this.#rows);
    new ResizeObserver(() => this.#touch()).observe(this.#ring);
  }

  #openSettings(): void {
    if (this.#engine !== null) this.#settings.open(this.#session?.settings ?? USUAL_SETTINGS);
  }

  error(text: string): void {
    this.#playing = false;
    this.#notices.error(text);
    this.#touch();
  }

  /** Says in words who leads when that has changed. */
  #announce(): void {
    const model = this.#model;
    if (model === null) return;
    const leader = leaderAt(model, this.#at);
    if (leader === this.#leaderSaid) return;
    this.#leaderSaid = leader;
    if (leader === null) this.#notices.say("No node leads.");
    else this.#notices.say(`Node ${model.nodes[leader] ?? ""} leads in term ${model.state(leader, this.#at).term}.`);
  }

  // ---- Pointers

  #clickRing(event: MouseEvent): void {
    const model = this.#model;
    if (model === null) return;
    const place = this.#ring.getBoundingClientRect();
    const layout = { width: place.width, height: place.height, theme: this.#theme, selected: this.#selected, still: this.#still };
    this.select(hitRing(model, this.#at, layout, event.clientX - place.left, event.clientY - place.top));
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

  #key(name: KeyName): void {
    switch (name) {
      case "play": return this.play(!this.#playing);
      case "forward": return this.stepForward();
      case "back": return this.stepBack();
      case "start": return this.goTo(0);
      case "end": return this.goTo(this.#model?.end ?? 0);
      case "closer": return this.zoom(1 / 2);
      case "farther": return this.zoom(2);
      case "all": return this.zoomAll();
      case "slower": return this.#otherSpeed(-1);
      case "faster": return this.#otherSpeed(1);
      case "settings": return this.#openSettings();
      case "tours": return this.#engine === null ? undefined : this.#tourCard.openList();
      case "link": return this.#session === null ? undefined : void this.#address.copy(this.link());
      case "open": return byId("open-file", HTMLButtonElement).click();
      case "theme": return byId("theme", HTMLButtonElement).click();
      case "crash": case "restart": case "freeze": case "thaw": return void this.act({ do: name, node: this.#chosen });
      case "escape":
        this.#notices.closeError();
        return this.select(null);
    }
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
    if (this.#playing && !this.#work.underWay) {
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
      at: this.#at, end: model.end, playing: this.#playing, speed: this.#speed, span: this.#time.span,
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
    showVerdict(model, states, leader, session?.verdict().checks ?? null, (time) => this.goTo(time));
    const picture = inSentences(model, states, leader);
    if (this.#ring.getAttribute("aria-label") !== picture) this.#ring.setAttribute("aria-label", picture);
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
      busy: () => this.#work.underWay,
      span: () => duration(this.#time.span),
    };
  }
}

function textOf(id: string): string {
  return (document.getElementById(id)?.textContent ?? "").trim();
}

const app = new App(JSON.parse(textOf("rules") || "{}") as Rules);
(window as unknown as { quorate: unknown }).quorate = app.handle();
const report = (error: unknown): void => app.error(`The page has made an error: ${sentenceOf(error)}`);
addEventListener("error", (event) => report(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => report(event.reason));
void app.start();
