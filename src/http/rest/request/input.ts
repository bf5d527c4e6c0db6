// The body's fields, checked by a row's schema. A message names the field and what it may be, never what was sent.
import type { z } from "zod";
import { AmphoError } from "../../../errors.js";
import type { Members } from "./body.js";

export interface Input<I> {
  readonly schema: z.ZodObject | undefined;
  /** Whether the route answers without a body too. */
  readonly mayBeAbsent: boolean;
  readonly read: (members: Members | undefined) => I;
}

export const noInput: Input<undefined> = { schema: undefined, mayBeAbsent: true, read: () => undefined };

/** Fields that a body must bring. Members that the schema does not know are ignored. */
export function fields<S extends z.ZodObject>(schema: S): Input<z.output<S>> {
  return { schema, mayBeAbsent: false, read: (members) => check(schema, members ?? {}) };
}

/** The same; no body gives undefined. */
export function optionalFields<S extends z.ZodObject>(schema: S): Input<z.output<S> | undefined> {
  return { schema, mayBeAbsent: true, read: (members) => (members === undefined ? undefined : check(schema, members)) };
}

function check<S extends z.ZodObject>(schema: S, members: Members): z.output<S> {
  const result = schema.safeParse(members);
  if (result.success) return result.data;
  const wrong = new Set(result.error.issues.map((issue) => String(issue.path[0])));
  const sentences = [...wrong].map((name) => `"${name}" must be ${describe(schema, name)}.`);
  throw new AmphoError("invalid_request", sentences.join(" "));
}

function describe(schema: z.ZodObject, name: string): string {
  const field: unknown = schema.shape[name];
  const description = isDescribed(field) ? field.description : undefined;
  return description ?? "of the documented form";
}

function isDescribed(field: unknown): field is { readonly description: string | undefined } {
  return typeof field === "object" && field !== null && "description" in field;
}
