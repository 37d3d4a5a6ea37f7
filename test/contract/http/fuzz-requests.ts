import * as fc from 'fast-check'
import { routeSamples } from './route-samples.ts'

/** One made-up request: a known route more often than not, with fields and parameters that fit, nearly fit, or do not. */
export type FuzzRequest = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const names = [
  'id project directory title content type scope topic_key session_id operation_id ttl expires_at author tool_name',
  'strict find replace expected_project summary resume isolated ownership_mode agent_pid source source_inbox_id',
  'observation_id judgment_id relation confidence reason evidence reasoning memory_id_a memory_id_b take by apply',
  'cursor limit offset max_insert old_project new_project target_project confirmed session_ids observation_ids',
  'prompt_ids version sessions observations prompts relations q query match mode order since until before after',
  'max_bytes budget_tokens all_projects history hard explain check cwd status sort compact pinned __proto__',
].flatMap((line) => line.split(' '))

const words =
  'harbour s1 1 #1 -1 0 2.5 1e9 9007199254740993 true null .. / obs-0 rel-1 prompt-1 2026-02-30 2026-01-01T00:00:00Z ' +
  '30d -5d 999999999mo created_at:desc " a* 0.2.0 supersedes related project_owned ' +
  'ghp_000000000000000000000000000000000000'
const oddities = [
  '',
  ' ',
  '\0',
  "'; DROP TABLE observations;--",
  'NEAR(a b)',
  '\ud800',
  '\u202e',
  '<private>x</private>',
  'x'.repeat(300),
]
const known = fc.constantFrom(...words.split(' '), ...oddities)
const text = fc.oneof(
  known,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
)
const scalar = fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constant(null))
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.array(scalar, { maxLength: 4 }),
  fc.jsonValue({ maxDepth: 4 }),
)
const name = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.string({ maxLength: 8 }))
const fields = fc.dictionary(name, value, { maxKeys: 14 })

/** What saves need is mostly there, so that more than the first check is reached. */
const likely = fc.oneof(
  fc.record({ title: text, content: text, session_id: text, id: text, project: text }),
  fc.record({ title: text, content: text, relation: known, confirmed: fc.boolean() }, { requiredKeys: [] }),
)
const object = fc.tuple(likely, fields).map(([first, second]) => ({ ...first, ...second }))

/** JSON with a few characters changed, cut or doubled. */
const mutated = fc
  .tuple(object, fc.array(fc.tuple(fc.nat(), fc.string({ maxLength: 2 })), { maxLength: 3 }))
  .map(([source, changes]) =>
    changes.reduce((json, [at, put]) => {
      const index = at % (json.length + 1)
      return json.slice(0, index) + put + json.slice(index + 1)
    }, JSON.stringify(source)),
  )
const body = fc.oneof(
  { weight: 5, arbitrary: object.map((source) => JSON.stringify(source)) },
  { weight: 2, arbitrary: mutated },
  { weight: 1, arbitrary: fc.constant(undefined) },
)

const query = fc
  .dictionary(name, text, { maxKeys: 6 })
  .map((values) => Object.entries(values).map(([key, one]) => `${escaped(key)}=${escaped(one)}`))
  .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.join('&')}`))

const path = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(fc.constantFrom(...routeSamples), fc.option(fc.oneof(text, fc.constantFrom('1', '2', 's1'))))
      .map(([sample, id]) => ({
        method: sample.method as string,
        path: id === null ? sample.path : sample.path.replace('424242', () => escaped(id)),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND'),
      path: fc.array(text.map(escaped), { maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
    }),
  },
)

const headers = fc.record(
  {
    authorization: fc.constantFrom('Bearer fuzz', 'Bearer fuzz', 'Bearer ', 'Basic x'),
    'content-type': fc.constantFrom(
      'application/json; charset=utf-8',
      'application/json',
      'application/json',
      'text/plain',
    ),
    accept: fc.constantFrom('text/html', '*/*'),
    origin: fc.constantFrom('http://localhost', 'http://localhost', 'null'),
    'if-match': fc.constantFrom('*', '"x"'),
  },
  { requiredKeys: [] },
)

export const fuzzRequest: fc.Arbitrary<FuzzRequest> = fc
  .record({ target: path, query, headers: fc.option(headers, { freq: 5, nil: {} }), body })
  .map((made) => ({
    method: made.target.method,
    path: `${made.target.path}${made.query}`,
    headers: made.headers as Readonly<Record<string, string>>,
    body: ['GET', 'HEAD', 'DELETE', 'OPTIONS'].includes(made.target.method) ? undefined : made.body,
  }))

/** Percent-encoded where it must be; a lone surrogate becomes the replacement character, as in a browser. */
function escaped(part: string): string {
  return encodeURIComponent(part.toWellFormed())
}
