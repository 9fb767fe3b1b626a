// Runs other linters and fnvet over the labelled functions in `fixtures`, and writes what each found,
// missed and reported falsely into README.md. `node benches/peers/compare.mjs [--fnvet FILE]`

import { readFileSync } from "node:fs";
import { HERE, LINTERS, ROOT, between, copyOut, existsSync, fnvet, install, join, relative, run, sources, writeFileSync } from "./tools.mjs";

const RULES = JSON.parse(readFileSync(join(HERE, "rules.json"), "utf8"));
const GLOBALS = ["console", "setTimeout", "clearTimeout", "module", "exports", "__tenantId", "__agentId", "__userId", "__env"];
const DYNAMIC_CODE = ["no-eval", "no-new-func", "no-implied-eval"];

// --- the labelled functions ------------------------------------------------------------------------

const fixtures = copyOut(join(ROOT, "fixtures"), "fixtures");
const files = [...sources(join(fixtures, "probes")), ...sources(join(fixtures, "field"))].map((path) => {
  const lines = readFileSync(path, "utf8").split("\n");
  const defects = lines.flatMap((line) => {
    const label = /\/\/~ (.*)$/.exec(line);
    return label ? label[1].split(",").map((part) => part.trim().split(" ")[0]) : [];
  });
  const calls = lines.some((line) => /\beval\s*(\?\.)?\(/.test(line.replace(/\/\/.*/, "")));
  return { path: relative(fixtures, path), defects: [...new Set(defects)], calls };
});
// A label is hidden from tools that read comments.
for (const { path } of files) {
  const full = join(fixtures, path);
  writeFileSync(full, readFileSync(full, "utf8").replace(/ *\/\/~ .*$/gm, ""));
}

// --- the linters -----------------------------------------------------------------------------------

install(LINTERS, join(HERE, "package.json"));
if (!existsSync(join(LINTERS, "python/bin/semgrep"))) {
  run("python3", ["-m", "venv", join(LINTERS, "python")]);
  run(join(LINTERS, "python/bin/pip"), ["install", "--quiet", "--requirement", join(HERE, "requirements.txt")]);
}
const node = (name, args, expected) => run(join(LINTERS, "node_modules/.bin", name), args, { cwd: fixtures, expected });
const levels = (rules) => Object.fromEntries(Object.keys(rules).map((rule) => [rule, "error"]));

function runEslint() {
  const config = `
import regexp from "eslint-plugin-regexp";
import security from "eslint-plugin-security";
import sonarjs from "eslint-plugin-sonarjs";
import typescript from "typescript-eslint";
const globals = Object.fromEntries(${JSON.stringify(GLOBALS)}.map((name) => [name, "readonly"]));
export default [
  { files: ["**/*.{js,mjs,cjs,ts,mts,cts}"], plugins: { regexp, security, sonarjs }, rules: ${JSON.stringify(levels(RULES.eslint))},
    languageOptions: { globals, ecmaVersion: "latest" }, linterOptions: { noInlineConfig: true } },
  { files: ["**/*.{ts,mts,cts}"], languageOptions: { parser: typescript.parser } },
];`;
  writeFileSync(join(LINTERS, "eslint.config.js"), config);
  const done = node("eslint", ["--config", join(LINTERS, "eslint.config.js"), "--format", "json", "."], [0, 1]);
  return JSON.parse(done.stdout).flatMap((file) =>
    file.messages.filter((m) => m.ruleId).map((m) => ({ path: relative(fixtures, file.filePath), rule: m.ruleId })));
}

function runOxlint() {
  const rules = levels(RULES.oxlint);
  const config = { plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "node"], categories: {}, rules,
    env: { builtin: true, es2024: true }, globals: Object.fromEntries(GLOBALS.map((name) => [name, "readonly"])) };
  writeFileSync(join(LINTERS, "oxlintrc.json"), JSON.stringify(config));
  const done = node("oxlint", ["--config", join(LINTERS, "oxlintrc.json"), "--format", "json", "."], [0, 1]);
  return JSON.parse(done.stdout).diagnostics.map((d) => {
    const [, scope, name] = /^(.*)\((.*)\)$/.exec(d.code ?? "") ?? [];
    const plugin = scope?.replace("eslint-plugin-", "").replace("typescript-eslint", "typescript");
    return { path: d.filename, rule: `${plugin}/${name}` };
  });
}

function runBiome() {
  const groups = {};
  for (const rule of Object.keys(RULES.biome)) {
    const [group, name] = rule.split("/");
    (groups[group] ??= {})[name] = "error";
  }
  const config = { root: true, linter: { enabled: true, rules: { recommended: false, ...groups } },
    javascript: { globals: GLOBALS }, formatter: { enabled: false }, assist: { enabled: false } };
  writeFileSync(join(fixtures, "biome.json"), JSON.stringify(config));
  const done = node("biome", ["lint", "--reporter=json", "--max-diagnostics=none", "."], [0, 1]);
  return JSON.parse(done.stdout).diagnostics.filter((d) => d.category?.startsWith("lint/")).map((d) => ({
    path: typeof d.location.path === "string" ? d.location.path : d.location.path.file,
    rule: d.category.slice("lint/".length),
  }));
}

function runSemgrep() {
  const python = join(LINTERS, "python/bin/python");
  const found = run(python, ["-c", "import njsscan, os; print(os.path.dirname(njsscan.__file__))"]).stdout.trim();
  const rules = join(found, "rules/semantic_grep");
  const done = run(join(LINTERS, "python/bin/semgrep"),
    ["scan", "--metrics=off", "--disable-version-check", "--no-git-ignore", "--json", "--quiet", "--config", rules, "."],
    { cwd: fixtures, expected: [0, 1], environment: { PATH: `${join(LINTERS, "python/bin")}:${process.env.PATH}` } });
  return JSON.parse(done.stdout).results.map((r) => ({ path: r.path, rule: r.check_id.split(".").at(-1) }));
}

function runFnvet() {
  const done = run(fnvetFile, ["lint", "--output", "json", "."], { cwd: fixtures, expected: [0, 1] });
  const report = JSON.parse(done.stdout);
  return report.files.flatMap((file) =>
    file.findings.map((f) => ({ path: file.path, rule: f.rule, level: f.level })));
}

// --- what counts -----------------------------------------------------------------------------------

const fnvetFile = fnvet();
const items = new Map(JSON.parse(run(fnvetFile, ["rules", "--output", "json"]).stdout).rules.map((rule) => [rule.id, rule.checklist]));
const about = (table) => (finding) => (table[finding.rule] ?? []);
const tools = [
  { name: "fnvet", findings: runFnvet().filter((f) => f.level !== "note"), rules: (f) => [f.rule] },
  { name: "ESLint with security, sonarjs, regexp", findings: runEslint(), rules: about(RULES.eslint) },
  { name: "oxlint", findings: runOxlint(), rules: about(RULES.oxlint) },
  { name: "Biome", findings: runBiome(), rules: about(RULES.biome) },
  { name: "semgrep with njsscan's rules", findings: runSemgrep(), rules: about(RULES.semgrep) },
];

const ITEMS = [
  ["1", "1 no dynamic code"], ["2", "2 no prototype access"], ["3", "3 no sensitive data comes out"], ["4", "4 input is validated"],
  ["5", "5 it ends"], ["6", "6 work is bounded"], ["isolation", "isolation"],
];
const honest = files.filter((file) => file.defects.length === 0);

/** Found, missed and false of one tool in what `matches` says of a rule. */
function count(tool, matches, among = files) {
  const reported = new Map();
  for (const finding of tool.findings) {
    for (const rule of tool.rules(finding).filter(matches)) {
      const levels = reported.get(finding.path) ?? new Set();
      levels.add(finding.level ?? "error");
      reported.set(finding.path, levels);
    }
  }
  const defective = among.flatMap((file) => file.defects.filter(matches).map(() => file));
  const found = defective.filter((file) => reported.has(file.path)).length;
  const wrong = honest.filter((file) => reported.get(file.path)?.has("error")).length;
  const doubted = honest.filter((file) => reported.has(file.path)).length - wrong;
  return { found, missed: defective.length - found, wrong, doubted, of: defective.length };
}

// --- the page --------------------------------------------------------------------------------------

const cell = ({ found, missed, wrong, doubted }) => `${found} / ${missed} / ${wrong}${doubted ? ` (+${doubted})` : ""}`;
const rows = ITEMS.map(([item, title]) => [title, (rule) => items.get(rule) === item]);
rows.push(["dynamic code (`no-eval`, `no-new-func`, `no-implied-eval`)", (rule) => DYNAMIC_CODE.includes(rule)]);
const isEval = (rule) => rule === "no-eval";
const hidden = files.filter((file) => !file.calls);
rows.push(["`eval`", isEval], ["**hidden `eval`**: never called by that name", isEval, hidden]);
let table = `| found / missed / false | ${tools.map((tool) => tool.name).join(" | ")} |\n| --- |${" --- |".repeat(tools.length)}\n`;
for (const [title, matches, among] of rows) {
  table += `| ${title} | ${tools.map((tool) => cell(count(tool, matches, among))).join(" | ")} |\n`;
}
const labelled = files.reduce((sum, file) => sum + file.defects.length, 0);
table += `\n${files.length} functions: ${labelled} defects in ${files.length - honest.length} of them, ${honest.length} honest.`;
const page = join(HERE, "README.md");
writeFileSync(page, between(readFileSync(page, "utf8"), "table", table));

const evals = tools.map((tool) => [tool, count(tool, isEval, hidden)]);
const claims = evals.map(([tool, { found, of }]) => (tool.name === "fnvet" ? found === of : found * 2 <= of));
for (const [at, [tool, { found, of }]] of evals.entries()) {
  console.log(`${claims[at] ? "as claimed" : "NOT AS CLAIMED"}: ${tool.name} found ${found} of ${of} hidden evals`);
}
if (process.argv.includes("--verbose")) {
  for (const file of files) {
    for (const rule of file.defects.filter((rule) => !tools[0].findings.some((f) => f.path === file.path && items.get(f.rule) === items.get(rule)))) {
      console.log(`fnvet misses ${rule} in ${file.path}`);
    }
  }
}
process.exitCode = claims.every(Boolean) ? 0 : 1;
