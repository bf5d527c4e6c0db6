// Names under which the server keeps prepared statements, so that each connection parses and plans a text once. A name
// depends on its text alone. Where old and new processes share connections of the server, a name means one text.
import { createHash } from "node:crypto";
import type { PostgresFailure } from "./failure.js";

export type StatementNames = ReturnType<typeof createStatementNames>;

/** More than there are texts. Each name costs memory in each connection of the server. */
const namesMax = 500;

/** `onRejected` is called once. */
export function createStatementNames(onRejected: () => void) {
  const names = new Map<string, string | undefined>();
  let rejected = false;
  return {
    /** Undefined: the statement is sent without a name, and the server forgets it afterwards. */
    of(text: string): string | undefined {
      if (rejected) return undefined;
      if (!names.has(text) && names.size < namesMax) names.set(text, nameOf(text));
      return names.get(text);
    },
    /** Returns true if a transaction failed because of a name, which is then no longer used. */
    failed({ text, nameUnusable, planStale }: PostgresFailure): boolean {
      if (text === undefined || rejected || names.get(text) === undefined) return false;
      if (nameUnusable) {
        rejected = true;
        onRejected();
      }
      // A migration was applied. A pooler keeps the old plan on every connection.
      if (planStale) names.set(text, undefined);
      return nameUnusable || planStale;
    },
    /** The names were missing or taken, and none is used any more. */
    get rejected() {
      return rejected;
    },
  };
}

const nameOf = (text: string): string => `ampho_${createHash("sha256").update(text).digest("base64url").slice(0, 22)}`;
