// The output of an endpoint that sends the browser to another page.

export class Redirect {
  readonly location: string;
  /** A grant or a transaction, which goes into cookies. */
  readonly output: unknown;

  constructor(location: string, output?: unknown) {
    this.location = location;
    this.output = output;
  }
}
