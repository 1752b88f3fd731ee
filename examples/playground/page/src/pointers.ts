// Pointers on the timeline: a click chooses, a drag moves through time or moves the window, a wheel or two fingers zoom.

export interface LaneActions {
  click(x: number, y: number): void;
  /** The pointer is dragged to this place. */
  scrub(x: number): void;
  /** Moves the window by a share of its span. */
  pan(share: number): void;
  /** Zooms around a place. */
  zoom(factor: number, x: number): void;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** A pointer that moves less than this many pixels clicks. */
const STEADY = 5;

export function bindLanes(lanes: HTMLCanvasElement, rows: HTMLElement, actions: LaneActions): void {
  const pointers = new Map<number, Place>();
  let moved = false;
  let began = 0;
  let panned = 0;
  let apart = 0;
  const placeOf = (event: MouseEvent): Place => {
    const place = lanes.getBoundingClientRect();
    return { x: event.clientX - place.left, y: event.clientY - place.top };
  };
  const share = (pixels: number): number => pixels / Math.max(1, rows.clientWidth);
  const distance = (): number => {
    const [a, b] = [...pointers.values()];
    return a === undefined || b === undefined ? 1 : Math.max(1, Math.abs(a.x - b.x));
  };
  lanes.addEventListener("pointerdown", (event) => {
    lanes.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, placeOf(event));
    moved = pointers.size > 1;
    began = panned = placeOf(event).x;
    apart = distance();
  });
  lanes.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const place = placeOf(event);
    pointers.set(event.pointerId, place);
    if (pointers.size === 2) {
      const now = distance();
      actions.zoom(apart / now, place.x);
      apart = now;
      return;
    }
    if (!moved && Math.abs(place.x - began) < STEADY) return;
    moved = true;
    if (event.pointerType === "touch" || event.shiftKey) actions.pan(share(panned - place.x));
    else actions.scrub(place.x);
    panned = place.x;
  });
  const end = (event: PointerEvent): void => {
    if (!pointers.delete(event.pointerId) || moved || event.type === "pointercancel") return;
    const { x, y } = placeOf(event);
    actions.click(x, y);
  };
  lanes.addEventListener("pointerup", end);
  lanes.addEventListener("pointercancel", end);
  const wheel = (event: WheelEvent): void => {
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    // Where the lanes scroll, the wheel scrolls them.
    const scrolls = rows.scrollHeight > rows.clientHeight + 1;
    if (!sideways && scrolls && !event.ctrlKey) return;
    event.preventDefault();
    const by = event.deltaMode === 1 ? 16 : 1;
    if (sideways) actions.pan(share((event.deltaX === 0 ? event.deltaY : event.deltaX) * by));
    else actions.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * by * 0.002))), placeOf(event).x);
  };
  lanes.addEventListener("wheel", wheel, { passive: false });
}
