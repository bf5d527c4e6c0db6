// Users who sign in at an outside provider, against a provider that the test controls.
import { expect } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { afterChange, password, type ReadResponse, type World } from "../world/ampho.js";
import { start } from "../world/clock.js";
import { type EvilProvider, startEvilProvider } from "../world/evil-provider.js";
import { keyPair } from "../world/key-pairs.js";
import type { Ground } from "./owners.js";

export const clientId = "client-1";
export const appUrl = "https://app.example/";
export const appleKey = keyPair("ec", { namedCurve: "P-256" })
  .privateKey.export({ format: "pem", type: "pkcs8" })
  .toString();

export interface Mailed {
  readonly to: string;
  readonly kind: string;
  readonly text: string;
}

export interface Outside {
  readonly world: World;
  /** The provider `acme`. */
  readonly evil: EvilProvider;
  /** The provider `other`, another issuer. */
  readonly other: EvilProvider;
  readonly mails: Mailed[];
}

interface OutsideOptions {
  readonly options?: AmphoOptions;
  /** Further members of the provider `acme`. */
  readonly acme?: object;
}

export async function openOutside(
  ground: Pick<Ground, "open">,
  { options = {}, acme = {} }: OutsideOptions = {},
): Promise<Outside> {
  const time = { now: () => start };
  const [evil, other] = [await startEvilProvider(() => time.now()), await startEvilProvider(() => time.now())];
  const settings = { client_id: clientId, client_secret: "a secret" };
  const mails: Mailed[] = [];
  const world = await ground.open({
    appUrl,
    providers: {
      acme: { ...settings, issuer: evil.issuer, ...acme },
      other: { ...settings, issuer: other.issuer },
    },
    mail: async ({ to, kind, text }: Mailed) => {
      mails.push({ to, kind, text });
    },
    ...options,
  });
  time.now = () => world.clock.now();
  return { world, evil, other, mails };
}

export interface Begun {
  readonly transaction: string;
  readonly state: string;
  readonly nonce: string;
}

export function begunOf({ json }: ReadResponse): Begun {
  const { searchParams } = new URL(String(json["url"]));
  return {
    transaction: String(json["transaction"]),
    state: searchParams.get("state") ?? "",
    nonce: searchParams.get("nonce") ?? "",
  };
}

export async function begin(world: World, provider = "acme"): Promise<Begun> {
  const begun = await world.call("POST", "/login/outside", { body: { provider } });
  expect(begun.status, begun.text).toBe(200);
  return begunOf(begun);
}

export interface SignIn {
  readonly provider?: "acme" | "other";
  /** Claims of the ID token. */
  readonly claims?: object;
  readonly bearer?: string;
  /** Further members of the body. */
  readonly body?: object;
}

/** The whole way: the beginning, the provider, and the finish. */
export async function signIn({ world, evil, other }: Outside, about: SignIn = {}): Promise<ReadResponse> {
  const { provider = "acme", claims = {}, bearer, body = {} } = about;
  const { transaction, state, nonce } = await begin(world, provider);
  (provider === "acme" ? evil : other).claims = { nonce, ...claims };
  const outside = { provider, code: "code-1", state };
  return world.call("POST", "/login", { body: { transaction, outside, ...body }, bearer });
}

/** Links the identity of the claims to the user of the token. The response has new tokens. */
export async function link({ world, evil, other }: Outside, bearer: string, about: SignIn = {}): Promise<ReadResponse> {
  const { provider = "acme", claims = {} } = about;
  const begun = await world.call("POST", "/identities", { body: { provider }, bearer });
  if (begun.status !== 200) return begun;
  const { transaction, state, nonce } = begunOf(begun);
  (provider === "acme" ? evil : other).claims = { nonce, ...claims };
  const outside = { provider, code: "code-1", state };
  return world.call("POST", "/identities/finish", { body: { transaction, outside }, bearer });
}

/** Creates a user whose session is recent, and links the identity. Returns the tokens after that. */
export async function addLinked(outside: Outside, login: string, claims: object = { sub: login }) {
  const { world } = outside;
  const user = await world.user(login, { password });
  const grant = await world.login(login);
  const linked = await link(outside, grant.token, { claims });
  return { user, grant: afterChange(grant, linked) };
}

/** The code of the newest mail to an address. It is sent a moment after the request. */
export async function codeOf({ mails }: Outside, to: string, kind?: string): Promise<string> {
  const found = () => mails.filter((mail) => mail.to === to && (kind ?? mail.kind) === mail.kind).at(-1);
  await expect.poll(found).toBeDefined();
  return /\d\d \d\d \d\d \d\d/.exec(found()?.text ?? "")?.[0].replaceAll(" ", "") ?? "";
}

export const identities = ({ world }: Outside, ground: Ground) =>
  ground.sql(world, "select user_id, provider, issuer, subject, email from ampho_identities order by subject");
