import type { PrivateCopy } from "../private-copy.ts";

/** One fault of kafkajs 2.2.4 and what is changed for it in our copy. The order of corrections does not matter. */
export interface Correction {
  name: string;
  /** Modules that ours take the place of, by path in the package. All are in place before any `change`. */
  replaces?: Record<string, unknown>;
  change?(kafkajs: PrivateCopy): void;
}

/**
 * Replaces methods of a class or an object.
 * @throws {Error} where there is no such method: it is not the kafkajs that the correction was written for.
 */
export function replaceMethods<Target extends object>(target: Target, methods: (original: Target) => Partial<Target>): void {
  const original = Object.create(Object.getPrototypeOf(target), Object.getOwnPropertyDescriptors(target)) as Target;
  for (const [name, method] of Object.entries(methods(original))) {
    if (typeof Reflect.get(target, name) !== "function") throw new Error(`kafkajs has no method ${name} where one is to be corrected`);
    Reflect.set(target, name, method);
  }
}
