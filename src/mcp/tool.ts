import type { Effect } from '../api/operation.ts'
import type { Arguments } from './arguments.ts'
import type { Connection } from './connection.ts'

/** `core`: what every agent gets · `agent`: the whole set of one · `admin`: for people's own agents (MEM-1204). */
export type Profile = 'core' | 'agent' | 'admin'

export type JsonSchema = Readonly<Record<string, unknown>>

/** What a tool says. Its keys become the JSON of the answer, `result` first when there is a text (MEM-1202). */
export type ToolAnswer = Readonly<Record<string, unknown>>

/** One tool as data: the list, the hints and the instructions are made from it. */
export type Tool = {
  readonly name: string
  readonly profiles: readonly Profile[]
  readonly description: string
  readonly effect: Effect
  readonly idempotent?: boolean
  readonly parameters: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  /** Keys of the answer that are always there, beside those of its place. */
  readonly answers: Readonly<Record<string, JsonSchema>>
  /** The answer is flat: no place around it. */
  readonly flat?: boolean
  readonly run: (connection: Connection, given: Arguments) => Promise<ToolAnswer>
}

/** Declares a tool; here only so that a table of them reads as data. */
export const tool = (definition: Tool): Tool => definition

export const text: JsonSchema = { type: 'string' }
export const whole: JsonSchema = { type: 'integer' }
export const flag: JsonSchema = { type: 'boolean' }
export const list: JsonSchema = { type: 'array' }
/** A local number, `#41` or a sync id (MEM-1205). */
export const ref: JsonSchema = { type: ['integer', 'string'] }

/** Where a read looks. */
export const readPlace = { project: text }
/** Accepted from programs that know the Go server; ours repairs instead of asking back (MEM-805). */
export const writePlace = { project: text, project_choice_reason: text, recovery_token: text }

const placeKeys = { project: text, project_source: text, project_path: text }

export const inputSchema = (one: Tool): JsonSchema => ({
  type: 'object',
  properties: one.parameters,
  ...(one.required === undefined ? {} : { required: one.required }),
})

export function outputSchema(one: Tool): JsonSchema {
  const properties = one.flat === true ? one.answers : { ...placeKeys, ...one.answers }
  return { type: 'object', properties, required: Object.keys(properties) }
}
