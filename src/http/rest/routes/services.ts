// POST /token, POST /revoke and POST /introspect: the endpoints of OAuth (RFC 6749 §4.4, RFC 7009, RFC 7662).
import * as z from "zod";
import { hasCode } from "../../../errors.js";
import type { Exchange } from "../../../flows/machines/tokens.js";
import { introspectScope } from "../../../flows/manage/services.js";
import { anyResource } from "../../../guard/requirement-rows.js";
import { isServiceId } from "../../../logins/service-id.js";
import type { Auth } from "../../../tokens/auth.js";
import { credentials } from "../../../tokens/credential.js";
import { requireServiceWith, sentClient } from "../request/client.js";
import { fields } from "../request/input.js";
import { type Call, inPreview, limitErrors, route, servedIf } from "../route.js";
import { client, holder } from "../route-access.js";
import { body, optionalText, textAs } from "../schemas.js";

const textTo = (max: number) => z.string().max(max);

const clientMembers = {
  client_id: textTo(1024).optional().describe("the id of the client, at most 1024 characters"),
  client_secret: textTo(8192).optional().describe("a key of the service, at most 8192 characters"),
  client_assertion: textTo(8192).optional().describe("a JWT that the service has signed, at most 8192 characters"),
  client_assertion_type: textTo(255)
    .optional()
    .describe("`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, with `client_assertion`"),
};

const tokenRequest = z.object({
  grant_type: textTo(255).describe(
    "one of `grant_types_supported` of the metadata, such as the text `client_credentials`",
  ),
  scope: textTo(4096).optional().describe("scopes with a space between them, by default all"),
  resource: textTo(1024).optional().describe("one of AMPHO_SECURITY_RESOURCES, which becomes the `aud` of the token"),
  code: textTo(255).optional().describe("the code of a connection"),
  redirect_uri: textTo(1024).optional().describe("the redirect URI to which the code came"),
  code_verifier: textTo(255).optional().describe("the verifier of the `code_challenge` (RFC 7636)"),
  refresh_token: textTo(8192).optional().describe("the refresh token of a connection"),
  subject_token: textTo(8192).optional().describe("an access token of a user, for an exchange (RFC 8693)"),
  subject_token_type: textTo(255).optional().describe("`urn:ietf:params:oauth:token-type:access_token`"),
  requested_token_type: textTo(255).optional().describe("the same, which is the default"),
  actor_token: textTo(8192).optional().describe("nothing: the service itself is the actor"),
  audience: textTo(1024).optional().describe("nothing: the target is a `resource`"),
  ...clientMembers,
});

export const issuedToken = body("IssuedToken", {
  access_token: textAs("The access token, for `Authorization: Bearer TOKEN`."),
  token_type: z.literal("Bearer"),
  expires_in: z.int().describe("The seconds until it expires."),
  scope: textAs("The scopes of the token."),
  refresh_token: optionalText(
    "The token of a connection for its next tokens, which takes the place of the former one.",
  ),
  issued_token_type: optionalText("`urn:ietf:params:oauth:token-type:access_token`, for an exchange."),
});

async function issueToken(call: Call<z.output<typeof tokenRequest>, undefined>): Promise<z.input<typeof issuedToken>> {
  const { flows, input, caller } = call;
  const { grant_type: grantType, scope, resource, code, redirect_uri, code_verifier, refresh_token } = input;
  const sent = { scope, resource, code, redirect_uri, code_verifier, refresh_token, exchange: exchangeOf(call) };
  return flows.issueToken({ grantType, client: await sentClient(call, input), ...sent }, caller);
}

/** A subject token can be for any resource. */
const subjectRules = { credentials: ["session", "delegated"], resource: anyResource, live: true } as const;

function exchangeOf({ input, verify }: Call<z.output<typeof tokenRequest>, undefined>): Exchange | undefined {
  const { subject_token: token, subject_token_type: type, requested_token_type: asked, actor_token, audience } = input;
  if (token === undefined) return undefined;
  // Not counted for the address, which is that of the service.
  const subject = () => unlessUnknown(() => verify(token, subjectRules, false));
  return { subject, types: [type, asked], hasMore: (actor_token ?? audience) !== undefined };
}

const hint = textTo(255).optional().describe("a text that is ignored, at most 255 characters");

const revocation = z.object({
  token: textTo(8192).describe("an access token, a refresh token or an API key, at most 8192 characters"),
  token_type_hint: hint,
});

/** Every kind, also those that no route takes. */
const anyCredential = { credentials, resource: anyResource };

async function revoke({ flows, input, caller, verify }: Call<z.output<typeof revocation>, undefined>): Promise<object> {
  const { token } = input;
  const auth = await unlessUnknown(() => verify(token, anyCredential));
  await flows.revokeToken({ token, auth }, caller);
  return {};
}

/** Undefined for a text that no guard would accept. */
async function unlessUnknown(check: () => Promise<Auth | undefined>): Promise<Auth | undefined> {
  try {
    return await check();
  } catch (error) {
    if (hasCode(error, "invalid_token", "missing_token", "credential_not_accepted")) return undefined;
    throw error;
  }
}

const introspectionRequest = z.object({
  token: textTo(8192).describe("an access token or an API key, at most 8192 characters"),
  token_type_hint: hint,
  ...clientMembers,
});

const introspection = body("Introspection", {
  active: z.boolean().describe("True if a guard would accept the token now, else false and no other member."),
  sub: optionalText("The id of the user or of the service."),
  username: optionalText("The login name of the user."),
  scope: optionalText("The scopes of the token, with spaces between them."),
  client_id: optionalText("The id of the service."),
  credential: z.enum(credentials).optional().describe("The kind of the token, as routes name it."),
  token_type: z.literal("Bearer").optional(),
  exp: z.int().optional().describe("The end, in Unix seconds."),
  iat: z.int().optional().describe("The time of the issue, in Unix seconds."),
  iss: z.unknown().optional().describe("The issuer."),
  aud: z.unknown().optional().describe("The audience, which a gateway for one of several resources compares itself."),
  act: z.unknown().optional().describe("The actor of a delegated token."),
});

async function introspect(
  call: Call<z.output<typeof introspectionRequest>, undefined>,
): Promise<z.input<typeof introspection>> {
  await requireServiceWith(call, introspectScope, call.input);
  // Not counted for the address, which is that of a gateway: a stranger could lock it out.
  const auth = await unlessUnknown(() => call.verify(call.input.token, anyCredential, false));
  return auth === undefined ? { active: false } : activeOf(auth);
}

function activeOf(auth: Auth): z.input<typeof introspection> {
  const { id, login, scopes, starts, expires, credential, claims } = auth;
  const isService = (credential === "api_key" || credential === "service") && isServiceId(id);
  const clientId = isService ? id : claims["client_id"];
  return {
    active: true,
    sub: id,
    ...(!isService && { username: login }),
    scope: scopes.join(" "),
    ...(typeof clientId === "string" && { client_id: clientId }),
    credential,
    token_type: "Bearer",
    exp: expires,
    iat: typeof claims["iat"] === "number" ? claims["iat"] : starts,
    iss: claims["iss"],
    aud: claims["aud"],
    act: claims["act"],
  };
}

const formNote = "The body must be a form. Errors also have the form of RFC 6749 §5.2.";
const clientNote =
  "The service authenticates by `client_secret_basic`, `client_secret_post` or `private_key_jwt`, in exactly one way.";

const clientErrors = ["invalid_client", "unauthorized_client", "invalid_scope"] as const;

export const servicesRoutes = [
  route("POST", "/token", "issueToken", {
    summary: "Get an access token for a service account or a connection",
    notes: [
      formNote,
      clientNote,
      "A secret is a key of the service. A public client of a connection sends `client_id` alone.",
    ],
    access: client,
    input: fields(tokenRequest),
    output: issuedToken,
    grants: false,
    errors: [...limitErrors, ...clientErrors, "invalid_grant", "invalid_target", "unsupported_grant_type"],
    endpoint: issueToken,
  }),
  route("POST", "/revoke", "revokeToken", {
    summary: "End the session, the connection, the API key or the service tokens to which a token belongs",
    notes: [
      formNote,
      "The token itself is the authorization. The response is the same for an unknown or expired token.",
    ],
    access: holder,
    input: fields(revocation),
    output: z.object({}).meta({ title: "Revoked" }),
    errors: limitErrors,
    endpoint: revoke,
  }),
  route("POST", "/introspect", "introspectToken", {
    summary: "Ask whether a token or an API key is good",
    notes: [
      formNote,
      "Needs a service with the scope `ampho:introspect`. It sends a key as for `POST /token`, or a key or an access token as bearer token.",
      "The response to an unknown, expired or ended token is always the same. A refresh token is never active.",
    ],
    access: client,
    input: fields(introspectionRequest),
    output: introspection,
    errors: [...limitErrors, "invalid_client", "insufficient_scope"],
    endpoint: introspect,
  }),
]
  .map(inPreview)
  .map((row) =>
    servedIf(({ services, connect }) => services || (connect !== undefined && row.path !== "/introspect"))(row),
  );
