// The type of a row of an application's own user table: held by `tsc -p tsconfig.test.json`, never run. An expected error that
// does not come is one.
import {
  type AmphoOptions,
  type ApplicationUser,
  type ApplicationUsers,
  createAmpho,
  verifyPassword,
} from "../../dist/index.js";

interface Row extends ApplicationUser {
  readonly hash: string | null;
}
declare const table: {
  byLogin(login: string): Promise<Row | undefined>;
  byId(id: string): Row | undefined;
};

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(verdict: Same<A, B>) => verdict;

// In a literal, `verify` gets the result of `find`.
void createAmpho({
  tokenTtl: 60,
  users: {
    find: (login) => table.byLogin(login),
    findById: (id) => table.byId(id),
    verify: (user, password) => {
      same<typeof user, Row>(true);
      return verifyPassword(user.hash, password);
    },
  },
});

// As methods, and with a row that has no name.
void createAmpho({
  users: {
    async find(login) {
      const row = await table.byLogin(login);
      return row && { id: row.id, login, hash: row.hash ?? "", roles: ["editor"] };
    },
    verify(user, password) {
      same<typeof user.hash, string>(true);
      return verifyPassword(user.hash, password);
    },
  },
});

// A row that needs no more than it has to have.
void createAmpho({ users: { find: (login) => ({ id: "7", login }), verify: (user) => user.id === "7" } });
// @ts-expect-error there is no such member
void createAmpho({ users: { find: (login) => ({ id: "7", login }), verify: (user) => user.hash === "" } });
// @ts-expect-error a row without an id
void createAmpho({ users: { find: (login) => ({ login }), verify: () => true } });
// @ts-expect-error `findById` returns rows of the same kind
void createAmpho({ users: { find: table.byLogin, findById: (id) => ({ id }), verify: () => true } });

// A table of its own type, an object that is one, options that are put together elsewhere: as ever.
declare const users: ApplicationUsers<Row>;
void createAmpho({ users });
class Table implements ApplicationUsers<Row> {
  find = table.byLogin;
  verify = (user: Row, password: string) => verifyPassword(user.hash, password);
}
void createAmpho({ users: new Table() });
const satisfied = {
  users: {
    find: (login) => table.byLogin(login),
    verify: (user: Row, password) => verifyPassword(user.hash, password),
  },
} satisfies AmphoOptions;
void createAmpho(satisfied);
const rowsSatisfied = {
  users: { find: (login) => table.byLogin(login), verify: (user, password) => verifyPassword(user.hash, password) },
} satisfies AmphoOptions<Row>;
void createAmpho(rowsSatisfied);
const annotated: AmphoOptions = { users };
void createAmpho(annotated);
const start = (options: AmphoOptions = {}) => createAmpho({ ...options, users: undefined });
void start();
void createAmpho();
void createAmpho({});
