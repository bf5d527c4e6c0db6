// Service accounts, requests and judgements that the attacks on `POST /token`, `/revoke` and `/introspect` share.
import { randomUUID } from "node:crypto";
import {
  type AttemptResult,
  isRejected,
  judge,
  notRun,
  oncePerTarget,
  postForm,
  type Target,
  type TestService,
  type TestServices,
  type Verdict,
} from "../attack.js";
import { membersOf, type Received, type Sent } from "../exchange.js";
import { forge } from "../forge.js";
import type { Key, Members } from "../key.js";

/** Every instance can give it to a service account, whatever its roles have. */
export const heldScope = "ampho:introspect";

export interface Services {
  /** Has the scope `heldScope`. */
  readonly gateway: TestService;
  /** Has no scope. */
  readonly other: TestService;
}

const createShared = oncePerTarget(async (target): Promise<Services> => {
  const services = servicesOf(target);
  const [gateway, other] = await Promise.all([services.create([heldScope]), services.create([])]);
  return { gateway, other };
});

export function servicesOf({ testUsers }: Target): TestServices {
  if (testUsers === undefined) throw new TypeError("This attack requires test users.");
  return testUsers.services;
}

/** Runs an attack where the endpoints are on, with service accounts that no attack changes. */
export async function withServices(target: Target, attack: (services: Services) => Promise<Verdict>): Promise<Verdict> {
  const probe = await target.send(postForm("/token", {}));
  return probe.status === 404 ? notRun("Service accounts are switched off.") : attack(await createShared(target));
}

/** The same, where assertions are accepted too. */
export function withAssertions(
  target: Target,
  attack: (services: Services, audience: string) => Promise<Verdict>,
): Promise<Verdict> {
  return withServices(target, async (services) => {
    const { assertionAudience: audience } = target.rules;
    if (audience === undefined)
      return notRun("No assertion is accepted without AMPHO_SECURITY_TOKEN_ISSUER and AMPHO_APP_URL.");
    const good = await target.send(asking(assertionOf(target, services.gateway)));
    return hasToken(good) ? attack(services, audience) : notRun(`A right assertion was rejected: ${good.status}.`);
  });
}

/** An assertion of the service with these members changed. `undefined` leaves a member out. */
export function assertionOf(target: Target, { id, signing }: TestService, change: AssertionChange = {}): string {
  const { key = signing } = change;
  const now = target.now();
  const aud = target.rules.assertionAudience;
  const claims = { iss: id, sub: id, aud, jti: randomUUID(), iat: now, exp: now + 60, ...change.claims };
  return forge(key, { alg: key.algorithm, kid: signing.kid, ...change.header }, claims);
}

export interface AssertionChange {
  readonly key?: Key;
  readonly header?: Members;
  readonly claims?: Members;
}

export const grant = { grant_type: "client_credentials" } as const;

/** A request for an access token by assertion. */
export const asking = (assertion: string): Sent =>
  postForm("/token", {
    ...grant,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  });

export const basicHeader = (id: string, secret: string) =>
  ["Authorization", `Basic ${btoa(`${id}:${secret}`)}`] as const;

/** The access token in the response, or an empty text. */
export function accessTokenOf(response: Received): string {
  const { access_token: token } = membersOf(response);
  return response.status === 200 && typeof token === "string" ? token : "";
}

export const hasToken = (response: Received): boolean => accessTokenOf(response) !== "";

/** Judges responses that must contain no token and nothing about one. */
export function judgeRejected(all: readonly AttemptResult[]): Verdict {
  if (all.some(([, { status }]) => status === 429))
    return notRun("This address has sent too many wrong keys. Wait a quarter of an hour.");
  return judge(all, (response) => isRejected(response) && !hasToken(response));
}
