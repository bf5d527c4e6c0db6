// Usual mistakes with `@authorize` of `ampho`, with decorators of both kinds. The compiler prints a sentence that explains them.
import { type Mistake, setup } from "./mistakes.js";

const inClass = (decorator: string, member: string) => `${setup}export class Articles {
  ${decorator} // here
  ${member}
}`;
const method = (decorator: string, parameters: string) =>
  inClass(decorator, `list(${parameters}) { return Response.json([]); }`);
const reads = (words: string) => new RegExp(`^TS1270: Decorator function return type 'TypeMistake<"${words}`);

export const decoratorMistakes: readonly Mistake[] = [
  {
    name: "a decorated method that does not return a Response",
    text: inClass("@authorize", "list(_request: Request, auth: Auth) { return auth.login; }"),
    says: reads("A method under authorize must return a Response or a promise of one"),
  },
  {
    name: "a decorated method that promises something else than a Response",
    text: inClass("@authorize", "async list(_request: Request, auth: Auth) { return auth.login; }"),
    says: reads("A method under authorize must return a Response or a promise of one"),
  },
  {
    name: "a decorated method that takes no request",
    text: method("@authorize", "_id: number, _auth: Auth"),
    says: reads("The first parameter of a method under authorize must be a Request"),
  },
  {
    name: "a decorated method that takes auth first",
    text: method("@authorize", "_auth: Auth"),
    says: reads("The first parameter of a method under authorize must be a Request"),
  },
  {
    name: "a decorated method that takes another type than Auth",
    text: method("@authorize", "_request: Request, _id: number"),
    says: reads("The parameters of a method under authorize must be \\(request, auth: Auth, …\\)"),
  },
  {
    name: "a decorated method that takes no request, with requirements",
    text: method('@authorize({ roles: ["editor"] })', "_id: number, _auth: Auth"),
    says: reads("The first parameter of a method under authorize must be a Request"),
  },
  {
    name: "a decorated method that takes another request type than `can`",
    text: method(
      "@authorize({ can: (_auth, _event: { request: Request; owner: string }) => true })",
      "_request: Request",
    ),
    says: reads("The first parameter of a method under authorize must be a Request, .*`can` must take the same type"),
  },
  {
    name: "a decorated method that requires auth under `optional`",
    text: method("@authorize({ optional: true })", "_request: Request, auth: Auth"),
    says: reads("Under `optional`, the parameters of the method must be \\(request, auth: Auth \\| undefined, …\\)"),
  },
  {
    name: "a decorated getter",
    text: inClass("@authorize", "get size() { return 5; }"),
    says: reads("authorize decorates methods only"),
  },
  {
    name: "a decorated class",
    text: `${setup}@authorize // here
class Articles {}
void Articles;`,
    says: reads("authorize decorates methods only"),
  },
  {
    name: "misspelled requirements in a decorator",
    text: method('@authorize({ role: ["editor"] })', "_request: Request, _auth: Auth"),
    says: /'role' does not exist in type '(?:HandlerWithAuth<string> \| Requirements<Request, string>|Requirements<Request, string> \| HandlerWithAuth<string>)'/,
  },
  {
    name: "a role instead of a list, in a decorator",
    text: method('@authorize({ roles: "editor" })', "_request: Request, _auth: Auth"),
    says: /Type 'string' is not assignable to type 'readonly string\[\]'/,
  },
];

/** A legacy property decorator is called like any function, so the compiler cannot explain this mistake there. */
export const fieldMistake: Mistake = {
  name: "a decorated field",
  text: inClass("@authorize", "size = 5;"),
  says: reads("authorize decorates methods only"),
};
