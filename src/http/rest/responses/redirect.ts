// The output of an endpoint that sends the browser to another page.

export class Redirect {
  readonly location: string;
  /** A grant or a transaction, which goes into cookies. */
  readonly output: unknown;
  /** The request belonged to no transaction of this browser, so the one in its cookie stays. */
  readonly keepsTransaction: boolean;

  constructor(location: string, output?: unknown, { keepsTransaction = false } = {}) {
    this.location = location;
    this.output = output;
    this.keepsTransaction = keepsTransaction;
  }
}
