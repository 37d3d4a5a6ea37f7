import { expect } from 'vitest'
import type { ErrorCode } from '../../../src/model/errors.ts'
import type { Shape } from './shapes.ts'
import type { World } from './world.ts'

/** What a case needs to stand in the store before it: values for the path, the query and the body. */
export type Given = Readonly<Record<string, string | number>>

export type Case = {
  readonly name: string
  readonly given?: (world: World) => Promise<Given>
  readonly query?: (given: Given) => Readonly<Record<string, string | number>>
  readonly body?: (given: Given) => unknown
  readonly anonymous?: true
} & (Success | Failure)

export type Success = {
  readonly status: 200 | 201
  /** Of the body, or with `list` of each of its elements. */
  readonly shape: Shape
  readonly list?: true
  /** Keys that only we have may stand in any order. */
  readonly anyOrder?: true
  readonly holds?: unknown
}

export type Failure = {
  readonly status: number
  readonly code: ErrorCode
  readonly error: string
  readonly holds?: unknown
}

export const none = 'nothing-of-this-name'
export const query =
  (values: Readonly<Record<string, string | number>>) => (): Readonly<Record<string, string | number>> =>
    values
export const unknownProject = {
  name: 'MEM-806 an unknown project',
  query: query({ project: none }),
  status: 404,
  code: 'unknown_project',
  error: 'Unknown project',
  holds: { available_projects: expect.arrayContaining(['harbour']) },
} as const satisfies Case
export const bothPlaces = {
  name: 'MEM-1303 a project and all of them',
  query: query({ project: 'harbour', all_projects: 'true' }),
  status: 400,
  code: 'invalid_request',
  error: 'not both',
} as const satisfies Case
export const readErrors = [unknownProject, bothPlaces]

export const missingId = (what: string): readonly Case[] => [
  {
    name: 'an id that is no number',
    given: () => Promise.resolve({ id: 'first' }),
    status: 400,
    code: 'invalid_request',
    error: 'number',
  },
  {
    name: `an unknown ${what}`,
    given: () => Promise.resolve({ id: 987_654 }),
    status: 404,
    code: 'not_found',
    error: 'Unknown',
  },
  {
    name: 'a number no record can have',
    given: () => Promise.resolve({ id: '9223372036854775807' }),
    status: 404,
    code: 'not_found',
    error: 'no record',
  },
]
export const savedId = async (world: World): Promise<Given> => ({ id: await world.save() })
export const sessionId = async (world: World): Promise<Given> => ({ id: await world.session() })
export const relationId = async (world: World): Promise<Given> => world.relation()
export const noSession = {
  name: 'an unknown session',
  given: () => Promise.resolve({ id: none }),
  status: 404,
  code: 'unknown_session',
  error: 'Unknown session',
} as const satisfies Case

export const listCases: readonly Case[] = [
  { name: 'newest first', given: savedId, status: 200, shape: 'observation', list: true },
  { name: 'all projects', query: query({ all_projects: '1' }), status: 200, shape: 'observation', list: true },
  {
    name: 'bad numbers fall back',
    query: query({ limit: 'x', sort: '?' }),
    status: 200,
    shape: 'observation',
    list: true,
  },
  ...readErrors,
]
