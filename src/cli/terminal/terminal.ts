// Where commands print and read. Results go to stdout and everything else to stderr. Control characters in data reach neither.
import type { Readable } from "node:stream";
import { styleText } from "node:util";
import { escaped } from "../../config/redact.js";
import { CommandFailure } from "../failures.js";
import { type Question, readLines } from "./prompt.js";

type Style = "bold" | "red" | "green" | "yellow";

export interface Terminal {
  /** Prints a result on stdout. The line can contain line feeds of the command itself. */
  print(line: string, style?: Style): void;
  /** Prints the lines of a table on stdout. The first one is the header. */
  printTable(lines: readonly string[]): void;
  /** Prints a value as one line of JSON on stdout. */
  printJson(value: unknown): void;
  /** Prints a message for people on stderr. */
  note(line: string, style?: Style): void;
  warn(line: string): void;
  /** True if stdin is a terminal, so that a user can be asked. */
  readonly interactive: boolean;
  /** Reads all of stdin as UTF-8, at most `limitBytes`. */
  readInput(limitBytes: number): Promise<string>;
  /** Stdin itself, for a command that reads it as a stream. */
  readonly input: Readable;
  /** Asks on stderr, one question after the other. An empty line ends the questions. */
  ask(questions: readonly Question[]): Promise<readonly string[]>;
}

/** Keeps the line feeds between lines of a command. Every other control character becomes an escape. */
const safe = (text: string) => text.split("\n").map(escaped).join("\n");

export function openTerminal(
  { stdin, stdout, stderr }: Pick<NodeJS.Process, "stdin" | "stdout" | "stderr">,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const write = (stream: NodeJS.WriteStream, line: string, style: Style | undefined) => {
    const coloured = style !== undefined && stream.isTTY && !env["NO_COLOR"] && env["TERM"] !== "dumb";
    stream.write(`${coloured ? styleText(style, safe(line)) : safe(line)}\n`);
  };
  return {
    print: (line, style) => write(stdout, line, style),
    printTable: (lines) => {
      for (const [at, line] of lines.entries()) write(stdout, line, at === 0 ? "bold" : undefined);
    },
    printJson: (value) => write(stdout, JSON.stringify(value), undefined),
    note: (line, style) => write(stderr, line, style),
    warn: (line) => write(stderr, `ampho: warning: ${line}`, "yellow"),
    interactive: stdin.isTTY === true,
    input: stdin,
    readInput: (limitBytes) => readAll(stdin, limitBytes),
    ask: (questions) => readLines(questions, stdin, stderr),
  };
}

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
