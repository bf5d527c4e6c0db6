// The type of a row of the route table, and the input of its endpoint.
import type * as z from "zod";
import type { ErrorCode } from "../../errors.js";
import type { Caller } from "../../flows/deps.js";
import type { Flows } from "../../flows/flows.js";
import type { CheckedRequirements } from "../../guard/requirements.js";
import type { Auth } from "../../tokens/auth.js";
import type { Credentials } from "./cookies/cookie-mode.js";
import type { Features } from "./features.js";
import type { Members } from "./request/body.js";
import { type Input, noInput } from "./request/input.js";
import type { Redirect } from "./responses/response.js";
import { type RouteAccess, session } from "./route-access.js";
import type { OpenApiDocument } from "./schemas.js";

export type SentCookies = Pick<Credentials, "token" | "refreshToken" | "device" | "transaction">;

/** A request whose body was read and whose token, where the route requires one, was accepted. */
export interface RawCall {
  readonly flows: Flows;
  readonly features: Features;
  readonly caller: Caller;
  /** The bearer token as sent, unchecked. */
  readonly bearer: string | undefined;
  readonly auth: Auth | undefined;
  /** The one Authorization value, for a route of OAuth. */
  readonly authorization: string | undefined;
  /** Guards a token or a key. A wrong key counts for the address of the request, unless `counted` is false. */
  readonly verify: (
    token: string,
    requirements: CheckedRequirements<unknown>,
    counted?: boolean,
  ) => Promise<Auth | undefined>;
  /** Guards the request, for an endpoint that also accepts callers without a token. */
  readonly authenticate: () => Promise<Auth>;
  /** The tokens from cookies. They are undefined without AMPHO_SECURITY_COOKIES. */
  readonly cookies: SentCookies;
  /** Undefined when there was no body. */
  readonly members: Members | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly idempotencyKey: string | undefined;
  /** The body is a form, as a page without a script sends it. */
  readonly byForm: boolean;
  readonly describe: () => OpenApiDocument;
}

/** The same call with the token and the input that the row requires. */
export interface Call<I, A> extends Omit<RawCall, "auth" | "members"> {
  readonly auth: A;
  readonly input: I;
}

interface Described {
  /** The caller's task, as an imperative without a full stop. */
  readonly summary: string;
  /** Further facts, as sentences in Markdown. */
  readonly notes?: readonly string[];
  /** Request headers of this route alone: name -> description. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: 200, or 204 without an output. */
  readonly status: 200 | 201 | 204 | 303;
  /** The route's own codes. Those of its access and its body are added (`errorsOf`). Default: none. */
  readonly errors: readonly ErrorCode[];
  /** `Cache-Control` where it is not `no-store`. */
  readonly cache?: string;
  /** The output is a grant, which goes into cookies with AMPHO_SECURITY_COOKIES. Default: as its schema shows. */
  readonly grants: boolean;
  /** The route renews the session of the refresh token in the cookie, and finishes nothing of another tab. */
  readonly renews?: true;
  /** The transaction in the cookie goes. Default: for a route that `grants` without `renews`. */
  readonly finishes?: boolean;
  /** The transaction of its output stays in the body: another one goes on in the cookie. */
  readonly inBody?: true;
  /** Pages of other sites call the route. It reads no cookie and sets none. */
  readonly crossSite?: true;
  /** The route ends the caller's session. */
  readonly ends?: true;
  /** A minor version can change it (docs/reference/stability.md). Without it the route is stable. */
  readonly preview?: true;
  /** Returns whether the instance serves the route. Without it, every instance does. */
  readonly available?: (features: Features) => boolean;
}

type Defaulted = "status" | "errors" | "grants";

interface Row<I, A, O> extends Omit<Described, Defaulted>, Partial<Pick<Described, Defaulted>> {
  /** Default: the token of a session. */
  readonly access?: RouteAccess<A>;
  /** Default: none. */
  readonly input?: Input<I>;
  readonly output?: z.ZodType<O>;
  readonly endpoint: (call: Call<I, A>) => O | Redirect | Promise<O | Redirect>;
}

/** A row without its types, for the handler, the OpenAPI document and the docs. */
export interface Route extends Described {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: `/${string}`;
  readonly name: string;
  readonly access: RouteAccess<unknown>;
  readonly input: Input<unknown>;
  readonly output?: z.ZodType;
  readonly respond: (call: RawCall) => unknown;
}

/** `path` is under the prefix, with `{name}` for one segment. `name` is OpenAPI's `operationId`. */
export function route<I, O, A = Auth>(
  method: Route["method"],
  path: Route["path"],
  name: string,
  { endpoint, input = noInput as Input<I>, access = session as RouteAccess<A>, ...row }: Row<I, A, O>,
): Route {
  const { output } = row;
  return {
    method,
    path,
    name,
    status: output === undefined ? 204 : 200,
    errors: [],
    grants: holdsTokens(output),
    ...row,
    access,
    input,
    respond: ({ auth, members, ...call }) =>
      endpoint({ ...call, auth: access.check(auth), input: input.read(members, call.byForm) }),
  };
}

/** The input is in the query. */
export const usesQuery = ({ method, input }: Pick<Route, "method" | "input">): boolean =>
  method === "GET" || input.inQuery === true;

export const inPreview = (row: Route): Route => ({ ...row, preview: true });

/** For rows that only some instances serve. */
export const servedIf = (available: (features: Features) => boolean) => (row: Route) => ({ ...row, available });

export const holdsTokens = (output: z.ZodType | undefined): output is z.ZodObject =>
  output !== undefined && "shape" in output && "refresh_token" in (output as z.ZodObject).shape;

/** The codes of a route that checks its bearer token itself. */
export const tokenErrors = ["missing_token", "invalid_token", "credential_not_accepted", "unavailable"] as const;
/** The codes of a route whose attempts are limited. */
export const limitErrors = ["too_many_attempts", "overloaded", "unavailable"] as const;
/** The codes of `recentNote`. */
export const recentErrors = ["login_too_old", "login_too_weak"] as const;
/** The codes of `confirmedNote`. */
export const confirmedErrors = [...recentErrors, "confirmation_needed"] as const;

export const idempotencyHelp =
  "16 to 255 printable characters with 128 random bits. The client must store the key before its first attempt. A key in another form is ignored.";

/** An export and a change of API keys ask for this besides the token of a session. */
export const recentNote = "Needs a login at most 300 seconds old, at the highest level that the account can reach.";

/** A change of how a user signs in asks for this besides the token of a session. */
export const confirmedNote = `${recentNote} An account with a proven address must also confirm the change.`;
