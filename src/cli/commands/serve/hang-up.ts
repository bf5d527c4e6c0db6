// SIGHUP asks a server to read its configuration again. A program also gets it when its terminal is closed.
import { closeSync, openSync } from "node:fs";

/**
 * Calls `onReload` at each SIGHUP that a process sent, and `onGone` at the one that the closed terminal of this process causes.
 * Returns a function that removes the listener.
 */
export function onHangUp(onReload: () => void, onGone: () => void): () => void {
  const hadTerminal = hasTerminal();
  const listener = () => (hadTerminal && !hasTerminal() ? onGone() : onReload());
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** Checks the controlling terminal of the process. The streams of the process can be something else. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
