// The commands `user-…`, except `user-import` and `user-expire-password`.

import { escaped } from "../../config/redact.js";
import type { Management, UserRef } from "../../flows/manage/management.js";
import { everyUser } from "../../levels/scopes.js";
import { nearest } from "../../nearest.js";
import type { CommandContext, CommandInput, RunCommand } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure, UsageError } from "../failures.js";
import { inPages, printPages, typedUser } from "../input.js";
import { formatTime, quoted, table } from "../terminal/table.js";
import type { Terminal } from "../terminal/terminal.js";
import { listing, withManagement } from "../with-management.js";

export async function addUser(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  warnUnknownRoles(input.texts("--role"), context);
  // The password is asked for before the database is opened, so an interrupted command has changed nothing.
  const password = await newPassword(input, context.terminal, true);
  await withManagement(context, async ({ users }) => {
    await users.create({ login, password, roles: input.texts("--role"), email: input.text("--email") });
  });
  const without = password === undefined ? " without a password. `ampho user-password` sets one" : "";
  context.terminal.note(`User ${quoted(login)} created${without}.`);
}

export const printUsers: RunCommand = (input, context) =>
  withManagement(context, ({ users }) =>
    printPages(input, context, inPages(users.list()), ["LOGIN", "STATE", "ROLES"], ({ login, roles, disabled }) => [
      login,
      stateOf(disabled),
      roles.join(" "),
    ]),
  );

const stateOf = (disabled: boolean) => (disabled ? "disabled" : "");

export async function showUser(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const user = await findUser(input, context);
  if (input.has("--json")) return terminal.printJson(user);
  const { id, login, roles, disabled, email, emailProven } = user;
  terminal.printTable(table(["ID", "LOGIN", "STATE", "ROLES"], [[id, login, stateOf(disabled), roles.join(" ")]], [0]));
  if (email !== null) terminal.print(`Address: ${escaped(email)}, ${emailProven ? "proven" : "not proven"}.`);
}

export async function showAccess(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const found = await withManagement(context, ({ users }) => users.access(typedUser(input)));
  if (input.has("--json")) return terminal.printJson(found);
  const rows = found.access.map(({ kind, id, name, created, address, browser, used, confirmed }) => [
    kind,
    id ?? "",
    name ?? "",
    created === null ? "" : formatTime(created),
    [address, browser].filter((each) => each !== null).join(" "),
    used === null ? "" : formatTime(used),
    confirmed === null ? "" : confirmed ? "yes" : "no",
  ]);
  terminal.printTable(table(["KIND", "ID", "NAME", "SINCE (UTC)", "FROM", "USED (UTC)", "CONFIRMED"], rows, [1]));
  if (found.weaker_policy !== null)
    terminal.note(`The policy ${found.weaker_policy} is weaker than that of the user's roles.`);
}

async function findUser(input: CommandInput, context: CommandContext) {
  const user = await withManagement(context, ({ users }) => users.find(typedUser(input)));
  if (user === undefined) throw new CommandFailure(`There is no user with this ${input.has("--id") ? "id" : "login"}.`);
  return user;
}

export async function exportUser(input: CommandInput, context: CommandContext): Promise<void> {
  context.terminal.printJson(await withManagement(context, ({ users }) => users.export(typedUser(input))));
}

export async function changeUserPassword(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  const password = (await newPassword(input, context.terminal, false)) ?? "";
  await withManagement(context, ({ users }) => users.setPassword(typedUser(input), password));
  context.terminal.note(`Password of user ${quoted(login)} changed. Every session of the user has ended.`);
}

export async function changeUserEmail(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  const email = input.secondArgument() || undefined;
  await withManagement(context, ({ users }) =>
    users.setEmail(typedUser(input), email, { reason: input.text("--reason") }),
  );
  const now = email === undefined ? "has no address" : "has a new address, which is not proven yet";
  context.terminal.note(`User ${quoted(login)} ${now}.`);
}

const changing =
  (change: (users: Management["users"], user: UserRef) => Promise<unknown>, done: string): RunCommand =>
  async (input, context) => {
    await withManagement(context, ({ users }) => change(users, typedUser(input)));
    context.terminal.note(`User ${quoted(input.argument())} ${done}`);
  };
const ended = "Every session of the user has ended.";

export const disableUser = changing((users, user) => users.disable(user), `disabled. ${ended}`);
export const enableUser = changing((users, user) => users.enable(user), "enabled.");
export const userDelete = changing((users, user) => users.remove(user), `deleted. ${ended}`);

export async function changeRoles(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const change = { add: input.texts("--add"), remove: input.texts("--remove") };
  if (change.add.some((role) => change.remove.includes(role)))
    throw new UsageError("The same role must not be in both --add and --remove.");
  warnUnknownRoles(change.add, context);
  const hasChange = change.add.length + change.remove.length > 0;
  const { roles } = hasChange
    ? await withManagement(context, ({ users }) => users.setRoles(typedUser(input), change))
    : await findUser(input, context);
  if (input.has("--json")) return terminal.printJson(roles);
  for (const role of roles) terminal.print(role);
}

/** Where scopes or policies name roles, another name is most often a typing mistake. It still is a role. */
export function warnUnknownRoles(roles: readonly string[], context: CommandContext): void {
  if (roles.length === 0) return;
  const { scopes, factors } = configure(context, { key: "none" }).configuration;
  const known = [...new Set([...Object.keys(scopes), ...Object.keys(factors)])].filter((role) => role !== everyUser);
  for (const role of roles.filter((role) => known.length > 0 && !known.includes(role)))
    context.terminal.warn(
      `AMPHO_SECURITY_SCOPES and AMPHO_SECURITY_FACTORS have no role ${quoted(role)}. The nearest is ${nearest(role, known)}.`,
    );
}

export const countHashes = listing(
  ({ users }) => users.countHashFormats(),
  ["FORMAT", "USERS", ""],
  ({ format, current, users }) => {
    return [format ?? "none", String(users), current || format === null ? "" : "replaced at the next login"];
  },
);

/** 1024 characters of four bytes, and a line end. */
const inputBytesMax = 4 * 1024 + 2;

/**
 * Returns undefined if `optional` and there is no terminal to ask, or the typed password is empty.
 * @throws UsageError, CommandFailure
 */
async function newPassword(input: CommandInput, terminal: Terminal, optional: boolean): Promise<string | undefined> {
  const fromStdin = input.has("--password-stdin");
  // A terminal would echo what is read as input, so it is always asked.
  if (terminal.interactive) return askPassword(terminal, optional && !fromStdin);
  if (!fromStdin && optional) return undefined;
  if (!fromStdin) throw new UsageError("The password comes from a terminal or from --password-stdin.");
  const password = (await terminal.readInput(inputBytesMax)).replace(/\r?\n$/, "");
  if (password === "") throw new CommandFailure("The password on stdin is empty.");
  return password;
}

async function askPassword(terminal: Terminal, optional: boolean): Promise<string | undefined> {
  const [password = "", repetition] = await terminal.ask([
    optional ? "Password (empty for none): " : "Password: ",
    "Repeat the password: ",
  ]);
  if (password === "" && optional) return undefined;
  if (password === "") throw new CommandFailure("The password is empty.");
  if (password !== repetition) throw new CommandFailure("The two passwords differ.");
  return password;
}
