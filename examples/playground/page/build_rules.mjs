// Takes the rules of the protocol out of the documentation of the crate.

/** The rules by number: `{ "1.1": { title, section, text } }`. */
export function rulesOf(source) {
  const lines = source
    .split("\n")
    .filter((line) => line.startsWith("//!"))
    .map((line) => line.slice(3).replace(/^ /, ""));
  const rules = {};
  let section = null;
  let rule = null;
  for (const line of lines) {
    const heading = /^## (\d+ .+)$/.exec(line);
    const title = /^\*\*(\d+\.\d+) (.+)$/.exec(line);
    if (heading !== null) {
      section = heading[1];
      rule = null;
    } else if (title !== null && section !== null) {
      rule = { section, lines: [title[2]] };
      rules[title[1]] = rule;
    } else if (/^#+ /.test(line)) {
      section = null;
      rule = null;
    } else if (rule !== null) {
      rule.lines.push(line);
    }
  }
  for (const [number, { section, lines }] of Object.entries(rules)) {
    const whole = lines.join("\n").trim();
    const end = whole.indexOf("**");
    if (end < 0) throw new Error(`the title of rule ${number} in src/lib.rs has no end`);
    const title = whole.slice(0, end).replace(/\n/g, " ");
    const rest = whole.slice(end + 2);
    // A title that is the beginning of a sentence stays in the text.
    const text = /[.!?]$/.test(title) ? rest.trim() : `${title}${rest}`;
    rules[number] = { title: title.replace(/\.$/, ""), section, text };
  }
  return rules;
}
