// Synchronous child processes with a time limit. A child that never ends would block this process for ever, and no timer of a
// test would run. So would a child that leaves a process behind with its pipes. Scripts and tests use only these functions.
import * as node from "node:child_process";

const limitMs = 240_000;

const limited = (options) => ({ timeout: limitMs, killSignal: "SIGKILL", ...options });

/** `execFileSync` of Node with a limit of four minutes, unless `timeout` sets another one. */
export function execFileSync(command, args, options) {
  return node.execFileSync(command, args, limited(options));
}

/** `spawnSync` of Node with the same limit. At the limit it throws, so that a caller that reads only `stdout` notices. */
export function spawnSync(command, args, options) {
  const result = node.spawnSync(command, args, limited(options));
  if (result.error?.code === "ETIMEDOUT") throw result.error;
  return result;
}
