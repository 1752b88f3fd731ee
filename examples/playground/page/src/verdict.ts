// The verdict of the checks, always on the screen, and the group in words.

import { roleName } from "./colours.ts";
import { byId, element, replaceChildren, setText } from "./dom.ts";
import { count, list, moment } from "./format.ts";
import type { Model, NodeState } from "./model.ts";

/** Shows the verdict; `checks` is how many were made, or null for a timeline, whose checks were made elsewhere. */
export function showVerdict(
  model: Model,
  states: readonly NodeState[],
  leader: number | null,
  checks: number | null,
  goTo: (time: number) => void,
): void {
  const place = byId("verdict", HTMLElement);
  const text = byId("verdict-text", HTMLElement);
  const { violation } = model;
  place.classList.toggle("bad", violation !== null);
  if (violation !== null) {
    if (text.dataset["at"] === String(violation.at)) return;
    text.dataset["at"] = String(violation.at);
    replaceChildren(
      text,
      `Violation: ${violation.text}`,
      element("button", { type: "button", class: "cite", onclick: () => goTo(violation.at) }, `Show ${moment(violation.at)}`),
    );
    return;
  }
  delete text.dataset["at"];
  const term = Math.max(0, ...states.map((state) => state.term));
  const leads = leader === null ? "no leader" : `node ${model.nodes[leader] ?? ""} leads`;
  const found = checks === null ? "No violation found" : `Safe: ${count(checks)} checks passed`;
  setText(text, `${found} · ${leads} · term ${term}`);
}

/** The ring in words, for those who do not see it. */
export function inSentences(model: Model, states: readonly NodeState[], leader: number | null): string {
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
