// The passkeys of the user who is signed in, and the first one of a login whose account must have one.
import type { PasskeyListing, PasskeyView } from "../wire/account.js";
import type { PasskeySetUp } from "../wire/begun.js";
import type { ClientSession } from "../wire/login.js";
import type { ClientCall, Send } from "./calls.js";
import type { Ceremonies } from "./ceremonies.js";
import { type EnteredSession, FactorNeeded } from "./factor-needed.js";
import { type LoginSteps, pendingOf } from "./login-steps.js";
import { createCredential, type Mediation, platform } from "./webauthn.js";

/** A new passkey. */
export interface PasskeyAdded {
  /** The passkey. */
  readonly passkey: PasskeyView;
  /** Eight codes with the first second factor of the account. The user must keep them. They are never shown again. */
  readonly recoveryCodes: readonly string[];
  /** The session of a pending login. */
  readonly session?: EnteredSession;
}

/** How a passkey is added. */
export interface NewPasskey {
  /** The name in the user's list. */
  readonly name?: string | undefined;
  /** `second` asks for a passkey that works only after the password, which suits security keys. */
  readonly use?: "login" | "second" | undefined;
}

/** The passkeys of the user who is signed in. */
export interface Passkeys {
  /**
   * Rejects with the platform's error, such as `NotAllowedError` after the user has cancelled.
   * @example
   * const { recoveryCodes } = await client.passkeys.add({ name: "Phone" });
   * const { session } = await client.passkeys.add(factorNeeded);
   */
  add(about?: NewPasskey): Promise<PasskeyAdded>;
  /**
   * Registers the passkey for the pending login of an error with `enroll`, and stores its session like `login`. `code`
   * is the mailed code that an error with `mail` needs.
   */
  add(pending: FactorNeeded, about?: NewPasskey & { readonly code?: string | undefined }): Promise<PasskeyAdded>;
  /**
   * Lets the browser create a passkey without asking, after a login by password. Resolves to undefined if the browser
   * or the account does not take part. Show the recovery codes of its result.
   * @example const added = await client.passkeys.upgrade({ name: "This device" });
   */
  upgrade(about?: Pick<NewPasskey, "name">): Promise<PasskeyAdded | undefined>;
  /**
   * Returns the passkeys of the account.
   * @example const passkeys = await client.passkeys.list();
   */
  list(): Promise<readonly PasskeyView[]>;
  /**
   * Gives a passkey another name in the user's list.
   * @example await client.passkeys.rename(id, "Phone");
   */
  rename(id: string, name: string): Promise<void>;
  /**
   * Rejects with `last_way_in` if the account must keep it.
   * @example await client.passkeys.remove(id);
   */
  remove(id: string): Promise<void>;
}

export function createPasskeys(
  { enter }: LoginSteps,
  ceremonies: Ceremonies,
  call: ClientCall,
  send: Send,
  /** Does not ask the user for more proof. */
  sendQuietly: Send,
  session: () => Promise<ClientSession | undefined>,
): Passkeys {
  async function list(removed?: string): Promise<readonly PasskeyView[]> {
    const { passkeys, ...listing } = (await send("GET", "/passkeys")) as PasskeyListing;
    await signal(listing, await session(), removed).catch(() => {});
    return passkeys;
  }
  /** The change is done, and its caller does not wait for the browser to learn about it. */
  const refresh = (removed?: string) => void list(removed).catch(() => {});

  async function create(begun: Promise<unknown>, mediation: Mediation, name: string | undefined): Promise<object> {
    const { transaction, passkey } = (await begun) as PasskeySetUp;
    const created = await ceremonies.modal((ceremony) => createCredential(passkey, ceremony, mediation));
    return { transaction, passkey: created, name };
  }

  async function finish(body: object, pending?: FactorNeeded): Promise<PasskeyAdded> {
    if (pending) {
      const { session, recoveryCodes, passkey } = await enter("/passkeys", pending.login, body);
      refresh();
      return { passkey: passkey as PasskeyView, recoveryCodes, session };
    }
    const added = (await send("POST", "/passkeys", body)) as PasskeyAdded & { readonly recovery_codes?: string[] };
    refresh();
    return { passkey: added.passkey, recoveryCodes: added.recovery_codes ?? [] };
  }

  return {
    async add(first: FactorNeeded | NewPasskey = {}, about: NewPasskey & { readonly code?: string | undefined } = {}) {
      const pending = first instanceof FactorNeeded ? first : undefined;
      const { name, use } = pending ? about : (first as NewPasskey);
      const path = "/passkeys/options";
      // `onStepUp` can have a ceremony of its own, so this one begins after it.
      const begun = pending
        ? call(path, { ...pendingOf(pending), use, code: about.code })
        : send("POST", path, { use });
      return finish(await create(begun, undefined, name), pending);
    },
    async upgrade({ name } = {}) {
      if (!(await platform().getClientCapabilities?.())?.["conditionalCreate"]) return undefined;
      const begun = sendQuietly("POST", "/passkeys/options", { upgrade: true });
      const created = await create(begun, "conditional", name).catch(() => undefined);
      // From here on the account can have a new second factor, so a failure is reported.
      return created && finish(created);
    },
    list: () => list(),
    async rename(id, name) {
      await send("POST", `/passkeys/${id}`, { name });
    },
    async remove(id) {
      await send("DELETE", `/passkeys/${id}`);
      refresh(id);
    },
  };
}

/** The Signal API (WebAuthn L3 §5.1.10): the browser hides removed passkeys, and shows the present login. */
async function signal(
  { rp: rpId, user: userId, accepted }: Omit<PasskeyListing, "passkeys">,
  session: ClientSession | undefined,
  removed: string | undefined,
): Promise<void> {
  const browser = platform();
  if (removed) await browser.signalUnknownCredential?.({ rpId, credentialId: removed });
  // Without a passkey the account has no user handle.
  if (!userId || !session) return;
  const { login: name } = session;
  await browser.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds: accepted });
  await browser.signalCurrentUserDetails?.({ rpId, userId, name, displayName: name });
}
