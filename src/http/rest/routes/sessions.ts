// /renew, /logout, /session and /sessions: the sessions of the caller.
import * as z from "zod";
import { AmphoError, invalidRequest } from "../../../errors.js";
import { acrs } from "../../../levels/acr.js";
import { idOf, optionalFields } from "../request/input.js";
import { idempotencyHelp, route, tokenErrors } from "../route.js";
import { optional } from "../route-access.js";
import { body, grant, listOf, nullableText, opaque, seconds, textAs } from "../schemas.js";

const renewal = z.object({ refresh_token: opaque.optional().describe("a text: the newest `refresh_token`") });

export const currentSession = body("Session", {
  id: nullableText("The user's id."),
  login: textAs("The user's login."),
  roles: listOf(z.string(), "The user's roles, as the token carries them."),
  scopes: listOf(z.string(), "The scopes of those roles."),
  session: z
    .object({
      id: textAs("The session's id."),
      authenticated: seconds.nullable().describe("The time of the login, in Unix seconds."),
    })
    .nullable()
    .describe("The session, or null for a token without one."),
  amr: listOf(z.string(), "The methods that the user proved at the login (RFC 8176)."),
  acr: nullableText("The level of the login: `1fa`, `2fa` or `phr`."),
  starts: seconds.nullable().describe("The token's `nbf`, in Unix seconds."),
  expires: seconds.describe("The token's `exp`, in Unix seconds."),
});

export const sessionView = z.object({
  id: textAs("The session's id, for `DELETE /sessions/{id}`."),
  created: seconds.describe("The time of the login, in Unix seconds."),
  renewed: seconds.describe("The time of the last renewal, in Unix seconds."),
  expires: seconds.describe("The end of the session, in Unix seconds, unless it is renewed."),
  address: nullableText("The client's IP address at the last renewal."),
  agent: nullableText("The client's `User-Agent` at the last renewal."),
  browser: nullableText("The name of the browser, or null if it is unknown."),
  amr: listOf(z.string(), "How the user signed in (RFC 8176)."),
  acr: z.enum(acrs).describe("The level of the login: `1fa`, `2fa` or `phr`."),
});

export const sessionList = body("SessionList", {
  sessions: z
    .array(sessionView.extend({ current: z.boolean().describe("True for the session of the token that asks.") }))
    .readonly()
    .describe("The live sessions, the newest first."),
});

export const sessionsRoutes = [
  route("POST", "/renew", "renew", {
    summary: "Renew a session",
    notes: [
      "Send `refresh_token` in the body, or an access token as bearer and no body. A client must use only one of the two ways.",
      "A renewal by access token returns no `refresh_token`, and works for AMPHO_SECURITY_RENEW_BY_TOKEN after the last login or renewal by refresh token.",
      "Each token renews once. The token before the newest one still renews for 10 seconds, so two tabs or a lost response do no harm.",
      "With the same `Idempotency-Key` it renews until the next renewal. An older token ends the session, because it might be stolen.",
    ],
    access: optional,
    input: optionalFields(renewal),
    headers: { "Idempotency-Key": idempotencyHelp },
    output: grant,
    renews: true,
    errors: [...tokenErrors, "session_ended"],
    endpoint: ({ flows, input, bearer, cookies, caller, idempotencyKey }) => {
      const refreshToken = input?.refresh_token ?? cookies.refreshToken;
      if (cookies.refreshToken !== undefined && refreshToken !== cookies.refreshToken)
        throw invalidRequest("The body and the cookie hold different refresh tokens. Send one.");
      // A browser sends both cookies. Then the refresh token renews, and the access token's cookie is ignored.
      const accessToken = refreshToken !== undefined && bearer === cookies.token ? undefined : bearer;
      if (refreshToken !== undefined && accessToken !== undefined)
        throw invalidRequest("The request has a refresh token and a bearer token. Send one of them.");
      if (refreshToken !== undefined) return flows.renew({ refreshToken, idempotencyKey }, caller);
      if (accessToken !== undefined) return flows.renew({ accessToken, idempotencyKey }, caller);
      if (input === undefined)
        throw new AmphoError("missing_token", "Send a refresh token in the body, or a bearer token in Authorization.");
      throw invalidRequest('"refresh_token" is missing, and the request has no bearer token.', "refresh_token");
    },
  }),
  route("POST", "/logout", "logout", {
    summary: "Sign out",
    notes: [
      "Ends the session of the token. Its tokens are rejected at once in this process, and within a second in others.",
    ],
    ends: true,
    endpoint: ({ flows, auth, caller }) => flows.logout({ auth }, caller),
  }),
  route("GET", "/session", "readSession", {
    summary: "Read the current session",
    notes: [
      "The response comes from the token alone, without the database.",
      "`id`, `acr` and `starts` are null for a token that has none.",
    ],
    output: currentSession,
    endpoint: ({ auth }) => {
      const { id = null, login, roles, scopes, session: sid, amr, acr = null, starts = null, expires, claims } = auth;
      const authenticated = typeof claims["auth_time"] === "number" ? claims["auth_time"] : null;
      const session = sid === undefined ? null : { id: sid, authenticated };
      return { id, login, roles, scopes, session, amr, acr, starts, expires };
    },
  }),
  route("GET", "/sessions", "listSessions", {
    summary: "List the user's sessions",
    output: sessionList,
    endpoint: async ({ flows, auth, caller }) => ({ sessions: await flows.listSessions({ auth }, caller) }),
  }),
  route("DELETE", "/sessions", "endSessions", {
    summary: "End all sessions of the user",
    notes: ["Ends the current session as well."],
    ends: true,
    endpoint: ({ flows, auth, caller }) => flows.endSessions({ auth }, caller),
  }),
  route("DELETE", "/sessions/{id}", "endSession", {
    summary: "End one session of the user",
    notes: ["Returns `not_found` for a session of another user."],
    errors: ["not_found"],
    endpoint: ({ flows, auth, caller, parameters }) => {
      const isId = (id: string) => /^[\w.-]{1,128}$/.test(id);
      const sessionId = idOf(parameters, isId, "You have no session with this id.");
      return flows.endSession({ auth, sessionId }, caller);
    },
  }),
] as const;
