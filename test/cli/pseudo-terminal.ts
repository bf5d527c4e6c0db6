// A command on a terminal: `script` of bsdutils, which every Debian has, gives it one. Echo is on, as in a shell.
import { spawn } from "node:child_process";

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Types each text once the one before it has been shown, and resolves to all that the terminal showed. */
export function onTerminal(
  command: readonly string[],
  typed: readonly (readonly [shown: string, typed: string])[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string | undefined>> },
): Promise<{ readonly shown: string; readonly code: number | null }> {
  const env = { PATH: process.env["PATH"], HOME: options.cwd, TERM: "xterm", ...options.env };
  const line = `stty echo; exec ${command.map(quoted).join(" ")}`;
  const child = spawn("script", ["-qec", line, "/dev/null"], { cwd: options.cwd, env });
  const steps = [...typed];
  let shown = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    for (let step = steps[0]; step !== undefined; step = steps[0]) {
      const at = shown.indexOf(step[0], seen);
      if (at < 0) return;
      seen = at + step[0].length;
      child.stdin.write(step[1]);
      steps.shift();
    }
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // Its own stdin stays open: at its end `script` would type an end of input.
    child.on("close", (code) => {
      child.stdin.destroy();
      resolve({ shown, code });
    });
  });
}
