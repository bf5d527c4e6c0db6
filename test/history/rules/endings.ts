// A session that has ended is rejected. Its own process and later ones reject it at once, and so does the database. Other
// processes reject it within a second of the response that ended it (docs/reference/contract.md §4 "Revocation").
import { effectUntil, type Facts, isDone, type SessionFacts } from "../facts.js";
import type { Operation, OperationOf, Violation } from "../history.js";

const boundMs = 1_000;

export function* checkEndings(facts: Facts): Generator<Violation> {
  const startOf = new Map(facts.history.lives.map(({ process, start }) => [process, start]));
  for (const session of facts.sessions.values()) {
    yield* checkUses(session, startOf);
    yield* checkDecisions(session);
  }
  yield* checkLists(facts);
  yield* checkRoles(facts);
}

/** Decides if nothing else can have ended the session before. */
function isFirst(ending: Operation, session: SessionFacts): boolean {
  return session.mayEnd.every((each) => each === ending || each.start >= ending.end);
}

function* checkUses(session: SessionFacts, startOf: ReadonlyMap<string, number>): Generator<Violation> {
  const endings = session.surelyEnds.map((ending) => ({ ending, first: isFirst(ending, session) }));
  for (const use of session.uses) {
    if (!isDone(use)) continue;
    for (const { ending, first } of endings) {
      if (ending === use || ending.end > use.start) continue;
      const here = first && ending.process === use.process && ending.process !== "operator";
      const later = (startOf.get(use.process) ?? 0) >= ending.end;
      if (use.start <= ending.end + (here || later ? 0 : boundMs)) continue;
      const because = `a token of ${session.sid} was accepted by ${use.process} ${ms(use.start - ending.end)} after ${ending.process} had confirmed its end`;
      yield { statement: "accepted_after_end", because, operations: [ending, use] };
      break;
    }
  }
}

/** Requests that need the database are rejected everywhere once the response is there. */
function* checkDecisions(session: SessionFacts): Generator<Violation> {
  const again = session.replacements.filter(({ response }) => response?.granted?.sid === session.sid);
  for (const decision of [...session.renewals, ...again]) {
    if (!isDone(decision)) continue;
    const ending = session.surelyEnds.find((each) => each !== decision && each.end <= decision.start);
    if (ending === undefined) continue;
    const because = `${decision.request.kind} was done by ${session.sid} ${ms(decision.start - ending.end)} after it had ended`;
    yield { statement: "done_after_end", because, operations: [ending, decision] };
  }
}

function* checkLists({ history, sessions }: Facts): Generator<Violation> {
  for (const operation of history.operations) {
    for (const sid of operation.response?.sessions ?? []) {
      const ending = sessions.get(sid)?.surelyEnds.find((each) => each.end <= operation.start);
      if (ending === undefined) continue;
      const because = `${sid} was listed ${ms(operation.start - ending.end)} after it had ended`;
      yield { statement: "listed_after_end", because, operations: [ending, operation] };
    }
  }
}

function* checkRoles(facts: Facts): Generator<Violation> {
  const grantedBy = new Map<string, Operation>();
  for (const each of facts.history.operations)
    if (each.response?.granted !== undefined) grantedBy.set(each.response.granted.jti, each);
  for (const session of facts.sessions.values()) {
    const removals = facts.of("roles", session.login).filter((each) => isDone(each) && each.request.remove.length > 0);
    if (removals.length === 0) continue;
    for (const use of session.uses) {
      if (!isDone(use)) continue;
      const grant = grantedBy.get(use.request.token.jti);
      const removal = removals.find((each) => takes(each, use) && grant !== undefined && grant.end <= each.start);
      if (removal === undefined || use.start <= removal.end + boundMs) continue;
      const because = `a token with a role was accepted ${ms(use.start - removal.end)} after the role was removed`;
      yield { statement: "role_accepted_after_removal", because, operations: [removal, use] };
    }
  }
}

function takes(removal: OperationOf<"roles">, use: SessionFacts["uses"][number]): boolean {
  const { roles } = use.request.token;
  return removal.request.remove.some((role) => roles.includes(role)) && effectUntil(removal) <= use.start;
}

const ms = (duration: number): string => `${Math.round(duration)} ms`;
