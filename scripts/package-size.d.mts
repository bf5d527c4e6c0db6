export interface SizeRow {
  readonly what: string;
  readonly value: number;
  readonly goal: number;
  /** The limit until the goal is reached. */
  readonly holds?: number;
}
export function sizeRows(folder: string): Promise<readonly SizeRow[]>;
export function filesIn(folder: string, suffix?: string): readonly string[];
export function megabytesOf(files: readonly string[]): number;
