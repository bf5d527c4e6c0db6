// Every response is one that the contract names for its route (docs/reference/contract.md §4). A bug (500) is never one of them.
import type { Facts } from "../facts.js";
import type { Kind, Violation } from "../history.js";

/** Besides 503, which everything that needs the store can return, and a guard that has not read the revocations yet. */
const expected: Readonly<Record<Kind, readonly string[]>> = {
  login: ["200", "401 invalid_credentials", "429 too_many_attempts"],
  renew: ["200", "401 session_ended", "401 invalid_token"],
  guard: ["200", "401 invalid_token"],
  list: ["200", "401 invalid_token"],
  logout: ["204", "401 invalid_token"],
  end: ["204", "401 invalid_token"],
  password: ["204", "401 invalid_token", "401 invalid_credentials", "429 too_many_attempts"],
  disable: ["200"],
  enable: ["200"],
  expel: ["200"],
  roles: ["200"],
};
const away = ["503 overloaded", "503 unavailable"];

export function* checkAnswers({ history }: Facts): Generator<Violation> {
  for (const operation of history.operations) {
    const { answer, request } = operation;
    if (answer === null) continue;
    const said = answer.error === undefined ? String(answer.status) : `${answer.status} ${answer.error}`;
    if (expected[request.kind].includes(said) || away.includes(said)) continue;
    yield {
      statement: "unexpected_response",
      because: `${request.kind} was answered ${said}`,
      operations: [operation],
    };
  }
}
