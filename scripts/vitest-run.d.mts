export function runVitest(
  run: {
    readonly name: string;
    readonly node?: string;
    readonly args: readonly string[];
    readonly files: readonly string[];
  },
  limits: { readonly reports?: string; readonly stallMs?: number; readonly totalMs: number; readonly cwd?: string },
): Promise<boolean>;
