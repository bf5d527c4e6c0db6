// Exactly the allowed number of guesses, at any process (docs/operate/throttling.md). A guess took its attempt at some time between
// its start and its end, and a wrong one was counted before its response. Every limit here is the widest that this leaves,
// so that no order of simultaneous events can be called a fault.
import { type Facts, groupBy, isDone, isRejected, isUnknown } from "../facts.js";
import type { AuditRow, Limits, Operation, OperationOf, Statement, Violation } from "../history.js";

/** The store counts in whole seconds. */
const roundingMs = 1_000;

type Guess = OperationOf<"login"> | OperationOf<"password">;

export function* checkGuesses(facts: Facts): Generator<Violation> {
  const { history } = facts;
  const entries = history.operations.filter((each): each is OperationOf<"login"> => each.request.kind === "login");
  const logins = groupBy(entries, ({ request }) => request.login);
  const addresses = groupBy(entries, ({ request }) => request.address);
  for (const guesses of logins.values()) {
    const strange = guesses.filter((guess) => placeOf(facts, guess) === "strange");
    const maybe = guesses.filter((guess) => placeOf(facts, guess) !== "known");
    yield* checkCount(history.limits, { tries: history.limits.tries, guesses: strange, maybe, forgives: sameAddress });
    yield* checkEarly(facts, guesses, strange, addresses);
    yield* checkKnown(facts, guesses);
  }
  for (const { login } of history.users) {
    const bySession = groupBy(facts.of("password", login), ({ request }) => request.token.sid);
    for (const guesses of bySession.values())
      yield* checkCount(history.limits, {
        tries: history.limits.knownTries,
        guesses,
        maybe: guesses,
        forgives: () => true,
      });
  }
  for (const guesses of addresses.values()) yield* checkAddress(history.limits, guesses);
  yield* checkLog(facts, logins);
}

const sameAddress = (a: OperationOf<"login">, b: OperationOf<"login">): boolean =>
  a.request.address === b.request.address;

/** Decides if a device proof counted. Undefined where that depends on which of two came first. */
function placeOf(facts: Facts, { request, start, end }: OperationOf<"login">): "strange" | "known" | undefined {
  const { device, login } = request;
  if (device === undefined) return "strange";
  const replaced = facts.of("password", login).filter((each) => each.request.old === device.password);
  if (replaced.some((each) => isDone(each) && each.end <= start)) return "strange";
  return replaced.some((each) => !isRejected(each, "invalid_credentials") && each.start < end) ? undefined : "known";
}

/** The first wait is a fifteenth of the window. Each is twice the one before, up to the window. */
function waitMs(failures: number, tries: number, { windowSeconds }: Limits): number {
  if (failures < tries) return 0;
  const first = Math.max(1, Math.ceil(windowSeconds / 15));
  return Math.min(windowSeconds, first * 2 ** (failures - tries)) * 1_000;
}

/** After so many known failures, the next attempt is allowed no earlier. */
function nextAt(failures: readonly Operation[], tries: number, limits: Limits): number {
  const [count, last] = [failures.length, failures[failures.length - 1]];
  if (count < tries || last === undefined) return Number.NEGATIVE_INFINITY;
  // In the order of their starts, because the last of them was counted no earlier than it began.
  return last.start + waitMs(count, tries, limits) - roundingMs;
}

function* checkCount<G extends Guess>(
  limits: Limits,
  {
    tries,
    guesses,
    maybe,
    forgives,
  }: {
    readonly tries: number;
    /** The attempts that were surely counted here. */
    readonly guesses: readonly G[];
    /** The attempts that were possibly counted here. */
    readonly maybe: readonly G[];
    /** True if a success resets earlier failures. */
    readonly forgives: (right: G, wrong: G) => boolean;
  },
): Generator<Violation> {
  const right = maybe.filter((each) => isDone(each) || isUnknown(each));
  const wrong = guesses
    .filter((each) => isRejected(each, "invalid_credentials"))
    .filter((each) => !right.some((other) => forgives(other, each) && other.end >= each.start));
  const byStart = [...wrong].sort((a, b) => a.start - b.start);
  const byEnd = [...wrong].sort((a, b) => a.end - b.end);
  for (const [count, guess] of byEnd.entries()) {
    const before = byStart.slice(0, count);
    if (guess.end >= nextAt(before, tries, limits) || isForgotten([...before, guess], tries, limits)) continue;
    const because = `${count + 1} wrong passwords for ${guess.request.login} were checked, but ${tries} are allowed`;
    yield { statement: "too_many_guesses", because, operations: byEnd.slice(0, count + 1) };
    break;
  }
  for (const guess of guesses.filter(isDone)) {
    const before = byStart.filter(({ end }) => end <= guess.start);
    if (guess.end >= nextAt(before, tries, limits) || isForgotten([...before, guess], tries, limits)) continue;
    const because = `the password of ${guess.request.login} was accepted after ${before.length} wrong ones`;
    yield { statement: "accepted_beyond_limit", because, operations: [...before, guess] };
  }
}

/** Failures are forgotten a window after the last wait. Where that is possible nothing is stated. */
function isForgotten(all: readonly Operation[], tries: number, limits: Limits): boolean {
  return all.some((each, at) => {
    const before = all[at - 1];
    if (before === undefined) return false;
    return each.end - before.start >= limits.windowSeconds * 1_000 + waitMs(at, tries, limits);
  });
}

/** Decides if it took an attempt that could count against others. */
const counts = (guess: Operation): boolean => !isRejected(guess, "too_many_attempts");

function* checkEarly(
  { history }: Facts,
  guesses: readonly OperationOf<"login">[],
  strange: readonly OperationOf<"login">[],
  addresses: ReadonlyMap<string, readonly OperationOf<"login">[]>,
): Generator<Violation> {
  const { tries, addressLogins } = history.limits;
  const taken = guesses.filter(counts);
  for (const held of strange.filter((each) => isRejected(each, "too_many_attempts"))) {
    const earlier = (each: Operation) => counts(each) && each.start < held.end;
    const others = taken.filter(earlier);
    const { address, login } = held.request;
    const elsewhere = (addresses.get(address) ?? []).filter((each) => each.request.login !== login && earlier(each));
    if (others.length >= tries || new Set(elsewhere.map(({ request }) => request.login)).size >= addressLogins)
      continue;
    const because = `a guess at ${login} was rejected after ${others.length}, but ${tries} are allowed`;
    yield { statement: "rejected_too_early", because, operations: [...others, held] };
  }
}

function* checkKnown(facts: Facts, guesses: readonly OperationOf<"login">[]): Generator<Violation> {
  const known = guesses.filter((guess) => placeOf(facts, guess) !== "strange");
  for (const held of known) {
    if (!isRejected(held, "too_many_attempts") || placeOf(facts, held) !== "known") continue;
    const others = known.filter((each) => counts(each) && !isDone(each) && each.start < held.end);
    if (others.length >= facts.history.limits.knownTries) continue;
    const because = `${held.request.login} was rejected on a known device after ${others.length} wrong passwords there`;
    yield { statement: "known_device_rejected", because, operations: [...others, held] };
  }
}

/** Logins that fail from one address. */
function* checkAddress({ addressLogins, windowSeconds }: Limits, guesses: readonly OperationOf<"login">[]) {
  const letIn = new Set(guesses.filter((each) => isDone(each)).map(({ request }) => request.login));
  const first = new Map<string, Operation>();
  for (const guess of [...guesses].sort((a, b) => a.end - b.end)) {
    const { login } = guess.request;
    if (!isRejected(guess, "invalid_credentials") || guess.request.device !== undefined || letIn.has(login)) continue;
    if (!first.has(login)) first.set(login, guess);
  }
  const failed = [...first.values()];
  const [oldest, last] = [failed[0], failed[addressLogins]];
  if (oldest === undefined || last === undefined || last.end - oldest.start > windowSeconds * 1_000 - roundingMs)
    return;
  const because = `${failed.length} logins failed from one address, but ${addressLogins} are allowed`;
  yield { statement: "too_many_guesses", because, operations: failed } satisfies Violation;
}

/** The same by the log, which also has those without a response, and the database's own times. */
function* checkLog(facts: Facts, logins: ReadonlyMap<string, readonly OperationOf<"login">[]>) {
  const rejections = groupBy(
    // People type passwords where the login belongs, so an unknown login is not recorded.
    facts.history.audit.filter(({ event, login }) => event === "login_rejected" && login !== null),
    ({ login }) => login ?? "",
  );
  for (const [login, rows] of rejections) {
    const guesses = logins.get(login) ?? [];
    const right = passwordsOf(facts, login);
    // A success, known or not, resets the failures at its address.
    const excepted = new Set(
      guesses
        .filter(({ request }) => request.device !== undefined || right.has(request.password))
        .map(({ request }) => request.address),
    );
    const strange = rows.filter(({ address }) => !excepted.has(address ?? "")).sort((a, b) => a.at - b.at || a.n - b.n);
    const wrong = firstTooSoon(strange, facts.history.limits);
    if (wrong === undefined) continue;
    const because = `${login}: guess ${wrong + 1} came ${(strange[wrong]?.at ?? 0) - (strange[wrong - 1]?.at ?? 0)} s after the one before`;
    const statement: Statement = "too_many_guesses";
    const seen = guesses.filter((each) => isRejected(each, "invalid_credentials"));
    yield { statement, because, operations: seen, rows: strange.slice(0, wrong + 1) };
  }
}

/** All that the account ever had. */
function passwordsOf(facts: Facts, login: string): ReadonlySet<string> {
  const first = facts.history.users.filter((user) => user.login === login).map(({ password }) => password);
  return new Set([...first, ...facts.of("password", login).map(({ request }) => request.next)]);
}

function firstTooSoon(rows: readonly AuditRow[], limits: Limits): number | undefined {
  let failures = 0;
  for (const [index, row] of rows.entries()) {
    const before = rows[index - 1];
    const wait = waitMs(failures, limits.tries, limits) / 1_000;
    const passed = before === undefined ? 0 : row.at - before.at;
    // Forgotten a window after the last wait.
    if (before !== undefined && passed >= wait + limits.windowSeconds) failures = 0;
    else if (before !== undefined && passed < wait - 1) return index;
    failures += 1;
  }
  return undefined;
}
