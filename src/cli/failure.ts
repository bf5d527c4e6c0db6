// How a command ends that could not do what it was asked: docs/cli.md, exit codes.

/** It was asked rightly and could not: exit 1. The message is for people and ends without a full stop. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/** It was asked wrongly: exit 2. The message never holds what was given, which may be a secret in the wrong place. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What failed, and how it is told: not as a command does, but as whoever reads its log expects. */
export class LoggedFailure extends Error {
  override readonly name = "LoggedFailure";
  readonly log: (line: string) => void;

  constructor(cause: unknown, log: (line: string) => void) {
    super("told in the log", { cause });
    this.log = log;
  }
}
