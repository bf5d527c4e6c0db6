// The usual mistakes with `@authorize` of `ampho`, under decorators of both kinds: the compiler reads out what is wrong.
import { type Mistake, setup } from "./mistakes.js";

const inClass = (decorator: string, member: string) => `${setup}export class Articles {
  ${decorator} // here
  ${member}
}`;
const method = (decorator: string, parameters: string) =>
  inClass(decorator, `list(${parameters}) { return Response.json([]); }`);
const reads = (words: string) => new RegExp(`^TS1270: Decorator function return type 'Mistake<"${words}`);

export const decoratorMistakes: readonly Mistake[] = [
  {
    name: "a decorated method that answers with no Response",
    text: inClass("@authorize", "list(_request: Request, auth: Auth) { return auth.login; }"),
    says: reads("a method under authorize answers with a Response"),
  },
  {
    name: "a decorated method that promises no Response",
    text: inClass("@authorize", "async list(_request: Request, auth: Auth) { return auth.login; }"),
    says: reads("a method under authorize answers with a Response"),
  },
  {
    name: "a decorated method that takes no request",
    text: method("@authorize", "_id: number, _auth: Auth"),
    says: reads("a method under authorize takes a Request first"),
  },
  {
    name: "a decorated method that takes auth first",
    text: method("@authorize", "_auth: Auth"),
    says: reads("a method under authorize takes a Request first"),
  },
  {
    name: "a decorated method that takes something else for auth",
    text: method("@authorize", "_request: Request, _id: number"),
    says: reads("a method under authorize takes \\(request, auth: Auth, …\\)"),
  },
  {
    name: "a decorated method that takes no request, under a need",
    text: method('@authorize({ roles: ["editor"] })', "_id: number, _auth: Auth"),
    says: reads("a method under authorize takes a Request first"),
  },
  {
    name: "a decorated method that takes another request than `can`",
    text: method(
      "@authorize({ can: (_auth, _event: { request: Request; owner: string }) => true })",
      "_request: Request",
    ),
    says: reads("a method under authorize takes a Request first, .*; `can` takes the same"),
  },
  {
    name: "a decorated method that is sure of somebody under `optional`",
    text: method("@authorize({ optional: true })", "_request: Request, auth: Auth"),
    says: reads("under `optional` a method takes \\(request, auth: Auth \\| undefined, …\\)"),
  },
  {
    name: "a decorated getter",
    text: inClass("@authorize", "get size() { return 5; }"),
    says: reads("authorize decorates methods"),
  },
  {
    name: "a decorated class",
    text: `${setup}@authorize // here
class Articles {}
void Articles;`,
    says: reads("authorize decorates methods"),
  },
  {
    name: "a misspelt need in a decorator",
    text: method('@authorize({ role: ["editor"] })', "_request: Request, _auth: Auth"),
    says: /'role' does not exist in type '(?:Handler \| Need<Request>|Need<Request> \| Handler)'/,
  },
  {
    name: "a role in place of a list, in a decorator",
    text: method('@authorize({ roles: "editor" })', "_request: Request, _auth: Auth"),
    says: /Type 'string' is not assignable to type 'readonly string\[\]'/,
  },
];

/** An old decorator of a property is called as any function is: what is wrong cannot be told. */
export const fieldMistake: Mistake = {
  name: "a decorated field",
  text: inClass("@authorize", "size = 5;"),
  says: reads("authorize decorates methods"),
};
