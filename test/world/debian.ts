// What tests need of Debian's packages, installed when it is missing, which takes root. Two files may want to at once.
import { spawnSync } from "node:child_process";

/** Of a hook that installs: it takes a minute, and may wait for another. */
export const installMs = 240_000;

const busyMs = 180_000;
const pauseMs = 1_000;

/** Throws, with what is missing and what to install, where that is not possible. */
export function installFromDebian(what: string, ...packages: readonly string[]): void {
  const missing = `These tests need ${what}: \`apt-get install ${packages.join(" ")}\`.`;
  if (process.getuid?.() !== 0) throw new Error(missing);
  const untilMs = performance.now() + busyMs;
  const apt = (...args: readonly string[]) => {
    for (;;) {
      const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
      const { status, stderr } = spawnSync("apt-get", ["-q", "-y", ...args], { encoding: "utf8", env });
      if (status === 0) return;
      // Held by another file's tests, as a rule: apt-get does not wait for each of its locks.
      const isBusy = /Could not get lock|Unable to (?:acquire|lock)/.test(stderr ?? "");
      if (!isBusy || performance.now() > untilMs) throw new Error(missing, { cause: stderr });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
  };
  apt("update");
  apt("install", "--no-install-recommends", ...packages);
}
