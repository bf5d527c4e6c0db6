// The shapes that go in and out: one schema each for checking, OpenAPI and types.
import { z } from "zod";
import { feedWaitMaxSeconds } from "../../sessions/feed.js";

const wellFormed = (text: string) => !/\p{Surrogate}/u.test(text);
const hasControls = (text: string) => /\p{Cc}/u.test(text);
/** A character is a code point. */
const lengthOf = (text: string) => Array.from(text).length;

export const login = z
  .string()
  .refine(
    (text) => text !== "" && text.length <= 510 && lengthOf(text) <= 255 && wellFormed(text) && !hasControls(text),
  )
  .meta({
    description: "a text of 1 to 255 characters, none of them a control character",
    minLength: 1,
    maxLength: 255,
  });

const password = z.string().refine((text) => text.length <= 2048 && lengthOf(text) <= 1024 && wellFormed(text));
const passwordMeta = { description: "a text of at most 1024 characters", maxLength: 1024, format: "password" };

const opaque = z.string().meta({ description: "a text" });

export const credentials = z.object({
  login,
  password: password.optional().meta(passwordMeta),
  device: opaque.optional().meta({ description: "a text: the `device` of an earlier answer" }),
});

export const renewal = z.object({
  refresh_token: opaque.optional().meta({ description: "a text: the newest `refresh_token`" }),
});

export const passwordChange = z.object({
  password: password.meta(passwordMeta),
  new_password: password.meta(passwordMeta),
});

const seconds = z.int().meta({ description: "Unix seconds" });

export const grant = z
  .object({
    token: z.string().meta({ description: "the access token, for `Authorization: Bearer …`" }),
    token_type: z.literal("Bearer"),
    starts: z.int().meta({ description: "the token's `nbf`, Unix seconds" }),
    expires: z.int().meta({ description: "the token's `exp`, Unix seconds" }),
    ttl: z.int().meta({ description: "`expires` less `starts`, seconds" }),
    leeway: z.int().meta({ description: "clock skew allowed around both, seconds" }),
    refresh_token: z.string().optional(),
    refresh_expires: seconds.optional(),
    device: z.string().optional().meta({
      description: "of login: send it with the next one; it gives tries of its own, whoever else is guessing",
    }),
  })
  .meta({ title: "Grant" });

/** With AMPHO_SECURITY_COOKIES: the rest is in Set-Cookie. */
export const cookieGrant = grant
  .omit({ token: true, token_type: true, refresh_token: true, device: true })
  .meta({ title: "CookieGrant" });

export const currentSession = z
  .object({
    id: z.string().nullable(),
    login: z.string(),
    roles: z.array(z.string()).readonly(),
    scopes: z.array(z.string()).readonly(),
    session: z
      .object({
        id: z.string(),
        authenticated: seconds.nullable().meta({ description: "when the login was, Unix seconds" }),
      })
      .nullable(),
    starts: seconds.nullable(),
    expires: seconds,
  })
  .meta({ title: "Session" });

export const sessionList = z
  .object({
    sessions: z
      .array(
        z.object({
          id: z.string(),
          current: z.boolean().meta({ description: "whether the token that asks belongs to it" }),
          created: seconds,
          renewed: seconds,
          expires: seconds,
          address: z.string().nullable(),
          agent: z.string().nullable(),
        }),
      )
      .readonly(),
  })
  .meta({ title: "SessionList" });

const wholeText = (max: number) =>
  z.string().refine((text) => /^(?:0|[1-9]\d{0,15})$/.test(text) && Number(text) <= max);
/** What a query says is text. */
const wholeMeta = (description: string, maximum: number) =>
  ({ description, type: "integer", minimum: 0, maximum }) as const;

export const feedQuestion = z.object({
  after: wholeText(Number.MAX_SAFE_INTEGER)
    .default("0")
    .transform(Number)
    .meta(wholeMeta("a whole number: the `last` of the answer before, 0 for everything", Number.MAX_SAFE_INTEGER)),
  wait: wholeText(feedWaitMaxSeconds)
    .default("0")
    .transform(Number)
    .meta(wholeMeta("a whole number of seconds, at most 20, to wait for something new", feedWaitMaxSeconds)),
});

const numbered = {
  n: z.int().meta({ description: "its number; later ones are higher" }),
  at: seconds.meta({ description: "when it was revoked, Unix seconds" }),
  until: seconds.meta({ description: "from then on no token is good that it could refuse, Unix seconds" }),
};
const sessionDigest = z.string().meta({ description: "SHA-256 of the session's id, base64url" });
const named = {
  user: z.string().meta({ description: "the user's id" }),
  login_sha256: z.string().meta({ description: "SHA-256 of the login after Unicode NFKC_Casefold, base64url" }),
};
/** What an entry refuses besides, of tokens that belong to no session. */
const foreign = "tokens without `sid` that say no `iat` or one not after `at`";

export const feedPage = z
  .object({
    epoch: z.string().meta({ description: "of the store" }),
    last: z.int().meta({ description: "the number to ask after next" }),
    revocations: z
      .array(
        z.union([
          z
            .object({ ...numbered, kind: z.literal("session"), session_sha256: sessionDigest })
            .meta({ description: "refuses tokens with that `sid`" }),
          z
            .object({ ...numbered, kind: z.literal("user"), ...named })
            .meta({ description: `refuses ${foreign} and name the user by \`sub\` or \`login\`` }),
          z
            .object({
              ...numbered,
              kind: z.literal("roles"),
              ...named,
              version: z.int(),
              roles: z.array(z.string()).readonly(),
            })
            .meta({
              description: `of tokens with one of \`roles\` refuses the user's (\`sub\`) with a \`ver\` below \`version\` (none counts as 0), and ${foreign} and name the user by \`sub\` or \`login\``,
            }),
          z
            .object({ ...numbered, kind: z.literal("key"), kid: z.string() })
            .meta({ description: "refuses what that key signed" }),
          z.object({ ...numbered, kind: z.literal("all"), era: z.int() }).meta({
            description: `refuses tokens whose \`sid\` begins with a lower era (a number in base 36 before the dot), and ${foreign}`,
          }),
        ]),
      )
      .readonly(),
    now: seconds.meta({ description: "the server's clock, Unix seconds" }),
    more: z.boolean().meta({ description: "whether more are there: ask again at once" }),
    waited: z.int().meta({ description: "milliseconds for which the question was held back" }),
  })
  .meta({ title: "Revocations" });

export const jwkSet = z.object({ keys: z.array(z.looseObject({})).readonly() }).meta({ title: "JwkSet" });

export const document = z.looseObject({ openapi: z.string() }).meta({ title: "OpenApiDocument" });

export type OpenApiDocument = z.input<typeof document>;
