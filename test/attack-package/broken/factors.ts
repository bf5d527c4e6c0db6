// Faults of second factors: they are left out, a password alone changes them, and a code works again.

import type { HttpRequest, HttpResponse } from "../../../dist/http/rest/message.js";
import type { Ampho } from "../../../dist/instance.js";
import { type Fault, membersOf, open, pathOf, readBody, taking, type Workshop } from "./server.js";

export type Members = Readonly<Record<string, unknown>>;
type Change = (sent: Members, response: HttpResponse, ampho: Ampho) => Promise<HttpResponse> | HttpResponse;

export const respond = (body: object): HttpResponse => ({
  status: 200,
  headers: { "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" },
  body: JSON.stringify(body),
});

/** Changes the responses of one route, which can depend on the body of the request. */
export const at =
  (path: string, change: Change): NonNullable<Fault["plant"]> =>
  (inner, { ampho }: Workshop) =>
  async (request: HttpRequest) => {
    if (pathOf(request) !== ampho.host.prefix + path || request.method !== "POST" || request.body.kind !== "stream")
      return inner(request);
    const { bytes, again } = await readBody(request);
    return change(membersOf(bytes), await inner(again), ampho);
  };

export const claimsIn = (transaction: unknown): Members => open(String(transaction))?.claims ?? {};

/** Opens a session for the user of this login. */
export async function letIn(ampho: Ampho, login: unknown): Promise<HttpResponse> {
  const user = await ampho.users.find(String(login));
  return respond(await ampho.sessions.create(user?.id ?? ""));
}

const lacks = (response: HttpResponse, enroll: boolean): boolean => {
  const { error, enroll: asked } = membersOf(response.body);
  return error === "factor_needed" && asked === enroll;
};

export const factorFaults: readonly Fault[] = [
  {
    name: "opens a session without the second factor of the account",
    finds: ["second-factor"],
    plant: at("/login", ({ login }, response, ampho) => (lacks(response, false) ? letIn(ampho, login) : response)),
  },
  {
    name: "opens a session without the second factor that the policy requires",
    finds: ["second-factor"],
    plant: at("/login", ({ login }, response, ampho) => (lacks(response, true) ? letIn(ampho, login) : response)),
  },
  {
    name: "believes a login that claims its level",
    finds: ["second-factor"],
    plant: at("/login", ({ login, acr }, response, ampho) =>
      lacks(response, false) && login !== undefined && acr === "2fa" ? letIn(ampho, login) : response,
    ),
  },
  {
    name: "takes the proof of a known device for a second factor",
    finds: ["second-factor"],
    plant: at("/login", ({ login, device }, response, ampho) =>
      lacks(response, false) && typeof device === "string" ? letIn(ampho, login) : response,
    ),
  },
  {
    name: "accepts a pending login as bearer token",
    finds: ["second-factor", "pending-enrolment"],
    plant: taking((token) => (open(token)?.header["typ"] === "lt+jwt" ? { login: "somebody" } : undefined)),
  },
  {
    name: "finishes a pending login without a factor",
    finds: ["second-factor"],
    plant: at("/login", ({ transaction, totp }, response, ampho) =>
      transaction !== undefined && totp === undefined ? letIn(ampho, claimsIn(transaction)["login"]) : response,
    ),
  },
  {
    name: "lets a pending login set up another app",
    finds: ["pending-enrolment"],
    plant: at("/totp", ({ transaction }, response) =>
      claimsIn(transaction)["for"] === "second"
        ? respond({ secret: "AAAA", uri: "otpauth://totp/x", transaction })
        : response,
    ),
  },
  {
    name: "accepts a code again",
    finds: ["totp-replay"],
    plant: (inner, shop) => {
      const used = new Set<unknown>();
      return at("/login", ({ login, transaction, totp }, response, ampho) => {
        if (totp === undefined) return response;
        if (response.status !== 200)
          return used.has(totp) ? letIn(ampho, login ?? claimsIn(transaction)["login"]) : response;
        used.add(totp);
        return response;
      })(inner, shop);
    },
  },
  {
    name: "accepts the code that confirmed the app",
    finds: ["totp-replay"],
    plant: (inner, shop) => {
      const used = new Set<unknown>();
      const confirming = at("/totp/confirm", ({ totp }, response) => {
        if (response.status === 200) used.add(totp);
        return response;
      })(inner, shop);
      return at("/login", ({ login, totp }, response, ampho) =>
        response.status !== 200 && used.has(totp) ? letIn(ampho, login) : response,
      )(confirming, shop);
    },
  },
  {
    name: "accepts one code for several logins at once",
    finds: ["totp-replay"],
    plant: at("/login", ({ transaction, totp }, response, ampho) =>
      transaction !== undefined && totp !== undefined && response.status !== 200
        ? letIn(ampho, claimsIn(transaction)["login"])
        : response,
    ),
  },
];
