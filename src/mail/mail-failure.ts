// The one error of sending a mail.

/**
 * A mail was not accepted. The message is for the log and the audit log. It contains no address, no code, no link and
 * no text of the server, which can contain all of them.
 */
export class MailFailure extends Error {
  override readonly name = "MailFailure";
  /** The receiver rejected this mail, so that another attempt is useless. */
  readonly permanent: boolean;

  constructor(message: string, options: ErrorOptions & { readonly permanent?: boolean } = {}) {
    super(message, options);
    this.permanent = options.permanent ?? false;
  }
}
