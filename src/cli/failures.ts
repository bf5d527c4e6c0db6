// How a command ends if it could not do what was asked (docs/reference/cli.md). Messages are full sentences for people.

/** The command failed (exit code 1). */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/** The command was used wrongly (exit code 2). No message contains what was typed, which can be a misplaced secret. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A failure that goes to the log in its format, as readers of the log expect, and not to stderr. */
export class LoggedFailure extends Error {
  override readonly name = "LoggedFailure";
  readonly log: (line: string) => void;

  constructor(cause: unknown, log: (line: string) => void) {
    super("The failure is in the log.", { cause });
    this.log = log;
  }
}
