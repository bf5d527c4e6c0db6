import { numericDateMax } from "../../clock.js";
import type { Configuration } from "../../config/configuration.js";
import { hasDatabase } from "../../doctor/database-file.js";
import { AmphoError } from "../../errors.js";
import { DatabaseError } from "../../store/database-error.js";
import { readJwt } from "../../tokens/jwt.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure } from "../failure.js";
import { formatTime } from "../table.js";
import { withAmpho } from "../with-ampho.js";

/** Twice what the guard takes at most. */
const inputBytesMax = 16_384;

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { configuration } = configure(context, "configured");
  if (terminal.interactive) terminal.note("Paste the token, then press Enter and Ctrl+D.");
  const token = (await terminal.readInput(inputBytesMax)).trim();
  const read = reading(token);
  const reason = read.reason ?? (await refusalOf(token, configuration, context));
  if (input.has("--json")) {
    const { header = null, claims = null } = read;
    terminal.printJson({ header, claims, accepted: reason === undefined, reason: reason ?? null });
  } else if (read.claims !== undefined) {
    terminal.print(`header ${JSON.stringify(read.header, null, 2)}`);
    terminal.print(`claims ${JSON.stringify(read.claims, null, 2)}`);
    for (const line of times(read.claims)) terminal.print(line);
  }
  if (reason !== undefined) throw new CommandFailure(`it would be refused: ${reason}`);
  if (!input.has("--json")) terminal.print("It would be accepted now.", "green");
}

interface Reading {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Why it is no token at all. */
  readonly reason?: string;
}

function reading(token: string): Reading {
  try {
    return readJwt(token);
  } catch (error) {
    if (error instanceof AmphoError) return { reason: error.message };
    throw error;
  }
}

/** Why the guard of this configuration would refuse it now. */
async function refusalOf(
  token: string,
  configuration: Configuration,
  context: CommandContext,
): Promise<string | undefined> {
  const judge = (judged: Configuration) =>
    withAmpho(judged, context, async (ampho) => {
      try {
        ampho.verifySync(token);
        return undefined;
      } catch (error) {
        if (error instanceof AmphoError && error.code === "invalid_token") return error.message;
        throw error;
      }
    });
  const alone = { ...configuration, databaseUrl: "sqlite::memory:", databaseMigrate: "auto" } as const;
  if (!hasDatabase(configuration.databaseUrl, context.processContext.cwd)) return judge(alone);
  try {
    // Looking at a token changes no schema.
    return await judge({ ...configuration, databaseMigrate: "off" });
  } catch (error) {
    if (!(error instanceof DatabaseError || error instanceof AmphoError)) throw error;
    context.terminal.warn(`whether it was revoked is not known: ${error.message}`);
    return judge(alone);
  }
}

const timeClaims: Readonly<Record<string, string>> = {
  auth_time: "logged in",
  iat: "issued",
  nbf: "starts",
  exp: "expires",
};

function times(claims: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(timeClaims).flatMap(([name, label]) => {
    const at = claims[name];
    // Past the year 9999 there is no such date, nor such a token.
    return typeof at === "number" && at >= 0 && at <= numericDateMax
      ? [`${label.padEnd(9)} ${formatTime(at)} UTC`]
      : [];
  });
}
