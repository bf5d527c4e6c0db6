// Prompts. The terminal is in raw mode while they read, so they handle the keys that the terminal would have handled.
import { escaped } from "../../config/redact.js";
import { CommandFailure } from "../failures.js";

export interface Question {
  readonly text: string;
  /** Shows what is typed. Without it the prompt shows nothing, not even the length. */
  readonly echo?: true;
}

const erase = new Set(["\b", "\x7f"]);
const eraseLine = "\x15";
const interrupt = "\x03";
const endOfInput = "\x04";
/** The sequences of arrow and function keys (ECMA-48 §5.4, and SS3 of the VT220). */
const keySequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?/gs;
const lineEnd = /\r\n?/g;
const clearLine = "\r\x1b[K";

/** Applies keys to the lines typed so far. The last line has no end yet. */
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
 * Asks one question after the other and resolves to the lines. An empty line ends the questions.
 * @throws CommandFailure if the user interrupts it
 */
export function readLines(
  questions: readonly Question[],
  stdin: NodeJS.ReadStream,
  stderr: NodeJS.WritableStream,
): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const lines: string[][] = [[]];
    let asked = 0;
    const ask = () => {
      while (asked < Math.min(lines.length, questions.length)) {
        stderr.write(`${asked > 0 ? "\n" : ""}${questions[asked]?.text}`);
        asked++;
      }
    };
    const echo = () => {
      const question = questions[asked - 1];
      if (question?.echo) stderr.write(`${clearLine}${question.text}${escaped((lines[asked - 1] ?? []).join(""))}`);
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
      if (state !== "more") return finish(() => reject(new CommandFailure("Interrupted.")));
      echo();
      const typed = lines.slice(0, -1).map((line) => line.join(""));
      const empty = typed.indexOf("");
      const count = empty < 0 ? questions.length : Math.min(empty + 1, questions.length);
      if (typed.length >= count) finish(() => resolve(typed.slice(0, count)));
      else ask();
    };
    const ended = () => finish(() => reject(new CommandFailure("The input ended.")));
    // Echo is off before the question appears, because a fast user types at once.
    stdin.setRawMode(true);
    stdin.setEncoding("utf8");
    stdin.on("data", read).on("end", ended);
    ask();
    stdin.resume();
  });
}
