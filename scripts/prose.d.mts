export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export function lint(paths?: readonly string[]): Violation[];
