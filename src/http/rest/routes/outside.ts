// /login/outside, its callbacks, and /identities: logins at outside providers (docs/guides/providers.md).
import * as z from "zod";
import { outsideMaxAgeSeconds } from "../../../clock.js";
import { AmphoError } from "../../../errors.js";
import { fields, idOf, transactionOf } from "../request/input.js";
import { Redirect } from "../responses/response.js";
import { type Call, confirmedErrors, confirmedNote, route, servedIf } from "../route.js";
import { none } from "../route-access.js";
import { body, grant, opaque, optionalText, seconds, textAs } from "../schemas.js";

/** The response that a provider has sent to its callback (RFC 6749 §4.1.2, RFC 9207), with the name of the provider. */
export const outsideResponse = z
  .object({
    provider: textAs("The name of the provider to whose callback the response came."),
    code: z.string().max(4096).describe("The code of the provider."),
    state: z.string().max(4096).describe("The `state` of the login."),
    iss: z.string().max(4096).optional().describe("The issuer of the provider (RFC 9207)."),
  })
  .describe("an object: `provider`, `code`, `state` and `iss`, as the callback has received them");

const provider = z.string().max(64).describe("a text: the name of the provider, as `GET /login` lists it");
const returnTo = z
  .string()
  .max(1024)
  .optional()
  .describe("a text: a path of the application such as /cart, to which the callback sends the browser in cookie mode");

const identityStart = z.object({ provider, return_to: returnTo });

const outsideStart = identityStart.extend({
  max_age: z
    .int()
    .min(0)
    .max(outsideMaxAgeSeconds)
    .optional()
    .describe(
      "a whole number from 0 to 2592000: the greatest age in seconds of the user's login at the provider, which else asks the user again",
    ),
});

export const outsideBegun = body("OutsideBegun", {
  url: textAs("The URL at the provider, to which the browser goes."),
  transaction: optionalText("The transaction for the next request, in a cookie with AMPHO_SECURITY_COOKIES."),
  expires: seconds.describe("The end of the transaction, in Unix seconds."),
});

/** A form of a page without a script navigates to the response. */
function asRedirect<T extends { readonly url: string; readonly transaction: string }>(
  { byForm, features }: Pick<Call<unknown, unknown>, "byForm" | "features">,
  begun: T,
): T | Redirect {
  if (!byForm || features.outside?.byCookie !== true) return begun;
  return new Redirect(begun.url, { transaction: begun.transaction });
}

const identityProof = z.object({ transaction: opaque.optional(), outside: outsideResponse });

/** Providers add fields of their own. */
const callbackFields = z.looseObject({
  code: optionalText("The code of the provider."),
  state: optionalText("The `state` of the login."),
  iss: optionalText("The issuer of the provider."),
  error: optionalText("The reason of the provider, in place of a code."),
});

type Callback = Call<z.output<typeof callbackFields>, undefined>;

/** A form of the provider's site (OAuth 2.0 Form Post) has no Lax cookies, so it goes on as a GET of four fields. */
function forwardCallback({ input }: Callback): Redirect {
  const { code, state, iss, error } = input;
  const fields = Object.entries({ code, state, iss, error });
  const kept = fields.filter((field): field is [string, string] => field[1] !== undefined);
  return new Redirect(`callback?${new URLSearchParams(kept)}`);
}

/** Without cookies the page of the application finishes the login. With cookies this request does. */
async function receiveCallback(call: Callback): Promise<Redirect> {
  const { input, parameters, features } = call;
  const { outside } = features;
  const { provider = "" } = parameters;
  if (outside === undefined || !outside.providers.has(provider))
    throw new AmphoError("not_found", "There is no provider of this name.");
  if (outside.byCookie) return finishByCookie(call, outside.appUrl, provider);
  const fields = Object.entries(input).filter((field): field is [string, string] => typeof field[1] === "string");
  // The provider's name comes last: a field of the provider cannot replace it.
  const fragment = new URLSearchParams(fields);
  fragment.set("provider", provider);
  return new Redirect(`${outside.appUrl}#${fragment}`);
}

/** RFC 6749 §4.1.2.1, and what Apple sends in its place. */
const cancellations: ReadonlySet<string> = new Set(["access_denied", "user_cancelled_authorize"]);

async function finishByCookie(call: Callback, appUrl: string, provider: string): Promise<Redirect> {
  const { flows, input, cookies, caller, bearer } = call;
  const { code, state, iss, error } = input;
  const transaction = cookies.transaction ?? "";
  let page: string | undefined;
  // A link of any site can lead here, and must not end what this browser has begun.
  let isOwn = false;
  try {
    const request = await flows.readOutsideRequest({ transaction, state }, caller);
    isOwn = true;
    page = request.returnTo === undefined ? undefined : new URL(request.returnTo, appUrl).href;
    if (error !== undefined && cancellations.has(error))
      throw new AmphoError("outside_cancelled", "The login at the provider was cancelled.");
    if (code === undefined || error !== undefined)
      throw new AmphoError("invalid_credentials", "The provider has not identified a user.");
    const response = { provider, code, state: request.state, iss };
    if (request.links) {
      const auth = await call.authenticate();
      return new Redirect(page ?? appUrl, await flows.finishIdentity({ auth, transaction, response }, caller));
    }
    // A browser repeats a request whose response it has lost. The transaction is secret, so the key need not be.
    const idempotencyKey = request.state;
    const own = { bearer, device: cookies.device, remember: undefined, superseded: cookies };
    const input = { sent: { way: "outside", transaction, response }, idempotencyKey, ...own } as const;
    const granted = await flows.login(input, caller);
    const url = new URL(page ?? appUrl);
    if (granted.review === true) url.searchParams.set("ampho_review", "true");
    return new Redirect(url.href, granted);
  } catch (error) {
    if (!(error instanceof AmphoError)) throw error;
    return rejectedPage(appUrl, page, error, !isOwn);
  }
}

/** The page of the application shows the error, and asks for what is needed. */
function rejectedPage(appUrl: string, returnTo: string | undefined, error: AmphoError, keepsTransaction: boolean) {
  const { code, details } = error;
  const url = new URL(appUrl);
  const { factors, ways, mail, transaction } = details;
  // The set-up of a second factor has no code, so there is nothing to ask for.
  url.searchParams.set("ampho_error", mail === false ? "too_many_attempts" : code);
  const needed = mail === true ? ["mail"] : (factors ?? ways);
  if (needed !== undefined) url.searchParams.set("ampho_needed", needed.join(","));
  if (returnTo !== undefined) url.searchParams.set("ampho_return_to", returnTo.slice(url.origin.length));
  return new Redirect(url.href, transaction === undefined ? undefined : { transaction }, { keepsTransaction });
}

export const outsideRoutes = [
  route("POST", "/login/outside", "beginOutside", {
    summary: "Begin a login at an outside provider",
    notes: [
      "The browser goes to `url`. The provider sends it back to the callback.",
      "With AMPHO_SECURITY_COOKIES, a form of a page without a script gets a redirect to `url`.",
    ],
    access: none,
    input: fields(outsideStart),
    output: outsideBegun,
    errors: ["not_found", "unavailable"],
    endpoint: async (call) => {
      const { provider, return_to: returnTo, max_age: maxAge } = call.input;
      return asRedirect(call, await call.flows.beginOutside({ provider, returnTo, maxAge }, call.caller));
    },
  }),
  route("GET", "/login/outside/{provider}/callback", "receiveCallback", {
    summary: "Receive the response of an outside provider",
    notes: [
      "Redirects to AMPHO_APP_URL, with the parameters and `provider` in the fragment. The page sends them to `POST /login`.",
      "With AMPHO_SECURITY_COOKIES it finishes the login, sets the cookies, and redirects to `return_to`. After an error it redirects to AMPHO_APP_URL with `ampho_error` and further parameters (docs/guides/providers.md).",
    ],
    access: none,
    input: fields(callbackFields),
    status: 303,
    grants: true,
    errors: ["not_found", "unavailable"],
    endpoint: receiveCallback,
  }),
  route("POST", "/login/outside/{provider}/callback", "forwardCallback", {
    summary: "Receive the response of an outside provider as a form",
    notes: ["Redirects to the same path with GET, because browsers send no cookies with a form of another site."],
    access: none,
    input: fields(callbackFields),
    status: 303,
    crossSite: true,
    endpoint: forwardCallback,
  }),
  route("POST", "/identities", "beginIdentity", {
    summary: "Begin to link an identity at an outside provider",
    notes: [confirmedNote, "The browser goes to `url`, as for a login."],
    input: fields(identityStart),
    output: outsideBegun,
    errors: [...confirmedErrors, "not_found", "unavailable"],
    endpoint: async (call) => {
      const { provider, return_to: returnTo } = call.input;
      return asRedirect(call, await call.flows.beginIdentity({ auth: call.auth, provider, returnTo }, call.caller));
    },
  }),
  route("POST", "/identities/finish", "finishIdentity", {
    summary: "Link an identity",
    notes: [
      confirmedNote,
      "Needs the transaction of this session. The user can sign in with the identity from then on.",
    ],
    input: fields(identityProof),
    output: grant,
    errors: [
      ...confirmedErrors,
      "invalid_credentials",
      "transaction_over",
      "identity_taken",
      "not_found",
      "unavailable",
    ],
    endpoint: ({ flows, auth, input, cookies, caller }) =>
      flows.finishIdentity({ auth, transaction: transactionOf(input, cookies), response: input.outside }, caller),
  }),
  route("DELETE", "/identities/{id}", "removeIdentity", {
    summary: "Unlink an identity",
    notes: [confirmedNote, "Ends the other sessions of the user."],
    output: grant,
    finishes: false,
    errors: [...confirmedErrors, "not_found", "last_way_in", "unavailable"],
    endpoint: ({ flows, auth, caller, parameters }) => {
      const id = idOf(parameters, (text) => /^[\w-]{43}$/.test(text), "Your account has no such identity.");
      return flows.removeIdentity({ auth, id }, caller);
    },
  }),
].map(servedIf(({ outside }) => outside !== undefined));
