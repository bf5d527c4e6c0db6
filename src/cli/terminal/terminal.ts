// Where commands print and read. Results go to stdout, all else to stderr, neither with control characters.
import type { Readable } from "node:stream";
import { styleText } from "node:util";
import { escaped } from "../../config/redact.js";
import { withAddresses } from "../../version.js";
import { CommandFailure } from "../failures.js";

type Style = "bold" | "red" | "green" | "yellow";

/** Keeps the line feeds between lines of a command. Every other control character becomes an escape. */
const safe = (text: string) => text.split("\n").map(escaped).join("\n");

export function openTerminal(
  { stdin, stdout, stderr }: Pick<NodeJS.Process, "stdin" | "stdout" | "stderr">,
  env: Readonly<Record<string, string | undefined>>,
) {
  const write = (stream: NodeJS.WriteStream, line: string, style: Style | undefined) => {
    const coloured = style !== undefined && stream.isTTY && !env["NO_COLOR"] && env["TERM"] !== "dumb";
    stream.write(`${coloured ? styleText(style, safe(line)) : safe(line)}\n`);
  };
  return {
    /** Prints a result on stdout. The line can contain line feeds of the command itself. */
    print: (line: string, style?: Style) => write(stdout, withAddresses(line), style),
    /** Prints the lines of a table on stdout. The first one is the header. */
    printTable(lines: readonly string[]): void {
      for (const [at, line] of lines.entries()) write(stdout, line, at === 0 ? "bold" : undefined);
    },
    /** Prints a value as one line of JSON on stdout. */
    printJson: (value: unknown) => write(stdout, JSON.stringify(value), undefined),
    /** Prints a list as one line of JSON on stdout, without ever having all of it. */
    async printJsonList(pages: AsyncIterable<readonly unknown[]>): Promise<void> {
      let start = "[";
      for await (const page of pages)
        for (const item of page) {
          stdout.write(safe(start + JSON.stringify(item)));
          start = ",";
        }
      write(stdout, start === "[" ? "[]" : "]", undefined);
    },
    /** Prints a message for people on stderr. */
    note: (line: string, style?: Style) => write(stderr, withAddresses(line), style),
    warn: (line: string) => write(stderr, `ampho: warning: ${withAddresses(line)}`, "yellow"),
    /** True if stdin is a terminal, so that a user can be asked. */
    interactive: stdin.isTTY === true,
    /** Stdin itself, for a command that reads it as a stream. */
    input: stdin as Readable,
    /** Reads all of stdin as UTF-8, at most `limitBytes`. */
    readInput: (limitBytes: number) => readAll(stdin, limitBytes),
    /** Asks on stderr, one question after the other, and shows nothing of what is typed. An empty line ends them. */
    ask: (questions: readonly string[]) => readLines(questions, stdin, stderr),
  };
}

export type Terminal = ReturnType<typeof openTerminal>;

async function readAll(stdin: NodeJS.ReadStream, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > limitBytes) throw new CommandFailure(`The input on stdin is longer than ${limitBytes} bytes.`);
    chunks.push(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CommandFailure("The input on stdin is not UTF-8.");
  }
}

const erase = new Set(["\b", "\x7f"]);
const eraseLine = "\x15";
const interrupt = "\x03";
const endOfInput = "\x04";
/** The sequences of arrow and function keys (ECMA-48 §5.4, and SS3 of the VT220). */
const keySequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?/gs;
const lineEnd = /\r\n?/g;

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
function readLines(
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
      if (state !== "more") return finish(() => reject(new CommandFailure("Interrupted.")));
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
