// A user by login, for commands that have to know who it is.
import type { Ampho } from "../ampho.js";
import { CommandFailure } from "./failure.js";

/** @throws CommandFailure when there is none */
export async function requireUser(users: Pick<Ampho["users"], "find">, login: string) {
  const user = await users.find(login);
  if (user === undefined) throw new CommandFailure("there is no user with this login");
  return user;
}
