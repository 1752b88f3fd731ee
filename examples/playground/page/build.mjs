// Builds the pages: `node build.mjs` writes them, `node build.mjs --check` compares them with what is checked in.
//
//   examples/playground/quorate.html      the playground: page and engine
//   src/adapters/record/viewer.html       the page without an engine, for a timeline
//
// `--without-engine` writes the second only; `--fake OUT` writes a playground whose engine is the toy of the tests.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { rulesOf } from "./build_rules.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../..");
const PLAYGROUND = join(root, "examples/playground/quorate.html");
const VIEWER = join(root, "src/adapters/record/viewer.html");
const ENGINE = join(root, "examples/playground/engine/pkg");
const LARGEST_PLAYGROUND = 1_500_000;
const LARGEST_VIEWER = 250_000;

/** The tours without what only their test in `engine/tests/tours.rs` reads. */
const TOURS_AS_SHOWN = {
  name: "tours as shown",
  setup(building) {
    building.onLoad({ filter: /[\\/]tours\.json$/ }, ({ path }) => {
      const withoutClaims = (key, value) => (key === "expect" ? undefined : value);
      return { contents: JSON.stringify(JSON.parse(readFileSync(path, "utf8")), withoutClaims), loader: "json" };
    });
  },
};

const BUNDLE = { plugins: [TOURS_AS_SHOWN], bundle: true, minify: true, write: false, target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning" };

async function bundle(entry, options) {
  const result = await build({ ...BUNDLE, format: "iife", entryPoints: [join(here, entry)], ...options });
  return result.outputFiles[0].text.trim();
}

/** Puts `content` in the only place of `html` where `place` stands. */
function put(html, place, content) {
  const parts = html.split(place);
  if (parts.length !== 2) throw new Error(`index.html has ${parts.length - 1} places ${place}`);
  return parts.join(content);
}

const inScript = (json) => json.replace(/<\//g, "<\\/");

/** The page without an engine. */
async function viewer() {
  const rules = rulesOf(readFileSync(join(root, "src/lib.rs"), "utf8"));
  const style = await transform(readFileSync(join(here, "style.css"), "utf8"), { loader: "css", minify: true, charset: "utf8", target: "es2022" });
  let html = readFileSync(join(here, "index.html"), "utf8");
  html = put(html, "<!doctype html>\n", "<!doctype html>\n<!-- Built by examples/playground/build.sh; do not edit. -->\n");
  html = put(html, "/*style*/", style.code.trim());
  html = put(html, '<script type="application/json" id="rules">', `<script type="application/json" id="rules">${inScript(JSON.stringify(rules))}`);
  return put(html, "/*script*/", (await bundle("src/app.ts")).replace(/<\/script/g, "<\\/script"));
}

const ENGINE_PLACE = '<script type="application/octet-stream;base64" id="engine"></script>\n<script id="engine-glue"></script>';

function enginePlaces(builtWith, base64, glue) {
  return `<script type="application/octet-stream;base64" id="engine" data-built-with="${builtWith}">${base64}</script>\n<script id="engine-glue">${glue}</script>`;
}

/** The engine's places of a page, and what is noted of the tools that built it. */
const ENGINE_PLACES = /<script type="application\/octet-stream;base64" id="engine" data-built-with="([^"]*)">[A-Za-z0-9+/=]*<\/script>\n<script id="engine-glue">[\s\S]*?<\/script>/;

async function withEngine(html) {
  const wasm = readdirSync(ENGINE).find((file) => file.endsWith("_bg.wasm"));
  if (wasm === undefined) throw new Error(`${ENGINE} holds no engine: run examples/playground/engine/build.sh`);
  const glue = await bundle(join("../engine/pkg", wasm.replace("_bg.wasm", ".js")), {
    globalName: "quorateEngine",
    logOverride: { "empty-import-meta": "silent" },
  });
  const base64 = readFileSync(join(ENGINE, wasm)).toString("base64");
  return put(html, ENGINE_PLACE, enginePlaces(tools(), base64, glue.replace(/<\/script/g, "<\\/script")));
}

function version(command, ...options) {
  try {
    return execFileSync(command, [...options, "--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], cwd: join(root, "examples/playground") }).trim();
  } catch {
    return `no ${command}`;
  }
}

/** What the bytes of the engine depend on, beside its sources. */
function tools() {
  return [version("rustc"), version("wasm-opt")].join("; ").replace(/["&<>]/g, "");
}

function write(path, html, largest) {
  const size = Buffer.byteLength(html);
  if (size > largest) throw new Error(`${path} would have ${size} bytes, more than ${largest}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, html);
  console.log(`${path.slice(root.length + 1)}: ${size} bytes`);
}

async function check() {
  const html = await viewer();
  const differing = [];
  if (!existsSync(VIEWER) || readFileSync(VIEWER, "utf8") !== html) differing.push("src/adapters/record/viewer.html");
  const kept = existsSync(PLAYGROUND) ? readFileSync(PLAYGROUND, "utf8") : "";
  const builtWith = ENGINE_PLACES.exec(kept)?.[1];
  if (builtWith === undefined || kept.replace(ENGINE_PLACES, () => ENGINE_PLACE) !== html) {
    differing.push("examples/playground/quorate.html, apart from its engine");
  } else if (!existsSync(ENGINE)) {
    console.log("SKIPPED: the engine in quorate.html is not compared, because it was not built here");
  } else if (builtWith !== tools()) {
    console.log(`SKIPPED: the engine in quorate.html is not compared: it was built with ${builtWith}, and here is ${tools()}`);
  } else if ((await withEngine(html)) !== kept) {
    differing.push("the engine in examples/playground/quorate.html");
  } else {
    console.log("the engine in quorate.html is what its sources give");
  }
  if (differing.length > 0) {
    for (const what of differing) console.error(`${what}: not what the sources give; run examples/playground/build.sh`);
    process.exit(1);
  }
  console.log("the pages are what their sources give");
}

/** A playground with the toy engine of the tests, to work on the page without Rust. */
async function fake(path) {
  const glue = await bundle("tests/toy_engine.ts", { globalName: "quorateEngine" });
  writeFileSync(path, put(await viewer(), ENGINE_PLACE, enginePlaces("the toy engine", "AGFzbQEAAAA=", glue)));
}

const [mode, path] = process.argv.slice(2);
if (mode === "--check") {
  await check();
} else if (mode === "--fake" && path !== undefined) {
  await fake(path);
} else if (mode === undefined || mode === "--without-engine") {
  const html = await viewer();
  write(VIEWER, html, LARGEST_VIEWER);
  if (mode === undefined) write(PLAYGROUND, await withEngine(html), LARGEST_PLAYGROUND);
} else {
  console.error("usage: node build.mjs [--check | --without-engine | --fake FILE]");
  process.exit(2);
}
