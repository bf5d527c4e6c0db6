// /authorize, /connect and /connections: applications to which users connect their accounts (docs/guides/connect.md).
import * as z from "zod";
import { AmphoError, invalidRequest } from "../../../errors.js";
import { fields, idOf, queryFields } from "../request/input.js";
import { Redirect } from "../responses/response.js";
import { type Call, inPreview, recentErrors, recentNote, route, servedIf } from "../route.js";
import { none } from "../route-access.js";
import { body, listOf, nullableText, opaque, optionalText, seconds, textAs } from "../schemas.js";

/** Each is checked by the flow, whose error leads back to the application. */
const query = z.looseObject({
  response_type: optionalText("The text `code`."),
  client_id: optionalText("The id of the application."),
  redirect_uri: optionalText("One of its redirect URIs."),
  code_challenge: optionalText("The challenge of its verifier (RFC 7636)."),
  code_challenge_method: optionalText("The text `S256`."),
  state: optionalText("At most 1024 characters, which come back with the response."),
  scope: optionalText("Scopes with a space between them, by default those of the resource."),
  resource: optionalText("One of AMPHO_SECURITY_RESOURCES (RFC 8707), by default the only one."),
  prompt: optionalText("With `none` it is an error, because the user must be asked."),
});

type Query = z.output<typeof query>;

export const connectView = body("ConnectView", {
  client: z
    .object({
      id: textAs("The id of the application."),
      name: textAs("Its name."),
      host: nullableText("The host of its document, if it has one. Then it is also the name."),
      known: z.boolean().describe("An operator has registered it."),
      stated_name: nullableText("It calls itself so, which proves nothing."),
      returns: nullableText("The host to which the browser goes back. Null: a program on the user's computer."),
    })
    .describe("The application."),
  resource: nullableText("The resource that its tokens are for. Null: that of sessions."),
  scopes: listOf(
    z.object({
      name: textAs("The scope."),
      text: textAs("Its text for people."),
      new: z.boolean().describe("The application has it by no other connection of the user."),
    }),
    "The scopes that the application asks for.",
  ),
  transaction: textAs("The transaction for `POST /connect`, after at least a second."),
  expires: seconds.describe("The end of the transaction, in Unix seconds."),
});

const consent = z.object({
  query: z.string().max(4096).describe("a text: the query of the application, as `GET /authorize` got it"),
  transaction: opaque.describe("a text: the transaction of `GET /connect`"),
  allow: z.boolean().describe("true or false"),
  scopes: z.array(z.string().max(1024)).max(1000).readonly().optional().describe("an array of some of the scopes"),
});

const consentGiven = body("ConsentGiven", {
  location: textAs("The URL at the application, to which the browser goes."),
});

export const connectionView = z.object({
  id: textAs("The id, for `DELETE /connections/{id}`."),
  client: textAs("The id of the application."),
  name: nullableText("Its name. Null: it does not exist any more."),
  resource: nullableText("The resource that its tokens are for. Null: that of sessions."),
  scopes: listOf(z.string(), "The scopes that the user has given."),
  created: seconds.describe("When the user gave consent, in Unix seconds."),
  renewed: seconds.describe("The last renewal, in Unix seconds."),
  expires: seconds.describe("The end, if it is not renewed, in Unix seconds."),
  address: nullableText("The address of the last renewal."),
});

export const connectionList = body("Connections", { connections: listOf(connectionView, "The newest first.") });

const ending = z.looseObject({
  client: optionalText("The id of the application. Default: all."),
});

/** A request is checked here first, so that an operator's application learns of its mistake without a user. */
async function authorize({ features, flows, input, caller }: Call<Query, undefined>): Promise<Redirect> {
  try {
    await flows.checkConsent({ query: input }, caller);
  } catch (error) {
    if (!(error instanceof AmphoError) || error.details.returns === undefined) throw error;
    return new Redirect(error.details.returns);
  }
  const url = new URL(features.connect?.page ?? "");
  // A member of another name could lead the page elsewhere.
  const names = Object.keys(query.shape) as (keyof typeof query.shape)[];
  for (const name of names) if (input[name] !== undefined) url.searchParams.set(name, input[name]);
  return new Redirect(url.href);
}

function readQuery(text: string): Readonly<Record<string, string>> {
  const members = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in members) throw new AmphoError("not_found", "The query contains a name twice.");
    members[name] = value;
  }
  return members;
}

const registration = z.looseObject({
  redirect_uris: z.unknown().optional().describe("1 to 5 redirect URIs"),
  client_name: z.unknown().optional().describe("a text: the name that the application gives itself"),
});

const registered = body("ClientRegistration", {
  client_id: textAs("The id, which contains the registration."),
  client_id_issued_at: seconds.describe("The time of the registration, in Unix seconds."),
  client_name: optionalText("The name, as users read it."),
  redirect_uris: listOf(z.string(), "As they were sent."),
  token_endpoint_auth_method: z.literal("none").describe("The text `none`."),
  grant_types: listOf(z.string(), "The grants that it can use."),
  response_types: listOf(z.string(), "The text `code`."),
});

const connectErrors = [
  "not_found",
  "invalid_scope",
  "invalid_target",
  "unsupported_response_type",
  "interaction_required",
] as const;

export const connectRoutes = [
  route("GET", "/authorize", "authorize", {
    summary: "Begin to connect an account to an application",
    notes: [
      "The application sends the browser here (RFC 6749 §4.1.1). It goes on to the page `connect`, or to AMPHO_APP_URL with `ampho=connect`, with the same query.",
      "An unknown application or redirect URI gets 404. Every other mistake leads back to the application.",
      "Of an application that is known by its document, the page shows a mistake, and the user chooses to go back.",
    ],
    access: none,
    input: fields(query),
    status: 303,
    errors: ["not_found", "unavailable"],
    endpoint: authorize,
  }),
  route("GET", "/connect", "showConsent", {
    summary: "Read what an application asks of the user",
    notes: [
      recentNote,
      "The query is that of `GET /authorize`. An error has `location` if the application learns of it by that URL.",
    ],
    input: fields(query),
    output: connectView,
    grants: false,
    inBody: true,
    errors: [...recentErrors, ...connectErrors, "too_many_attempts", "unavailable"],
    endpoint: ({ flows, auth, input, caller }) => flows.showConsent({ auth, query: input }, caller),
  }),
  route("POST", "/connect", "giveConsent", {
    summary: "Connect the account to an application, or reject it",
    notes: [recentNote, "The browser goes to `location`, with a code that works once and for 60 seconds."],
    input: fields(consent),
    output: consentGiven,
    errors: [...recentErrors, ...connectErrors, "transaction_over", "too_many_attempts", "unavailable"],
    endpoint: ({ flows, auth, input, caller }) =>
      flows.giveConsent({ auth, ...input, query: readQuery(input.query) }, caller),
  }),
  route("POST", "/clients", "registerClient", {
    summary: "Register an application that is unknown (RFC 7591)",
    notes: [
      "Only with `dynamic` in AMPHO_SECURITY_CONNECT. Nothing is stored: the `client_id` contains the registration.",
      "Other members are ignored, and the response has what holds. The application is public, so it has no secret.",
    ],
    access: none,
    crossSite: true,
    input: fields(registration),
    output: registered,
    status: 201,
    errors: ["invalid_redirect_uri", "invalid_client_metadata", "unavailable"],
    endpoint: ({ flows, input, caller }) => flows.registerClient(input, caller),
  }),
  route("GET", "/connections", "listConnections", {
    summary: "List the connected applications of the user",
    output: connectionList,
    endpoint: async ({ flows, auth, caller }) => ({ connections: await flows.listConnections({ auth }, caller) }),
  }),
  route("DELETE", "/connections", "endConnections", {
    summary: "End connections of the user",
    input: queryFields(ending),
    errors: ["unavailable"],
    endpoint: ({ flows, auth, input, caller }) => {
      // A misspelt name would end all.
      if (Object.keys(input).some((name) => name !== "client"))
        throw invalidRequest("The query must have only `client`.");
      return flows.endConnections({ auth, client: input.client }, caller);
    },
  }),
  route("DELETE", "/connections/{id}", "endConnection", {
    summary: "End a connection",
    notes: ["Every process rejects the tokens of the application within a second."],
    errors: ["not_found", "unavailable"],
    endpoint: ({ flows, auth, caller, parameters }) => {
      const id = idOf(
        parameters,
        (text) => /^[a-z0-9]{1,16}\.[\w-]{22}$/.test(text),
        "You have no connection with this id.",
      );
      return flows.endConnection({ auth, id }, caller);
    },
  }),
]
  .map(inPreview)
  .map((row) =>
    servedIf(({ connect }) => (row.path === "/clients" ? connect?.dynamic === true : connect !== undefined))(row),
  );
