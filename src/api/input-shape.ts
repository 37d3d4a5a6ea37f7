import { z } from 'zod'
import { operations, type OperationName } from './operations.ts'

/** A schema's insides, as far as its members are looked at. */
export type Schema = {
  readonly def: {
    readonly type: string
    readonly shape?: Readonly<Record<string, Schema>>
    readonly innerType?: Schema
    readonly element?: Schema
  }
}

/** What stands behind `optional` and `nullable`. */
export function bare(schema: Schema): Schema {
  return schema.def.innerType === undefined ? schema : bare(schema.def.innerType)
}

const inputOf = (operation: OperationName): z.ZodType => operations[operation].input()

/** The members an operation takes, each with its schema. */
export function membersOf(operation: OperationName): Readonly<Record<string, Schema>> {
  // Every operation takes an object; what a schema is made of is read from its public definition.
  return (inputOf(operation) as unknown as Schema).def.shape ?? {}
}

export type JsonSchema = Readonly<Record<string, unknown>>

/** Maps of text by text are checked by hand, so their schema is written by hand, too. */
const textMap: JsonSchema = { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 64 }

/** The same as JSON Schema, for documents. */
export function inputJsonSchema(operation: OperationName): {
  readonly properties: Readonly<Record<string, JsonSchema>>
  readonly required: readonly string[]
} {
  const made = z.toJSONSchema(inputOf(operation), { io: 'input', unrepresentable: 'any' }) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>
    readonly required?: readonly string[]
  }
  const properties = Object.entries(made.properties ?? {}).map(([name, one]): readonly [string, JsonSchema] => [
    name,
    Object.keys(one).length === 0 ? textMap : one,
  ])
  return { properties: Object.fromEntries(properties), required: made.required ?? [] }
}
