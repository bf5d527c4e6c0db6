export declare const execFileSync: typeof import("node:child_process").execFileSync;
export declare const spawnSync: typeof import("node:child_process").spawnSync;
