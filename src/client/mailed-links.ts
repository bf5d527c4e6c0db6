// Mailed links. They are in the fragment of the page's URL, which reaches no server, proxy or log.
import { createIdempotencyKeys } from "./calls.js";
import type { EnteredSession } from "./factor-needed.js";
import type { ClientInternals } from "./full-client.js";
import type { NewAccount, Registered, Registrations, ResetProof, Resets } from "./mail-finish.js";
import { parse, toBytes } from "./texts.js";
import type { TransactionStore } from "./transaction-store.js";

interface Matched {
  /** The two digits of the page that asked for the mail. */
  readonly match?: string | undefined;
}

/**
 * A link that the page was opened with. Decide by `for`.
 * @example
 * const followed: Followed | undefined = client.followLink();
 * if (followed?.for === "login") await followed.finish({ match: "42" });
 * if (followed?.for === "register") show(followed.email);
 * if (followed?.for === "alarm") askWhether(followed.change, () => followed.finish({ change: followed.change }));
 * if (followed?.for === "invitation") await client.register(email, { invite: followed.invite });
 */
export type Followed =
  /** Signs in, and stores the session like `login`. */
  | {
      /** The purpose of the link. Decide by it. */
      readonly for: "login";
      /** Finishes what the link is for. */
      finish(proof?: Matched): Promise<EnteredSession>;
    }
  /** Creates the account, and stores its session like `login`. `passkey` works only where the mail was asked for. */
  | {
      readonly for: "register";
      /** The address of the new account. */
      readonly email: string;
      finish(account: NewAccount & Matched): Promise<Registered>;
    }
  /** Sets a new password. It creates no session. */
  | { readonly for: "reset"; finish(proof: ResetProof & Matched): Promise<void> }
  /** An invitation, for `register`. */
  | {
      readonly for: "invitation";
      /** The invitation, for `register`. */
      readonly invite: string;
    }
  /**
   * Ends all sessions of the user who got the notice. Show a check box that states the change, and pass `change` only
   * if the user has checked it. A mail scanner opens links and presses buttons, and checks no box.
   */
  | {
      readonly for: "alarm";
      /** The kind of the notice, such as `factor_added`. */
      readonly change: string;
      /** The time of the change in Unix seconds. */
      readonly time: number;
      /** The browser that has made the change, where it is known. */
      readonly browser: string | undefined;
      finish(confirmed: Confirmed): Promise<void>;
    };

interface Confirmed {
  /** The `change` of the link. */
  readonly change: string;
}

export function createLinks(
  { steps, call }: ClientInternals,
  transactions: TransactionStore,
  registrations: Registrations,
  resets: Resets,
): () => Followed | undefined {
  return () => {
    const { hash, pathname, search } = location;
    const [, use, token = ""] = /^#ampho(-\w+)?=([\w.-]+)$/.exec(hash) ?? [];
    if (!token) return undefined;
    // The history of the browser must not keep it.
    history.replaceState(history.state, "", pathname + search);
    if (use === "-invite") return { for: "invitation", invite: token };
    const { for: purpose, login = "", email = "", change = "", iat: time = 0, browser } = claimsOf(token);
    if (use) {
      const finish = async (confirmed: Confirmed) =>
        void (await call("/alarm", { alarm: token, change: confirmed.change }));
      return { for: "alarm", change, time, browser, finish };
    }
    const proofOf = async (match: string | undefined) => {
      const { transaction } = await transactions.read();
      return { transaction, link: token, match };
    };
    if (purpose === "reset") {
      const finish = resets();
      return { for: purpose, finish: async ({ match, ...proof }) => finish(await proofOf(match), proof) };
    }
    if (purpose === "register" || purpose === "invite") {
      let finish: ReturnType<Registrations> | undefined;
      return {
        for: "register",
        email,
        async finish({ match, ...account }) {
          finish ??= registrations(login || email, (await transactions.read()).passkey);
          return finish(await proofOf(match), account);
        },
      };
    }
    const keyOf = createIdempotencyKeys();
    return {
      for: "login",
      async finish({ match } = {}) {
        return (await steps.enter("/login", login, await proofOf(match), keyOf(match))).session;
      },
    };
  };
}

interface Claims {
  readonly for?: string;
  readonly login?: string;
  readonly email?: string;
  readonly change?: string;
  readonly iat?: number;
  readonly browser?: string;
}

/** A damaged link is rejected by the server. */
function claimsOf(token: string): Claims {
  try {
    return Object(parse(new TextDecoder().decode(toBytes(token.split(".")[1] as string)))) as Claims;
  } catch {
    return {};
  }
}
