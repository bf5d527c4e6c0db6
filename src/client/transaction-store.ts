// The transaction of a mail that was asked for, in the storage that all tabs share. So a link that opens in another tab
// of the same browser asks for no number. A transaction alone proves nothing.
import type { RegistrationBegun } from "../wire/begun.js";
import { deviceNameOf } from "./core.js";
import { type ClientStorage, reliably } from "./storage.js";
import { parse } from "./texts.js";

/** The members of the response that the user does not see. */
type Kept = Partial<Pick<RegistrationBegun, "transaction" | "passkey">>;

export type TransactionStore = ReturnType<typeof createTransactionStore>;

export function createTransactionStore(storage: ClientStorage, root: string) {
  const name = `ampho ${root}`;
  const key = `${name} mail`;
  const get = async (key: string) => reliably(() => storage.get(key));
  return {
    async keep<T extends Kept>(begun: T): Promise<T> {
      const { transaction, passkey } = begun;
      await reliably(() => storage.set(key, JSON.stringify({ transaction, passkey })));
      return begun;
    },
    read: async () => Object(parse(await get(key))) as Kept,
    /** After the transaction was used, and after a logout. A storage that fails keeps it, and it is over soon. */
    forget: async () => reliably(() => storage.remove(key)).catch(() => {}),
    /** The proofs of a known device, which has limits of its own. */
    device: async () => (await get(deviceNameOf(name))) ?? undefined,
  };
}
