import { Tiktoken } from 'js-tiktoken/lite'
import ranks from 'js-tiktoken/ranks/o200k_base'
import { expect, it } from 'vitest'
import { selectTools } from './profiles.ts'
import { listed } from './server.ts'
import { tools } from './tools.ts'

const encoder = new Tiktoken(ranks)
const costOf = (selection: string): number =>
  encoder.encode(JSON.stringify({ tools: selectTools(tools, selection).map(listed) })).length

it('MEM-1201 core is at most six tools and 1,500 tokens of schema, the whole list counted', () => {
  expect(selectTools(tools, undefined).map((one) => one.name)).toEqual([
    'mem_context',
    'mem_search',
    'mem_get_observation',
    'mem_save',
    'mem_session_summary',
    'mem_judge',
  ])
  expect(costOf('core')).toBeLessThanOrEqual(1_500)
})
