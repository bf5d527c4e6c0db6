import { reservePort } from "./ports.js";
import { isShared, reservedPort } from "./use-shared.js";

/**
 * A port that no other call of the run gets, and that the system assigns to no other program. For programs that cannot choose
 * a port themselves, and for addresses at which nothing listens. `test/repository/listening.test.ts` lists its users.
 */
export const freePort = (): Promise<number> => (isShared() ? reservedPort() : reservePort());
