// Only enabled users log in, with their current password, and all of them can.
// Each password has a name of its own, so that a replaced one never comes back.
import { effectUntil, type Facts, isDone, isRejected, mayBeDone } from "../facts.js";
import type { Operation, OperationOf, Violation } from "../history.js";

export function* checkPasswords(facts: Facts): Generator<Violation> {
  const first = new Map(facts.history.users.map(({ login, password }) => [login, password]));
  for (const [login, password] of first) {
    for (const entry of facts.of("login", login)) {
      if (isDone(entry)) yield* checkEntry(facts, entry, password);
      if (isRejected(entry, "invalid_credentials"))
        yield* checkRejection(facts, entry, entry.request.password, password);
    }
    for (const change of facts.of("password", login))
      if (isRejected(change, "invalid_credentials")) yield* checkRejection(facts, change, change.request.old, password);
  }
}

function* checkEntry(facts: Facts, entry: OperationOf<"login">, first: string): Generator<Violation> {
  const { login, password } = entry.request;
  const disabling = surelyDisabled(facts, entry);
  if (disabling !== undefined)
    yield { statement: "login_while_disabled", because: `${login} was disabled`, operations: [disabling, entry] };

  const changes = facts.of("password", login);
  const made = changes.find((each) => each.request.next === password && each.start < entry.end && mayBeDone(each));
  const replaced = changes.find((each) => each.request.old === password && isDone(each) && each.end <= entry.start);
  if (password !== first && made === undefined)
    yield {
      statement: "login_with_wrong_password",
      because: `${password} was never the password`,
      operations: [entry],
    };
  else if (replaced !== undefined)
    yield {
      statement: "login_with_wrong_password",
      because: `${password} had been replaced`,
      operations: [replaced, entry],
    };
}

/** The right password was rejected. Was it possibly another for a moment, or was its user locked out? */
function* checkRejection(facts: Facts, rejected: Operation, password: string, first: string): Generator<Violation> {
  const { login } = rejected.request;
  const changes = facts.of("password", login).filter((each) => each !== rejected);
  const made = changes.find((each) => each.request.next === password);
  const surelyMade = password === first || (made !== undefined && isDone(made) && made.end <= rejected.start);
  const replaced = changes.some(
    (each) => each.request.old === password && mayBeDone(each) && each.start < effectUntil(rejected),
  );
  if (!surelyMade || replaced || mayBeDisabled(facts, rejected)) return;
  const because = `${password} was the password of ${login}`;
  yield { statement: "rejected_without_cause", because, operations: [rejected] };
}

function surelyDisabled(facts: Facts, { start, end, request }: Operation): Operation | undefined {
  const enablings = facts.of("enable", request.login).filter(mayBeDone);
  return facts
    .of("disable", request.login)
    .filter(isDone)
    .find(
      (each) => each.end <= start && enablings.every((after) => effectUntil(after) <= each.start || after.start >= end),
    );
}

function mayBeDisabled(facts: Facts, { start, end, request }: Operation): boolean {
  const enablings = facts.of("enable", request.login).filter(isDone);
  return facts
    .of("disable", request.login)
    .filter(mayBeDone)
    .some(
      (each) => each.start < end && !enablings.some((after) => after.start >= effectUntil(each) && after.end <= start),
    );
}
