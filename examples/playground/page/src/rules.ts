// The rules of the protocol, as the documentation of the crate has them. The build takes them out of `src/lib.rs`.

import { element } from "./dom.ts";

export interface Rule {
  readonly title: string;
  /** The section that the rule is in. */
  readonly section: string;
  /** Markdown: paragraphs, lists, fenced blocks, tables, emphasis. */
  readonly text: string;
}

export type Rules = Readonly<Record<string, Rule>>;

/** The number of the rule that is cited: that of "4.4 (e)" is "4.4". */
export function ruleNumber(citation: string): string {
  return /^\d+\.\d+/.exec(citation)?.[0] ?? citation;
}

/** The rule as a person reads it. */
export function showRule(number: string, rules: Rules, open: (number: string) => void): HTMLElement {
  const rule = rules[number];
  if (rule === undefined) return element("p", {}, `This page does not hold the text of rule ${number}.`);
  const article = element(
    "article",
    { class: "rule", "data-test": `rule-${number}` },
    element("p", { class: "muted small" }, `Section ${rule.section}`),
    element("h3", {}, `${number} ${rule.title}`),
  );
  article.append(...blocks(rule.text, rules, open));
  return article;
}

function blocks(text: string, rules: Rules, open: (number: string) => void): HTMLElement[] {
  const made: HTMLElement[] = [];
  for (const block of text.split(/\n{2,}/)) {
    if (block.startsWith("```")) {
      made.push(element("pre", {}, block.replace(/^```\w*\n/, "").replace(/\n?```$/, "")));
    } else if (block.startsWith("- ")) {
      const items = block.split(/\n(?=- )/).map((item) => {
        return element("li", {}, ...inline(item.slice(2).replace(/\n\s*/g, " "), rules, open));
      });
      const last = made[made.length - 1];
      if (last instanceof HTMLUListElement) last.append(...items);
      else made.push(element("ul", {}, ...items));
    } else if (block.startsWith("|")) {
      made.push(table(block, rules, open));
    } else {
      made.push(element("p", {}, ...inline(block.replace(/\n\s*/g, " "), rules, open)));
    }
  }
  return made;
}

function table(block: string, rules: Rules, open: (number: string) => void): HTMLElement {
  const rows = block.split("\n").filter((row) => !/^\|[\s|:-]+\|$/.test(row));
  return element(
    "table",
    {},
    ...rows.map((row) =>
      element("tr", {}, ...row.split("|").slice(1, -1).map((cell) => element("td", {}, ...inline(cell.trim(), rules, open)))),
    ),
  );
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\([^)]*\)|\b(\d{1,2}\.\d{1,2})\b(?!\d)/g;

function inline(text: string, rules: Rules, open: (number: string) => void): (Node | string)[] {
  const made: (Node | string)[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    made.push(text.slice(from, match.index));
    from = match.index + match[0].length;
    const [whole, code, strong, emphasis, link, cited] = match;
    if (code !== undefined) made.push(element("code", {}, code));
    else if (strong !== undefined) made.push(element("strong", {}, strong));
    else if (emphasis !== undefined) made.push(element("em", {}, emphasis));
    else if (link !== undefined) made.push(...inline(link, rules, open));
    else if (cited !== undefined && cited in rules && !/§$|Raft $/.test(text.slice(0, match.index))) {
      made.push(element("button", { class: "cite", type: "button", onclick: () => open(cited) }, cited));
    } else made.push(whole);
  }
  made.push(text.slice(from));
  return made;
}
