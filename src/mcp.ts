// `ampho/mcp`: Ampho in servers of the Model Context Protocol. It fits the types of the MCP SDK without importing it.
import { AmphoError } from "./errors.js";
import { checkRequirements } from "./guard/requirement-rows.js";
import { type CheckedRequirements, type MandatoryRequirements, missingToken } from "./guard/requirements.js";
import { type GuardHost, type GuardInstance, hostOf, type LimitOf } from "./http/rest/host.js";
import { parseTarget } from "./http/rest/request/target.js";
import { metadataDocuments, metadataUrlOf } from "./resources.js";
import type { Auth } from "./tokens/auth.js";

/** The `AuthInfo` of the MCP SDK for a token that Ampho has verified. */
export type VerifiedToken<S extends string = string> = {
  /** The token as it was sent. */
  token: string;
  /** The claim `client_id`. Without one, the id or the login name of the user. */
  clientId: string;
  /** The scopes of the token. */
  scopes: S[];
  /** `exp`, Unix seconds. */
  expiresAt: number;
  /** The resource that the token is for. */
  resource: URL;
  /** The URL of the metadata of the resource. */
  resourceMetadataUrl: string;
  /** The user, as guarded handlers get it. */
  extra: {
    /** The user. It is frozen. */
    auth: Auth<S>;
  };
};

/**
 * The `OAuthTokenVerifier` of the MCP SDK.
 * @example const verifier: McpTokenVerifier = tokenVerifier(ampho);
 */
export interface McpTokenVerifier<S extends string = string> {
  /** The URL of the metadata of the resource, for the option of `requireBearerAuth` with this name. */
  readonly resourceMetadataUrl: string;
  /**
   * Verifies an access token for the resource. Rejects with an error that `requireBearerAuth` of the MCP SDK 2 knows.
   * @example const { extra } = await verifier.verifyAccessToken(token);
   */
  verifyAccessToken(token: string): Promise<VerifiedToken<S>>;
}

interface Gate {
  readonly auth: Auth;
  readonly host: GuardHost;
  readonly token: string;
  readonly requirements: CheckedRequirements<undefined> & { readonly resource: string };
}

/**
 * How each user was verified, by the member `extra`. An `AuthInfo` that another code has written has no entry, also
 * with an Auth of this instance, which all requests with the same token share.
 */
const gates = new WeakMap<object, Gate>();

/**
 * Returns the `OAuthTokenVerifier` of an MCP server for an `Ampho` or a verifier. Without the requirement `resource` it
 * is the only resource of the instance. Throws a TypeError if there is none, or several.
 * @example
 * const verifier = tokenVerifier(ampho, { resource: "https://api.example/mcp" });
 * const gate = requireBearerAuth({ verifier, resourceMetadataUrl: verifier.resourceMetadataUrl });
 */
export function tokenVerifier<S extends string, I extends GuardInstance>(
  ampho: I & GuardInstance<S>,
  requirements?: MandatoryRequirements<undefined, NoInfer<S>> & LimitOf<I>,
): McpTokenVerifier<S> {
  const host = hostOf<GuardHost>(ampho);
  const resource = requirements?.resource ?? onlyResource(host);
  const checked = { ...checkRequirements<undefined, S>({ ...requirements, resource }, host), resource };
  if (checked.optional === true) throw new TypeError("An MCP server verifies tokens only, so nothing is `optional`.");
  const resourceMetadataUrl = metadataUrlOf(resource);
  return {
    resourceMetadataUrl,
    async verifyAccessToken(token) {
      // Otherwise a list or a buffer would become the text that it contains.
      if (typeof token !== "string") throw new TypeError("The token must be a string.");
      try {
        const auth = await host.guard(`Bearer ${token}`, checked, undefined);
        if (auth === undefined) throw missingToken();
        const extra = { auth: auth as Auth<S> };
        gates.set(extra, { auth, host, token, requirements: checked });
        const { client_id: client } = auth.claims;
        return {
          token,
          clientId: typeof client === "string" ? client : (auth.id ?? auth.login),
          scopes: [...auth.scopes] as S[],
          expiresAt: auth.expires,
          resource: new URL(resource),
          resourceMetadataUrl,
          extra,
        };
      } catch (error) {
        throw toOAuthError(host, error);
      }
    },
  };
}

function onlyResource({ resources = [] }: GuardHost): string {
  const [first, second] = resources;
  if (first !== undefined && second === undefined) return first.resource;
  const hint = first === undefined ? "Set AMPHO_SECURITY_RESOURCES." : "Name one of them.";
  throw new TypeError(`tokenVerifier needs the requirement \`resource\`. ${hint}`);
}

/** The codes of `requireBearerAuth`: 401 for `invalid_token`, 403 for `insufficient_scope`, 500 for `server_error`. */
function toOAuthError(host: GuardHost, error: unknown): Error {
  const { status } = host.errorResponse(error);
  const message = error instanceof AmphoError ? error.message : "The token could not be checked.";
  const isMissing = error instanceof AmphoError && error.details.scopes !== undefined;
  // A client that gets `insufficient_scope` asks for more scopes. Where they do not help, it would ask again and again.
  const code = status === 401 ? "invalid_token" : status >= 500 ? "server_error" : "access_denied";
  const text = isMissing ? "insufficient_scope" : code;
  const known = Object.assign(new Error(message, { cause: error }), {
    code: text,
    toResponseObject: () => ({ error: text, error_description: message }),
  });
  // The mark by which the MCP SDK 2 knows its own errors.
  return Object.defineProperty(known, Symbol.for("mcp.sdk.errorBrands"), { value: new Set(["mcp.OAuthError"]) });
}

/** A schema of a tool's input (https://standardschema.dev), such as one of Zod. */
export interface ToolSchema {
  /** The members of the standard. */
  readonly "~standard": {
    /** The types that the schema stands for. */
    readonly types?:
      | {
          /** The arguments. */
          readonly output: unknown;
        }
      | undefined;
  };
}

/** The arguments of a tool with this schema. */
export type ToolInput<I> = I extends { readonly "~standard": { readonly types?: infer T } }
  ? NonNullable<T> extends { readonly output: infer O }
    ? O
    : never
  : undefined;

/** The context that the MCP SDK 2 gives to a tool. For more, annotate the handler's third parameter with its type. */
export interface ToolContext {
  /** The facts of the HTTP request. */
  readonly http?:
    | {
        /** The `AuthInfo` that the verifier has returned. */
        readonly authInfo?: unknown;
      }
    | undefined;
}

/** The requirements of a tool, which the user of a call must meet. `can` gets the arguments of the tool. */
export type ToolRequirements<A = never> = Omit<MandatoryRequirements<A>, "resource" | "optional" | "redirect">;

/** The schema and the handler of a tool. The other members are those of `registerTool`, such as `description`. */
export interface Tool<I, R, C> {
  /** The schema of the arguments. */
  readonly inputSchema?: I;
  /**
   * Runs the tool for a user who meets the requirements.
   * @example const tool = { inputSchema, handler: ({ id }: { id: string }, auth: Auth) => publish(id, auth.login) };
   */
  readonly handler: (input: ToolInput<I>, auth: Auth, context: C) => R | Promise<R>;
}

/** The result of a tool, as the MCP SDK takes it. */
export interface ToolResult {
  /** The parts of the result. */
  readonly content?: readonly {
    /** The kind of the part. */
    readonly type: "text" | "image" | "audio" | "resource" | "resource_link";
  }[];
}

/** The result of a call that is rejected. */
export type RejectedCall = {
  /** Always true. */
  isError: true;
  /** The code and the message, for the model. */
  content: {
    /** The kind of the part. */
    type: "text";
    /** The text. */
    text: string;
  }[];
};

/** The second and the third argument of `registerTool`. */
export type GuardedTool<T, I, R, C> = [
  config: Omit<T, "handler"> & {
    scopeChallenge: (call: { readonly authInfo?: unknown }) => { scopes: [string, ...string[]] } | undefined;
  },
  callback: I extends ToolSchema
    ? (input: ToolInput<I>, context: C) => Promise<R | RejectedCall>
    : (context: C) => Promise<R | RejectedCall>,
];

/**
 * Guards one tool of an MCP server behind `tokenVerifier`: returns the arguments of `registerTool` after its name. The
 * token is checked again at each call. A call without a required scope gets 403 `insufficient_scope` with the scopes to
 * ask for. Any other rejected call gets a result with `isError`. Throws a TypeError for wrong requirements, and for
 * none.
 * @example
 * const handler = ({ id }: { id: string }, auth: Auth) => publish(id, auth.login);
 * const tool = guardedTool({ scopes: ["articles:publish"] }, { inputSchema, handler });
 * server.registerTool("publish", ...tool);
 */
export function guardedTool<
  T,
  R extends ToolResult,
  I extends ToolSchema | undefined = undefined,
  C extends ToolContext = ToolContext,
>(requirements: ToolRequirements<ToolInput<I>>, tool: T & Tool<I, R, C>): GuardedTool<T, I, R, C> {
  const checked = checkRequirements<ToolInput<I>, string>(requirements, {});
  const { scopes = [], ...others } = checked;
  if (["resource", "optional", "redirect"].some((name) => name in others))
    throw new TypeError(
      "A tool has the `resource` of its tokenVerifier, and is never `optional`. It has no `redirect`.",
    );
  if (scopes.length === 0 && Object.keys(others).length === 0)
    throw new TypeError("A guarded tool needs a requirement. Otherwise every token of the server could call it.");
  const { handler, ...config } = tool;

  /** Resolves to the user, or to the rejection. */
  async function guard(input: ToolInput<I>, gate: Gate): Promise<Auth | RejectedCall> {
    const { host, token, requirements: outer } = gate;
    const { resource, credentials } = outer;
    const all = { resource, ...(credentials && { credentials }), ...checked };
    try {
      return (await host.guard(`Bearer ${token}`, all, input)) ?? noToken();
    } catch (error) {
      const { error: code = "internal_error", body = "{}" } = host.errorResponse(error);
      return rejectedCall(code, (JSON.parse(body) as { readonly message: string }).message);
    }
  }

  async function callback(...given: readonly [C] | readonly [ToolInput<I>, C]): Promise<R | RejectedCall> {
    const [input, context] = given.length === 1 ? [undefined as ToolInput<I>, given[0]] : given;
    const gate = gateOf(context.http?.authInfo);
    const auth = gate === undefined ? noToken() : await guard(input, gate);
    return "isError" in auth ? auth : await handler(input, auth, context);
  }

  /** The SDK asks before the call, because the status of the response can then still be 403. */
  function scopeChallenge({ authInfo }: { readonly authInfo?: unknown }) {
    const gate = gateOf(authInfo);
    const missing = scopes.filter((scope) => gate?.auth.scopes.includes(scope) === false);
    if (gate === undefined || missing.length === 0) return undefined;
    // A client that asked for the missing ones alone would lose the others, and call another tool in vain.
    const known = gate.host.resources?.find((one) => one.resource === gate.requirements.resource)?.scopes ?? [];
    const granted = known.filter((scope) => gate.auth.scopes.includes(scope));
    return { scopes: [...new Set([...granted, ...scopes])] as [string, ...string[]] };
  }

  return [{ ...config, scopeChallenge }, callback] as unknown as GuardedTool<T, I, R, C>;
}

function gateOf(authInfo: unknown): Gate | undefined {
  const { extra } = Object(authInfo) as { readonly extra?: object | null };
  return gates.get(Object(extra) as object);
}

function rejectedCall(code: string, message: string): RejectedCall {
  return { isError: true, content: [{ type: "text", text: `${code}: ${message}` }] };
}

const noToken = () => rejectedCall("missing_token", missingToken().message);

/**
 * Returns the metadata of the resources of an `Ampho` or a verifier (RFC 9728), for a server that does not use `mount`.
 * Undefined for any other path.
 * @example
 * const notFound = () => new Response("Not found", { status: 404 });
 * const served = (request: Request) => metadataResponse(verifier, request) ?? notFound();
 */
export function metadataResponse(ampho: GuardInstance, request: Request): Response | undefined {
  const host = hostOf<GuardHost>(ampho);
  const document = metadataDocuments(host.resources ?? []).get(parseTarget(request.url).path);
  if (document === undefined) return undefined;
  return Response.json(document, { headers: { "Access-Control-Allow-Origin": "*" } });
}
