// Creates users for the attacks in the database of the instance, and deletes them afterwards.
import { randomBytes } from "node:crypto";
import type { TestUsers, UserCredentials } from "./attack.js";
import { Failure } from "./failures.js";
import { createTestServices, type ServiceCommands } from "./test-services.js";

/** The operator of an instance can do this with users. Each call rejects with the reason if it is not done. */
export interface UserCommands {
  create(login: string, password: string | undefined): Promise<void>;
  setPolicy(login: string, policy: "optional" | "required"): Promise<void>;
  disable(login: string): Promise<void>;
  remove(login: string): Promise<void>;
  readonly services: ServiceCommands;
}

export interface TestUserAccess {
  readonly user: UserCredentials;
  readonly testUsers: TestUsers;
  /** Deletes them and the service accounts. It can be called twice. Rejects with Failure. */
  deleteAll(): Promise<void>;
}

const names = ["user", "other", "disabled", "owner", "withoutFactor", "passkeyOwner", "withoutPassword"] as const;

/** Rejects with the errors of `users.create` and `users.setPolicy`, and then leaves no user behind. */
export async function createTestUsers(users: UserCommands, passwordMinCharacters: number): Promise<TestUserAccess> {
  /** How to delete what was created, by its name. */
  const created = new Map<string, () => Promise<void>>();
  const password = randomBytes(Math.max(24, passwordMinCharacters)).toString("base64url").slice(0, 1024);
  const logins = Object.fromEntries(names.map((name) => [name, `attack-${randomBytes(9).toString("hex")}`]));
  const loginOf = (name: (typeof names)[number]) => logins[name] ?? "";
  const credentialsOf = (name: (typeof names)[number]) => ({ login: loginOf(name), password });

  async function deleteAll(): Promise<void> {
    const failed: string[] = [];
    await forEach([...created], async ([name, remove]) => {
      await remove().then(
        () => created.delete(name),
        () => failed.push(name),
      );
    });
    if (failed.length > 0)
      throw new Failure(`These users and service accounts could not be deleted: ${failed.sort().join(", ")}.`);
  }

  try {
    await forEach(names, async (name) => {
      const login = loginOf(name);
      await users.create(login, name === "withoutPassword" ? undefined : password);
      created.set(login, () => users.remove(login));
      // Under the policy of the instance, no attack might be able to log in.
      await users.setPolicy(login, name === "withoutFactor" ? "required" : "optional");
    });
  } catch (error) {
    await deleteAll();
    throw error;
  }
  const testUsers: TestUsers = {
    other: credentialsOf("other"),
    disabled: credentialsOf("disabled"),
    owner: credentialsOf("owner"),
    withoutFactor: credentialsOf("withoutFactor"),
    passkeyOwner: credentialsOf("passkeyOwner"),
    withoutPassword: loginOf("withoutPassword"),
    disable: (login) => users.disable(login),
    services: createTestServices(users.services, created),
  };
  return { user: credentialsOf("user"), testUsers, deleteAll };
}

const parallelMax = 3;

/** Works on a few items at a time. Ends when all work has ended, and then rejects with the first error. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: parallelMax }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  const failed = (await Promise.allSettled(workers)).find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
