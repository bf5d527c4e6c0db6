import type { SpawnOptions } from "node:child_process";

export function runWatched(
  command: string,
  args: readonly string[],
  options: Omit<SpawnOptions, "stdio"> & {
    readonly stallMs?: number;
    readonly totalMs: number;
    readonly reports?: string;
  },
): Promise<{ readonly passed: boolean; readonly wallMs: number; readonly fileMs: Readonly<Record<string, number>> }>;
