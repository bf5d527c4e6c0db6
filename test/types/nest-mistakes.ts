// Usual mistakes with `ampho/nest`, in files with `experimentalDecorators`, as Nest requires.
import type { Mistake } from "./mistakes.js";

const setup = `import { Controller, Get, Module } from "@nestjs/common";
import { type Auth, type Ampho, createAmpho } from "ampho";
import { authorize, CurrentAuth, InjectAmpho, mount, Public } from "ampho/nest";
declare const ampho: Ampho;
void [ampho, createAmpho, Module, mount, authorize, CurrentAuth, InjectAmpho, Public];
`;
const inController = (member: string) => `${setup}@Controller()
export class Articles {
  ${member}
}`;
const method = (decorator: string) =>
  inController(`${decorator} @Get() // here
  list(): string { return "articles"; }`);
const parameter = (decorator: string) =>
  inController(`@Get() list(${decorator} auth: Auth) { return auth.login; } // here`);
const root = (imported: string) => `${setup}@Module({
  imports: [${imported}], // here
})
export class Application {}`;

const elsewhere = /TypeMistake<"authorize of ampho\/nest decorates controllers and their methods only\.">/;

export const nestMistakes: readonly Mistake[] = [
  {
    name: "Nest: misspelled requirements",
    text: method('@authorize({ role: ["editor"] })'),
    says: /'role' does not exist in type 'Requirements<NestRequest, string>'\. Did you mean to write 'roles'/,
  },
  {
    name: "Nest: misspelled requirements of a controller",
    text: `${setup}@authorize({ scope: ["articles:write"] }) // here
@Controller()
export class Articles {}`,
    says: /'scope' does not exist in type 'Requirements<NestRequest, string>'\. Did you mean to write 'scopes'/,
  },
  {
    name: "Nest: misspelled requirements after the instance",
    text: method('@authorize(ampho, { rols: ["editor"] })'),
    says: /'rols' does not exist in type 'Requirements<NestRequest, string>'\. Did you mean to write 'roles'/,
  },
  {
    name: "Nest: a role instead of a list",
    text: method('@authorize({ roles: "editor" })'),
    says: /Type 'string' is not assignable to type 'readonly string\[\]'/,
  },
  {
    name: "Nest: a role instead of requirements",
    text: method('@authorize("editor")'),
    says: /Type '"editor"' has no properties in common with type 'Requirements<NestRequest, string>'/,
  },
  {
    name: "Nest: a `can` that reads a member of no platform's request",
    text: method("@authorize({ can: (auth, request) => request.session.login === auth.login })"),
    says: /Property 'session' does not exist on type 'NestRequest'/,
  },
  { name: "Nest: a guarded property", text: inController("@authorize list = 5; // here"), says: elsewhere },
  {
    name: "Nest: a property guarded with requirements",
    text: inController('@authorize({ roles: ["editor"] }) list = 5; // here'),
    says: elsewhere,
  },
  { name: "Nest: a guarded parameter", text: parameter("@authorize"), says: elsewhere },
  {
    name: "Nest: a parameter guarded with requirements",
    text: parameter('@authorize({ roles: ["editor"] })'),
    says: elsewhere,
  },
  {
    name: "Nest: a parameter's decorator that is not called",
    text: parameter("@CurrentAuth"),
    says: /return type is 'ParameterDecorator' but is expected to be 'void' or 'any'/,
  },
  {
    name: "Nest: a method's decorator that is not called",
    text: method("@Public"),
    says: /Did you mean to call it first and write '@Public\(\)'/,
  },
  {
    name: "Nest: an injection that is not called",
    text: inController("constructor(@InjectAmpho readonly ampho: Ampho) {} // here"),
    says: /Did you mean to call it first and write '@InjectAmpho\(\)'/,
  },
  { name: "Nest: mount that is not called", text: root("mount"), says: /is not assignable to type 'DynamicModule/ },
  {
    name: "Nest: options instead of the instance",
    text: root("mount({ tokenTtl: 60 })"),
    says: /'tokenTtl' does not exist in type 'NestInstance \| \(\(\) => Promise<NestInstance>\)'/,
  },
  {
    name: "Nest: a promise instead of a function that returns it",
    text: root("mount(createAmpho())"),
    says: /Promise<Ampho<string>>/,
  },
];

/** Under standard decorators, where Nest's own do not work either. */
export const withoutLegacy: Mistake = {
  name: "Nest: without experimentalDecorators",
  text: `${setup}export class Articles {
  @authorize // here
  list(): string { return "articles"; }
}`,
  says: /TypeMistake<"The decorators of Nest need experimentalDecorators in tsconfig\.json\.">/,
};
