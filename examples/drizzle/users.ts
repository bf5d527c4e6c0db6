import { randomUUID } from "node:crypto";
import { type ApplicationUsers, hashPassword, verifyPassword } from "ampho";
import { and, eq, notExists, type SQL } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { db, people } from "./people.js";

type Row = typeof people.$inferSelect;
const userOf = (row: Row) => ({
  id: row.id,
  login: row.email,
  email: row.email,
  emailProven: row.proven,
  roles: row.roles,
  disabled: row.disabled,
  hash: row.passwordHash,
});

async function find(condition: SQL) {
  const [row] = await db.select().from(people).where(condition);
  return row && userOf(row);
}

export const users: ApplicationUsers<ReturnType<typeof userOf>> = {
  find: (login) => find(eq(people.email, login.toLowerCase())),
  findById: (id) => find(eq(people.id, id)),
  verify: ({ hash }, password) => verifyPassword(hash, password),
  async setPassword({ id }, password) {
    await db
      .update(people)
      .set({ passwordHash: await hashPassword(password) })
      .where(eq(people.id, id));
  },
  async create({ email, password, roles }) {
    const passwordHash = password === undefined ? null : await hashPassword(password);
    const row = { id: randomUUID(), email: email.toLowerCase(), proven: true, passwordHash, roles };
    const [created] = await db.insert(people).values(row).onConflictDoNothing().returning();
    return created && userOf(created);
  },
  async setEmail({ id }, email) {
    const other = alias(people, "other");
    const taken = db.select().from(other).where(eq(other.email, email.toLowerCase()));
    const changed = await db
      .update(people)
      .set({ email: email.toLowerCase(), proven: true })
      .where(and(eq(people.id, id), notExists(taken)))
      .returning();
    return changed.length === 1;
  },
  async remove({ id }) {
    await db.delete(people).where(eq(people.id, id));
  },
};
