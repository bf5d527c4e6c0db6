// The command `user-expire-password`.

import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileProblem } from "../../config/files.js";
import type { Management, UserView } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";
import { exactlyOne, printList, printPages, requiredReason } from "../input.js";
import { countOf, quoted } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

/** The database commits the transactions that wait together in one step. */
const atOnce = 32;

export async function expirePasswords(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const login = input.optionalArgument();
  const [isAll, file] = [input.has("--all"), input.text("--file")];
  exactlyOne({ LOGIN: login !== undefined, "--all": isAll, "--file": file !== undefined });
  const after = input.text("--after");
  if (after !== undefined && !isAll) throw new UsageError("--after is only for --all.");
  const reason = requiredReason(input, "user-expire-password");
  if (isAll) return expireAll({ reason, after }, input, context);
  const names = file === undefined ? [login ?? ""] : await readNames(file, context);
  const { expired, without, unreachable } = await withManagement(context, async ({ users }) => {
    return expireEach(users, await findAll(users, names, input.has("--id")), reason);
  });
  const unmailed = unreachable.map(({ id, login }) => ({ id, login }));
  printList(input, context, unmailed, header, cellsOf);
  terminal.note(`${countOf(expired, "password")} expired. Every session of these users has ended.`);
  if (without > 0) terminal.note(`${countOf(without, "user")} had no password, or no account any more.`);
  if (unmailed.length > 0) terminal.note(recoverThem);
}

const header = ["ID", "LOGIN"];
const cellsOf = ({ id, login }: Pick<UserView, "id" | "login">) => [id, login];
const recoverThem = "The users above have no address. Give each a link of `user-recover --print`.";

/** So many users lie between two lines about the progress. */
const progressUsers = 10_000;

/** Prints the users without an address while it works, so that a million of them need no memory. */
async function expireAll(
  options: { readonly reason: string; readonly after: string | undefined },
  input: CommandInput,
  context: CommandContext,
): Promise<void> {
  const { terminal } = context;
  let [expired, without, unreachable] = [0, 0, 0];
  let last = options.after;
  async function* pagesOf(users: Management["users"]) {
    let toNote = progressUsers;
    for await (const batch of users.expirePasswords(options)) {
      expired += batch.expired;
      without += batch.without;
      unreachable += batch.unreachable.length;
      last = batch.next;
      yield batch.unreachable;
      if (last === undefined || expired + without < toNote) continue;
      toNote += progressUsers;
      terminal.note(`${countOf(expired, "password")} expired. ${continued(last)}`);
    }
  }
  try {
    await withManagement(context, ({ users }) => printPages(input, context, pagesOf(users), header, cellsOf));
  } catch (error) {
    if (last !== undefined && last !== options.after) terminal.note(continued(last));
    throw error;
  }
  terminal.note(`${countOf(expired, "password")} expired. Every session has ended.`);
  if (without > 0) terminal.note(`${countOf(without, "user")} had no password.`);
  if (unreachable > 0) terminal.note(recoverThem);
}

const continued = (last: string) => `To go on from here after an interruption, add --after ${quoted(last)}.`;

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

async function expireEach(users: Management["users"], all: readonly UserView[], reason: string) {
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
  for (const user of all) if (batch.push(user) === atOnce) await flush();
  await flush();
  return { expired, without, unreachable };
}
