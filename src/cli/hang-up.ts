// SIGHUP: by custom "read your configuration anew" for a server, and "your terminal is gone" for a program on one.
import { closeSync, openSync } from "node:fs";

/**
 * Calls `onReload` at each SIGHUP that somebody sent, and `onGone` when it says that the terminal on which the process was
 * started is closed. Returns the way to stop.
 */
export function onHangUp(onReload: () => void, onGone: () => void): () => void {
  const hadTerminal = hasTerminal();
  const listener = () => (hadTerminal && !hasTerminal() ? onGone() : onReload());
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** The terminal that controls the process, whatever its streams are. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
