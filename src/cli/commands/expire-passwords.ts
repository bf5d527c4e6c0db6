// The command `user-expire-password`.

import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileProblem } from "../../config/files.js";
import type { Management, UserView } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { exactlyOne, printList, requiredReason } from "../input.js";
import { countOf, quoted } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

/** The database commits the transactions that wait together in one step. */
const atOnce = 32;

export async function expirePasswords(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const login = input.optionalArgument();
  const [isAll, file] = [input.has("--all"), input.text("--file")];
  exactlyOne({ LOGIN: login !== undefined, "--all": isAll, "--file": file !== undefined });
  const reason = requiredReason(input, "user-expire-password");
  const names = file === undefined ? (login === undefined ? undefined : [login]) : await readNames(file, context);
  const { expired, without, unreachable } = await withManagement(context, async ({ users }) => {
    const found = names === undefined ? users.list() : await findAll(users, names, input.has("--id"));
    return expireEach(users, found, reason);
  });
  const unmailed = unreachable.map(({ id, login }) => ({ id, login }));
  printList(input, context, unmailed, ["ID", "LOGIN"], ({ id, login }) => [id, login]);
  terminal.note(`${countOf(expired, "password")} expired. Every session of these users has ended.`);
  if (without > 0) terminal.note(`${countOf(without, "user")} had no password, or no account any more.`);
  if (unmailed.length > 0)
    terminal.note("The users above have no address. Give each a link of `user-recover --print`.");
}

async function readNames(file: string, { terminal }: CommandContext): Promise<readonly string[]> {
  try {
    const lines = (file === "-" ? await text(terminal.input) : readFileSync(file, "utf8")).split(/\r?\n/);
    return lines.filter((line) => line !== "");
  } catch (error) {
    throw new CommandFailure(`${quoted(file)} cannot be read (${fileProblem(error)}).`);
  }
}

/** Nothing is changed if one of them does not exist. */
async function findAll(users: Management["users"], names: readonly string[], byId: boolean) {
  const found: UserView[] = [];
  for (const [at, name] of names.entries()) {
    const user = await users.find(byId ? { id: name } : { login: name });
    const where = names.length > 1 ? `Line ${at + 1}: ` : "";
    if (user === undefined)
      throw new CommandFailure(`${where}There is no user with this ${byId ? "id" : "login"}. No password was changed.`);
    found.push(user);
  }
  return found;
}

/** A user can be deleted while the command runs. */
async function expireUnlessDeleted(users: Management["users"], id: string, reason: string): Promise<boolean> {
  return users.expirePassword({ id }, { reason }).catch(async (error: unknown) => {
    if ((await users.findById(id)) !== undefined) throw error;
    return false;
  });
}

async function expireEach(
  users: Management["users"],
  all: AsyncIterable<UserView> | Iterable<UserView>,
  reason: string,
) {
  const unreachable: UserView[] = [];
  let [expired, without] = [0, 0];
  let batch: UserView[] = [];
  async function flush() {
    const done = await Promise.all(batch.map(({ id }) => expireUnlessDeleted(users, id, reason)));
    for (const [at, user] of batch.entries()) {
      if (done[at]) expired += 1;
      else without += 1;
      if (done[at] && user.email === null) unreachable.push(user);
    }
    batch = [];
  }
  for await (const user of all) if (batch.push(user) === atOnce) await flush();
  await flush();
  return { expired, without, unreachable };
}
