// Creates load with wrk on the cores that the server does not use, with many tokens in turn.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";

export const serverCpu = "0";
export const loadCpus = availableParallelism() > 1 ? `1-${availableParallelism() - 1}` : "0";
const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));

export function has(command, ...args) {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export function requireWrk() {
  if (has("sh", "-c", "command -v wrk taskset")) return;
  console.error("This needs wrk: apt-get install wrk");
  process.exit(1);
}

/** Pins a process with all its threads to the server's core. */
export function pin(pid) {
  execFileSync("taskset", ["-a", "-p", "-c", serverCpu, String(pid)], { stdio: "ignore" });
}

/** Returns requests a second, and throws if one was rejected. `cookie` is sent with every request. */
export function load(port, route, tokens, seconds, cookie) {
  const script = path.join(folder, "tokens.lua");
  const list = path.join(folder, "tokens.txt");
  writeFileSync(list, tokens.join("\n"));
  writeFileSync(
    script,
    `local tokens = {}
     for line in io.lines("${list}") do tokens[#tokens + 1] = "Bearer " .. line end
     local at = 0
     request = function()
       at = at % #tokens + 1
       return wrk.format("GET", "${route}", { Authorization = tokens[at], Cookie = ${cookie === undefined ? "nil" : JSON.stringify(cookie)} })
     end
     done = function(summary)
       io.write(string.format("RATE %f BAD %d\\n", summary.requests / (summary.duration / 1e6), summary.errors.status))
     end`,
  );
  const args = ["-t1", "-c32", `-d${seconds}s`, "-s", script, `http://127.0.0.1:${port}${route}`];
  const output = execFileSync("taskset", ["-c", loadCpus, "wrk", ...args], { encoding: "utf8" });
  const [, rate, bad] = /RATE ([\d.]+) BAD (\d+)/.exec(output);
  if (bad !== "0") throw new Error(`${bad} requests to ${route} were rejected.`);
  return Number(rate);
}
