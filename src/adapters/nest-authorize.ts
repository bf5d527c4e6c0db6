// `@authorize` of `ampho/nest`: what it may decorate, in which forms, and what the compiler says of all others.
import { UseGuards } from "@nestjs/common";
import { type GuardInstance, isInstance } from "../http/rest/host.js";
import type { Requirements } from "../tokens/auth.js";
import type { TypeMistake } from "./authorize-types.js";
import { guardOf, type NestRequest } from "./nest-guard.js";

/** Of controllers and methods. On anything else it gives what no decorator may: the compiler reads out why. */
export interface Decorator {
  <T extends Controller>(controller: T): void;
  <M>(target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<M>): void;
  (value: unknown, context: DecoratorContext): TypeMistake<NotLegacy>;
  (target: object, property: string | symbol): TypeMistake<Elsewhere>;
  (target: object, method: string | symbol | undefined, parameter: number): TypeMistake<Elsewhere>;
}

type Controller = abstract new (...args: never) => unknown;
type NotLegacy = "Nest's decorators requirements experimentalDecorators in tsconfig.json";
type Elsewhere = "authorize of ampho/nest decorates controllers and their methods";

// Of what is wrong, TypeScript tells about the last signature that has the right number of arguments, and goes on as if it
// were the first: therefore the order, and the instance twice.
/**
 * Decorates controllers and methods: `@authorize`, `@authorize(requirements)` take the instance by injection,
 * `@authorize(ampho, requirements)` takes that one. A method's requirements is asked besides its controller's.
 */
export function authorize<R = NestRequest>(ampho: GuardInstance, requirements?: Requirements<R>): Decorator;
export function authorize(controller: Controller): void;
export function authorize<M>(target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<M>): void;
export function authorize(value: unknown, context: DecoratorContext): TypeMistake<NotLegacy>;
export function authorize(target: object, property: string | symbol): TypeMistake<Elsewhere>;
export function authorize(
  target: object,
  method: string | symbol | undefined,
  parameter: number,
): TypeMistake<Elsewhere>;
export function authorize<R = NestRequest>(ampho: GuardInstance, requirements: Requirements<R> | undefined): Decorator;
export function authorize<R = NestRequest>(requirements?: Requirements<R>): Decorator;
export function authorize(...args: readonly unknown[]): unknown {
  // Nest 10 takes any class for a guard, asks what it made of it nothing, and lets everybody in.
  if (new.target !== undefined)
    throw new TypeError("authorize is a decorator: write @authorize, never @UseGuards(authorize)");
  const [first, second, third] = args;
  const decorate = (ampho?: GuardInstance, requirements?: Requirements<never>) =>
    UseGuards(guardOf(ampho, requirements));
  if (typeof first === "function") return decorate()(first);
  if (isObject(first) && isKey(second) && isObject(third)) return decorate()(first, second, third);
  if (isInstance(first)) return decorate(first, second as Requirements<never> | undefined);
  return decorate(undefined, first as Requirements<never> | undefined);
}

const isKey = (value: unknown): value is string | symbol => typeof value === "string" || typeof value === "symbol";
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
