import { z } from 'zod'
import { limits } from '../model/limits.ts'

/**
 * One verb of Engram: what it takes (a schema, built at first use so that a cold start pays only for what it calls)
 * and what it answers (a type). `effect` says whether it may write; faces derive methods, hints and locks from it.
 */
export type Operation<In extends z.ZodType = z.ZodType, Out = unknown> = {
  readonly effect: Effect
  readonly summary: string
  readonly input: () => In
  /** Never set; carries the answer's type. */
  readonly output?: Out
}

/** `read`: changes nothing · `write`: adds or edits · `destroy`: takes something away. */
export type Effect = 'read' | 'write' | 'destroy'

/** `operation<Answer>()({ effect, summary, input })`: the answer's type is named, the input's inferred. */
export const operation =
  <Out>() =>
  <In extends z.ZodType>(definition: {
    readonly effect: Effect
    readonly summary: string
    readonly input: () => In
  }): Operation<In, Out> => ({ ...definition, input: memo(definition.input) })

function memo<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}

/** Text within a number of UTF-16 units that no honest caller reaches; handlers cut or refuse by bytes. */
export const text = (max = 64 * 1024 * 1024): z.ZodString => z.string().max(max)

/** A name that is refused, not cut, when it is too long or holds NUL (MEM-110). */
export const name = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'must not contain NUL')

/** A local number, `#41`, or a sync id (MEM-1205). */
export const recordRef = (): z.ZodUnion<readonly [z.ZodNumber, z.ZodString]> =>
  z.union([z.number().int().positive(), z.string().trim().min(1).max(limits.syncIdBytesMax)])

/** Whole number from `min` to `max`, given as a number or as digits. */
export const count = (max: number, min = 1): z.ZodType<number, number | string> =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^-?\d{1,15}$/)
        .transform(Number),
    ])
    .pipe(z.number().int().min(min).max(max))

/** Where a call comes from, for finding its project (MEM-804). All optional: the engine decides. */
export const place = {
  /** Named by the caller; wins over everything. */
  project: name(limits.directoryBytesMax).optional(),
  /** The caller's working directory, absolute. */
  directory: name(limits.directoryBytesMax).optional(),
  /** `--project` of the process or ENGRAM_PROJECT. */
  project_override: name(limits.directoryBytesMax).optional(),
}

/** A place for reading: one project or all of them. */
export const readPlace = { ...place, all_projects: z.boolean().optional() }
