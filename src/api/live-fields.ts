import { z } from 'zod'
import { limits } from '../model/limits.ts'
import type { Meta } from '../model/live.ts'
import { utf8Bytes } from '../model/text.ts'
import { name } from './operation.ts'

/** Fields that several operations of contexts, units and locks share. */

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/

/** 1 to `bytesMax` bytes of UTF-8 without control characters, compared byte by byte (COL-101, COL-1201). */
export const plainName = (bytesMax: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(bytesMax)
    .refine((text) => utf8Bytes(text) <= bytesMax, `must not be longer than ${bytesMax} bytes`)
    .refine((text) => text.isWellFormed() && !control.test(text), 'must be well-formed, without control characters')

export const contextId = (): z.ZodString => plainName(limits.contextIdBytesMax)
export const agentId = (): z.ZodString => plainName(limits.agentIdBytesMax)
export const resourcePath = (): z.ZodString => plainName(limits.resourcePathBytesMax)
export const unitId = (): z.ZodString => name(limits.unitIdBytesMax).min(1)

/** A name for people: cut by nobody, refused when too long. */
export const displayName = (): z.ZodString => name(limits.displayNameBytesMax)

/** Text by text. Not a record of the schema library, to which `__proto__` is no key like any other (COL-405). */
export const meta = (): z.ZodType<Meta, Meta> => checked<Meta>((value) => typeof value === 'string')

/** The same for a change: null deletes a key. */
export const metaPatch = (): z.ZodType<MetaPatch, MetaPatch> =>
  checked<MetaPatch>((value) => value === null || typeof value === 'string')

export type MetaPatch = Readonly<Record<string, string | null>>

const checked = <Shape>(isValue: (value: unknown) => boolean): z.ZodType<Shape, Shape> =>
  z.custom<Shape>((given) => metaProblem(given, isValue) === null, {
    error: (issue) => metaProblem(issue.input, isValue) ?? 'does not fit',
  })

function metaProblem(given: unknown, isValue: (value: unknown) => boolean): string | null {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return 'must be an object of texts'
  const entries = Object.entries(given)
  if (entries.length > limits.metaKeysMax) return `must not have more than ${limits.metaKeysMax} keys`
  for (const [key, value] of entries) {
    const shown = JSON.stringify(key.slice(0, 40))
    if (key === '' || utf8Bytes(key) > limits.metaKeyBytesMax || control.test(key)) return `key ${shown} does not fit`
    if (!isValue(value)) return `the value of ${shown} must be text`
    if (typeof value === 'string' && utf8Bytes(value) > limits.metaValueBytesMax) {
      return `the value of ${shown} is longer than ${limits.metaValueBytesMax} bytes`
    }
  }
  return null
}

/** 1 to 255 printable ASCII characters (COL-1301). */
export const idempotencyKey = (): z.ZodString => z.string().regex(/^[\x20-\x7e]{1,255}$/)
export const durability = () => z.enum(['full', 'normal'])

/** Number, digits, or name in any case; the handler reads it and says `invalid_type` (COL-403). */
export const typeGiven = () => z.union([z.number(), z.string().max(64)])

/** A cursor, `begin` (`-1`, `0`) or `now` (`$`) (COL-702). */
export const cursor = (): z.ZodString => z.string().max(limits.cursorCharsMax)

export const fence = () =>
  z.object({
    resource_path: resourcePath(),
    token: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
    require_live: z.boolean().optional(),
  })
