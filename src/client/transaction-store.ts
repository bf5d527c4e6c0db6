// The transaction of a mail that was asked for, in the storage that all tabs share. So a link that opens in another tab of the same
// browser asks for no number. A transaction alone proves nothing.
import { deviceNameOf } from "./core.js";
import { type ClientStorage, reliably } from "./storage.js";
import type { WebAuthnJson } from "./webauthn.js";
import { parse } from "./wire.js";

/** A mail that was asked for. */
export interface MailBegun {
  /** Two digits for the page to show. A link that is opened in another browser asks for them. */
  readonly match: string;
  /** The end of the code and the link, in Unix seconds. */
  readonly expires: number;
}

/** The parts of the response that the user does not see. */
export interface Kept {
  /** Absent where it is in a cookie. */
  readonly transaction?: string;
  /** The options for a passkey of a new account. */
  readonly passkey?: WebAuthnJson | null;
}

export interface TransactionStore {
  keep<T extends MailBegun>(begun: T): Promise<T & Kept>;
  read(): Promise<Kept>;
  /** After the transaction was used, and after a logout. A storage that fails keeps it, and it is over soon. */
  forget(): Promise<unknown>;
  /** The proofs of a known device, which has limits of its own. */
  device(): Promise<string | undefined>;
}

export function createTransactionStore(storage: ClientStorage, root: string): TransactionStore {
  const name = `ampho ${root}`;
  const key = `${name} mail`;
  const get = async (key: string) => reliably(() => storage.get(key));
  return {
    async keep(begun) {
      const { transaction, passkey }: Kept = begun as Kept;
      await reliably(() => storage.set(key, JSON.stringify({ transaction, passkey })));
      return begun;
    },
    read: async () => Object(parse(await get(key))) as Kept,
    forget: async () => reliably(() => storage.remove(key)).catch(() => {}),
    device: async () => (await get(deviceNameOf(name))) ?? undefined,
  };
}
