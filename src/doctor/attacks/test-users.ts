// Users made for the attacks in the configured store, and removed afterwards.
import { randomBytes } from "node:crypto";
import type { Management } from "../../flows/manage/management.js";
import type { Credentials, TestUsers } from "./attack.js";

export interface TestUserAccess {
  readonly user: Credentials;
  readonly guests: TestUsers;
  /** Removes them all; may be called twice. */
  leave(): Promise<void>;
}

/** Rejects as `users.create` does; then none of them is left. */
export async function createTestUsers(
  users: Management["users"],
  passwordMinCharacters: number,
): Promise<TestUserAccess> {
  const made = new Set<string>();
  const password = randomBytes(Math.max(24, passwordMinCharacters)).toString("base64url").slice(0, 1024);

  async function make(withPassword: boolean): Promise<Credentials> {
    const login = `doctor-${randomBytes(9).toString("hex")}`;
    await users.create({ login, password: withPassword ? password : undefined });
    made.add(login);
    return { login, password };
  }

  async function leave(): Promise<void> {
    for (const login of made) {
      await users.remove(login);
      made.delete(login);
    }
  }

  try {
    const user = await make(true);
    const guests: TestUsers = {
      other: await make(true),
      disabled: await make(true),
      withoutPassword: (await make(false)).login,
      disable: (login) => users.disable(login),
    };
    return { user, guests, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}
