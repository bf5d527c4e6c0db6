// Everything that can still sign in to an account or act for it (docs/guides/account.md). So a user finds what another
// person has added, whenever that was.
import { browserOf } from "../../mail/texts/browser.js";
import type { AccessOrigin } from "../../store/sql/rows/access.js";
import type { Account } from "../../users/directory.js";
import type { AccessItem, AccessView } from "../../wire/account.js";
import type { Grant } from "../../wire/login.js";
import type { Deps, OwnFlow } from "../deps.js";
import { liveSession, rulesOf } from "../find/account.js";
import { unregisteredName } from "../find/connection-views.js";
import { configuredWays } from "../find/ways.js";
import { changeOwn } from "./factor-change.js";

export const readAccess: OwnFlow<AccessView> = async (deps, { auth }) => {
  const { account, sessionId } = await liveSession(deps, auth.session, auth.id);
  return accessOf(deps, account, sessionId);
};

/** Rejects like `requireRecent`, and with `confirmation_needed` or `last_way_in`. */
export const endAccess: OwnFlow<Grant> = (deps, { auth }, caller) =>
  changeOwn(deps, auth, caller, (who, { account, factorsVersion }) =>
    deps.store.endAccess({ ...who, factorsVersion, rules: rulesOf(deps, account), ways: configuredWays(deps) }),
  );

/** The events with which each kind begins. */
const beginnings: Readonly<Record<AccessItem["kind"], readonly string[]>> = {
  session: ["login"],
  passkey: ["factor_added", "registered"],
  totp: ["factor_added", "registered"],
  recovery_codes: [],
  identity: ["identity_linked", "registered"],
  api_key: ["api_key_created", "api_key_rotated"],
  connection: ["connection_added"],
  password: [],
  address: ["email_proven", "email_changed", "registered", "reset_done", "login"],
  login: ["user_created", "registered", "users_imported"],
};

type Item = Omit<AccessItem, "address" | "browser" | "actor">;

export async function accessOf(
  { store, clock }: Pick<Deps, "store" | "clock">,
  account: Account,
  sessionId: string | undefined,
): Promise<AccessView> {
  const own = namesOf(account);
  const times = own.flatMap(({ created }) => created ?? []);
  const [{ items, origins }, { policy, insteadOf }] = await Promise.all([
    store.listAccess({ userId: account.id, sessionId, now: clock.now(), times }),
    store.listFactors(account.id),
  ]);
  const stored = items.map(({ kind, id, name, at: created, usedAt: used, isConfirmed: confirmed, isOwn }): Item => {
    const client = kind === "connection" ? unregisteredName(name ?? "") : undefined;
    const shown = kind === "session" ? browserName(name) : (client ?? name);
    return { kind, id, name: shown, created, used, confirmed, current: isOwn };
  });
  return {
    access: [...stored, ...own].map((item) => ({ ...item, ...originOf(item, origins) })),
    weaker_policy: insteadOf === undefined ? null : (policy ?? null),
  };
}

function namesOf({ email, login, stored }: Account): readonly Item[] {
  const none = { id: null, created: null, used: null, confirmed: null, current: false } as const;
  return [
    ...(stored?.passwordHash === null ? [] : [{ ...none, kind: "password", name: null } as const]),
    ...(email === undefined
      ? []
      : [
          {
            ...none,
            kind: "address",
            name: email.address,
            // An application's own table states no time.
            created: email.provenAt || null,
            confirmed: email.provenAt !== undefined,
          } as const,
        ]),
    { ...none, kind: "login", name: login, created: stored?.createdAt ?? null },
  ];
}

function originOf({ kind, id, created }: Item, origins: readonly AccessOrigin[]) {
  const found = origins.find(
    ({ at, event, sessionId }) =>
      at === created && beginnings[kind].includes(event) && (kind !== "session" || sessionId === id),
  );
  return { address: found?.address ?? null, browser: browserName(found?.agent), actor: found?.actor ?? null };
}

function browserName(agent: string | null | undefined): string | null {
  const browser = browserOf(agent ?? undefined);
  return browser === "unknown" ? null : browser;
}
