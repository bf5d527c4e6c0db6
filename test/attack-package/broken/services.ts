// Faults of the endpoints of OAuth: who gets an access token, who can ask about tokens, and who can end them.
import { createHmac, createPublicKey, type JsonWebKey, verify } from "node:crypto";
import type { HttpRequest } from "../../../dist/http/rest/message.js";
import type { AmphoOptions } from "../../../dist/index.js";
import {
  bearerOf,
  type Fault,
  membersOf,
  type Opened,
  open,
  pathOf,
  readBody,
  type Workshop,
  withBearer,
} from "./server.js";

const options: AmphoOptions = { tokenEndpoint: true, tokenIssuer: "https://id.example" };

type Form = Readonly<Record<string, string>>;

const formOf = (text: string): Form => Object.fromEntries(new URLSearchParams(text));

/** The same request with this form and without a client in the header. */
const withForm = (request: HttpRequest, form: Form): HttpRequest => ({
  ...request,
  authorization: [],
  body: { kind: "parsed", value: new URLSearchParams(form).toString() },
});

/** Changes the requests to one endpoint whose form `change` has another request for. */
const rewriting =
  (
    path: string,
    change: (form: Form, request: HttpRequest, shop: Workshop) => Promise<HttpRequest | undefined>,
  ): NonNullable<Fault["plant"]> =>
  (inner, shop) =>
  async (request) => {
    if (!pathOf(request).endsWith(path) || request.body.kind !== "stream") return inner(request);
    const { bytes, again } = await readBody(request);
    return inner((await change(formOf(bytes.toString()), again, shop)) ?? again);
  };

/** Asks with a new key of the service account. */
async function asService({ ampho }: Workshop, id: string, form: Form, request: HttpRequest): Promise<HttpRequest> {
  const { key } = await ampho.services.createApiKey(id);
  const { client_assertion: _, client_assertion_type: __, ...others } = form;
  return withForm(request, { ...others, client_id: id, client_secret: key });
}

const isSignedBy = ({ headerText: _, ...opened }: Opened, text: string, jwk: unknown): boolean => {
  const input = Buffer.from(text.slice(0, text.lastIndexOf(".")));
  const key = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" });
  return verify("sha256", input, { key, dsaEncoding: "ieee-p1363" }, Buffer.from(opened.signature, "base64url"));
};

/** Accepts every assertion for which `isGood` is true, and those that the instance accepts. */
const accepting = (isGood: (opened: Opened, text: string, shop: Workshop, id: string) => boolean) =>
  rewriting("/token", async (form, request, shop) => {
    const text = form["client_assertion"] ?? "";
    const opened = open(text);
    const id = String(opened?.claims["sub"]);
    if (opened === undefined || !shop.publicKeys.has(id)) return undefined;
    return isGood(opened, text, shop, id) ? asService(shop, id, form, request) : undefined;
  });

const ownKeys = ({ publicKeys }: Workshop, id: string) => publicKeys.get(id) ?? [];

export const assertionFaults: readonly Fault[] = [
  {
    name: "accepts an assertion without a signature",
    finds: ["assertion-forged"],
    options,
    plant: accepting(({ header }) => header["alg"] === "none"),
  },
  {
    name: "takes the public key of a service account for an HMAC secret",
    finds: ["assertion-forged"],
    options,
    plant: accepting(({ header, signature }, text, shop, id) => {
      if (header["alg"] !== "HS256") return false;
      const [jwk] = ownKeys(shop, id);
      const pem = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }).export({ format: "pem", type: "spki" });
      const input = text.slice(0, text.lastIndexOf("."));
      return createHmac("sha256", pem).update(input).digest("base64url") === signature;
    }),
  },
  {
    name: "accepts an assertion with the key of any service account",
    finds: ["assertion-forged"],
    options,
    plant: accepting(
      (opened, text, shop, id) =>
        opened.header["alg"] === "ES256" &&
        !isSignedBy(opened, text, ownKeys(shop, id).at(-1)) &&
        [...shop.publicKeys.values()].some((keys) => isSignedBy(opened, text, keys.at(-1))),
    ),
  },
  {
    name: "accepts an assertion with the key in its header",
    finds: ["assertion-forged"],
    options,
    plant: accepting((opened, text) => "jwk" in opened.header && isSignedBy(opened, text, opened.header["jwk"])),
  },
  ...(
    [
      ["for any server", (claims) => claims["aud"] !== options.tokenIssuer],
      ["of any issuer", (claims) => claims["iss"] !== claims["sub"]],
      ["that has expired", (claims) => Number(claims["exp"]) < Date.now() / 1000 - 60],
      ["for ten years", (claims) => Number(claims["exp"]) > Date.now() / 1000 + 400],
      ["without a jti", (claims) => claims["jti"] === undefined],
    ] as const satisfies readonly (readonly [string, (claims: Opened["claims"]) => boolean])[]
  ).map(
    ([what, isFault]): Fault => ({
      name: `accepts an assertion ${what}`,
      finds: ["assertion-claims"],
      options,
      plant: accepting(
        (opened, text, shop, id) =>
          opened.header["alg"] === "ES256" &&
          isFault(opened.claims) &&
          isSignedBy(opened, text, ownKeys(shop, id).at(-1)),
      ),
    }),
  ),
  {
    name: "accepts an assertion again",
    finds: ["assertion-replay"],
    options,
    plant(inner, shop) {
      const seen = new Set<string>();
      return accepting((opened, text, _, id) => {
        const isKnown = seen.has(text);
        seen.add(text);
        return isKnown && opened.header["alg"] === "ES256" && isSignedBy(opened, text, ownKeys(shop, id).at(-1));
      })(inner, shop);
    },
  },
  {
    name: "accepts an assertion with a key that was replaced",
    finds: ["assertion-stale"],
    options,
    plant: accepting(
      (opened, text, shop, id) =>
        isRight(opened) &&
        ownKeys(shop, id)
          .slice(0, -1)
          .some((jwk) => isSignedBy(opened, text, jwk)),
    ),
  },
];

const isRight = ({ header, claims }: Opened): boolean =>
  header["alg"] === "ES256" && claims["aud"] === options.tokenIssuer && claims["iss"] === claims["sub"];

/** Takes any key of a service account that is disabled. */
const reviving: NonNullable<Fault["plant"]> = (inner, shop) => async (request) => {
  if (!pathOf(request).endsWith("/token") || request.body.kind !== "stream") return inner(request);
  const { services } = shop.ampho;
  const { bytes, again } = await readBody(request);
  const form = formOf(bytes.toString());
  const [, encoded = ""] = /^Basic (.+)$/.exec(request.authorization[0] ?? "") ?? [];
  const [id = ""] = Buffer.from(encoded, "base64").toString().split(":");
  if (!shop.publicKeys.has(id) || (await services.find(id))?.disabled !== true) return inner(again);
  await services.enable(id);
  const response = await inner(await asService(shop, id, form, again));
  await services.disable(id);
  return response;
};

export const serviceFaults: readonly Fault[] = [
  {
    name: "grants an access token for scopes that a service account does not have",
    finds: ["service-scope"],
    options,
    plant: rewriting("/token", async (form, request) => {
      const { scope, ...others } = form;
      const [authorization = ""] = request.authorization;
      return scope === undefined ? undefined : { ...withForm(request, others), authorization: [authorization] };
    }),
  },
  {
    name: "gives a user an access token of a service account",
    finds: ["service-client"],
    options,
    plant: rewriting("/token", async (form, request, shop) => {
      const auth = await shop.ampho.verify(bearerOf(request)).catch(() => undefined);
      const [id] = shop.publicKeys.keys();
      return auth === undefined || id === undefined ? undefined : asService(shop, id, form, request);
    }),
  },
  {
    name: "takes the form where the header is another client",
    finds: ["service-client"],
    options,
    plant: rewriting("/token", async (form, request) =>
      form["client_secret"] === undefined ? undefined : withForm(request, form),
    ),
  },
  {
    name: "gives a disabled service account an access token",
    finds: ["service-disabled"],
    options,
    plant: reviving,
  },
  {
    name: "takes the token of a service account as a login",
    finds: ["service-own-routes"],
    options,
    plant:
      (inner, { ampho }) =>
      async (request) => {
        if (pathOf(request).endsWith("/introspect")) return inner(request);
        const auth = await ampho.verify(bearerOf(request), ["service", "api_key"]).catch(() => undefined);
        if (auth?.credential !== "service") return inner(request);
        for await (const { id } of ampho.users.list())
          return inner(withBearer(request, (await ampho.sessions.create(id)).token));
        return inner(request);
      },
  },
  {
    name: "lets everyone ask about tokens",
    finds: ["introspection"],
    options,
    plant: (inner, shop) => {
      let asked: Promise<string> | undefined;
      const gateway = async () => {
        await shop.ampho.services.add({ name: "gateway", scopes: ["ampho:introspect"] });
        return (await shop.ampho.services.createApiKey("gateway")).key;
      };
      return rewriting("/introspect", async (form, request) => {
        if (request.authorization.length > 0) return undefined;
        asked ??= gateway();
        return withBearer(withForm(request, form), await asked);
      })(inner, shop);
    },
  },
  {
    name: "tells a refresh token from an unknown one",
    finds: ["introspection"],
    options,
    plant: (inner) => async (request) => {
      if (!pathOf(request).endsWith("/introspect")) return inner(request);
      const { bytes, again } = await readBody(request);
      const response = await inner(again);
      const isRefresh = open(formOf(bytes.toString())["token"] ?? "")?.claims["gen"] !== undefined;
      const isInactive = membersOf(response.body)["active"] === false;
      return isRefresh && isInactive ? { ...response, body: '{"active":false,"token_type":"refresh"}' } : response;
    },
  },
  {
    name: "ends the session that an unsigned token names",
    finds: ["revocation"],
    options,
    plant: rewriting("/revoke", async (form, _, { ampho }) => {
      await ampho.sessions.end(String(open(form["token"] ?? "")?.claims["sid"])).catch(() => undefined);
      return undefined;
    }),
  },
  {
    name: "ends no session at its revocation",
    finds: ["revocation"],
    options,
    plant: rewriting("/revoke", async (form, request) => withForm(request, { ...form, token: "unknown" })),
  },
];
