#!/usr/bin/env python3
"""Plays the GitHub runner for the composite action of this repository.

    run_action.py ACTION_DIR WORKSPACE [--env NAME=VALUE]... [INPUT=VALUE]...

Every `run:` step is executed by the shell that it names, in the workspace, with the variables a runner sets and
the step's own `env:`; `uses:` steps are only checked and shown. Conditions are evaluated. What may not be in
an action (an expression inside a script, an action that is not pinned by commit, an unknown input) ends
the run with status 2. The last line of standard output is one JSON object: `status`, `outputs`, `summary`, `log`.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")


class Invalid(Exception):
    """The action is not what a runner, or a careful reviewer, accepts."""


class Run:
    def __init__(self, action_dir: Path, workspace: Path, given: dict[str, str], extra_env: dict[str, str]):
        self.action_dir, self.workspace, self.extra_env = action_dir, workspace, extra_env
        self.action = yaml.safe_load((action_dir / "action.yml").read_text())
        declared = self.action.get("inputs") or {}
        if unknown := given.keys() - declared.keys():
            raise Invalid(f"no such input: {', '.join(sorted(unknown))}")
        self.inputs = {name: given.get(name, str((spec or {}).get("default", ""))) for name, spec in declared.items()}
        self.steps: dict[str, dict[str, str]] = {}
        self.temp = Path(tempfile.mkdtemp(prefix="run-action-"))
        self.log: list[str] = []
        self.summary = ""
        self.failed = False

    def value(self, expression: str) -> str:
        """One context access."""
        match expression.split("."):
            case ["inputs", name] if name in self.inputs:
                return self.inputs[name]
            case ["steps", step, "outputs", name]:
                return self.steps.get(step, {}).get(name, "")
            case ["github", "action_path"]:
                return str(self.action_dir)
        raise Invalid(f"cannot evaluate `{expression}`")

    def text(self, template: object) -> str:
        if isinstance(template, bool):
            return str(template).lower()
        return EXPRESSION.sub(lambda found: self.value(found[1]), str(template))

    def condition(self, condition: str | None) -> bool:
        """`a == 'x' && b != 'y'`, and the status functions."""
        if condition is None:
            return not self.failed
        body = EXPRESSION.sub(lambda found: found[1], str(condition))
        runs_after_failure = False
        holds = True
        for term in (part.strip() for part in body.split("&&")):
            if term in ("always()", "!cancelled()"):
                runs_after_failure = True
            elif term == "failure()":
                runs_after_failure, holds = True, holds and self.failed
            elif comparison := re.fullmatch(r"([\w.-]+)\s*(==|!=)\s*'([^']*)'", term):
                left, operator, right = comparison.groups()
                holds &= (self.value(left) == right) == (operator == "==")
            else:
                raise Invalid(f"cannot evaluate the condition `{term}`")
        return holds and (runs_after_failure or not self.failed)

    def step(self, number: int, step: dict) -> None:
        name = step.get("id") or step.get("name") or f"step {number}"
        if not self.condition(step.get("if")):
            self.log.append(f"[{name}] skipped")
            return
        if "uses" in step:
            if not PINNED.match(step["uses"]):
                raise Invalid(f"[{name}] not pinned by commit: {step['uses']}")
            given = {key: self.text(value) for key, value in (step.get("with") or {}).items()}
            self.log.append(f"[{name}] uses {step['uses']} with {json.dumps(given)}")
            return
        if "${{" in step["run"]:
            raise Invalid(f"[{name}] an expression inside a script lets its value be code; hand it over in env")
        if step.get("shell") != "bash":
            raise Invalid(f"[{name}] the shell must be bash")
        self.execute(number, name, step)

    def execute(self, number: int, name: str, step: dict) -> None:
        files = {kind: self.temp / f"{kind}-{number}" for kind in ("output", "summary", "path", "env", "state")}
        for file in files.values():
            file.touch()
        script = self.temp / f"script-{number}.sh"
        script.write_text(step["run"])
        env = self.runner_env(files) | {key: self.text(value) for key, value in (step.get("env") or {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        self.log.append(f"[{name}] exit {done.returncode}\n{done.stdout.rstrip()}")
        self.steps[name] = read_assignments(files["output"].read_text())
        self.summary += files["summary"].read_text()
        self.failed |= done.returncode != 0

    def runner_env(self, files: dict[str, Path]) -> dict[str, str]:
        import os

        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "CARGO_HOME", "RUSTUP_HOME") if key in os.environ}
        return inherited | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_ACTION_PATH": str(self.action_dir),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_PATH": str(files["path"]),
            "GITHUB_ENV": str(files["env"]),
            "GITHUB_STATE": str(files["state"]),
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
        } | self.extra_env

    def result(self) -> dict:
        outputs = {name: self.text(spec["value"]) for name, spec in (self.action.get("outputs") or {}).items()}
        return {"status": int(self.failed), "outputs": outputs, "summary": self.summary, "log": self.log}


def read_assignments(text: str) -> dict[str, str]:
    """`NAME=VALUE` lines, and `NAME<<END … END` blocks."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if block := re.fullmatch(r"([\w-]+)<<(.+)", line):
            body = []
            for inner in lines:
                if inner == block[2]:
                    break
                body.append(inner)
            found[block[1]] = "\n".join(body)
        elif "=" in line:
            name, value = line.split("=", 1)
            found[name] = value
        elif line:
            raise Invalid(f"not an output: {line!r}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action_dir", type=Path)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("inputs", nargs="*", metavar="INPUT=VALUE")
    options = parser.parse_intermixed_args()
    pairs = lambda items: dict(item.split("=", 1) for item in items)
    try:
        run = Run(options.action_dir.resolve(), options.workspace.resolve(), pairs(options.inputs), pairs(options.env))
        for number, step in enumerate(run.action["runs"]["steps"]):
            run.step(number, step)
        result = run.result()
    except Invalid as problem:
        print(f"run_action: {problem}", file=sys.stderr)
        return 2
    print("\n".join(result["log"]))
    print(json.dumps(result))
    return result["status"]


if __name__ == "__main__":
    sys.exit(main())
