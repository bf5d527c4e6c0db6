export declare const logLines: Readonly<Record<string, { readonly cause: string; readonly fix: string }>>;
export declare function linesOf(name: string): readonly string[];
