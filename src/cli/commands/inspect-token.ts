// The command `sec-inspect-token`.
import { composeAmpho } from "../../ampho.js";
import { numericDateMax } from "../../clock.js";
import type { Configuration } from "../../config/configuration.js";
import { hasDatabase } from "../../doctor/database-file.js";
import { AmphoError, hasCode } from "../../errors.js";
import { DatabaseError } from "../../store/database-error.js";
import { readJwt } from "../../tokens/jwt.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure } from "../failures.js";
import { formatTime } from "../terminal/table.js";
import { closing, operatorOf } from "../with-management.js";

/** The guard accepts at most half of it. */
const inputBytesMax = 16_384;

export async function inspectToken(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const { configuration: whole } = configure(context, { key: "configured", database: false });
  // An inspection sends no mail, and needs no package for mails or providers.
  const unused = { appUrl: undefined, providers: [] } as const;
  const configuration = { ...whole, ...unused };
  if (terminal.interactive) terminal.note("Paste the token, then press Enter and Ctrl+D.");
  const token = (await terminal.readInput(inputBytesMax)).trim();
  const read = parse(token);
  const reason = read.reason ?? (await rejectionOf(token, configuration, context));
  if (input.has("--json")) {
    const { header = null, claims = null } = read;
    terminal.printJson({ header, claims, accepted: reason === undefined, reason: reason ?? null });
  } else if (read.claims !== undefined) {
    terminal.print(`header ${JSON.stringify(read.header, null, 2)}`);
    terminal.print(`claims ${JSON.stringify(read.claims, null, 2)}`);
    for (const line of times(read.claims)) terminal.print(line);
  }
  if (reason !== undefined) throw new CommandFailure(`The token would be rejected: ${reason}`);
  if (!input.has("--json")) terminal.print("The token would be accepted now.", "green");
}

type Claims = Readonly<Record<string, unknown>>;

/** `reason` is why it is not a token. */
function parse(token: string): { readonly header?: Claims; readonly claims?: Claims; readonly reason?: string } {
  try {
    return readJwt(token);
  } catch (error) {
    if (error instanceof AmphoError) return { reason: error.message };
    throw error;
  }
}

/** Returns the reason why the guard of this configuration would reject the token now, if it would. */
async function rejectionOf(token: string, configuration: Configuration, context: CommandContext) {
  const verify = (used: Configuration) =>
    // The log is off: what the composition does to an empty database is of no interest here.
    closing(composeAmpho(used, { log: () => {} }, operatorOf(context)), async (ampho) => {
      try {
        await ampho.verify(token);
        return undefined;
      } catch (error) {
        if (hasCode(error, "invalid_token", "credential_not_accepted")) return error.message;
        throw error;
      }
    });
  const withoutDatabase = { ...configuration, databaseUrl: "sqlite::memory:", databaseMigrate: "auto" } as const;
  if (!hasDatabase(configuration.databaseUrl, context.processContext.cwd)) {
    context.terminal.warn("There is no database, so a revocation of the token is not known.");
    return verify(withoutDatabase);
  }
  try {
    // An inspection must not change the schema.
    return await verify({ ...configuration, databaseMigrate: "off" });
  } catch (error) {
    if (!(error instanceof DatabaseError || error instanceof AmphoError)) throw error;
    context.terminal.warn(`A revocation of the token is not known: ${error.message}`);
    return verify(withoutDatabase);
  }
}

const timeClaims = { auth_time: "signed in", iat: "issued", nbf: "starts", exp: "expires" };

function times(claims: Claims): readonly string[] {
  return Object.entries(timeClaims).flatMap(([name, label]) => {
    const at = claims[name];
    // The guard accepts no later time than the end of the year 9999.
    return typeof at === "number" && at >= 0 && at <= numericDateMax
      ? [`${label.padEnd(9)} ${formatTime(at)} UTC`]
      : [];
  });
}
