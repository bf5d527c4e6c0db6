// What may be given to the calls of manage.ts. Throws `invalid_request` for the rest.

import { isStorableText } from "../../store/storable-text.js";
import * as need from "./arguments.js";
import type { RoleChange } from "./users.js";

export const newUser = { login: need.text, password: need.optional(need.text), roles: need.optional(need.texts) };
export const importOptions = {
  dryRun: need.optional(need.flag),
  onWrongLine: need.optional(need.callback),
  onProgress: need.optional(need.callback),
};
export const auditFilter = {
  login: need.optional(need.text),
  since: need.optional(need.count),
  limit: need.optional(need.count),
};

const changedRoles = { add: need.optional(need.texts), remove: need.optional(need.texts) };

/** False for a name that no row can have. Throws `invalid_request` for what is none. */
export function isStorableArgument(argument: string, value: string): boolean {
  need.requireArgument(argument, value, need.text);
  return isStorableText(value);
}

export function roleChangeOf(roles: readonly string[] | RoleChange): RoleChange {
  const change = isList(roles) ? { set: roles } : roles;
  const needs = need.hasMember(change, "set") ? { set: need.texts } : changedRoles;
  need.requireMembers("roles", change, needs);
  return change;
}

function isList(value: readonly string[] | RoleChange): value is readonly string[] {
  return Array.isArray(value);
}

/** What is to be cleared must be said: an `all` that is false, or a login that is undefined, is not all of it. */
export function requireTarget(what: unknown): void {
  const kind = ["login", "address"].find((member) => need.hasMember(what, member)) ?? "all";
  const needs = { [kind]: kind === "all" ? need.yes : need.text };
  need.requireMembers("what", what, needs);
}
