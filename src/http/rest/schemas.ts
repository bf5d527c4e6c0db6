// The schemas that several endpoints share. One zod schema checks input, describes it in OpenAPI and gives its type. A
// description continues the sentence '"field" must be …' in messages.
import * as z from "zod";
import { invalidRequest } from "../../errors.js";
import { recoveryHash } from "../../factors/recovery/recovery-codes.js";
import { parseTotp } from "../../factors/totp/totp.js";
import type { SentFactor } from "../../flows/prove/factor.js";
import { type FactorName, factorNames } from "../../levels/factors.js";

const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text);
const hasControls = (text: string) => /\p{Cc}/u.test(text);
/** Counts code points. */
const lengthOf = (text: string) => Array.from(text).length;

// The length in UTF-16 units is compared first, because it costs nothing.
export const login = z
  .string()
  .refine(
    (text) => text !== "" && text.length <= 510 && lengthOf(text) <= 255 && isWellFormed(text) && !hasControls(text),
  )
  .meta({ description: "a text of 1 to 255 characters without control characters", minLength: 1, maxLength: 255 });

export const password = z
  .string()
  .refine((text) => text.length <= 2048 && lengthOf(text) <= 1024 && isWellFormed(text))
  .meta({ description: "a text of at most 1024 characters", maxLength: 1024, format: "password" });

/** Six ASCII digits, with spaces between them ignored. */
export const totp = z
  .string()
  .refine((text) => parseTotp(text) !== undefined)
  .transform((text) => parseTotp(text) ?? "")
  .describe("a text of six digits, the code of an authenticator app");

export const recoveryCode = z
  .string()
  .refine((text) => recoveryHash(text) !== undefined)
  .describe("a text of 24 letters and digits, one of the recovery codes");

/** Spaces between digits are ignored, as a mail shows them. */
export const digits = (count: number) =>
  z
    .string()
    .transform((text) => text.replace(/[ \u00a0]/g, ""))
    .refine((text) => text.length === count && /^\d+$/.test(text));

export const mailedCode = digits(8).describe("a text of eight digits, the mailed code");
export const opaque = z.string().describe("a text");

export const seconds = z.int().describe("Unix seconds");

/** The body of a response, with its name in OpenAPI. */
export const body = <S extends z.ZodRawShape>(title: string, shape: S) => z.object(shape).meta({ title });
export const textAs = (description: string) => z.string().describe(description);
export const nullableText = (description: string) => z.string().nullable().describe(description);
export const optionalText = (description: string) => z.string().optional().describe(description);
export const listOf = <T extends z.ZodType>(item: T, description: string) =>
  z.array(item).readonly().describe(description);

/** The response of login and renew. */
export const grant = body("Grant", {
  token: textAs("The access token, for `Authorization: Bearer TOKEN`."),
  token_type: z.literal("Bearer"),
  starts: z.int().describe("The token's `nbf`, in Unix seconds."),
  expires: z.int().describe("The token's `exp`, in Unix seconds."),
  ttl: z.int().describe("`expires` minus `starts`, in seconds."),
  leeway: z.int().describe("The clock skew allowed around both, in seconds."),
  refresh_token: optionalText("The token for the next `POST /renew`, absent after a renewal by access token."),
  refresh_expires: z.int().optional().describe("The end of the refresh token, in Unix seconds."),
  device: optionalText(
    "The device proof, only from login, that gives this device's next login its own budget of attempts.",
  ),
  recovery_codes_left: z
    .int()
    .optional()
    .describe("The number of recovery codes that are left, only from a login by recovery code."),
  review: z
    .boolean()
    .optional()
    .describe("True at the first login after a reset, an alarm or a recovery, which leads to `GET /account/access`."),
});

export const openApiDocument = z
  .looseObject({ openapi: textAs("The version of OpenAPI.") })
  .meta({ title: "OpenApiDocument" });

export type OpenApiDocument = z.input<typeof openApiDocument>;

/** The description of a passkey depends on the route. */
export const factorInputs = (passkeyFor: string) =>
  ({
    totp: totp.optional(),
    recovery_code: recoveryCode.optional(),
    passkey: z
      .looseObject({})
      .optional()
      .describe(`an object: the AuthenticationResponseJSON of a passkey, for ${passkeyFor}`),
  }) satisfies Readonly<Record<FactorName, z.ZodType>>;

type FactorInput = Readonly<Partial<Record<FactorName, unknown>>>;

const factorsSent = (input: FactorInput): readonly FactorName[] =>
  factorNames.filter((name) => input[name] !== undefined);

/** The strongest factor of a body. Undefined without one. */
export function factorOf(input: FactorInput): SentFactor | undefined {
  const [name] = factorsSent(input);
  // The schema has checked the member of this name.
  return name && ({ name, value: input[name] } as SentFactor);
}

/** Rejects with `invalid_request` for two. */
export function onlyFactorOf(input: FactorInput): SentFactor | undefined {
  if (factorsSent(input).length > 1) throw invalidRequest('Send one of "totp", "recovery_code" and "passkey".');
  return factorOf(input);
}
