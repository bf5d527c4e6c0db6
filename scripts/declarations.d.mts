export interface Docs {
  readonly text: string;
  readonly examples: readonly string[];
  readonly throws: readonly string[];
}

export interface Member {
  readonly path: string;
  readonly id: string;
  readonly optional: boolean;
  readonly callable: boolean;
  readonly signatures: readonly string[];
  readonly parameters: readonly string[];
  readonly docs: Docs;
}

export interface PublicExport {
  readonly subpath: string;
  readonly name: string;
  readonly id: string;
  readonly kind: "function" | "class" | "const" | "interface" | "type";
  readonly signatures: readonly string[];
  readonly docs: Docs;
  readonly members: readonly Member[];
}

export function publicExports(): readonly PublicExport[];

export function membersOf(file: string, name: string): readonly Member[];
