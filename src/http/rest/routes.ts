// The route table: one row for each endpoint. The handler, OpenAPI, docs/http.md and the labels of metrics derive from it.
import { publishedKeysMaxAgeSeconds } from "../../keys/rotation-waits.js";
import { credentials, logIn } from "./endpoints/login.js";
import { logOut } from "./endpoints/logout.js";
import { changePassword, passwordChange } from "./endpoints/password.js";
import { jwkSet, publishDescription, publishKeys } from "./endpoints/published.js";
import { renew, renewal } from "./endpoints/renew.js";
import { feedPage, feedQuery, readRevocations } from "./endpoints/revocations.js";
import { currentSession, readSession } from "./endpoints/session.js";
import { endSession, endSessions, listSessions, sessionList } from "./endpoints/sessions.js";
import { fields, noInput, optionalFields } from "./request/input.js";
import { route } from "./route.js";
import { bearer, feed, none, optional, session } from "./route-access.js";
import { grant, openApiDocument } from "./schemas.js";

export const routes = [
  route({
    method: "POST",
    path: "/login",
    name: "login",
    summary: "Log in with a password",
    notes: [
      "Creates a session and returns its first tokens.",
      "With the bearer token of a live session of the same user, the login re-authenticates that session and creates no other one. Use this after `login_too_old`.",
      "A login without `password` succeeds only if the account has another way to log in.",
    ],
    access: optional,
    input: fields(credentials),
    status: 200,
    output: grant,
    grants: true,
    errors: ["invalid_credentials", "too_many_attempts", "overloaded", "unavailable"],
    endpoint: logIn,
  }),
  route({
    method: "POST",
    path: "/renew",
    name: "renew",
    summary: "Renew a session",
    notes: [
      "Send `refresh_token` in the body, or an access token as bearer and no body. A client must use only one of the two ways.",
      "A renewal by access token returns no `refresh_token`.",
      "Each token renews once. The token before the newest one still renews for 10 seconds, so two tabs or a lost response do no harm.",
      "With the same `Idempotency-Key` it renews until the next renewal. An older token ends the session, because it might be stolen.",
    ],
    access: optional,
    input: optionalFields(renewal),
    headers: {
      "Idempotency-Key":
        "16 to 255 printable characters with 128 random bits. The client must store the key before its first attempt. A key in another form is ignored.",
    },
    status: 200,
    output: grant,
    grants: true,
    errors: ["missing_token", "invalid_token", "session_ended", "unavailable"],
    endpoint: renew,
  }),
  route({
    method: "POST",
    path: "/logout",
    name: "logout",
    summary: "Log out",
    notes: [
      "Ends the session of the token. Its tokens are rejected at once in this process, and within a second in others.",
    ],
    access: session,
    input: noInput,
    status: 204,
    errors: [],
    ends: true,
    endpoint: logOut,
  }),
  route({
    method: "GET",
    path: "/session",
    name: "readSession",
    summary: "Read the current session",
    notes: [
      "The response comes from the token alone, without the database.",
      "`id`, `session` and `starts` are null for a token that has none.",
    ],
    access: bearer,
    input: noInput,
    status: 200,
    output: currentSession,
    errors: [],
    endpoint: readSession,
  }),
  route({
    method: "GET",
    path: "/sessions",
    name: "listSessions",
    summary: "List the user's sessions",
    access: session,
    input: noInput,
    status: 200,
    output: sessionList,
    errors: [],
    endpoint: listSessions,
  }),
  route({
    method: "DELETE",
    path: "/sessions",
    name: "endSessions",
    summary: "End all sessions of the user",
    notes: ["Ends the current session as well."],
    access: session,
    input: noInput,
    status: 204,
    errors: [],
    ends: true,
    endpoint: endSessions,
  }),
  route({
    method: "DELETE",
    path: "/sessions/{id}",
    name: "endSession",
    summary: "End one session of the user",
    notes: ["Returns `not_found` for a session of another user."],
    access: session,
    input: noInput,
    status: 204,
    errors: ["not_found"],
    endpoint: endSession,
  }),
  route({
    method: "POST",
    path: "/password",
    name: "changePassword",
    summary: "Change the password",
    notes: [
      "Sets the new password and ends the user's other sessions.",
      "Returns 404 when the application keeps its own user table.",
    ],
    access: session,
    input: fields(passwordChange),
    status: 204,
    errors: ["password_rejected", "invalid_credentials", "too_many_attempts", "overloaded"],
    available: ({ keepsPasswords }) => keepsPasswords,
    endpoint: changePassword,
  }),
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
    input: noInput,
    status: 200,
    output: jwkSet,
    errors: [],
    cache: `public, max-age=${publishedKeysMaxAgeSeconds}`,
    endpoint: publishKeys,
  }),
  route({
    method: "GET",
    path: "/revocations",
    name: "readRevocations",
    summary: "Read the revocation feed",
    notes: [
      "For services that verify tokens without the database. `docs/verifying.md` describes how to follow the feed.",
      "Returns 404 without `AMPHO_SECURITY_REVOCATION_FEED_TOKEN`.",
      "With `wait`, the server responds when something is revoked, or after that many seconds.",
    ],
    access: feed,
    input: fields(feedQuery),
    status: 200,
    output: feedPage,
    errors: ["missing_token", "invalid_token", "unavailable"],
    available: ({ readFeed }) => readFeed !== undefined,
    endpoint: readRevocations,
  }),
  route({
    method: "GET",
    path: "/openapi.json",
    name: "publishDescription",
    summary: "Get the OpenAPI document",
    notes: ["Returns OpenAPI 3.1 of the endpoints that this instance serves."],
    access: none,
    input: noInput,
    status: 200,
    output: openApiDocument,
    errors: [],
    endpoint: publishDescription,
  }),
] as const;

/** Paths for endpoints of later versions (docs/contract.md §4). They return 404, and applications must not use them. */
export const reservedPaths = [
  "/token",
  "/authorize",
  "/keys",
  "/admin",
  "/passkeys",
  "/totp",
  "/account",
  "/register",
] as const;
