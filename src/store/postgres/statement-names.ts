// Names under which the server keeps statements prepared, so that each connection has a text parsed and planned once.
// A name comes from its text alone: where processes, old and new ones, share connections of the server, it means one text.
import { createHash } from "node:crypto";
import type { PostgresFailure } from "./failure.js";

export interface StatementNames {
  /** Undefined: the statement is sent without a name, and forgotten when it is done. */
  of(text: string): string | undefined;
  /** Whether what a transaction has failed of was a name that is no longer given. */
  failed(failure: PostgresFailure): boolean;
  /** The names were not there, or taken: no more is given. */
  readonly refused: boolean;
}

/** More than there are texts: none is made of what is asked for. Each costs memory of each connection of the server. */
const namesMax = 500;

/** `onRefused` is called once. */
export function createStatementNames(onRefused: () => void): StatementNames {
  const names = new Map<string, string | undefined>();
  let refused = false;
  return {
    of(text) {
      if (refused) return undefined;
      if (!names.has(text) && names.size < namesMax) names.set(text, nameOf(text));
      return names.get(text);
    },
    failed({ text, nameUnusable, planStale }) {
      if (text === undefined || refused || names.get(text) === undefined) return false;
      if (nameUnusable) {
        refused = true;
        onRefused();
      }
      // A migration was made. A pooler keeps the old plan whatever the connection.
      if (planStale) names.set(text, undefined);
      return nameUnusable || planStale;
    },
    get refused() {
      return refused;
    },
  };
}

function nameOf(text: string): string {
  return `ampho_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
}
