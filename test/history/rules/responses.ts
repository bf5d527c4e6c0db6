// Every response is one that the contract names for its route (docs/reference/contract.md §4). A bug (500) is never one of them.
import type { Facts } from "../facts.js";
import type { Kind, Violation } from "../history.js";

/** Besides 503, which every request to the database can return, and a guard that has not read the revocations yet. */
const expected: Readonly<Record<Kind, readonly string[]>> = {
  login: ["200", "401 invalid_credentials", "429 too_many_attempts"],
  renew: ["200", "401 session_ended", "401 invalid_token"],
  guard: ["200", "401 invalid_token"],
  list: ["200", "401 invalid_token"],
  logout: ["204", "401 invalid_token"],
  end: ["204", "401 invalid_token"],
  password: ["200", "401 invalid_token", "401 invalid_credentials", "429 too_many_attempts"],
  disable: ["200"],
  enable: ["200"],
  expel: ["200"],
  roles: ["200"],
};
const whileDown = ["503 overloaded", "503 unavailable"];

export function* checkResponses({ history }: Facts): Generator<Violation> {
  for (const operation of history.operations) {
    const { response, request } = operation;
    if (response === null) continue;
    const outcome = response.error === undefined ? String(response.status) : `${response.status} ${response.error}`;
    if (expected[request.kind].includes(outcome) || whileDown.includes(outcome)) continue;
    yield {
      statement: "unexpected_response",
      because: `${request.kind} returned ${outcome}`,
      operations: [operation],
    };
  }
}
