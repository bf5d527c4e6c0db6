// Reads a new password from a terminal or from stdin. It never comes from an argument, which every process of the machine sees.
import type { CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";
import type { Terminal } from "./terminal.js";

/** 1024 characters of four bytes, and a line end. */
const inputBytesMax = 4 * 1024 + 2;

/** @throws UsageError if there is no terminal to ask (unless it is optional), CommandFailure if the repetition differs */
export async function newPassword(
  input: CommandInput,
  terminal: Terminal,
  options: { readonly optional: true },
): Promise<string | undefined>;
export async function newPassword(input: CommandInput, terminal: Terminal): Promise<string>;
export async function newPassword(
  input: CommandInput,
  terminal: Terminal,
  options?: { readonly optional: true },
): Promise<string | undefined> {
  const fromStdin = input.has("--password-stdin");
  // A terminal would echo what is read as input, so it is always asked.
  if (terminal.interactive) return askPassword(terminal, options?.optional === true && !fromStdin);
  if (fromStdin) return readPassword(terminal);
  if (options?.optional) return undefined;
  throw new UsageError("The password comes from a terminal or from --password-stdin.");
}

async function readPassword(terminal: Terminal): Promise<string> {
  const text = await terminal.readInput(inputBytesMax);
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw new CommandFailure("The password on stdin is empty.");
  return password;
}

async function askPassword(terminal: Terminal, optional: boolean): Promise<string | undefined> {
  const [password = "", repetition] = await terminal.ask([
    { text: optional ? "Password (empty for none): " : "Password: " },
    { text: "Repeat the password: " },
  ]);
  if (password === "" && optional) return undefined;
  if (password === "") throw new CommandFailure("The password is empty.");
  if (password !== repetition) throw new CommandFailure("The two passwords differ.");
  return password;
}
