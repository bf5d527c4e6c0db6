// Runs a command and kills it when it hangs: when it reports no progress for a while, or exceeds its time. Timeouts of
// tests cannot do so, because a worker that is blocked in synchronous code fires no timer, and a run can also hang
// between tests.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "./child-process.mjs";

/**
 * Resolves with whether the command ended with 0, its time, and that of each file of tests. `stallMs` and the times of
 * files are for a Vitest that has progress.mjs as a reporter.
 *
 * At a limit it kills the processes below the command, and reports them with the unfinished files, hooks and tests. The
 * report goes to stderr, and also into hangs.txt in the folder `reports`, which scripts/tally.mjs prints at the end of
 * a long log.
 */
export function runWatched(command, args, { stallMs, totalMs, reports, ...options }) {
  const child = spawn(command, args, { ...options, stdio: ["inherit", "inherit", "inherit", "ipc"] });
  const startedMs = performance.now();
  const unfinished = new Map();
  const fileMs = {};
  let last = "nothing";

  function giveUp(reason) {
    const tree = processesBelow(child.pid);
    for (const { pid } of tree) kill(pid);
    const lines = [
      "",
      `The run hangs: ${reason}.`,
      `The last progress was: ${last}.`,
      "Started and not ended:",
      ...[...unfinished].map(([name, sinceMs]) => `  ${name} (${seconds(sinceMs)} s)`),
      "Processes (id, parent, age, CPU time, state, command):",
      ...tree.map(({ line }) => `  ${line}`),
      "",
    ];
    process.stderr.write(lines.join("\n"));
    if (reports !== undefined) appendFileSync(path.join(reports, "hangs.txt"), lines.join("\n"));
  }

  const total = setTimeout(() => giveUp(`it exceeds ${minutes(totalMs)} minutes`), totalMs);
  const stall = stallMs && setTimeout(() => giveUp(`it made no progress for ${minutes(stallMs)} minutes`), stallMs);
  child.on("message", ({ kind, name, isFile }) => {
    stall?.refresh();
    last = `${kind} of ${name}`;
    if (isFile && kind === "end") fileMs[name] = Math.round(performance.now() - unfinished.get(name));
    if (kind === "start") unfinished.set(name, performance.now());
    else unfinished.delete(name);
  });
  return new Promise((resolve) => {
    child.once("exit", (code) => {
      clearTimeout(total);
      clearTimeout(stall);
      resolve({ passed: code === 0, wallMs: Math.round(performance.now() - startedMs), fileMs });
    });
  });
}

const minutes = (ms) => Math.round(ms / 600) / 100;
const seconds = (sinceMs) => Math.round((performance.now() - sinceMs) / 1_000);

/** The process and all its descendants. */
function processesBelow(root) {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,etime=,time=,stat=,args="], { encoding: "utf8" });
  const all = (stdout ?? "").split("\n").map((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    return { pid, parent, line: line.slice(0, 240) };
  });
  const found = [all.find(({ pid }) => pid === root) ?? { pid: root, line: String(root) }];
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
}
