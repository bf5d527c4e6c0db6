// Users with a passkey. A software authenticator makes what a browser would send.
import { expect } from "vitest";
import {
  authenticate,
  bytesOf,
  createSubject,
  type Parts,
  register,
  type Subject,
} from "../factors/webauthn/authenticator.js";
import {
  admission,
  afterChange,
  type FullGrant,
  grantOf,
  password,
  type ReadResponse,
  type Sent,
  type World,
} from "../world/ampho.js";
import { textsOf, weakSession } from "./owners.js";

export const passkeySettings = { appUrl: "https://example.org/", appName: "Example" };

export interface Options {
  readonly challenge: string;
  readonly user?: { readonly id: string };
  readonly allowCredentials?: readonly { readonly id: string }[];
  readonly excludeCredentials?: readonly { readonly id: string }[];
}

/** A transaction and its challenge. */
export interface Challenge {
  readonly transaction: string;
  readonly challenge: Buffer;
  readonly options: Options;
}

export function challengeOf({ json }: ReadResponse): Challenge {
  const options: Options = { challenge: "", ...(json["passkey"] ?? {}) };
  return { transaction: String(json["transaction"]), challenge: bytesOf(options.challenge), options };
}

/** The transaction and the challenge of a login page. */
export const loginPage = async (world: World) => challengeOf(await world.call("GET", "/login"));

/** Begins a registration with the token of a session. */
export async function beginPasskey(world: World, bearer: string, body: object = {}): Promise<Challenge> {
  const begun = await world.call("POST", "/passkeys/options", { bearer, body });
  expect(begun.status, begun.text).toBe(200);
  return challengeOf(begun);
}

export async function addPasskey(
  world: World,
  bearer: string,
  subject: Subject,
  { body = {}, change = {} }: { readonly body?: object; readonly change?: Partial<Parts> } = {},
): Promise<{ readonly options: Options; readonly added: ReadResponse }> {
  const { transaction, challenge, options } = await beginPasskey(world, bearer, body);
  const sent = { transaction, passkey: register(subject, challenge, change), name: "Phone" };
  return { options, added: await world.call("POST", "/passkeys", { bearer, body: sent }) };
}

export interface PasskeyOwner {
  readonly login: string;
  readonly id: string;
  readonly subject: Subject;
  readonly handle: string;
  readonly recoveryCodes: readonly string[];
  /** The session that registered the passkey, which has raised it to `phr`. */
  readonly enrolling: FullGrant;
  /** Another session, which the application has created at `1fa`. The device proof is that of `enrolling`. */
  readonly weak: FullGrant;
}

/** Creates a user with a passkey. */
export async function addPasskeyOwner(
  world: World,
  login: string,
  { subject = createSubject(-7), ...about }: { readonly subject?: Subject; readonly roles?: readonly string[] } = {},
): Promise<PasskeyOwner> {
  const { id } = await world.user(login, { password, ...about });
  const session = await world.login(login);
  const { options, added } = await addPasskey(world, session.token, subject);
  const recoveryCodes = textsOf(added.json["recovery_codes"]);
  const enrolling = afterChange(session, added);
  const weak = await weakSession(world, id, enrolling);
  return { login, id, subject, handle: options.user?.id ?? "", recoveryCodes, enrolling, weak };
}

/** The body of a login by this passkey alone, for a login page of its own. */
export async function assertion(
  world: World,
  { subject, handle }: Pick<PasskeyOwner, "subject" | "handle">,
  change: Partial<Parts> = {},
) {
  const { transaction, challenge } = await loginPage(world);
  return { transaction, passkey: authenticate(subject, challenge, { response: { userHandle: handle }, ...change }) };
}

export const logInWith = async (
  world: World,
  owner: Pick<PasskeyOwner, "subject" | "handle">,
  change: Partial<Parts> = {},
  sent: Sent = {},
): Promise<ReadResponse> => world.call("POST", "/login", { body: await assertion(world, owner, change), ...sent });

/** The session of a login by passkey. A guard accepts its token. */
export async function passkeyLogin(world: World, owner: PasskeyOwner, change: Partial<Parts> = {}): Promise<FullGrant> {
  const grant = grantOf(await logInWith(world, owner, change));
  expect(await admission(world.ampho, grant.token)).toBe("in");
  return grant;
}
