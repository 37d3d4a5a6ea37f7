/**
 * Names of members: camelCase in TypeScript, snake_case on every wire (COL-803). Only names of ours are mapped, never keys of
 * what somebody else put in: `meta` and the like are data.
 */
const ofOthers: ReadonlySet<string> = new Set(['meta', 'meta_filters', 'metaFilters', 'meta_set', 'metaSet', 'details'])

type KeyOfOthers = 'meta' | 'meta_filters' | 'meta_set' | 'details'

type CamelWord<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelWord<Tail>>}`
  : Name

/** The same shape with camelCase members. */
export type Camel<T> = T extends readonly (infer One)[]
  ? readonly Camel<One>[]
  : T extends Uint8Array
    ? T
    : T extends object
      ? {
          [Key in keyof T as Key extends string ? CamelWord<Key> : Key]: Key extends KeyOfOthers
            ? T[Key]
            : Camel<T[Key]>
        }
      : T

export const toSnake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
export const toCamel = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

function mapped(value: unknown, nameOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => mapped(one, nameOf))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, one]) => [
    nameOf(key),
    ofOthers.has(key) ? one : mapped(one, nameOf),
  ])
  return Object.fromEntries(entries) as unknown
}

/** What a caller wrote in TypeScript, as it goes over the wire. */
export const toWire = (value: unknown): unknown => mapped(value, toSnake)

/** What came over the wire, as TypeScript reads it. The caller names the shape that the wire's schema promises. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who asks the wire names the shape its schema has
export const fromWire = <Shape>(value: unknown): Shape => mapped(value, toCamel) as Shape
