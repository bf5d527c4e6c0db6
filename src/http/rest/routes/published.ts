// /.well-known/jwks.json, /openapi.json and /revocations: what other services read.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import { publishedKeysMaxAgeSeconds } from "../../../keys/states.js";
import { feedWaitMaxSeconds } from "../../../sessions/feed.js";
import { fields } from "../request/input.js";
import { route } from "../route.js";
import { feed, none } from "../route-access.js";
import { openApiDocument, seconds } from "../schemas.js";

const jwkSet = z
  .object({ keys: z.array(z.looseObject({})).readonly().describe("The public keys as JWKs (RFC 7517 §4).") })
  .meta({ title: "JwkSet" });

const wholeNumber = (max: number) =>
  z
    .string()
    .refine((text) => /^(?:0|[1-9]\d{0,15})$/.test(text) && Number(text) <= max)
    .default("0")
    .transform(Number);
/** A query contains text, and OpenAPI describes the number in it. */
const wholeMeta = (description: string, maximum: number) =>
  ({ description, type: "integer", minimum: 0, maximum }) as const;

const kindList = /^[a-z_]{1,32}(?:,[a-z_]{1,32}){0,31}$/;

const feedQuery = z.object({
  after: wholeNumber(Number.MAX_SAFE_INTEGER).meta(
    wholeMeta("a whole number: the `last` of the previous response, or 0 for everything", Number.MAX_SAFE_INTEGER),
  ),
  wait: wholeNumber(feedWaitMaxSeconds).meta(
    wholeMeta("a whole number of seconds, at most 20, to wait for a new revocation", feedWaitMaxSeconds),
  ),
  kinds: z
    .string()
    .refine((text) => kindList.test(text))
    .transform((text) => text.split(","))
    .optional()
    .describe("a list of the kinds that the verifier knows, with commas, such as `session,user,roles,key,all`"),
});

const numbered = {
  n: z.int().describe("The number of the entry. Later entries have higher numbers."),
  at: seconds.describe("The time of the revocation, in Unix seconds."),
  until: seconds.describe("The time, in Unix seconds, after which the entry can be dropped."),
};
const sessionDigest = z.string().describe("SHA-256 of the session's id, base64url.");
const user = {
  user: z.string().describe("The user's id."),
  login_sha256: z.string().describe("SHA-256 of the login after Unicode NFKC_Casefold, base64url."),
};
const exact = z
  .string()
  .optional()
  .describe("SHA-256 of the login as it is spelled, base64url. The entry rejects a token by no other spelling.");
const sessions = z
  .literal(true)
  .optional()
  .describe("The entry stands for a kind that the verifier does not know. It also rejects tokens with a `sid`.");

const feedPage = z
  .object({
    epoch: z.string().describe("The identity of the database."),
    last: z.int().describe("The `after` of the next request."),
    revocations: z
      .array(
        z.union([
          z
            .object({ ...numbered, kind: z.literal("session"), session_sha256: sessionDigest })
            .describe("Rejects the tokens of one session, by `sid`."),
          z
            .object({ ...numbered, kind: z.literal("user"), ...user, exact_sha256: exact, sessions })
            .describe("Rejects the user's tokens without `sid` that were issued before."),
          z
            .object({
              ...numbered,
              kind: z.literal("roles"),
              ...user,
              version: z.int().describe("The version of the user's roles since the change."),
              roles: z.array(z.string()).readonly().describe("The removed roles."),
            })
            .describe("Rejects the user's tokens that hold a removed role and were issued before."),
          z
            .object({ ...numbered, kind: z.literal("key"), kid: z.string().describe("The `kid` of the key.") })
            .describe("Rejects everything that the key signed."),
          z
            .object({
              ...numbered,
              kind: z.literal("all"),
              era: z.int().describe("The number of such endings."),
              sessions,
            })
            .describe("Rejects all tokens that were issued before."),
        ]),
      )
      .readonly()
      .describe("The entries after `after`, in the order of their numbers."),
    now: seconds.describe("The server's clock, in Unix seconds."),
    more: z.boolean().describe("True when the client must request more entries at once."),
    waited: z.int().describe("Milliseconds that the server waited before it read the database."),
  })
  .meta({ title: "Revocations" });

export const publishedRoutes = [
  route({
    method: "GET",
    path: "/.well-known/jwks.json",
    name: "publishKeys",
    summary: "Get the public keys",
    notes: [
      "Returns a JWK Set (RFC 7517) for services that verify tokens. It is empty for `oct` keys, which are secret.",
      `Unlike all other responses, this one can be cached: \`Cache-Control: public, max-age=${publishedKeysMaxAgeSeconds}\`.`,
    ],
    access: none,
    output: jwkSet,
    cache: `public, max-age=${publishedKeysMaxAgeSeconds}`,
    endpoint: ({ features }) => features.publicKeys(),
  }),
  route({
    method: "GET",
    path: "/revocations",
    name: "readRevocations",
    summary: "Read the revocation feed",
    notes: [
      "For services that verify tokens without the database. `docs/guides/verifying.md` describes how to follow the feed.",
      "Returns 404 without `AMPHO_SECURITY_REVOCATION_FEED_TOKEN`.",
      "With `wait`, the server responds when something is revoked, or after that many seconds.",
    ],
    access: feed,
    input: fields(feedQuery),
    output: feedPage,
    errors: ["missing_token", "invalid_token", "unavailable"],
    available: ({ readFeed }) => readFeed !== undefined,
    endpoint: ({ features, bearer, input }) => {
      if (features.readFeed === undefined) throw new AmphoError("not_found", "This path does not exist.");
      return features.readFeed({ bearer, after: input.after, waitSeconds: input.wait, kinds: input.kinds });
    },
  }),
  route({
    method: "GET",
    path: "/openapi.json",
    name: "publishDescription",
    summary: "Get the OpenAPI document",
    notes: ["Returns OpenAPI 3.1 of the endpoints that this instance serves."],
    access: none,
    output: openApiDocument,
    endpoint: ({ describe }) => describe(),
  }),
] as const;
