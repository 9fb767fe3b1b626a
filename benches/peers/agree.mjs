// Runs ESLint and fnvet over large libraries from npm, lists where they disagree and why, and whether
// fnvet got through. `node benches/peers/agree.mjs [--fnvet FILE] [--verbose] [--packages a,b]`

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { HERE, LINTERS, WORK, between, fnvet, install, join, relative, run, sources, writeFileSync } from "./tools.mjs";

/** Which of fnvet's rules says what ESLint's says. */
const SAME = {
  "no-eval": "no-eval", "no-implied-eval": "no-implied-eval", "no-new-func": "no-new-func", "no-proto": "no-proto",
  "no-extend-native": "no-extend-native", "for-direction": "no-unbounded-loop", "no-constant-condition": "no-unbounded-loop",
};
const EXPLAINED = JSON.parse(readFileSync(join(HERE, "explained.json"), "utf8"));
const LIBRARIES = join(WORK, "libraries");

install(LINTERS, join(HERE, "package.json"));
install(LIBRARIES, join(HERE, "libraries/package.json"));
const option = process.argv.indexOf("--packages");
const wanted = option < 0 ? null : process.argv[option + 1].split(",");
const modules = join(LIBRARIES, "node_modules");
const packages = Object.keys(JSON.parse(readFileSync(join(LIBRARIES, "node_modules/.package-lock.json"), "utf8")).packages)
  .map((path) => path.replace("node_modules/", "")).filter((name) => !name.includes("/node_modules/") && !name.startsWith("@types/"))
  .filter((name) => wanted === null || wanted.includes(name));

const { Linter } = createRequire(join(LINTERS, "package.json"))("eslint");
const linter = new Linter();

/** ESLint's findings in one source, or why it could not read it. */
function eslint(code, path) {
  const rules = Object.fromEntries(Object.keys(SAME).map((rule) => [rule, "error"]));
  const isModule = /\.mjs$/.test(path) || /^\s*(import|export)\b/m.test(code);
  for (const sourceType of isModule ? ["module", "script"] : ["script", "commonjs", "module"]) {
    const config = { languageOptions: { ecmaVersion: "latest", sourceType }, linterOptions: { noInlineConfig: true }, rules };
    const messages = linter.verify(code, [{ files: ["**/*"], ...config }], { filename: "source.js" });
    if (!messages.some((message) => message.fatal)) return messages.filter((m) => m.ruleId in SAME).map((m) => ({ rule: m.ruleId, line: m.line }));
  }
  return null;
}

const binary = fnvet();
const robust = [];
const differences = [];
let agreed = 0;
for (const name of packages) {
  const files = sources(join(modules, name)).filter((path) => /\.[cm]?js$/.test(path) && !relative(join(modules, name), path).includes("node_modules"));
  if (files.length === 0) continue;
  const list = files.map((path) => relative(modules, path));
  const started = performance.now();
  const reports = [];
  let failed = 0;
  for (let at = 0; at < list.length; at += 500) {
    const done = run(binary, ["lint", "--output", "json", ...list.slice(at, at + 500)], { cwd: modules, expected: [0, 1, 3, null] });
    if (done.status === null || done.stdout === "") {
      failed += 1;
      console.log(`fnvet ended with ${done.status ?? done.signal} in ${name}: ${done.stderr.slice(-300)}`);
      continue;
    }
    reports.push(...JSON.parse(done.stdout).files);
  }
  const seconds = (performance.now() - started) / 1000;
  failed += reports.filter((file) => file.reason).length;
  const cut = reports.filter((file) => file.findings.some((f) => f.rule === "too-complex")).length;
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  robust.push({ name, files: files.length, bytes, seconds, failed, cut });
  for (const report of reports.filter((file) => file.parse === "ok")) compareFile(report);
}

/** Lines on which only one of the two says something. */
function compareFile(report) {
  const code = readFileSync(join(modules, report.path), "utf8");
  const theirs = eslint(code, report.path);
  if (theirs === null) return;
  const lines = code.split("\n");
  const ours = report.findings.map((f) => ({ rule: f.rule, level: f.level, line: f.location.startLine, end: f.location.endLine }));
  for (const finding of theirs) {
    const same = ours.some((f) => f.rule === SAME[finding.rule] && f.line <= finding.line + 1 && f.end >= finding.line - 1);
    if (same) agreed += 1;
    else differences.push({ only: "ESLint", rule: finding.rule, path: report.path, line: finding.line, text: lines[finding.line - 1].trim(), around: around(lines, finding.line) });
  }
  const named = new Set(Object.values(SAME).filter((rule) => rule in SAME));
  for (const finding of ours.filter((f) => named.has(f.rule))) {
    const same = theirs.some((f) => f.rule === finding.rule && Math.abs(f.line - finding.line) <= 1);
    if (!same) differences.push({ only: "fnvet", rule: finding.rule, path: report.path, line: finding.line, text: lines[finding.line - 1].trim(), around: around(lines, finding.line) });
  }
}

function around(lines, line) {
  return lines.slice(Math.max(0, line - 4), line + 40).join("\n");
}

const reasons = new Map();
const open = [];
for (const difference of differences) {
  const matches = ({ only, rule, text, around, path }) =>
    only === difference.only && rule === difference.rule && (!text || new RegExp(text).test(difference.text)) &&
    (!around || new RegExp(around, "s").test(difference.around)) && (!path || new RegExp(path).test(difference.path));
  const explanation = EXPLAINED.find(matches);
  if (!explanation) open.push(difference);
  else reasons.set(explanation, [...(reasons.get(explanation) ?? []), difference]);
}
writeFileSync(join(WORK, "differences.json"), JSON.stringify(differences, null, 1));

let text = `Both say the same ${agreed} times. Where they differ:\n\n| only | rule | times | why | for example |\n| --- | --- | --- | --- | --- |\n`;
for (const explanation of EXPLAINED) {
  const all = reasons.get(explanation) ?? [];
  if (all.length === 0) continue;
  text += `| ${explanation.only} | \`${explanation.rule}\` | ${all.length} | ${explanation.why} | \`${all[0].path}:${all[0].line}\` |\n`;
}
text += `| | | ${open.length} | **not explained** | ${open[0] ? `\`${open[0].path}:${open[0].line}\`` : ""} |\n`;
const total = (key) => robust.reduce((sum, each) => sum + each[key], 0);
const row = ({ name, files, bytes, failed, cut }) => `| ${name} | ${files} | ${(bytes / 1e6).toFixed(1)} | ${failed} | ${cut} |\n`;
text += "\nfnvet over the same files; cut short are those in which it reports `too-complex`:\n\n";
text += "| package | files | MB | failures | cut short |\n| --- | --- | --- | --- | --- |\n";
text += robust.filter((each) => each.bytes > 400_000).map(row).join("");
text += row({ name: `**all ${robust.length}**`, files: total("files"), bytes: total("bytes"), failed: total("failed"), cut: total("cut") });
const page = join(HERE, "README.md");
writeFileSync(page, between(readFileSync(page, "utf8"), "agreement", text));

console.log(`${total("files")} files in ${total("seconds").toFixed(0)} s, ${total("failed")} failures, ${total("cut")} cut short, ${open.length} differences not explained`);
const shown = process.argv.includes("--verbose") ? open : open.slice(0, 40);
for (const { only, rule, path, line, text } of shown) console.log(`only ${only}: ${rule} ${path}:${line}: ${text.slice(0, 140)}`);
process.exitCode = total("failed") === 0 && open.length === 0 ? 0 : 1;
