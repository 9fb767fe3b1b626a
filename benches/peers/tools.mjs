// What both measurements share: where things are, how programs are run, what fnvet says.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = resolve(HERE, "../..");
/** Everything that is fetched or made on the way: outside of every repository, whose settings linters would obey. */
export const WORK = join(tmpdir(), "fnvet-peers");
/** The linters, as npm and pip install them. */
export const LINTERS = join(WORK, "linters");
const EXTENSIONS = new Set([".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]);

/** Runs a program; a status that is not expected ends the measurement. */
export function run(program, args, { cwd = ROOT, expected = [0], environment = {} } = {}) {
  const done = spawnSync(program, args, { cwd, encoding: "utf8", maxBuffer: 1 << 30, env: { ...process.env, ...environment } });
  if (done.error) throw done.error;
  if (!expected.includes(done.status)) {
    throw new Error(`${program} ${args.slice(0, 4).join(" ")} … ended with ${done.status ?? done.signal}:\n${done.stderr.slice(-2000)}`);
  }
  return done;
}

/** Installs npm packages into `folder`, without running what they bring along. */
export function install(folder, packageFile) {
  mkdirSync(folder, { recursive: true });
  if (packageFile) cpSync(packageFile, join(folder, "package.json"));
  run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
}

/** fnvet itself: `--fnvet FILE`, or built here for release. */
export function fnvet() {
  const at = process.argv.indexOf("--fnvet");
  if (at >= 0) return resolve(process.argv[at + 1]);
  run("cargo", ["build", "--release", "--locked"]);
  return join(ROOT, "target/release/fnvet");
}

/** All sources below `folder`, in order. */
export function sources(folder) {
  const found = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && EXTENSIONS.has(extname(entry.name)) && !/\.d\.[cm]?ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return found.sort();
}

/** A fresh copy of `folder`. */
export function copyOut(folder, name) {
  const copy = join(WORK, name);
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** Replaces what `page` holds between its two marks called `name`. */
export function between(page, name, text) {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [before, rest] = page.split(start);
  if (rest === undefined) throw new Error(`the page has no ${start}`);
  return `${before}${start}\n${text.trim()}\n${end}${rest.split(end)[1]}`;
}

export { existsSync, join, relative, writeFileSync };
