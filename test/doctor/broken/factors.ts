// Faults of second factors: they are left out, a password alone changes them, and a code works again.
import type { Ampho } from "../../../dist/ampho.js";
import type { HttpRequest, HttpResponse } from "../../../dist/http/rest/message.js";
import { type Fault, membersOf, open, pathOf, readBody, taking, type Workshop } from "./server.js";

export type Members = Readonly<Record<string, unknown>>;
type Change = (sent: Members, answer: HttpResponse, ampho: Ampho) => Promise<HttpResponse> | HttpResponse;

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

const lacks = (answer: HttpResponse, enroll: boolean): boolean => {
  const { error, enroll: asked } = membersOf(answer.body);
  return error === "factor_needed" && asked === enroll;
};

export const factorFaults: readonly Fault[] = [
  {
    name: "opens a session without the second factor of the account",
    finds: ["second-factor"],
    plant: at("/login", ({ login }, answer, ampho) => (lacks(answer, false) ? letIn(ampho, login) : answer)),
  },
  {
    name: "opens a session without the second factor that the policy requires",
    finds: ["second-factor"],
    plant: at("/login", ({ login }, answer, ampho) => (lacks(answer, true) ? letIn(ampho, login) : answer)),
  },
  {
    name: "believes a login that claims its level",
    finds: ["second-factor"],
    plant: at("/login", ({ login, acr }, answer, ampho) =>
      lacks(answer, false) && login !== undefined && acr === "2fa" ? letIn(ampho, login) : answer,
    ),
  },
  {
    name: "takes the proof of a known device for a second factor",
    finds: ["second-factor"],
    plant: at("/login", ({ login, device }, answer, ampho) =>
      lacks(answer, false) && typeof device === "string" ? letIn(ampho, login) : answer,
    ),
  },
  {
    name: "accepts a pending login as bearer token",
    finds: ["second-factor"],
    plant: taking((token) => (open(token)?.header["typ"] === "lt+jwt" ? { login: "somebody" } : undefined)),
  },
  {
    name: "finishes a pending login without a factor",
    finds: ["second-factor"],
    plant: at("/login", ({ transaction, totp }, answer, ampho) =>
      transaction !== undefined && totp === undefined ? letIn(ampho, claimsIn(transaction)["login"]) : answer,
    ),
  },
  {
    name: "lets a pending login set up another app",
    finds: ["pending-enrolment"],
    plant: at("/totp", ({ transaction }, answer) =>
      claimsIn(transaction)["for"] === "second"
        ? respond({ secret: "AAAA", uri: "otpauth://totp/x", transaction })
        : answer,
    ),
  },
  {
    name: "accepts a code again",
    finds: ["totp-replay"],
    plant: (inner, shop) => {
      const used = new Set<unknown>();
      return at("/login", ({ login, transaction, totp }, answer, ampho) => {
        if (totp === undefined) return answer;
        if (answer.status !== 200)
          return used.has(totp) ? letIn(ampho, login ?? claimsIn(transaction)["login"]) : answer;
        used.add(totp);
        return answer;
      })(inner, shop);
    },
  },
  {
    name: "accepts the code that confirmed the app",
    finds: ["totp-replay"],
    plant: (inner, shop) => {
      const used = new Set<unknown>();
      const confirming = at("/totp/confirm", ({ totp }, answer) => {
        if (answer.status === 200) used.add(totp);
        return answer;
      })(inner, shop);
      return at("/login", ({ login, totp }, answer, ampho) =>
        answer.status !== 200 && used.has(totp) ? letIn(ampho, login) : answer,
      )(confirming, shop);
    },
  },
  {
    name: "accepts one code for several logins at once",
    finds: ["totp-replay"],
    plant: at("/login", ({ transaction, totp }, answer, ampho) =>
      transaction !== undefined && totp !== undefined && answer.status !== 200
        ? letIn(ampho, claimsIn(transaction)["login"])
        : answer,
    ),
  },
];
