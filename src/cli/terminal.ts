// What commands print and read. Results go to stdout, everything else to stderr; what comes from data reaches neither raw.
import type { Readable } from "node:stream";
import { styleText } from "node:util";
import { escaped } from "../config/redact.js";
import { CommandFailure } from "./failure.js";
import { readSecrets } from "./prompt.js";

type Style = "bold" | "red" | "green" | "yellow";

export interface Terminal {
  /** A result: one line (or several, by line feeds of our own) on stdout. */
  print(line: string, style?: Style): void;
  /** The lines of a table on stdout, the first being its header. */
  printTable(lines: readonly string[]): void;
  /** A value as one line of JSON on stdout. */
  printJson(value: unknown): void;
  /** For people, on stderr. */
  note(line: string, style?: Style): void;
  warn(line: string): void;
  /** Whether somebody may be asked. */
  readonly interactive: boolean;
  /** All of stdin, at most `limitBytes`, as UTF-8. */
  readInput(limitBytes: number): Promise<string>;
  /** Stdin itself, for what is read as it comes. */
  readonly input: Readable;
  /** Asks on stderr, one question after the other, and reads a line for each that is not echoed. */
  askSecrets(questions: readonly string[]): Promise<readonly string[]>;
}

/** Line feeds that a command put between its own lines stay; everything else is shown as an escape. */
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
    askSecrets: (questions) => readSecrets(questions, stdin, stderr),
  };
}

async function readAll(stdin: NodeJS.ReadStream, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > limitBytes) throw new CommandFailure(`more than ${limitBytes} bytes came on stdin`);
    chunks.push(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CommandFailure("what came on stdin is not UTF-8");
  }
}
