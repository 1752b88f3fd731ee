// Dark or light: as the system has it, until the person chooses.

import type { Theme } from "./colours.ts";
import { byId, setText } from "./dom.ts";

const KEY = "quorate-theme";

/** Applies the theme, now and at each change. */
export function bindTheme(changed: (theme: Theme) => void): void {
  const button = byId("theme", HTMLButtonElement);
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme: Theme = "light";
  const apply = (next: Theme): void => {
    theme = next;
    document.documentElement.dataset["theme"] = next;
    setText(button, next === "dark" ? "☀" : "☾");
    button.setAttribute("aria-label", next === "dark" ? "Light colours" : "Dark colours");
    changed(next);
  };
  const kept = stored();
  apply(kept === "dark" || kept === "light" ? kept : system.matches ? "dark" : "light");
  system.addEventListener("change", () => apply(system.matches ? "dark" : "light"));
  button.addEventListener("click", () => {
    apply(theme === "dark" ? "light" : "dark");
    store(theme);
  });
}

/** A browser may refuse storage to a page that was opened from a file. */
function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice lasts for this visit.
  }
}
