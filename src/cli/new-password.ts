// A new password from a person or from a pipe, and from nowhere else: arguments are seen by every process of the machine.
import type { CommandInput } from "./command.js";
import { CommandFailure, UsageError } from "./failure.js";
import type { Terminal } from "./terminal.js";

/** 1024 characters of four bytes, and a line end. */
const inputBytesMax = 4 * 1024 + 2;

/** @throws UsageError when there is nobody to ask, unless it is optional; CommandFailure when the answers differ */
export async function newPassword(
  input: CommandInput,
  terminal: Terminal,
  need: { readonly optional: true },
): Promise<string | undefined>;
export async function newPassword(input: CommandInput, terminal: Terminal): Promise<string>;
export async function newPassword(
  input: CommandInput,
  terminal: Terminal,
  need?: { readonly optional: true },
): Promise<string | undefined> {
  const fromStdin = input.has("--password-stdin");
  // A terminal would echo what is read as input.
  if (terminal.interactive) return fromPrompt(terminal, need?.optional === true && !fromStdin);
  if (fromStdin) return fromInput(terminal);
  if (need?.optional) return undefined;
  throw new UsageError("a password comes from a terminal or from --password-stdin");
}

async function fromInput(terminal: Terminal): Promise<string> {
  const text = await terminal.readInput(inputBytesMax);
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw new CommandFailure("no password came on stdin");
  return password;
}

async function fromPrompt(terminal: Terminal, optional: boolean): Promise<string | undefined> {
  const [password = "", again] = await terminal.askSecrets([
    optional ? "Password (empty for none): " : "Password: ",
    "The same again: ",
  ]);
  if (password === "" && optional) return undefined;
  if (password === "") throw new CommandFailure("no password was typed");
  if (password !== again) throw new CommandFailure("the two passwords differ");
  return password;
}
