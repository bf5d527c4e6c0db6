// The commands `user-…`, except `user-import` and `user-expire-password`.
import { escaped } from "../../config/redact.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";
import { typedUser } from "../input.js";
import { newPassword } from "../terminal/new-password.js";
import { quoted, table } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

export async function addUser(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  // The password is asked for before the database is opened, so an interrupted command has changed nothing.
  const password = await newPassword(input, context.terminal, { optional: true });
  await withManagement(context, async ({ users }) => {
    await users.create({ login, password, roles: input.texts("--role"), email: input.text("--email") });
  });
  context.terminal.note(`User ${quoted(login)} created${password === undefined ? " without a password" : ""}.`);
}

export async function listUsers(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  await withManagement(context, async ({ users }) => {
    const all = [];
    for await (const user of users.list()) all.push(user);
    if (input.has("--json")) return terminal.printJson(all);
    const rows = all.map(({ login, roles, disabled }) => [login, stateOf(disabled), roles.join(" ")]);
    terminal.printTable(table(["LOGIN", "STATE", "ROLES"], rows));
  });
}

const stateOf = (disabled: boolean) => (disabled ? "disabled" : "");

export async function showUser(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const user = await findUser(input, context);
  if (input.has("--json")) return terminal.printJson(user);
  const { id, login, roles, disabled, email, emailProven } = user;
  terminal.printTable(table(["ID", "LOGIN", "STATE", "ROLES"], [[id, login, stateOf(disabled), roles.join(" ")]], [0]));
  if (email !== null) terminal.print(`Address: ${escaped(email)}, ${emailProven ? "proven" : "not proven"}.`);
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
  const password = await newPassword(input, context.terminal);
  await withManagement(context, ({ users }) => users.setPassword(typedUser(input), password));
  context.terminal.note(`Password of user ${quoted(login)} changed. Every session of the user has ended.`);
}

export async function changeUserEmail(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  const email = input.secondArgument() || undefined;
  await withManagement(context, ({ users }) => users.setEmail(typedUser(input), email));
  const now = email === undefined ? "has no address" : "has a new address, which is not proven yet";
  context.terminal.note(`User ${quoted(login)} ${now}.`);
}

export async function disableUser(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  await withManagement(context, ({ users }) => users.disable(typedUser(input)));
  context.terminal.note(`User ${quoted(login)} disabled. Every session of the user has ended.`);
}

export async function enableUser(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  await withManagement(context, ({ users }) => users.enable(typedUser(input)));
  context.terminal.note(`User ${quoted(login)} enabled.`);
}

export async function deleteUser(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.argument();
  await withManagement(context, ({ users }) => users.remove(typedUser(input)));
  context.terminal.note(`User ${quoted(login)} deleted. Every session of the user has ended.`);
}

export async function changeRoles(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const change = { add: input.texts("--add"), remove: input.texts("--remove") };
  if (change.add.some((role) => change.remove.includes(role)))
    throw new UsageError("The same role must not be in both --add and --remove.");
  const hasChange = change.add.length + change.remove.length > 0;
  const { roles } = hasChange
    ? await withManagement(context, ({ users }) => users.setRoles(typedUser(input), change))
    : await findUser(input, context);
  if (input.has("--json")) return terminal.printJson(roles);
  for (const role of roles) terminal.print(role);
}

export async function countHashes(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const counts = await withManagement(context, ({ users }) => users.countHashFormats());
  if (input.has("--json")) return terminal.printJson(counts);
  const rows = counts.map(({ format, current, users }) => [
    format ?? "none",
    String(users),
    current || format === null ? "" : "replaced at the next login",
  ]);
  terminal.printTable(table(["FORMAT", "USERS", ""], rows));
}
