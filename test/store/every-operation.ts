// Runs every operation of a store in each way that it can go, on an empty database, for tests that look at all statements.

import {
  type OperationInput,
  type OperationName,
  type OperationOutput,
  operations,
} from "../../dist/store/operations.js";
import { identityIdOf } from "../../dist/store/sql/rows/identities.js";
import { mailboxIdOf } from "../../dist/store/sql/rows/mail-rows.js";
import { oldRowKinds } from "../../dist/store/sql/rows/old-rows.js";
import {
  ann,
  attempt,
  emailOf,
  invitation,
  login,
  mailRequest,
  operator,
  origin,
  ownSession,
  renewal,
  start,
} from "./fixtures.js";

export type Run = <P extends OperationName>(
  operation: P,
  input: OperationInput<P>,
) => OperationOutput<P> | Promise<OperationOutput<P>>;

/** An operation returns one of them when it has changed or found nothing. */
const misses: ReadonlySet<string> = new Set(
  "changed closed dropped ended factor_rejected false full lost none over rejected taken unknown".split(" "),
);

/** False if the operation has changed or found nothing. */
function isHit(operation: OperationName, output: unknown): boolean {
  if (Array.isArray(output)) return output.length > 0;
  if (output === undefined) return operations[operation].access !== "read";
  const outcome = typeof output === "object" && output !== null && "outcome" in output ? output.outcome : output;
  return typeof outcome === "object" || !misses.has(`${outcome as string | number | boolean}`);
}

/** Throws if an operation changes or finds nothing in any of its ways. */
export async function runEveryOperation(given: Run): Promise<void> {
  const missed = new Set<OperationName>();
  const hit = new Set<OperationName>();
  await runAll(async (operation, input) => {
    const output = await given(operation, input);
    (isHit(operation, output) ? hit : missed).add(operation);
    return output;
  });
  const never = [...missed].filter((operation) => !hit.has(operation));
  if (never.length > 0) throw new Error(`these operations change or find nothing: ${never.join(", ")}`);
}

async function runAll(run: Run): Promise<void> {
  await run("noteUserHooks", { until: start + 86_400 });
  const ending = { userId: ann.id, now: start, origin: operator, foreignMaxSeconds: 60 };
  await run("createUser", { user: ann, now: start, origin });
  await run("findUser", "ann");
  await run("findUserById", ann.id);
  await run("findUsers", { ids: [ann.id, "nobody"] });
  await run("findUsers", { ids: Array.from({ length: 1001 }, (_, n) => `u-${n}`) });
  await run("listUsers", { after: undefined, limit: 10 });
  await run("rehashPassword", { userId: ann.id, from: "hash-1", to: "hash-2", now: start, origin });
  await run("setRoles", { ...ending, rolePolicies: {}, change: { set: [] } });

  const staged = (line: number) => ({ ...ann, id: `i-${line}`, canonical: `i-${line}`, hashKind: "f", line });
  const many = Array.from({ length: 60 }, (_, index) => staged(index + 1));
  const stage = { users: [...many, staged(1), { ...staged(61), canonical: "ann" }], displaces: true, now: start };
  const imports: number[] = [];
  for (const _ of [1, 2]) {
    const n = await run("startImport", { now: start, trial: false });
    imports.push(n);
    await run("stageUsers", { ...stage, n });
    await run("stageUsers", { ...stage, n, displaces: false });
  }
  await run("createUser", { user: { ...ann, id: "u-3", canonical: "i-1" }, now: start, origin });
  const last = await run("startImport", { now: start, trial: false });
  const published = [1, 2].map((line) => ({ ...staged(line), id: `j-${line}`, canonical: `j-${line}` }));
  await run("stageUsers", { ...stage, n: last, users: published });
  for (const n of [...imports.slice(1), last, last + 1])
    await run("publishImport", { n, now: start, origin: operator, detail: {} });
  const { events } = await run("takeUserEvents", { now: start, holdSeconds: 45, limit: 10 });
  for (const [index, event] of events.entries())
    await run("settleUserEvent", { event, retryAt: index === 0 ? start + 5 : undefined });
  for (const now of [start, start + 5]) await run("takeUserEvents", { now, holdSeconds: 45, limit: 1000 });
  await run("readUserEvents", undefined);
  // A limit below their number would delete any of them, in any order.
  for (const n of [imports[0], undefined]) await run("deleteUnpublishedImports", { n, now: start + 61, limit: 100 });
  await run("hasOtherHashes", undefined);
  await run("countHashKinds", { after: undefined, limit: 10 });

  await run("grantSession", login({ random: "first" }));
  await run("grantSession", login({ random: "second", sessionsPerUser: 1 }));
  await run("grantSession", login({ live: "0.second" }));
  const second = { id: "0.second", gen: 1 };
  await run("renewSession", renewal(second, { idleSeconds: 1_000_000, accessTtlSeconds: 40_000 }));
  await run("renewSession", renewal(second));
  await run("confirmRenewal", { sessionId: second.id, gen: 1 });
  await run("findSession", { id: "0.second", now: start });
  await run("findSessionUsers", { login: ann.login, canonical: ann.canonical, after: undefined });
  await run("countSessions", { now: start, idleSince: start });
  await run("listSessions", { userId: ann.id, now: start });
  await run("renewSession", renewal({ ...second, gen: 0 }));
  await runFactorOperations(run);
  await runMailOperations(run);
  await run("grantSession", login({ random: "third" }));
  await run("endSession", { ...ending, id: "0.third", userId: ann.id, reason: "logout" });
  await run("endSession", { ...ending, id: "0.third", userId: undefined, reason: "ended_by_operator" });
  await run("grantSession", login({ random: "fourth" }));
  const expiring = { ...ending, passwordHash: "x", reason: "stolen", limit: 10 };
  for (const after of ["am", "an"]) await run("expirePasswords", { ...expiring, after });
  await run("grantSession", login({ random: "after-expiry" }));
  await run("endUserSessions", { ...ending, change: "sessions_left", reason: "ended_by_user" });
  await run("revokeUserTokens", { ...ending, login: "Ann", reason: "ended_by_operator" });
  await run("setPassword", { ...ending, passwordHash: "x", passwordVersion: undefined, own: undefined });
  await run("setPassword", {
    ...ending,
    userId: "own",
    passwordHash: null,
    passwordVersion: undefined,
    own: undefined,
    ownUser: { login: "own", factorsVersion: 0 },
  });
  await run("setPassword", {
    ...ending,
    passwordHash: "x",
    passwordVersion: undefined,
    own: undefined,
    expires: { reason: "stolen" },
  });
  await run("listAccess", { userId: ann.id, sessionId: undefined, now: start, times: [start] });
  await run("countLockedOut", { relyingParty: "x", mail: false, providers: ["acme"] });
  const own = {
    ...ending,
    login: "Ann",
    canonical: "ann",
    own: ownSession("0.fifth"),
    address: "ann",
    factorsVersion: (await run("listFactors", ann.id)).factorsVersion,
    passwordVersion: (await run("findUserById", ann.id))?.passwordVersion ?? 0,
    isBegun: false,
  };
  await run("grantSession", login({ random: "fifth" }));
  const renamed = { newLogin: "Anna", newCanonical: "anna", isSame: false };
  await run("setPassword", {
    ...ending,
    passwordHash: null,
    passwordVersion: own.passwordVersion,
    own: undefined,
    passkeysOf: "x",
  });
  await run("setLogin", { ...own, ...renamed, isSame: true, newLogin: "ANN", newCanonical: "ann" });
  await run("setLogin", { ...own, ...renamed });
  for (const since of [undefined, start])
    for (const login of [undefined, "Ann"]) await run("listAudit", { login, since, limit: 10 });
  await run("exportAccount", { ...ending, login: "Anna", eventsMax: 10 });
  await run("grantSession", login({ random: "sixth" }));
  const confirming = { ...ending, sessionId: "0.sixth", change: "account_removed" } as const;
  await run("readConfirmation", confirming);
  const code = {
    login: "Anna",
    stored: {},
    own: ownSession("0.sixth"),
    spend: { hash: "code", until: start + 660, idempotency: undefined },
    attempt: attempt(),
  };
  const leaving = { ...mailRequest().draft, kind: "email_later", userId: ann.id, until: start + 900 };
  await run("beginEmailWait", { ...confirming, ...code, mails: [leaving] });
  await run("findEmailWait", { userId: ann.id, now: start });
  const versionOf = async () => (await run("listFactors", ann.id)).factorsVersion;
  const table = { ...confirming, ...code.own };
  const waited = await run("findEmailWait", { userId: ann.id, now: start });
  for (const wait of [waited, undefined]) {
    const begun = { ...table, factorsVersion: await versionOf(), waited: wait };
    await run("giveTableChangeBack", { ...begun, outcome: await run("beginTableChange", begun) });
  }
  await run("endEmailWait", { ...ending, login: "Anna", reason: "ended_by_user" });
  await run("confirmChange", { ...confirming, ...code });
  const confirmed = { ...table, gen: 1_000, factorsVersion: await versionOf(), waited: undefined };
  await run("giveTableChangeBack", { ...confirmed, outcome: await run("beginTableChange", confirmed) });
  const factorsVersion = await versionOf();
  await run("removeAccount", { ...own, factorsVersion, own: ownSession("0.sixth"), login: "Anna" });
  await run("createUser", { user: ann, now: start, origin });
  await run("setDisabled", { ...ending, disabled: true });
  await run("deleteUser", ending);
  await run("endAllSessions", { ...ending, accessTtlSeconds: 900, apiKeys: false });
  await run("endAllSessions", { ...ending, accessTtlSeconds: 900, apiKeys: true });
  await run("revokeSigningKey", { ...ending, kid: "k" });
  await run("readRevocations", { after: 0, now: start });
  await run("listRevokedSigningKeys", undefined);
  await run("createUser", { user: ann, now: start, origin });
  const attempted = { ...attempt(), now: start };
  for (const _ of [1, 2, 3]) {
    await run("allowAttempt", {
      ...attempted,
      origin,
      event: "login_throttled",
      account: { canonical: ann.canonical },
    });
    await run("settleAttempt", { ...attempted, outcome: "failed", login: ann.login, audit: undefined });
  }
  const bought = { spends: { hash: "captcha", until: start + 3600 } };
  await run("allowAttempt", {
    ...attempted,
    origin,
    event: "login_throttled",
    account: { canonical: ann.canonical },
    bought,
  });
  await run("settleAttempt", { ...attempted, outcome: "succeeded", login: ann.login, audit: undefined });
  await run("listLockouts", { now: start, windowSeconds: 900, lockAfter: 1, limit: 10, origin: operator });
  for (const target of [{ canonical: "ann", login: "Ann" }, { sources: ["192.0.2.7"] }, { all: true } as const])
    await run("clearLockouts", { target, now: start, origin: operator });
  await run("pruneAttempts", { rowsMax: 0 });
  const lease = { holder: "h", now: start + 400 * 86_400, leaseSeconds: 15 };
  for (const everySeconds of [60, undefined]) await run("takeHousekeepingLease", { ...lease, everySeconds });
  for (const kind of oldRowKinds)
    await run("deleteOldRows", { ...lease, kind, windowSeconds: 900, auditKeepSeconds: 86_400, next: undefined });
  await run("releaseHousekeepingLease", lease);
  for (const owns of [false, true]) await run("writeApplicationOwnsUsers", { owns, now: start });
  await run("readApplicationOwnsUsers", undefined);
  await run("recordAudit", { at: start, event: "login_rejected", origin });
}

async function runFactorOperations(run: Run): Promise<void> {
  const who = { userId: ann.id, login: ann.login, stored: {}, now: start, origin };
  const session = { ...who, own: ownSession("0.of-factors") };
  await run("grantSession", login({ random: "of-factors" }));
  const spend = (hash: string) => ({ hash, until: start + 660, idempotency: "key" });
  const totp = (step: number) => ({ secret: `sealed-${step}`, kid: "k", step });
  for (const step of [1, 2])
    await run("setFactor", { ...session, factor: "totp", totp: totp(step), codes: ["a"], spend: spend(`t-${step}`) });
  await run("setFactor", { ...session, factor: "totp", totp: totp(2), codes: ["a"], spend: spend("t-2") });
  await run("listFactors", ann.id);
  let logins = 0;
  const second = (changes: Parameters<typeof login>[0]) => {
    logins += 1;
    return login({ amr: ["pwd", "otp"], random: `second-${logins}`, ...changes });
  };
  await run("grantSession", login({ random: "without" }));
  const use = { factor: "totp", secret: "sealed-2", step: 3 } as const;
  await run("grantSession", second({ use, spend: spend("s-1") }));
  await run("grantSession", second({ use: { ...use, step: 4 }, spend: spend("s-1") }));
  await run("grantSession", second({ use, spend: spend("s-2") }));
  const moved = { secret: "sealed-3", kid: "k" };
  const live = "0.of-factors";
  await run("grantSession", second({ use: { ...use, step: 4, moved }, live, create: undefined }));
  const code = { factor: "recovery_code", hash: "a" } as const;
  await run("grantSession", second({ amr: ["pwd", "rec"], use: code }));
  for (const random of ["replaced", "left"]) await run("grantSession", login({ random }));
  await run("grantSession", login({ superseded: ["0.replaced", "0.without"] }));
  const repeat = { userId: ann.id, now: start, origin, accessTtlSeconds: 900, stored: {}, superseded: ["0.left"] };
  await run("repeatGrant", { ...repeat, ...spend("s-1"), codes: ["c"] });
  await run("isTransactionOver", { hash: "s-1", counters: ["a", "b"] });
  await run("replaceRecoveryCodes", { ...session, codes: ["b"] });
  const publicKey = { kty: "EC" };
  const passkey = (id: string) => ({
    id,
    publicKey,
    alg: -7,
    signCount: 0,
    ownHandle: undefined,
    backupEligible: true,
    backedUp: true,
    userVerified: true,
    discoverable: true,
    transports: [],
    aaguid: "0",
    rp: "app.example",
    name: id,
  });
  for (const id of ["p-1", "p-2", "p-2"])
    await run("setFactor", {
      ...session,
      factor: "passkey",
      passkey: passkey(id),
      handle: "h",
      codes: [],
      spend: spend(`p-${logins++}`),
    });
  await run("findPasskey", "p-1");
  await run("listPasskeys", ann.id);
  await run("renamePasskey", { id: "p-1", userId: ann.id, name: "x" });
  const touched = {
    factor: "passkey",
    id: "p-1",
    seenCount: 0,
    signCount: 1,
    backedUp: true,
    userVerified: true,
  } as const;
  await run("grantSession", login({ amr: ["swk", "mfa"], use: touched, random: "touched", spend: spend("s-p") }));
  const removal = { ...session, own: undefined, rules: undefined };
  for (const id of ["p-1", "p-2"]) await run("removeFactors", { ...removal, factor: "passkey", id });
  for (const factor of ["recovery_code", "totp"] as const) await run("removeFactors", { ...removal, factor });
  const identity = (n: number) => ({
    issuer: "https://id.example",
    subject: String(n),
    provider: "acme",
    email: "a@b.example",
  });
  const byOperator = { ...session, own: undefined };
  await run("grantSession", login({ random: "of-links" }));
  const linking = { ...session, own: ownSession("0.of-links") };
  for (const n of [1, 2, 2])
    await run("linkIdentity", { ...linking, isVouched: n === 1, identity: identity(n), spend: spend(`i-${logins++}`) });
  const newKey = (n: number) => ({
    ...byOperator,
    stored: false as const,
    apiKeysMax: 2,
    key: { id: `key_${n}`, name: "x", start: "abcd", scopes: ["a"], hash: `h-${n}`, expiresAt: start + 100 },
  });
  for (const n of [1, 2, 3]) await run("createApiKey", newKey(n));
  for (const [n, from, overlapSeconds] of [
    [4, "key_1", 60],
    [5, "key_2", 0],
    [6, "key_9", 0],
  ] as const)
    await run("rotateApiKey", { ...newKey(n), from, overlapSeconds });
  await run("listApiKeys", ann.id);
  await run("listAgingApiKeys", { now: 1000, since: 900, until: 2000, limit: 10 });
  await run("findApiKeyByHash", "h-4");
  await run("findApiKeys", ["h-4"]);
  await run("findApiKeys", ["h-4", "h-5", "h-9"]);
  await run("touchApiKeys", { ids: ["key_4", "key_9"], day: 20_000 });
  for (const id of ["key_4", "key_9"]) await run("removeApiKey", { id, userId: ann.id, now: start, origin: operator });
  await run("removeUserApiKeys", { userId: ann.id, now: start, origin: operator });
  const noClient = { redirects: undefined, userScopes: undefined, isPublic: false };
  await runConnectionOperations(run);
  const service = { id: "svc_1", name: "nightly", scopes: ["a"], ...noClient, now: start, origin: operator };
  for (const _ of [1, 2]) await run("addService", service);
  for (const name of ["nightly", "other"]) await run("findService", name);
  await run("listServices", undefined);
  for (const n of [1, 2, 3])
    await run("createServiceApiKey", {
      serviceId: n === 3 ? "svc_2" : "svc_1",
      key: { ...newKey(n + 6).key, scopes: [] },
      apiKeysMax: 1,
      now: start,
      origin: operator,
    });
  const issue = {
    serviceId: "svc_1",
    scopes: undefined,
    ttlSeconds: 900,
    latest: start + 60,
    now: start,
    origin: operator,
  };
  for (const keyHash of ["h-7", "h-9"]) await run("issueServiceToken", { ...issue, proof: { keyHash } });
  await run("issueServiceToken", { ...issue, scopes: ["b"], proof: { keyHash: "h-7" } });
  const set = { change: "jwks_set", jwks: "{}", kids: ["x"] } as const;
  for (const to of [
    set,
    { change: "scopes_set", scopes: ["b"] } as const,
    { change: "client_set", client: { redirects: ["https://x.example/"], userScopes: ["a"], isPublic: true } } as const,
    { change: "client_set", client: noClient } as const,
    { change: "disabled" } as const,
    { change: "enabled" } as const,
    { change: "tokens_revoked" } as const,
    { change: "connections_ended" } as const,
  ])
    await run("changeService", { id: "svc_1", to, now: start, origin: operator });
  await run("issueServiceToken", { ...issue, proof: { jwks: "{}", spending: spend("assertion") } });
  await run("removeApiKey", { id: "key_7", userId: undefined, now: start, origin: operator });
  await run("createServiceApiKey", {
    serviceId: "svc_1",
    key: { ...newKey(9).key, scopes: [] },
    apiKeysMax: 1,
    now: start,
    origin: operator,
  });
  await run("removeAllApiKeys", { random: "r", now: start, origin: operator });
  for (const _ of [1, 2])
    await run("changeService", { id: "svc_1", to: { change: "deleted" }, now: start, origin: operator });
  await run("findIdentity", identity(1));
  await run("listIdentities", ann.id);
  for (const [n, isNew] of [[1, false] as const, [3, true] as const, [3, true] as const]) {
    const proven = { identity: { proven: identity(n), isNew }, spend: spend(`f-${logins++}`) };
    await run("grantSession", login({ amr: ["fed"], random: `fed-${logins}`, ...proven }));
  }
  const ways = { relyingParty: "x", mail: true, issuers: [] };
  const rules = { roles: [], rolePolicies: {} };
  await run("unlinkIdentity", { ...byOperator, id: identityIdOf(identity(1)), ways });
  for (const n of [1, 2, 3])
    await run("unlinkIdentity", { ...byOperator, id: identityIdOf(identity(n)), ways: undefined });
  await run("grantSession", login({ random: "of-access" }));
  await run("endAccess", { ...session, own: ownSession("0.of-access"), rules, ways });
  const policies = { ...who, reason: "lost", ownRoles: [], rolePolicies: { "*": "required" } } as const;
  await run("setFactorPolicy", { ...policies, policy: "optional" });
  await run("listWeakerPolicies", { limit: 10 });
  await run("setFactorPolicy", { ...policies, policy: "required" });
  await run("forgetDevices", who);
  await run("removeFactors", { ...session, own: undefined, rules: undefined });
  const enrol = { factor: "totp", totp: totp(5), codes: ["c"] } as const;
  await run("grantSession", second({ enrol, spend: spend("s-3") }));
  await run("setFactorPolicy", { ...policies, policy: undefined });
  await run("listOldSecrets", { kid: "other", after: undefined, limit: 10 });
  await run("rekeyTotp", { userId: ann.id, from: "sealed-5", to: { secret: "sealed-4", kid: "other" } });
  await run("countSecretsByKey", undefined);
  await run("removeFactors", { ...who, own: undefined, rules: undefined });
  await run("endUserSessions", {
    userId: ann.id,
    now: start,
    origin,
    change: "sessions_ended" as const,
    reason: "ended_by_operator" as const,
  });
}

/** A yes, its code, three renewals, and every end. */
async function runConnectionOperations(run: Run): Promise<void> {
  const given = { client: "svc_9", resource: undefined, scopes: ["a"], how: "code", authTime: start } as const;
  const level = { amr: ["pwd"], acr: "1fa" } as const;
  const who = { userId: ann.id, login: ann.login, own: undefined, stored: {}, now: start, origin: operator };
  const spend = (hash: string) => ({ hash, until: start + 660, idempotency: undefined });
  const binding = (n: number) => ({ codeHash: `c-${n}`, challenge: "x", redirectUri: "https://x.example/" });
  for (const _ of [1, 2]) await run("useAssertion", { spending: spend("of-client"), now: start });
  const client = { redirects: ["https://x.example/"], userScopes: ["a"], isPublic: true };
  await run("addService", { id: "svc_9", name: "reader", scopes: [], ...client, now: start, origin: operator });
  for (const n of [1, 1, 2, 3, 5, 6])
    await run("addConnection", {
      ...who,
      ...given,
      client: n === 6 ? "svc_8" : given.client,
      ...level,
      ...binding(n),
      random: `connect-${n}`,
      shown: spend(`shown-${n}`),
    });
  const times = { accessTtlSeconds: 900, idleSeconds: 3600, maxSeconds: 7200 };
  const none = { owner: undefined, resource: undefined, asked: undefined };
  const rules = { rolePolicies: {}, roleScopes: { "*": ["a"] }, textScopes: ["a"], resources: [], ...none };
  const use = { client: "svc_9", ...times, ...rules, now: start, origin: operator };
  for (const n of [1, 1, 2, 3, 4, 5]) await run("redeemConnection", { ...use, ...binding(n) });
  await run("redeemConnection", { ...use, ...binding(2), challenge: "y" });
  const listed = await run("listConnections", { userId: ann.id, now: start });
  const [, third, second] = listed.map((one) => one.id);
  if (second === undefined || third === undefined) throw new Error("no code was redeemed");
  for (const which of [{ id: second }, { id: "0.other" }, { codeHash: "c-2" }])
    await run("findConnection", { ...which, now: start });
  const renewal = { ...use, id: second, issuedAt: start };
  for (const [gen, at] of [
    [1, 0],
    [1, 10],
    [2, 0],
    [1, 100],
  ] as const)
    await run("renewConnection", { ...renewal, gen, now: start + at });
  for (const userId of ["nobody", undefined])
    await run("endConnection", { id: third, userId, reason: "ended_by_user", now: start, origin: operator });
  for (const after of [0, 1]) await run("listClientConnections", { client: "svc_9", after, limit: 1, now: start });
  const all = { userId: ann.id, client: undefined, reason: "ended_by_user", now: start, origin: operator } as const;
  await run("endUserConnections", { ...all, client: "svc_8" });
  for (const how of ["lessen", "end"] as const)
    await run("changeClientConnections", { client: "svc_9", how, now: start, origin: operator });
  await run("endUserConnections", all);
}

async function runMailOperations(run: Run): Promise<void> {
  const spend = (hash: string) => ({ hash, until: start + 660, idempotency: undefined });
  const expiring = { ...mailRequest().draft, until: start + 1 };
  for (const changes of [{}, {}, {}, { draft: expiring }]) await run("queueMail", mailRequest(changes));
  const [first, second, third] = await run("takeMail", {
    now: start,
    holdSeconds: 60,
    limit: 3,
    pages: "",
    kinds: ["login"],
    except: [],
  });
  await run("takeMail", { now: start + 1, holdSeconds: 60, limit: 3, pages: "", kinds: ["login"], except: [1] });
  if (!first || !second || !third) throw new Error("mails were not taken");
  await run("settleMail", { mail: first, outcome: { sent: true }, now: start });
  await run("settleMail", { mail: second, outcome: { failure: "busy", retryAt: start + 5 }, now: start });
  await run("settleMail", { mail: third, outcome: { failure: "busy", retryAt: undefined }, now: start });
  await run("listMail", { limit: 10 });
  await run("readOutbox", { now: start });

  for (const each of [invitation("a"), invitation("b"), { ...invitation("c"), until: start }])
    await run("createInvitation", { invitation: each, mail: mailRequest().draft, origin });
  await run("findInvitation", "a");
  await run("findInvitationsFor", { canonical: "new@x.example", now: start });
  await run("listInvitations", { limit: 10 });
  for (const _ of [1, 2]) await run("useInvitation", { id: "b", now: start });
  await run("returnInvitation", { id: "b", now: start });
  for (const _ of [1, 2]) await run("removeInvitation", { id: "b", now: start, origin });
  const register = (id: string, changes: object = {}) => ({
    user: { ...ann, id, login: id, canonical: id, email: emailOf(`${id}@x.example`, start) },
    invitation: undefined,
    existsMail: mailRequest().draft,
    ...changes,
  });
  const registering = (id: string, changes: object = {}, hash = id) =>
    login({
      userId: id,
      login: id,
      amr: ["mail", "pwd"],
      random: id,
      register: register(id, changes),
      spend: spend(hash),
    });
  await run("grantSession", registering("r-1", { invitation: "a" }));
  await run("grantSession", registering("r-1"));
  await run("grantSession", registering("r-1", {}, "again"));
  await run("grantSession", registering("r-1", { invitation: "a" }, "invited"));
  await run("grantSession", registering("r-2", {}));
  const clash = { ...ann, id: "r-3", login: "r-3", canonical: "r-3", email: emailOf("r-1@x.example", start) };
  await run("grantSession", { ...registering("r-3"), register: register("r-3", { user: clash }) });
  await run("findUserByAddress", "r-1@x.example");

  const email = { ownUser: undefined, own: undefined, spend: undefined, attempt: undefined, now: start, origin };
  const ownUser = { login: ann.login, before: emailOf("old@x.example", start), factorsVersion: 0, isBegun: true };
  await run("setEmail", { ...email, userId: "r-1", email: emailOf("r-2@x.example") });
  await run("setEmail", { ...email, userId: ann.id, email: emailOf("ann@x.example"), spend: spend("e-1") });
  await run("setEmail", { ...email, userId: ann.id, email: emailOf("ann@x.example"), spend: spend("e-1") });
  await run("setEmail", { ...email, userId: ann.id, email: emailOf("ann@x.example"), ownUser });
  await run("grantSession", login({ amr: ["mail"], provesEmail: "ann@x.example", random: "of-mail" }));
  const notice = { ...origin, language: "en" };
  await run("recordAudit", { at: start, event: "email_changed", userId: ann.id, origin: notice });
  const to = { ...notice, noticeTo: "ann@x.example" };
  await run("recordAudit", { at: start, event: "email_changed", userId: ann.id, origin: to });

  const reset = {
    userId: ann.id,
    login: ann.login,
    stored: {},
    passwordHash: "hash-3",
    use: undefined,
    rules: { roles: [], rolePolicies: {} },
    removesFactors: true,
    isRecovery: false,
    provesEmail: "ann@x.example",
    isFirstProof: false,
    now: start,
    origin,
  };
  const { factorsVersion } = await run("listFactors", ann.id);
  const attempts = { attempt: attempt(), factorAttempt: attempt() };
  await run("finishReset", { ...reset, factorsVersion, spend: spend("r"), ...attempts });
  const moved = await run("listFactors", ann.id);
  await run("finishReset", { ...reset, factorsVersion: moved.factorsVersion, spend: spend("r"), ...attempts });
  const use = { factor: "recovery_code", hash: "none" } as const;
  await run("finishReset", { ...reset, factorsVersion: moved.factorsVersion, spend: spend("s"), ...attempts, use });
  const recovery = { userId: ann.id, login: ann.login, reason: "lost", detail: undefined, now: start, origin };
  await run("beginRecovery", { ...recovery, mail: mailRequest().draft });
  for (const canReset of [true, false])
    await run("raiseAlarm", {
      userId: ann.id,
      ownUser: { login: ann.login, mailbox: { address: "a@x.example", provenAt: 0 }, canReset },
      mailbox: mailboxIdOf(ann.id, { address: "a@x.example", provenAt: 0 }),
      spend: spend(`alarm ${canReset}`),
      attempt: attempt(),
      reset: { claims: {}, language: "en", until: start },
      now: start,
      origin,
    });
}
