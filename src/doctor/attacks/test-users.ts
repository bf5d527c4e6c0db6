// Creates users for the attacks in the configured database, and deletes them afterwards.
import { randomBytes } from "node:crypto";
import type { Management } from "../../flows/manage/management.js";
import type { TestUsers, UserCredentials } from "./attack.js";

export interface TestUserAccess {
  readonly user: UserCredentials;
  readonly testUsers: TestUsers;
  /** Deletes all of them. It can be called twice. */
  deleteAll(): Promise<void>;
}

/** Rejects with the errors of `users.create`, and then leaves no user behind. */
export async function createTestUsers(
  { users, factors }: Pick<Management, "users" | "factors">,
  passwordMinCharacters: number,
): Promise<TestUserAccess> {
  const created = new Set<string>();
  const password = randomBytes(Math.max(24, passwordMinCharacters)).toString("base64url").slice(0, 1024);

  /** `policy` replaces that of the instance, under which no attack might be able to log in. */
  async function create(withPassword: boolean, policy: "optional" | "required" = "optional"): Promise<UserCredentials> {
    const login = `doctor-${randomBytes(9).toString("hex")}`;
    const { id } = await users.create({ login, password: withPassword ? password : undefined });
    created.add(login);
    await factors.setPolicy(id, policy);
    return { login, password };
  }

  async function deleteAll(): Promise<void> {
    for (const login of created) {
      await users.remove(login);
      created.delete(login);
    }
  }

  try {
    const user = await create(true);
    const testUsers: TestUsers = {
      other: await create(true),
      disabled: await create(true),
      owner: await create(true),
      withoutFactor: await create(true, "required"),
      passkeyOwner: await create(true),
      withoutPassword: (await create(false)).login,
      disable: (login) => users.disable(login),
    };
    return { user, testUsers, deleteAll };
  } catch (error) {
    await deleteAll();
    throw error;
  }
}
