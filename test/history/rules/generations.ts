// One live generation for each session (docs/reference/contract.md §4, POST /renew).
import { type Facts, graceMs, isBefore, isDone, isUnknown, push, roundingMs, type SessionFacts } from "../facts.js";
import type { AuditRow, Granted, Operation, OperationOf, Violation } from "../history.js";

export function* checkGenerations(facts: Facts): Generator<Violation> {
  for (const session of facts.sessions.values()) {
    for (const renewal of session.renewals) {
      if (!isDone(renewal)) continue;
      yield* checkSuccessor(renewal);
      yield* checkAge(session, renewal);
      yield* checkReplaced(session, renewal);
    }
    yield* checkAgreement(session);
  }
  yield* checkMoves(facts);
}

function* checkSuccessor(renewal: OperationOf<"renew">): Generator<Violation> {
  const { request, response } = renewal;
  const granted = response?.granted;
  if (granted?.gen === request.gen + 1 && granted.sid === request.sid) return;
  const because = `generation ${request.gen} of ${request.sid} gave ${granted?.gen} of ${granted?.sid}`;
  yield { statement: "wrong_successor", because, operations: [renewal] };
}

/** The newest generation renews, and for a while the one before it. */
function* checkAge(session: SessionFacts, renewal: OperationOf<"renew">): Generator<Violation> {
  const { gen, key } = renewal.request;
  const before = grantsOf(session).filter(([{ end }]) => end < renewal.start);
  const passed = before.find(([, granted]) => granted.gen >= gen + 2);
  if (passed !== undefined) {
    const because = `generation ${gen} renewed although ${passed[1].gen} was given before`;
    yield { statement: "old_generation_renewed", because, operations: [passed[0], renewal] };
    return;
  }
  const [moved] = before.filter(([, granted]) => granted.gen === gen + 1).sort(([a], [b]) => a.end - b.end);
  if (moved === undefined || renewal.start <= moved[0].end + graceMs + roundingMs) return;
  const movers = session.renewals.filter(
    (each) => each.request.gen === gen && each.start <= moved[0].end && (isDone(each) || isUnknown(each)),
  );
  if (key !== undefined && movers.some((each) => each.request.key === key)) return;
  const because = `generation ${gen} renewed ${Math.round(renewal.start - moved[0].end)} ms after it was passed`;
  yield { statement: "grace_exceeded", because, operations: [moved[0], renewal] };
}

/** A re-authentication or a changed password leaves no grace. */
function* checkReplaced({ sid, replacements }: SessionFacts, renewal: OperationOf<"renew">): Generator<Violation> {
  const { gen } = renewal.request;
  const later = replacements.find(
    (each) => each.response?.granted?.sid === sid && isBefore(gen, each) && each.end <= renewal.start,
  );
  if (later === undefined) return;
  const because = `generation ${gen} of ${sid} renewed after newer tokens had replaced it`;
  yield { statement: "renewed_past_login", because, operations: [later, renewal] };
}

function grantsOf(session: SessionFacts): readonly (readonly [Operation, Granted])[] {
  return [session.begun, ...session.renewals, ...session.replacements].flatMap((operation) => {
    const granted = operation.response?.granted;
    return granted?.sid === session.sid ? [[operation, granted] as const] : [];
  });
}

function* checkAgreement(session: SessionFacts): Generator<Violation> {
  const first = new Map<number, readonly [Operation, Granted]>();
  for (const [operation, granted] of grantsOf(session)) {
    const [other, said] = first.get(granted.gen) ?? [operation, granted];
    first.set(granted.gen, [
      other,
      said.refreshExpires === undefined ? { ...said, refreshExpires: granted.refreshExpires } : said,
    ]);
    const same =
      said.sub === granted.sub &&
      said.login === granted.login &&
      (said.refreshExpires ?? granted.refreshExpires) === (granted.refreshExpires ?? said.refreshExpires);
    if (same) continue;
    const because = `two responses with generation ${granted.gen} of ${session.sid} differ`;
    yield { statement: "responses_disagree", because, operations: [other, operation] };
  }
}

/** By the log: the request that moved a generation on is in it as `renew`, all others as something else. */
function* checkMoves({ history, sessions }: Facts): Generator<Violation> {
  const moves = new Map<string, AuditRow[]>();
  for (const row of history.audit) if (row.event === "renew") push(moves, `${row.sessionId} ${row.gen}`, row);
  for (const rows of moves.values()) {
    const [first] = rows;
    if (rows.length < 2 || first === undefined) continue;
    const renewals = sessions.get(first.sessionId ?? "")?.renewals ?? [];
    const operations = renewals.filter(({ request }) => request.gen === first.gen);
    const because = `generation ${first.gen} of ${first.sessionId} was moved on ${rows.length} times`;
    yield { statement: "two_successors", because, operations, rows };
  }
}
