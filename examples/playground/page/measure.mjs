// Prints how long a run of a million events takes to open in Chromium, and a frame to be drawn: `node measure.mjs`,
// or `node measure.mjs FILE…` for timelines of files.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
if (!existsSync(chromium)) {
  console.log(`Skipped: there is no browser at ${chromium}.`);
  process.exit(0);
}
const bundle = await build({ entryPoints: [join(here, "measure.ts")], bundle: true, format: "iife", target: "es2022", write: false });
const folder = mkdtempSync(join(tmpdir(), "quorate-measure-"));
try {
  const page = join(folder, "page.html");
  const script = bundle.outputFiles[0].text.replaceAll("</script", "<\\/script");
  const files = process.argv.slice(2).map((file) => readFileSync(file, "utf8").replaceAll("</", "<\\/"));
  const timelines = files.map((text) => `<script type="application/json">${text}</script>`).join("");
  writeFileSync(page, `<!doctype html><meta charset="utf-8"><head>${timelines}</head><body></body><script>${script}</script>`);
  const options = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${join(folder, "profile")}`, "--dump-dom", `file://${page}`];
  const html = execFileSync(chromium, options, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 300_000 });
  console.log(/<body>([^<]*)/.exec(html)?.[1] ?? html);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
