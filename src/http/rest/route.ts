// What a row of the route table is, and what its endpoint gets.
import type { z } from "zod";
import type { ErrorCode } from "../../errors.js";
import type { Caller } from "../../flows/deps.js";
import type { Flows } from "../../flows/flows.js";
import type { Auth } from "../../tokens/auth.js";
import type { Credentials } from "./cookies/cookie-mode.js";
import type { Features } from "./features.js";
import type { Members } from "./request/body.js";
import type { Input } from "./request/input.js";
import type { RouteAccess } from "./route-access.js";
import type { OpenApiDocument } from "./schemas.js";

export type SentCookies = Pick<Credentials, "token" | "refreshToken" | "device">;

/** A request whose body was read and whose token, where the route needs one, was accepted. */
export interface RawCall {
  readonly flows: Flows;
  readonly features: Features;
  readonly caller: Caller;
  /** The bearer token as sent, unchecked. */
  readonly bearer: string | undefined;
  readonly auth: Auth | undefined;
  /** What came in cookies; nothing without AMPHO_SECURITY_COOKIES. */
  readonly cookies: SentCookies;
  /** Undefined when there was no body. */
  readonly members: Members | undefined;
  /** The path's parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly idempotencyKey: string | undefined;
  /** The OpenAPI document of what is served. */
  readonly describe: () => OpenApiDocument;
}

/** The same with the token and the body as the row asks for them. */
export interface Call<I, A> extends Omit<RawCall, "auth" | "members"> {
  readonly auth: A;
  readonly input: I;
}

interface Described {
  readonly method: "GET" | "POST" | "DELETE";
  /** Under the prefix; `{name}` stands for one segment. */
  readonly path: `/${string}`;
  /** OpenAPI's `operationId`. */
  readonly name: string;
  readonly summary: string;
  /** What else there is to know, in Markdown. */
  readonly note?: string;
  /** Headers that it reads besides those of every route: name -> what to send, for the OpenAPI document. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: 200 | 204;
  /** Codes of its own, besides those that its need and its body bring along. */
  readonly errors: readonly ErrorCode[];
  /** `Cache-Control` where it is not `no-store`. */
  readonly cache?: string;
  /** The answer is a grant. */
  readonly grants?: true;
  /** The session of the caller is over with the answer. */
  readonly ends?: true;
  /** Whether the route is there at all; without this it always is. */
  readonly available?: (features: Features) => boolean;
}

interface Row<I, A, O> extends Described {
  readonly access: RouteAccess<A>;
  readonly input: Input<I>;
  readonly output?: z.ZodType<O>;
  readonly endpoint: (call: Call<I, A>) => O | Promise<O>;
}

/** A row as the handler, the OpenAPI document and the docs read it. */
export interface Route extends Described {
  readonly access: RouteAccess<unknown>;
  readonly input: Input<unknown>;
  readonly output?: z.ZodType;
  readonly respond: (call: RawCall) => unknown;
}

/** Checks a row's types against its endpoint's, and binds the steps before the endpoint: token first, then the body's fields. */
export function route<I, A, O>({ endpoint, ...row }: Row<I, A, O>): Route {
  return {
    ...row,
    respond: ({ auth, members, ...call }) =>
      endpoint({ ...call, auth: row.access.check(auth), input: row.input.read(members) }),
  };
}
