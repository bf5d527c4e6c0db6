// Installs the Debian packages that tests need, as root, if they are missing. Two files can do so at the same time.
import { spawnSync } from "../../scripts/child-process.mjs";

/** The timeout of a hook that installs: a minute for the installation, and time to wait for another. */
export const installMs = 240_000;

const busyMs = 180_000;
const pauseMs = 1_000;

/** Throws where it cannot install, and names the packages. */
export function installFromDebian(what: string, ...packages: readonly string[]): void {
  const missing = `These tests need ${what}: \`apt-get install ${packages.join(" ")}\`.`;
  if (process.getuid?.() !== 0) throw new Error(missing);
  const untilMs = performance.now() + busyMs;
  const apt = (...args: readonly string[]) => {
    for (;;) {
      const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
      const { status, stderr } = spawnSync("apt-get", ["-q", "-y", ...args], {
        encoding: "utf8",
        env,
        timeout: busyMs,
      });
      if (status === 0) return;
      // Usually another file holds the lock. apt-get does not wait for each of its locks.
      const isBusy = /Could not get lock|Unable to (?:acquire|lock)/.test(stderr ?? "");
      if (!isBusy || performance.now() > untilMs) throw new Error(missing, { cause: stderr });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
    }
  };
  apt("update");
  apt("install", "--no-install-recommends", ...packages);
}
