// Test users with a second factor, which the attacks set up once.
import { createHmac } from "node:crypto";
import { bearerHeader, oncePerTarget, post, type Target } from "./attack.js";
import { type Authenticator, createAuthenticator } from "./authenticator.js";
import { membersOf } from "./exchange.js";
import { grantOf } from "./grant.js";
import { LoginFailure } from "./target.js";

const stepSeconds = 30;
/** A code of the present step must still be one when it arrives. */
const spareSeconds = 4;

/** A test user with an authenticator app. */
export interface Owner {
  readonly device: string | undefined;
  /** The code that confirmed the app. */
  readonly used: string;
  codeAt(seconds: number): string;
}

/** Sets up the app at the first call. */
export const appOwnerOf = oncePerTarget((target) => setUp(target));

/** A slow instance can get a code when its time is over. */
const setUpsMax = 3;

async function setUp(target: Target, attempt = 1): Promise<Owner> {
  const session = await target.openSession(testUsersOf(target).owner);
  const { transaction, codeAt } = await beginAppSetUp(target, session.token);
  const late = target.now() % stepSeconds > stepSeconds - spareSeconds;
  if (late) await new Promise((resolve) => setTimeout(resolve, spareSeconds * 1000));
  // The code of the step before, so that the code of the present step is not used.
  const used = codeAt(target.now() - stepSeconds);
  const body = { transaction, totp: used };
  const { status } = await target.send(post("/totp/confirm", body, bearerHeader(session.token)));
  if (status === 401 && attempt < setUpsMax) return setUp(target, attempt + 1);
  if (status !== 200) throw new LoginFailure(`The set-up of an authenticator app returned ${status}.`);
  return { device: session.device, used, codeAt };
}

/** Begins the set-up of an app, whose seed is in the response. */
export async function beginAppSetUp(target: Target, token: string) {
  const begun = await target.send(post("/totp", {}, bearerHeader(token)));
  const seed = seedOf(String(membersOf(begun)["secret"]));
  return {
    transaction: grantOf(begun).transaction,
    codeAt: (seconds: number) => totpCode(seed, Math.floor(seconds / stepSeconds)),
  };
}

/** RFC 6238 with SHA-1 and six digits, as authenticator apps compute it. */
function totpCode(seed: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", seed).update(counter).digest();
  const truncated = mac.readUInt32BE(mac.readUInt8(mac.length - 1) & 0xf) & 0x7fffffff;
  return String(truncated % 1_000_000).padStart(6, "0");
}

/** RFC 4648 §6. */
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function seedOf(secret: string): Buffer {
  const bits = [...secret].map((character) => alphabet.indexOf(character).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

export function testUsersOf({ testUsers }: Target) {
  if (testUsers === undefined) throw new TypeError("This attack requires test users.");
  return testUsers;
}

/** Returns the transaction of a login by password alone. Undefined if the login opened a session or was rejected. */
export async function pendingLogin(target: Target, who: object): Promise<string | undefined> {
  const response = await target.send(post("/login", who));
  return membersOf(response)["error"] === "factor_needed" ? grantOf(response).transaction : undefined;
}

/** Registers a passkey of a test user at the first call. Returns the reason if no passkey can be used. */
export const passkeyOf = oncePerTarget(registerPasskey);

async function registerPasskey(target: Target): Promise<Authenticator | string> {
  if ((await beginLoginByPasskey(target)) === undefined) return "The server offers no passkeys.";
  const { token } = await target.openSession(testUsersOf(target).passkeyOwner);
  const begun = await target.send(post("/passkeys/options", {}, bearerHeader(token)));
  const { challenge, rp, user } = membersAt(membersOf(begun), "passkey");
  const rpId = String(membersAt({ rp }, "rp")["id"]);
  const origin = target.rules.appOrigin ?? `https://${rpId}`;
  const authenticator = createAuthenticator(rpId, origin, String(membersAt({ user }, "user")["id"]));
  const { transaction } = grantOf(begun);
  const body = { transaction, passkey: authenticator.register(String(challenge)) };
  const { status } = await target.send(post("/passkeys", body, bearerHeader(token)));
  if (status === 200) return authenticator;
  return `The registration of a passkey for ${origin} returned ${status}. Configure AMPHO_APP_URL as at the server.`;
}

export interface PasskeyChallenge {
  readonly transaction: string;
  readonly challenge: string;
}

/** Undefined if no passkeys are offered. */
export async function beginLoginByPasskey(target: Target): Promise<PasskeyChallenge | undefined> {
  const begun = await target.send({ path: "/login" });
  const { transaction } = grantOf(begun);
  const { challenge } = membersAt(membersOf(begun), "passkey");
  return transaction === undefined || typeof challenge !== "string" ? undefined : { transaction, challenge };
}

/** The members of an object in a response. None if it is no object. */
export function membersAt(members: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const value = members[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
