// Checks the fields of a body or a query by a row's schema. A message names the field and the rule, never the value.
import * as z from "zod";
import { AmphoError, invalidRequest } from "../../../errors.js";
import type { Members } from "./body.js";

export interface Input<I> {
  readonly schema: z.ZodObject | undefined;
  /** True if the route also accepts a request without a body. */
  readonly isOptional: boolean;
  /** The members are in the query, as those of every GET are. */
  readonly inQuery?: true;
  /** `byForm`: the members come from a form, so each is a text. */
  readonly read: (members: Members | undefined, byForm: boolean) => I;
}

export const noInput: Input<undefined> = { schema: undefined, isOptional: true, read: () => undefined };

/** Requires the schema's fields. Unknown members are ignored. */
export function fields<S extends z.ZodObject>(schema: S): Input<z.output<S>> {
  return { schema, isOptional: false, read: (members = {}, byForm) => check(schema, members, byForm) };
}

/** Takes them from the query of a route that is no GET. */
export const queryFields = <S extends z.ZodObject>(schema: S): Input<z.output<S>> => ({
  ...fields(schema),
  isOptional: true,
  inQuery: true,
});

/** Does the same, but returns undefined when there is no body. */
export function optionalFields<S extends z.ZodObject>(schema: S): Input<z.output<S> | undefined> {
  return {
    schema,
    isOptional: true,
    read: (members, byForm) => (members === undefined ? undefined : check(schema, members, byForm)),
  };
}

/** Throws `invalid_request`, with `field` where exactly one field is wrong. */
function check<S extends z.ZodObject>(schema: S, members: Members, byForm: boolean): z.output<S> {
  const result = schema.safeParse(byForm ? withTypes(schema, members) : members);
  if (result.success) return result.data;
  const wrong = [...new Set(result.error.issues.map((issue) => String(issue.path[0])))];
  const sentences = wrong.map((name) => `"${name}" must be ${ruleOf(schema, name)}.`);
  throw invalidRequest(sentences.join(" "), wrong.length === 1 ? wrong[0] : undefined);
}

const booleans: ReadonlyMap<unknown, boolean> = new Map([
  ["true", true],
  ["false", false],
]);

/** Reads booleans and whole numbers where the schema takes no text. A form has no other way to send them. */
function withTypes(schema: z.ZodObject, members: Members): Members {
  const read: Record<string, unknown> = { ...members };
  for (const [name, field] of Object.entries<unknown>(schema.shape)) {
    const text = read[name];
    const value = typeof text === "string" && /^\d{1,9}$/.test(text) ? Number(text) : booleans.get(text);
    if (value !== undefined && field instanceof z.ZodType && !field.safeParse(read[name]).success) read[name] = value;
  }
  return read;
}

/** A description that was given before `optional()` is on the inner schema. */
function ruleOf(schema: z.ZodObject, name: string): string {
  const field: unknown = schema.shape[name];
  const inner: unknown = field instanceof z.ZodOptional ? field.unwrap() : undefined;
  return descriptionOf(field) ?? descriptionOf(inner) ?? "of the documented form";
}

const descriptionOf = (schema: unknown): string | undefined =>
  schema instanceof z.ZodType ? schema.description : undefined;

/** Returns the id in a path. Throws `not_found` for a text that cannot be one, which does not reach the database. */
export function idOf({ id = "" }: Readonly<Record<string, string>>, isId: (id: string) => boolean, message: string) {
  if (!isId(id)) throw new AmphoError("not_found", message);
  return id;
}

export const transactionOf = (
  input: { readonly transaction?: string | undefined },
  cookies: { readonly transaction: string | undefined },
): string => input.transaction ?? cookies.transaction ?? "";

const credentialNames: ReadonlySet<string> = new Set(
  "access_token refresh_token token password client_secret client_assertion".split(" "),
);

/** Throws `invalid_request` for a credential, because queries end up in logs. Some programs send semicolons. */
export function rejectCredentials(query = ""): void {
  for (const name of new URLSearchParams(query.replaceAll(";", "&")).keys()) {
    if (!credentialNames.has(name.toLowerCase())) continue;
    throw invalidRequest(
      "The query contains a credential. Send tokens in the Authorization header and passwords in the body.",
    );
  }
}

/** Throws `invalid_request` for a repeated name, because two readers could each believe a different one. */
export function queryMembers(query = ""): Members {
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in members) throw invalidRequest("The query contains a name twice. Send it once.");
    members[name] = value;
  }
  return members;
}
