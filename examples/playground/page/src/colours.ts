// The colours, after Okabe and Ito: told apart by the colour-blind, and never the only sign of anything.

import type { Look, Role } from "./lane.ts";

export type Theme = "light" | "dark";

export interface Palette {
  /** The ground behind all. */
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly faint: string;
  readonly stripe: string;
  readonly follower: string;
  readonly precandidate: string;
  readonly candidate: string;
  readonly leader: string;
  readonly recovering: string;
  readonly down: string;
  readonly frozen: string;
  readonly lease: string;
  readonly promise: string;
  readonly promiseEdge: string;
  readonly write: string;
  readonly request: string;
  readonly reply: string;
  readonly vote: string;
  readonly denied: string;
  readonly alarm: string;
  readonly cursor: string;
  readonly selected: string;
  /** Text on a role's colour. */
  readonly onDark: string;
  readonly onLight: string;
}

export type Ink = keyof Palette;

const LIGHT: Palette = {
  paper: "#ffffff",
  ink: "#1d2733",
  muted: "#5d6b7a",
  faint: "#d9dfe6",
  stripe: "#f5f7fa",
  follower: "#7cc3ec",
  precandidate: "#f0e442",
  candidate: "#e69f00",
  leader: "#0072b2",
  recovering: "#cc79a7",
  down: "#9aa5b1",
  frozen: "#bcd3e2",
  lease: "#009e73",
  promise: "#c9e8dd",
  promiseEdge: "#4fa98a",
  write: "#5d6b7a",
  request: "#2f6f9f",
  reply: "#8297aa",
  vote: "#c07f00",
  denied: "#b4489a",
  alarm: "#d55e00",
  cursor: "#1d2733",
  selected: "#e2ecf8",
  onDark: "#ffffff",
  onLight: "#1d2733",
};

const DARK: Palette = {
  paper: "#12181f",
  ink: "#e6ecf2",
  muted: "#94a3b2",
  faint: "#2d3844",
  stripe: "#182029",
  follower: "#3f86b3",
  precandidate: "#e8dc4a",
  candidate: "#f0ae1e",
  leader: "#56b4e9",
  recovering: "#d88cb6",
  down: "#66727f",
  frozen: "#47606f",
  lease: "#1fc393",
  promise: "#1d4a3d",
  promiseEdge: "#3fae88",
  write: "#94a3b2",
  request: "#7db8e0",
  reply: "#7c8fa1",
  vote: "#f0ae1e",
  denied: "#e08fcb",
  alarm: "#ff7f33",
  cursor: "#e6ecf2",
  selected: "#1f2f42",
  onDark: "#0c1116",
  onLight: "#0c1116",
};

export const palette = (theme: Theme): Palette => (theme === "dark" ? DARK : LIGHT);

const ROLE_INKS: { readonly [role in Role]: Ink } = {
  F: "follower",
  P: "precandidate",
  C: "candidate",
  L: "leader",
  R: "recovering",
};

const ROLE_NAMES: { readonly [role in Role]: string } = {
  F: "follower",
  P: "pre-candidate",
  C: "candidate",
  L: "leader",
  R: "recovering",
};

export const roleInk = (role: Role): Ink => ROLE_INKS[role];
export const roleName = (role: Role): string => ROLE_NAMES[role];
export const roleColour = (role: Role, theme: Theme): string => palette(theme)[ROLE_INKS[role]];

/** The ink of a look, and the ink of a text on it. */
export function lookInk(look: Look): Ink {
  switch (look) {
    case "unstarted":
    case "down":
    case "lost":
      return "down";
    case "frozen":
      return "frozen";
    default:
      return ROLE_INKS[look];
  }
}

export const textOn = (role: Role): Ink => (role === "L" ? "onDark" : "onLight");
