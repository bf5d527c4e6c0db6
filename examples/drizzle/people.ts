import { drizzle } from "drizzle-orm/libsql";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const people = sqliteTable("people", {
  id: text("id").primaryKey(),
  /** In lower case. */
  email: text("email").notNull().unique(),
  proven: integer("proven", { mode: "boolean" }).notNull().default(false),
  /** Null for a user with a passkey or an outside identity alone. */
  passwordHash: text("password_hash"),
  roles: text("roles", { mode: "json" }).$type<readonly string[]>().notNull().default([]),
  disabled: integer("disabled", { mode: "boolean" }).notNull().default(false),
});

export const db = drizzle({ connection: { url: "file:app.db" } });
