// Faults put into a recorded history: one response or one row that the contract forbids there. The altered operation is chosen
// at random among all where the fault would be certain.
import { type Facts, factsOf, isDone, isRejected, isUnknown, type SessionFacts } from "./facts.js";
import type { AuditRow, History, Operation, ReadResponse, Statement } from "./history.js";
import type { Random } from "./random.js";

/** Returns undefined where the history has no operation for it. */
type Alteration = (history: History, random: Random) => History | undefined;

const boundMs = 1_000;
const accepted = { status: 200 } as const;

function respondWithAnother(
  history: History,
  random: Random,
  places: readonly Operation[],
  respond: (of: Operation) => ReadResponse,
) {
  if (places.length === 0) return undefined;
  const place = random.pick(places);
  const altered = { ...place, response: respond(place) };
  return { ...history, operations: history.operations.map((each) => (each.n === place.n ? altered : each)) };
}

function removeRow(history: History, random: Random, isPlace: (row: AuditRow) => boolean): History | undefined {
  const rows = history.audit.filter(isPlace);
  if (rows.length === 0) return undefined;
  const gone = random.pick(rows);
  return { ...history, audit: history.audit.filter((row) => row !== gone) };
}

function repeatRow(history: History, random: Random, isPlace: (row: AuditRow) => boolean): History | undefined {
  const rows = history.audit.filter(isPlace);
  return rows.length === 0 ? undefined : { ...history, audit: [...history.audit, random.pick(rows)] };
}

const sessionsOf = (history: History): readonly SessionFacts[] => [...factsOf(history).sessions.values()];

/** Uses and renewals that came when the session had surely ended, longer ago than the limit. */
function late(history: History): readonly Operation[] {
  return sessionsOf(history).flatMap((session) =>
    [...session.uses, ...session.renewals].filter(
      (each) =>
        !isUnknown(each) && session.surelyEnds.some((ending) => ending !== each && ending.end + boundMs < each.start),
    ),
  );
}

/** Uses of a valid token that came before anything could have ended the session, replaced the token or removed a role. */
function unharmed(history: History): readonly Operation[] {
  const facts = factsOf(history);
  return sessionsOf(history).flatMap((session) =>
    [...session.uses, ...session.renewals].filter(
      (each) =>
        isDone(each) &&
        isLongValid(facts, each) &&
        !facts.of("roles", session.login).some(({ start }) => start < each.end) &&
        !session.mayEnd.some(({ start }) => start < each.end) &&
        !session.replacements.some(({ start }) => start < each.end) &&
        (each.request.kind !== "renew" || isAlone(each, session)),
    ),
  );
}

/** Its token was valid for more than two seconds afterwards. */
function isLongValid({ unixMs }: Facts, { request, end }: Operation): boolean {
  const exp = request.kind === "guard" ? request.token.exp : request.kind === "renew" ? request.exp : undefined;
  return exp === undefined || unixMs(end) < (exp - 2) * 1_000;
}

/** If rejected, they could not have been replays, because nothing else used the session meanwhile. */
function isAlone(renewal: Operation, { renewals, replacements }: SessionFacts): boolean {
  const others = renewals.filter((each) => each !== renewal);
  return (
    replacements.length === 0 &&
    others.every((each) => isDone(each) && (each.end < renewal.start || each.start > renewal.end))
  );
}

const isGuard = ({ request }: Operation): boolean => request.kind === "guard";
const isRenewal = ({ request }: Operation): boolean => request.kind === "renew";

export const alterations: readonly (readonly [Statement, Alteration])[] = [
  [
    "wrong_successor",
    (history, random) => {
      const renewals = history.operations.filter((each) => isRenewal(each) && isDone(each));
      return respondWithAnother(history, random, renewals, ({ response }) => {
        const granted = response?.granted;
        return {
          ...response,
          ...accepted,
          granted: granted && { ...granted, gen: granted.gen + random.pick([-1, 1, 2]) },
        };
      });
    },
  ],
  [
    "accepted_after_end",
    (history, random) => respondWithAnother(history, random, late(history).filter(isGuard), () => accepted),
  ],
  [
    "done_after_end",
    (history, random) => respondWithAnother(history, random, late(history).filter(isRenewal), () => accepted),
  ],
  [
    "logged_out_without_cause",
    (history, random) =>
      respondWithAnother(history, random, unharmed(history), (each) => ({
        status: 401,
        error: isRenewal(each) ? "session_ended" : "invalid_token",
      })),
  ],
  [
    "too_many_guesses",
    (history, random) => {
      // After the first of them that was delayed, the free attempts are used up.
      const held = guessesAtTargets(history).filter((each) => isRejected(each, "too_many_attempts"));
      const wrong = held.filter(({ request }) => request.kind === "login" && request.password.startsWith("guess"));
      const full = wrong.filter((each) => countBefore(history, each) >= history.limits.tries && isEarly(history, each));
      return respondWithAnother(history, random, full, () => ({ status: 401, error: "invalid_credentials" }));
    },
  ],
  [
    "accepted_beyond_limit",
    (history, random) => {
      const held = guessesAtTargets(history).filter((each) => isRejected(each, "too_many_attempts"));
      const full = held.filter((each) => countBefore(history, each) >= history.limits.tries && isEarly(history, each));
      return respondWithAnother(history, random, full, () => accepted);
    },
  ],
  [
    "rejected_too_early",
    (history, random) => {
      const first = guessesAtTargets(history).filter((each) => countStarted(history, each) < history.limits.tries);
      return respondWithAnother(history, random, first, () => ({ status: 429, error: "too_many_attempts" }));
    },
  ],
  [
    "known_device_rejected",
    (history, random) => {
      const owners = history.operations.filter(
        ({ request }) => request.kind === "login" && request.device !== undefined && request.login.startsWith("target"),
      );
      return respondWithAnother(history, random, owners, () => ({ status: 429, error: "too_many_attempts" }));
    },
  ],
  [
    "unexpected_response",
    (history, random) => respondWithAnother(history, random, history.operations, () => ({ status: 500 })),
  ],
  ["not_recorded", (history, random) => removeRow(history, random, reportsOne(history))],
  ["recorded_too_often", (history, random) => repeatRow(history, random, reportsOne(history))],
  ["two_successors", (history, random) => repeatRow(history, random, ({ event }) => event === "renew")],
];

/** Rows that exactly one response requires: rows of logins with a response. */
function reportsOne(history: History): (row: AuditRow) => boolean {
  const reported = new Set(sessionsOf(history).map(({ sid }) => sid));
  return ({ event, sessionId }) => event === "login" && reported.has(sessionId ?? "");
}

function guessesAtTargets(history: History): readonly Operation[] {
  return history.operations.filter(
    ({ request, client }) => request.kind === "login" && request.login.startsWith("target") && client === "guesser",
  );
}

const sameLogin = (a: Operation, b: Operation): boolean => a.request.login === b.request.login;

function countBefore(history: History, guess: Operation): number {
  return guessesAtTargets(history).filter(
    (each) => sameLogin(each, guess) && isRejected(each, "invalid_credentials") && each.end <= guess.start,
  ).length;
}

/** Within the first wait, which is a fifteenth of the window. */
function isEarly(history: History, guess: Operation): boolean {
  const wrong = guessesAtTargets(history).filter(
    (each) => sameLogin(each, guess) && isRejected(each, "invalid_credentials"),
  );
  const free = [...wrong].sort((a, b) => a.start - b.start)[history.limits.tries - 1];
  const waitMs = (history.limits.windowSeconds / 15) * 1_000;
  return free !== undefined && guess.end < free.start + waitMs - boundMs;
}

function countStarted(history: History, guess: Operation): number {
  return history.operations.filter(
    (each) => each !== guess && each.request.kind === "login" && sameLogin(each, guess) && each.start < guess.end,
  ).length;
}
