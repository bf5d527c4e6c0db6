// /.well-known/jwks.json, /openapi.json and /revocations: what other services read.
import * as z from "zod";
import { AmphoError } from "../../../errors.js";
import { feedWaitMaxSeconds } from "../../../sessions/feed.js";
import { publishedKeysMaxAgeSeconds } from "../../../signing-keys/states.js";
import { fields } from "../request/input.js";
import { route } from "../route.js";
import { feed, none } from "../route-access.js";
import { body, listOf, openApiDocument, optionalText, seconds, textAs } from "../schemas.js";

const jwkSet = body("JwkSet", { keys: listOf(z.looseObject({}), "The public keys as JWKs (RFC 7517 §4).") });

/** A query contains text, and OpenAPI describes the number in it. */
const wholeNumber = (maximum: number, description: string) =>
  z
    .string()
    .refine((text) => /^(?:0|[1-9]\d{0,15})$/.test(text) && Number(text) <= maximum)
    .default("0")
    .transform(Number)
    .meta({ description, type: "integer", minimum: 0, maximum });

const kindList = /^[a-z_]{1,32}(?:,[a-z_]{1,32}){0,31}$/;

const feedQuery = z.object({
  after: wholeNumber(
    Number.MAX_SAFE_INTEGER,
    "a whole number: the `last` of the previous response, or 0 for everything",
  ),
  wait: wholeNumber(feedWaitMaxSeconds, "a whole number of seconds, at most 20, to wait for a new revocation"),
  kinds: z
    .string()
    .refine((text) => kindList.test(text))
    .transform((text) => text.split(","))
    .optional()
    .describe("a list of the kinds that the verifier knows, with commas, such as `session,user,roles,signing_key,all`"),
});

const numbered = {
  n: z.int().describe("The number of the entry. Later entries have higher numbers."),
  at: seconds.describe("The time of the revocation, in Unix seconds."),
  until: seconds.describe("The time, in Unix seconds, after which the entry can be dropped."),
};
const user = {
  user: textAs("The user's id."),
  login_sha256: textAs("SHA-256 of the login after Unicode NFKC_Casefold, base64url."),
};
const exact = optionalText(
  "SHA-256 of the login as it is spelled, base64url. The entry rejects a token by no other spelling.",
);
const sessions = z
  .literal(true)
  .optional()
  .describe("The entry stands for a kind that the verifier does not know. It also rejects tokens with a `sid`.");

const entry = <K extends string, S extends z.ZodRawShape>(kind: K, description: string, shape: S) =>
  z.object({ ...numbered, kind: z.literal(kind), ...shape }).describe(description);

const entries = z.union([
  entry("session", "Rejects the tokens of one session, by `sid`.", {
    session_sha256: textAs("SHA-256 of the session's id, base64url."),
  }),
  entry("user", "Rejects the user's tokens without `sid` that were issued before.", {
    ...user,
    exact_sha256: exact,
    sessions,
  }),
  entry("roles", "Rejects the user's tokens that hold a removed role and were issued before.", {
    ...user,
    version: z.int().describe("The version of the user's roles since the change."),
    roles: listOf(z.string(), "The removed roles."),
  }),
  entry("signing_key", "Rejects everything that the key signed.", { kid: textAs("The `kid` of the key.") }),
  entry("all", "Rejects all tokens that were issued before.", {
    era: z.int().describe("The number of such endings."),
    sessions,
  }),
]);

const feedPage = body("Revocations", {
  epoch: textAs("The identity of the database."),
  last: z.int().describe("The `after` of the next request."),
  revocations: listOf(entries, "The entries after `after`, in the order of their numbers."),
  now: seconds.describe("The server's clock, in Unix seconds."),
  more: z.boolean().describe("True when the client must request more entries at once."),
  waited: z.int().describe("Milliseconds that the server waited before it read the database."),
});

export const publishedRoutes = [
  route("GET", "/.well-known/jwks.json", "publishKeys", {
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
  route("GET", "/revocations", "readRevocations", {
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
  route("GET", "/openapi.json", "publishDescription", {
    summary: "Get the OpenAPI document",
    notes: ["Returns OpenAPI 3.1 of the endpoints that this instance serves."],
    access: none,
    output: openApiDocument,
    endpoint: ({ describe }) => describe(),
  }),
] as const;
