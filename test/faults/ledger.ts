// Records the responses to clients, and afterwards compares them with the database, which must contain everything that was
// acknowledged.
import { expect } from "vitest";

interface SessionEntry {
  /** The newest token in a response. */
  readonly generation: number;
  /** `asked`: its end was requested, and it is unknown whether it was done. */
  readonly over: "no" | "asked" | "yes";
}

export interface Ledger {
  opened(token: string): void;
  renewed(token: string): void;
  endAsked(token: string): void;
  ended(token: string): void;
  /** From now on a login with it succeeds. */
  passwordSet(login: string, password: string): void;
  readonly passwords: ReadonlyMap<string, string>;
  /** The number of all kinds. */
  readonly acknowledged: number;
  /** Acknowledged, but missing in these rows of the sessions. */
  lost(rows: readonly Readonly<Record<string, unknown>>[]): readonly string[];
}

export function createLedger(): Ledger {
  const sessions = new Map<string, SessionEntry>();
  const passwords = new Map<string, string>();
  let acknowledged = 0;

  function note(token: string, over: SessionEntry["over"]): void {
    const { sid, gen } = claimsOf(token);
    if (over !== "asked") acknowledged += 1;
    const generation = Math.max(gen, sessions.get(sid)?.generation ?? 0);
    sessions.set(sid, { generation, over });
  }

  return {
    opened: (token) => note(token, "no"),
    renewed: (token) => note(token, "no"),
    endAsked: (token) => note(token, "asked"),
    ended: (token) => note(token, "yes"),
    passwordSet: (login, password) => {
      acknowledged += 1;
      passwords.set(login, password);
    },
    passwords,
    get acknowledged() {
      return acknowledged;
    },
    lost(rows) {
      const found = new Map(rows.map((row) => [row["id"], row]));
      return [...sessions].flatMap(([id, { generation, over }]) => {
        const row = found.get(id);
        if (row === undefined) return [`the session ${id}`];
        if (Number(row["gen"]) < generation) return [`generation ${generation} of ${id}`];
        if (over === "yes" && row["ended_at"] === null) return [`the end of ${id}`];
        // A client that has asked for no end has a live session: no honest client is logged out.
        return over !== "no" || row["ended_at"] === null ? [] : [`the life of ${id}`];
      });
    },
  };
}

export function claimsOf(token: string): { readonly sid: string; readonly gen: number; readonly iat: number } {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({ sid: expect.any(String), gen: expect.any(Number), iat: expect.any(Number) });
  return claims;
}

/** Sessions without audit rows, renewals that are not counted, ends without revocations, numbers without rows. */
export const contradictions = `
  select id from ampho_sessions where
    (select count(*) from ampho_audit a where a.session_id = ampho_sessions.id and a.event = 'login') <> 1 or
    (select count(*) from ampho_audit a where a.session_id = ampho_sessions.id and a.event = 'renew') > gen or
    (select count(*) from ampho_audit a where a.session_id = ampho_sessions.id and a.event = 'renew') < gen
      - (select count(*) from ampho_audit a where a.user_id = ampho_sessions.user_id
         and a.event in ('password_changed', 'factor_added')) or
    (ended_at is not null and not exists (
      select 1 from ampho_revocations r where r.session_id = ampho_sessions.id or r.user_id = ampho_sessions.user_id))
  union all select 'numbers' from ampho_state
    where last_revocation <> (select coalesce(max(n), 0) from ampho_revocations)`;
