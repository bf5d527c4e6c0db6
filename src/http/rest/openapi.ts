// Builds the OpenAPI 3.1 document from the route table, with the zod schemas that check the bodies.
import * as z from "zod";
import { type ErrorCode, errorCodes, passwordProblemReasons } from "../../errors.js";
import { factorNames } from "../../levels/factors.js";
import { cookieNames } from "./cookies/cookie-mode.js";
import { problemCauses } from "./responses/problem-causes.js";
import { problems } from "./responses/problems.js";
import { holdsTokens, type Route, tokenErrors, usesQuery } from "./route.js";
import { isOAuth } from "./route-access.js";
import type { OpenApiDocument } from "./schemas.js";

export interface DescriptionOptions {
  readonly prefix: string;
  readonly version: string;
  /** Defined with AMPHO_SECURITY_COOKIES. */
  readonly cookies: object | undefined;
}

type Json = Record<string, unknown>;

export function describe(routes: readonly Route[], { prefix, version, cookies }: DescriptionOptions): OpenApiDocument {
  const byCookie = cookies !== undefined;
  const schemas: Json = { Problem: problemSchema };
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `${prefix}${route.path}`;
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: operation(byCookie ? cookieForm(route) : route, schemas, byCookie),
    };
  }
  return {
    openapi: "3.1.1",
    info: { title: "Ampho", version, description: "Login, renewal and sessions. Times are whole Unix seconds." },
    paths,
    components: { schemas, securitySchemes: byCookie ? { ...securitySchemes, ...cookieScheme } : securitySchemes },
  };
}

/** Returns every code of a route: its own, those of its access and of its body, in the order of `errorCodes`. */
export function errorsOf(route: Route): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(["invalid_request", "internal_error", ...route.errors]);
  if (route.method !== "GET") for (const code of bodyErrors) codes.add(code);
  if (route.access.guarded) for (const code of tokenErrors) codes.add(code);
  return errorCodes.filter((code) => codes.has(code));
}

const bodyErrors = ["request_timeout", "payload_too_large", "unsupported_media_type"] as const;

const typed = (type: string, description: string) => ({ type, description });

const problemSchema = {
  type: "object",
  required: ["message", "error"],
  properties: {
    message: typed("string", "For people. It never contains anything that the client sent."),
    error: { type: "string", enum: errorCodes },
    error_description: typed("string", "Of an endpoint of OAuth: the message again."),
    field: typed("string", "With `invalid_request`: the wrong field, where exactly one is wrong."),
    reason: {
      type: "string",
      enum: passwordProblemReasons,
      description: "With `password_rejected`: the rule that the new password breaks.",
    },
    limit: typed(
      "integer",
      "With the `reason` `too_short` or `too_long`: the least or the greatest number of characters.",
    ),
    transaction: typed(
      "string",
      "With `factor_needed` and `link_needed`: the pending login, for the next request. In a cookie with AMPHO_SECURITY_COOKIES.",
    ),
    factors: {
      type: "array",
      items: { type: "string", enum: factorNames },
      description: "With `factor_needed`: what the account can prove now, the strongest first.",
    },
    ways: {
      type: "array",
      items: { type: "string", enum: ["login", "mail", "passkey"] },
      description:
        "With `link_needed`: the proofs that link the identity. With `confirmation_needed`: what can confirm the change.",
    },
    change: typed("string", "With `confirmation_needed`: the change, for `POST /account/confirm`."),
    passkey: { type: ["object", "null"], description: "With `factor_needed`: the options for a passkey, or null." },
    enroll: typed("boolean", "With `factor_needed`: true if the account must set up a second factor first."),
    mail: typed(
      "boolean",
      "With `enroll`, if the set-up needs a code: true if it was mailed to the address of the account, and false if too many were mailed.",
    ),
    retry_after: typed("integer", "If `mail` is false: the seconds until a login gets a code."),
  },
};

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
  feed: { type: "http", scheme: "bearer", description: "AMPHO_SECURITY_REVOCATION_FEED_TOKEN" },
  client: { type: "http", scheme: "basic", description: "The id of a service account, and one of its keys." },
};

const security = {
  none: [],
  optional: [{}, { bearer: [] }],
  session: [{ bearer: [] }],
  feed: [{ feed: [] }],
  client: [{ client: [] }, {}],
  holder: [],
};

/** The kinds of access for which a token can come in a cookie. */
const acceptsCookie = new Set(["optional", "session"]);
const cookieScheme = {
  cookie: { type: "apiKey", in: "cookie", name: cookieNames.token, description: "Set by login and renew." },
};

/** Returns a row with AMPHO_SECURITY_COOKIES: grants hold no token, and requests of foreign pages are rejected. */
function cookieForm(route: Route): Route {
  const isExempt = route.method === "GET" || route.crossSite === true || isOAuth(route.access);
  const errors: readonly ErrorCode[] = isExempt ? route.errors : [...route.errors, "cross_site"];
  return route.output === undefined || isOAuth(route.access)
    ? { ...route, errors }
    : { ...route, errors, output: withoutTokens(route.output) };
}

/** Tokens are in Set-Cookie. */
function withoutTokens(output: z.ZodType): z.ZodType {
  if (!holdsTokens(output)) return output;
  const tokens = { token: true, token_type: true, refresh_token: true, device: true } as const;
  return output.omit(tokens).meta({ title: `Cookie${output.meta()?.title}` });
}

function operation(route: Route, schemas: Json, byCookie: boolean): Json {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const [query, body] = usesQuery(route) ? [route.input.schema] : [undefined, route.input.schema];
  const parameters = [
    ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...(query === undefined ? [] : queryParameters(query)),
    ...Object.entries(route.headers ?? {}).map(([name, description]) => headerParameter(name, description)),
  ];
  return {
    operationId: route.name,
    summary: route.summary,
    ...(route.notes !== undefined && { description: route.notes.join(" ") }),
    security: [
      ...security[route.access.name],
      ...(byCookie && acceptsCookie.has(route.access.name) ? [{ cookie: [] }] : []),
    ],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: requestBody(body, !route.input.isOptional, isOAuth(route.access)) }),
    responses: { [route.status]: successResponse(route, schemas), ...errorResponses(route) },
  };
}

function queryParameters(query: z.ZodObject): readonly Json[] {
  const { properties = {} } = z.toJSONSchema(query, { io: "input", target: "draft-2020-12" });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
}

function headerParameter(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function requestBody(schema: z.ZodType, required: boolean, formAlone: boolean): Json {
  const content = { schema: jsonSchema(schema) };
  const form = { "application/x-www-form-urlencoded": content };
  return { required, content: formAlone ? form : { "application/json": content, ...form } };
}

function successResponse({ status, summary, output }: Route, schemas: Json): Json {
  const title = output?.meta()?.title;
  if (output === undefined || title === undefined)
    return { description: status === 204 ? "Done" : status === 303 ? "A redirect" : summary };
  schemas[title] = jsonSchema(output);
  return { description: title, content: { "application/json": { schema: { $ref: `#/components/schemas/${title}` } } } };
}

function errorResponses(route: Route): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route))
    byStatus.set(problems[code].status, [...(byStatus.get(problems[code].status) ?? []), code]);
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const responses = [...byStatus].map(([status, codes]) => {
    const description = codes.map((code) => `\`${code}\`: ${problemCauses[code]}`).join(" ");
    return [String(status), { description, content }] as const;
  });
  return Object.fromEntries(responses);
}

function jsonSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" });
  return rest;
}
