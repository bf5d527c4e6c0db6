// Creates service accounts for the attacks in the database of the instance, when an attack needs one.
import { randomBytes } from "node:crypto";
import type { TestServices } from "./attack.js";
import { importKey, type Members, newJwk } from "./key.js";

/** The operator of an instance can do this with service accounts. Each call rejects with the reason if it is not done. */
export interface ServiceCommands {
  /** Resolves to its id. */
  add(name: string, scopes: readonly string[]): Promise<string>;
  /** Resolves to a new key of it. */
  createApiKey(name: string): Promise<string>;
  setPublicKey(name: string, jwk: Members): Promise<void>;
  disable(name: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** `created` gets an entry for each service account, which deletes it. */
export function createTestServices(commands: ServiceCommands, created: Map<string, () => Promise<void>>): TestServices {
  return {
    async create(scopes) {
      const name = `attack-${randomBytes(9).toString("hex")}`;
      const signing = importKey(newJwk("ES256"));
      const id = await commands.add(name, scopes);
      created.set(name, () => commands.remove(name));
      const key = await commands.createApiKey(name);
      await commands.setPublicKey(name, signing.publicJwk ?? {});
      return { id, name, key, signing };
    },
    setPublicKey: ({ name }, jwk) => commands.setPublicKey(name, jwk),
    disable: ({ name }) => commands.disable(name),
  };
}
