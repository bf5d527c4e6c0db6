// Conclusions from a history for each session and account: what could have ended it, what surely has, and when. An operation
// without a response was possibly done at any time until `lostEffectMs` after it was given up, or never.
import type { History, Kind, Operation, OperationOf, ReadResponse } from "./history.js";

/** The store gives up after 6 s, and a server does not begin a request later than that. */
export const lostEffectMs = 10_000;
/** A session's generation before the present one renews for so long (docs/reference/contract.md §4). */
export const graceMs = 10_000;

export type Replacement = OperationOf<"login" | "password">;

export interface SessionFacts {
  readonly sid: string;
  readonly login: string;
  /** The first response that named it. */
  readonly begun: Operation;
  readonly renewals: readonly OperationOf<"renew">[];
  /** Everything that replaces its tokens and leaves no grace: re-authentications, and changes of the password within it. */
  readonly replacements: readonly Replacement[];
  /** Everything that presented one of its access tokens. */
  readonly uses: readonly OperationOf<"guard" | "list" | "logout" | "end" | "password">[];
  /** Everything that could have ended it, by start. */
  readonly mayEnd: readonly Operation[];
  /** Everything that has ended it or reported that it had ended, by end. */
  readonly surelyEnds: readonly Operation[];
}

export interface Facts {
  readonly history: History;
  readonly sessions: ReadonlyMap<string, SessionFacts>;
  /** Operations of one kind about one account. */
  of<K extends Kind>(kind: K, login: string): readonly OperationOf<K>[];
  /** The Unix milliseconds of a time of the run. */
  unixMs(ms: number): number;
}

export const isKind = <K extends Kind>(operation: Operation, kind: K): operation is OperationOf<K> =>
  operation.request.kind === kind;

/** No response, or one that leaves open whether it was done. */
export const isUnknown = ({ response }: Operation): boolean => response === null || response.status >= 500;
export const isDone = ({ response }: Operation): boolean => response !== null && response.status < 300;
export const mayBeDone = (operation: Operation): boolean => isDone(operation) || isUnknown(operation);
export const isRejected = ({ response }: Operation, error: NonNullable<ReadResponse["error"]>): boolean =>
  response?.error === error;
/** The latest time at which it could have had an effect. */
export const effectUntil = (operation: Operation): number =>
  isUnknown(operation) ? operation.end + lostEffectMs : operation.end;

export function factsOf(history: History): Facts {
  const byKind = new Map<string, Operation[]>();
  const bySession = new Map<string, Operation[]>();
  for (const operation of history.operations) {
    const { request } = operation;
    push(byKind, `${request.kind} ${request.login}`, operation);
    for (const sid of sessionsNamed(operation)) push(bySession, sid, operation);
  }
  function of<K extends Kind>(kind: K, login: string): readonly OperationOf<K>[] {
    // The key contains its kind.
    return (byKind.get(`${kind} ${login}`) ?? []) as unknown as readonly OperationOf<K>[];
  }
  const sessions = new Map<string, SessionFacts>();
  for (const [sid, operations] of bySession) {
    const begun = operations.filter((each) => each.response?.granted?.sid === sid).sort((a, b) => a.end - b.end)[0];
    if (begun !== undefined) sessions.set(sid, sessionFacts(sid, begun, operations, of));
  }
  return { history, sessions, of, unixMs: (ms) => history.startedAtMs + ms };
}

function sessionFacts(sid: string, begun: Operation, operations: readonly Operation[], of: Facts["of"]): SessionFacts {
  const { login } = begun.request;
  const renewals = operations.filter((each) => isKind(each, "renew")).filter(({ request }) => request.sid === sid);
  const replacements = operations.filter((each) => isReplacement(each, sid));
  const uses = operations.filter((each) => isUse(each)).filter(({ request }) => request.token.sid === sid);
  const logouts = uses.filter(({ request }) => request.kind === "logout");
  const others = [
    ...of("end", login),
    ...of("password", login).filter(({ request }) => request.token.sid !== sid),
    ...of("disable", login),
    ...of("expel", login),
  ];
  const replays = renewals.filter((renewal) => mayBeReplay(renewal, renewals, replacements));
  const mayEnd = [...logouts.filter(mayBeDone), ...others.filter(mayBeDone), ...replays];
  // Those of other sessions end it only if they came after it.
  const after = others.filter(isDone).filter(({ start }) => begun.end <= start);
  const reported = renewals.filter((each) => isRejected(each, "session_ended") && !canHaveRaced(each, replacements));
  return {
    sid,
    login,
    begun,
    renewals,
    replacements,
    uses,
    mayEnd: mayEnd.filter((each) => effectUntil(each) > begun.start).sort((a, b) => a.start - b.start),
    surelyEnds: [...logouts.filter(isDone), ...after, ...reported].sort((a, b) => a.end - b.end),
  };
}

/** The database counts in whole seconds. */
export const roundingMs = 1_000;

/**
 * Decides if the renewal can have been rejected because new tokens replaced it first. Within 10 s of them the rejection ends
 * no session.
 */
export function canHaveRaced(renewal: Operation, replacements: readonly Replacement[]): boolean {
  return replacements.some(
    (each) =>
      mayBeDone(each) &&
      each.start < effectUntil(renewal) &&
      renewal.start <= effectUntil(each) + graceMs + roundingMs &&
      (each.response?.granted === undefined || renewal.request.kind !== "renew" || isBefore(renewal.request.gen, each)),
  );
}

/** Decides if the replacement created a later generation. */
export function isBefore(gen: number, { response }: Replacement): boolean {
  return response?.granted !== undefined && gen < response.granted.gen;
}

/** Decides if the store could have seen a generation that is too old, and so have ended the session. */
function mayBeReplay(
  renewal: OperationOf<"renew">,
  renewals: readonly OperationOf<"renew">[],
  replacements: readonly Replacement[],
): boolean {
  if (!isRejected(renewal, "session_ended") && !isUnknown(renewal)) return false;
  const { gen, key } = renewal.request;
  const until = effectUntil(renewal);
  const passed = renewals.some((each) => each.request.gen > gen && mayBeDone(each) && each.start < until);
  if (passed || replacements.some((each) => mayBeDone(each) && each.start < until)) return true;
  return renewals.some(
    (each) =>
      each !== renewal &&
      each.request.gen === gen &&
      mayBeDone(each) &&
      each.start + graceMs < until &&
      (key === undefined || each.request.key !== key),
  );
}

function isReplacement(operation: Operation, sid: string): operation is Replacement {
  if (isKind(operation, "login")) return operation.request.bearer?.sid === sid;
  return isKind(operation, "password") && operation.request.token.sid === sid;
}

function isUse(operation: Operation): operation is OperationOf<"guard" | "list" | "logout" | "end" | "password"> {
  return "token" in operation.request;
}

function sessionsNamed({ request, response }: Operation): ReadonlySet<string> {
  const sids = new Set<string>();
  if (request.kind === "renew") sids.add(request.sid);
  if ("token" in request) sids.add(request.token.sid);
  if (request.kind === "login" && request.bearer !== undefined) sids.add(request.bearer.sid);
  if (response?.granted !== undefined) sids.add(response.granted.sid);
  return sids;
}

export function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

export function groupBy<V, K>(values: readonly V[], keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) push(groups, keyOf(value), value);
  return groups;
}
