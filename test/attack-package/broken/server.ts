// A real instance on node:http with one fault planted into it, and the attacks against it.
import { createHmac, createPrivateKey, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { guarded } from "../../../dist/adapters/node.js";
import { serveNodeRequest } from "../../../dist/http/node/serve-request.js";
import type { Handle } from "../../../dist/http/rest/handler.js";
import type { HttpRequest, HttpResponse } from "../../../dist/http/rest/message.js";
import { type Ampho, type AmphoOptions, createAmpho } from "../../../dist/index.js";
import { generateJwk } from "../../../dist/signing-keys/generate.js";
import type { Attack } from "../../../packages/attack/dist/attack.js";
import { forge, segmentsOf } from "../../../packages/attack/dist/forge.js";
import { attackInstance } from "../../../packages/attack/dist/instance.js";
import { importKey } from "../../../packages/attack/dist/key.js";
import { createTestUsers, type UserCommands } from "../../../packages/attack/dist/test-users.js";
import { openPort } from "../../world/listen.js";

type Members = Readonly<Record<string, unknown>>;

/** The tools that a fault is built with. */
export interface Workshop {
  readonly ampho: Ampho;
  /** The secret of an HMAC key. It is empty for a key pair. */
  readonly secret: Buffer;
  readonly publicKey: KeyObject | undefined;
  readonly kid: string;
  /** The public keys that each service account has had, by its id, the newest last. */
  readonly publicKeys: ReadonlyMap<string, readonly Members[]>;
  now(): number;
  /** Signs a token with these claims that the instance accepts. */
  sign(claims: Members): string;
}

export interface Fault {
  readonly name: string;
  /** The attacks that find the fault. All others are blocked. */
  readonly finds: readonly string[];
  readonly options?: AmphoOptions;
  readonly alg?: "HS256" | "EdDSA";
  /** Attacks with a user of this login, as with `--login`, and not with test users. */
  readonly login?: string;
  /** True if the operator repeats the host of the instance. */
  readonly ownsHost?: boolean;
  readonly plant?: (inner: Handle, shop: Workshop) => Handle;
  /** Changes a request before Ampho reads it. */
  readonly alter?: (request: IncomingMessage) => void;
  /** Serves a protected resource outside of the prefix, by default one that is guarded well. */
  readonly protect?: (guarded: RequestListener, ampho: Ampho) => RequestListener;
}

/** The response of a resource to a request that it takes. */
export const taken = (_: IncomingMessage, response: ServerResponse): void => void response.end("{}");

const defaults: AmphoOptions = { databaseUrl: "sqlite::memory:", log: () => {} };

/** Runs the attacks against an instance with this fault. */
export async function attackBroken(fault: Omit<Fault, "name" | "finds">, attacks: readonly Attack[]) {
  const jwk = generateJwk(fault.alg ?? "HS256");
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 16_384 });
  const port = await openPort(server);
  const resource = `http://127.0.0.1:${port}/mcp`;
  const resources = [{ resource, servers: ["https://id.example"] }];
  const ampho = await createAmpho({ ...defaults, key: jwk, resources, ...fault.options });
  const publicKeys = new Map<string, Members[]>();
  const handle = fault.plant?.(ampho.host.handle, workshop(ampho, jwk, publicKeys)) ?? ampho.host.handle;
  const host = { ...ampho.host, handle };
  const sound = guarded(ampho, { resource }, taken);
  const serveResource = fault.protect?.(sound, ampho) ?? sound;
  server.on("request", (request, response) => {
    fault.alter?.(request);
    if (request.url === "/mcp") serveResource(request, response);
    else void serveNodeRequest(host, request, response);
  });
  const { tokenIssuer: issuer, tokenAudience: audience } = fault.options ?? {};
  try {
    return await attackInstance({
      attacks,
      api: new URL(`http://127.0.0.1:${port}${ampho.host.prefix}`),
      key: importKey(jwk),
      rules: {
        leewaySeconds: 60,
        foreignMaxSeconds: 86_400,
        issuer,
        audience: audience === undefined ? [] : [audience].flat(),
        corsOrigins: [fault.options?.corsOrigins ?? []].flat(),
        appOrigin: fault.options?.appUrl === undefined ? undefined : new URL(fault.options.appUrl).origin,
        assertionAudience: issuer,
        resources: [resource],
      },
      ownsHost: fault.ownsHost ?? false,
      user:
        fault.login === undefined
          ? () => createTestUsers(commandsOf(ampho, Object.keys(fault.options?.scopes ?? {}), publicKeys), 15)
          : await createUser(ampho, fault.login),
      now,
      stop: new AbortController().signal,
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await ampho.close();
  }
}

/** The commands of an operator, on this instance. */
const commandsOf = (
  { users, factors, services }: Ampho,
  roles: readonly string[],
  publicKeys: Map<string, Members[]>,
): UserCommands => ({
  create: async (login, password) => void (await users.create({ login, password, roles })),
  setPolicy: async (login, policy) => {
    const { id } = (await users.find(login)) ?? {};
    await factors.setPolicy(id ?? "", policy, { reason: "An attack test." });
  },
  disable: (login) => users.disable(login),
  remove: (login) => users.remove(login),
  services: {
    add: async (name, scopes) => (await services.add({ name, scopes })).id,
    createApiKey: async (name) => (await services.createApiKey(name)).key,
    async setPublicKey(name, jwk) {
      const { id } = await services.setPublicKeys(name, { keys: [jwk] });
      publicKeys.set(id, [...(publicKeys.get(id) ?? []), jwk]);
    },
    disable: (name) => services.disable(name),
    remove: (name) => services.remove(name),
  },
});

async function createUser(ampho: Ampho, login: string) {
  const password = randomBytes(18).toString("base64url");
  await ampho.users.create({ login, password });
  return { login, password };
}

const now = () => Math.floor(Date.now() / 1000);

function workshop(ampho: Ampho, jwk: Readonly<Record<string, string>>, publicKeys: Workshop["publicKeys"]): Workshop {
  const key = importKey(jwk);
  const header = { alg: key.algorithm, kid: key.kid, typ: "at+jwt" };
  return {
    ampho,
    secret: Buffer.from(jwk["k"] ?? "", "base64url"),
    publicKey:
      jwk["x"] === undefined ? undefined : createPublicKey(createPrivateKey({ key: { ...jwk }, format: "jwk" })),
    kid: key.kid,
    publicKeys,
    now,
    sign: ({ login, iss, aud }) => {
      const who = typeof login === "string" && login !== "" ? login : "somebody";
      const ours = { ...(iss === undefined ? {} : { iss }), ...(aud === undefined ? {} : { aud }) };
      return forge(key, header, { login: who, iat: now() + 2, exp: now() + 60, ...ours });
    },
  };
}

export const bearerOf = ({ authorization }: HttpRequest): string =>
  (authorization.length === 1 && /^Bearer (.*)$/s.exec(authorization[0] ?? "")?.[1]) || "";

export const withBearer = (request: HttpRequest, token: string): HttpRequest => ({
  ...request,
  authorization: [`Bearer ${token}`],
});

/** Accepts every token for which `read` returns claims. */
export const taking =
  (read: (token: string, shop: Workshop) => Members | undefined | Promise<Members | undefined>) =>
  (inner: Handle, shop: Workshop): Handle =>
  async (request) => {
    const token = bearerOf(request);
    const claims = token === "" ? undefined : await read(token, shop);
    return inner(claims === undefined ? request : withBearer(request, shop.sign(claims)));
  };

export interface Opened {
  readonly header: Members;
  readonly claims: Members;
  readonly headerText: string;
  readonly payload: Buffer;
  readonly signature: string;
}

/** The parts of a token, read without checks. */
export function open(token: string): Opened | undefined {
  const { header, payload, signature } = segmentsOf(token);
  const headerText = Buffer.from(header, "base64url").toString();
  const bytes = Buffer.from(payload, "base64url");
  const [members, claims] = [parse(headerText), parse(bytes.toString())];
  if (members === undefined || claims === undefined) return undefined;
  return { header: members, claims, headerText, payload: bytes, signature };
}

function parse(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The same for a token with a correct HS256 signature, and without other checks. */
export function openSigned(token: string, { secret }: Workshop): Opened | undefined {
  const { header, payload, signature } = segmentsOf(token);
  const right = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
  return signature === right ? open(token) : undefined;
}

/** Changes responses. */
export const responding =
  (change: (response: HttpResponse, request: HttpRequest, shop: Workshop) => HttpResponse | Promise<HttpResponse>) =>
  (inner: Handle, shop: Workshop): Handle =>
  async (request) =>
    change(await inner(request), request, shop);

export const random = (): string => randomBytes(16).toString("base64url");

/** Returns the bytes of the body, and leaves them readable. */
export async function readBody(request: HttpRequest): Promise<{ readonly bytes: Buffer; readonly again: HttpRequest }> {
  if (request.body.kind !== "stream") return { bytes: Buffer.alloc(0), again: request };
  const bytes = Buffer.from(await request.body.read(1 << 20));
  return { bytes, again: { ...request, body: { kind: "parsed", value: bytes } } };
}

export const membersOf = (bytes: Buffer | string | undefined): Members => parse(String(bytes ?? "")) ?? {};

export const pathOf = ({ target }: HttpRequest): string => target.replace(/\?.*$/s, "");
