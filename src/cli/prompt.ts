// Prompts that do not echo. The terminal is in raw mode while they read, so the keys that it would have handled are
// handled here.
import { CommandFailure } from "./failure.js";

const erase = new Set(["\b", "\x7f"]);
const eraseLine = "\x15";
const interrupt = "\x03";
const endOfInput = "\x04";
/** What arrow and function keys send (ECMA-48 §5.4, and SS3 of the VT220), and one kind of line end for all. */
const keySequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?/gs;
const lineEnd = /\r\n?/g;

/** Applies keys to the lines typed so far, the last of which is not ended yet. */
function type(lines: string[][], typed: string): "more" | "interrupted" | "ended" {
  for (const key of typed.replace(keySequence, "").replace(lineEnd, "\n")) {
    const line = lines.at(-1) ?? [];
    if (key === "\n") lines.push([]);
    else if (key === interrupt) return "interrupted";
    else if (key === endOfInput && line.length === 0) return "ended";
    else if (erase.has(key)) line.pop();
    else if (key === eraseLine) line.length = 0;
    else if (key >= " ") line.push(key);
  }
  return "more";
}

/**
 * Asks one question after the other and resolves to the lines; an empty answer ends it.
 * @throws CommandFailure when it was broken off
 */
export function readSecrets(
  questions: readonly string[],
  stdin: NodeJS.ReadStream,
  stderr: NodeJS.WritableStream,
): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const lines: string[][] = [[]];
    let asked = 0;
    const ask = () => {
      while (asked < Math.min(lines.length, questions.length)) {
        stderr.write(`${asked > 0 ? "\n" : ""}${questions[asked]}`);
        asked++;
      }
    };
    const finish = (settle: () => void) => {
      stdin.off("data", read).off("end", ended);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      settle();
    };
    const read = (chunk: string) => {
      const state = type(lines, chunk);
      if (state !== "more") return finish(() => reject(new CommandFailure("broken off")));
      const answers = lines.slice(0, -1).map((line) => line.join(""));
      const empty = answers.indexOf("");
      const count = empty < 0 ? questions.length : Math.min(empty + 1, questions.length);
      if (answers.length >= count) finish(() => resolve(answers.slice(0, count)));
      else ask();
    };
    const ended = () => finish(() => reject(new CommandFailure("the input ended")));
    // Echo is off before the question is there: who sees it may type at once.
    stdin.setRawMode(true);
    stdin.setEncoding("utf8");
    stdin.on("data", read).on("end", ended);
    ask();
    stdin.resume();
  });
}
