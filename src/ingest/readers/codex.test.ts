import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { systemFiles } from '../../platform/files.ts'
import { discover } from '../discover.ts'
import type { Entry } from '../entries.ts'
import { readLines } from '../lines.ts'
import { addsUp, rawLines, readInPieces, readWhole, seenRecords, sessionOptions } from '../testing/read-text.ts'
import { codexReader } from './codex.ts'

type Fields = Readonly<Record<string, unknown>>

/** Lines of an invented rollout, each a second after the other. */
const rollout = (records: readonly (readonly [string, Fields])[]): string =>
  records
    .map(([type, payload], index) =>
      JSON.stringify({
        timestamp: new Date(Date.parse('2030-01-01T00:00:00Z') + index * 1000).toISOString(),
        type,
        payload,
      }),
    )
    .map((line) => `${line}\n`)
    .join('')

const item = (type: string, fields: Fields): readonly [string, Fields] => ['response_item', { type, ...fields }]
const event = (type: string, fields: Fields = {}): readonly [string, Fields] => ['event_msg', { type, ...fields }]
const said = (role: string, words: string): readonly [string, Fields] =>
  item('message', { role, content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text: words }] })
const typed = (words: string): readonly [string, Fields] => event('user_message', { message: words })
const shown = (words: string): readonly [string, Fields] => event('agent_message', { message: words })
const run = (id: string, command: unknown, name = 'shell'): readonly [string, Fields] =>
  item('function_call', { name, arguments: JSON.stringify({ command }), call_id: id })
const output = (id: string, value: unknown): readonly [string, Fields] =>
  item('function_call_output', { call_id: id, output: value })
const ended = (id: string, code: number, text: string): readonly [string, Fields] =>
  event('exec_command_end', { call_id: id, exit_code: code, aggregated_output: text })

function brief(entry: Entry): string {
  if (entry.kind === 'note') return `note ${entry.note}: ${entry.text}`
  if (entry.kind === 'call') return `call ${entry.name} ${JSON.stringify(entry.action)}`
  if (entry.kind === 'result') return `result ${entry.outcome} ${entry.exitCode ?? '-'}: ${entry.text}`
  return `${entry.kind}: ${entry.text}`
}

function briefs(records: readonly (readonly [string, Fields])[]): readonly string[] {
  const { entries, session } = readWhole(codexReader, rollout(records))
  expect(addsUp(session)).toBe(true)
  expect(session.counts().waiting).toBe(0)
  return entries.map(brief)
}

const contextText = '<environment_context>\n  <cwd>/from/context</cwd>\n</environment_context>'
const context = said('user', contextText)

describe('a line that is too long', () => {
  it('ING-LIN-3/a head over the limit still names the session and its folder', () => {
    const session = codexReader.start(sessionOptions())
    const head =
      '{"timestamp":"2030-01-01T00:00:00Z","type":"session_meta","payload":{"id":"s-long","cwd":"/home/someone/orchard","git":{"id":"no"},"instructions":"yyy'
    session.take({ kind: 'oversized', line: 1, offset: 0, end: 1_000, bytes: 33_554_433, head })
    expect(session.head()).toMatchObject({
      sessionId: 's-long',
      cwd: '/home/someone/orchard',
      startedAt: '2030-01-01T00:00:00Z',
    })
    expect(session.counts()).toMatchObject({ records: 1, oversizedLines: 1 })
    expect(addsUp(session)).toBe(true)
  })
})

describe('Codex records', () => {
  it('ING-CX-1/2: head, model and directory; a later one marks a fork', () => {
    const meta = (id: string): readonly [string, Fields] => [
      'session_meta',
      { id, timestamp: '2029-12-31T23:00:00Z', cwd: '/first', cli_version: '1.2', git: { branch: 'main' } },
    ]
    const { session } = readWhole(
      codexReader,
      rollout([
        meta('s1'),
        ['turn_context', { cwd: '/turn', model: 'model-x' }],
        said('user', 'go'),
        said('assistant', 'ok'),
        meta('s0'),
      ]),
    )
    expect(session.head()).toMatchObject({
      agent: 'codex',
      sessionId: 's1',
      version: '1.2',
      branch: 'main',
      model: 'model-x',
      cwd: '/turn',
      messages: 1,
      continues: 's0',
      startedAt: '2029-12-31T23:00:00Z',
    })
    expect(session.counts().ignored).toMatchObject({ session_meta: 1, 'session_meta:fork': 1 })
  })

  it('ING-CX-1/without a head the id of the file', () => {
    const path = '/h/.codex/sessions/2030/01/01/rollout-2030-01-01T00-00-00-aaaaaaaa-0000-4000-8000-000000000009.jsonl'
    expect(readWhole(codexReader, rollout([said('user', 'go')]), { path }).session.head().sessionId).toBe(
      'aaaaaaaa-0000-4000-8000-000000000009',
    )
  })

  it('ING-CX-3/pictures are named, never kept', () => {
    const image = { type: 'input_image', image_url: `data:image/png;base64,${'QUJD'.repeat(50)}` }
    const given = briefs([
      item('message', { role: 'user', content: [{ type: 'input_text', text: 'see' }, image] }),
      typed('see'),
    ])
    expect(given).toEqual(['human: see\n[image image/png, 150 bytes]'])
  })

  it('ING-CX-4/thoughts in summary, encrypted content nowhere', () => {
    const records = [
      item('reasoning', { summary: [{ text: 'I think' }, 'twice'], encrypted_content: 'ENCRYPTED' }),
      item('reasoning', { encrypted_content: 'ENCRYPTED' }),
    ]
    const { entries, session } = readWhole(codexReader, rollout(records))
    expect(entries.map(brief)).toEqual(['thinking: I think\ntwice'])
    expect(JSON.stringify(entries) + session.save()).not.toContain('ENCRYPTED')
  })

  it.each([
    ['text', run('c', 'ls -l'), '{"kind":"command","command":"ls -l"}'],
    ['words', run('c', ['grep', '-n', 'a b', 'f']), `{"kind":"command","command":"grep -n 'a b' f"}`],
    ['of a shell', run('c', ['/bin/bash', '-lc', 'make && ls']), '{"kind":"command","command":"make && ls"}'],
    [
      'cmd',
      item('function_call', { name: 'exec_command', arguments: '{"cmd":"pwd"}', call_id: 'c' }),
      '{"kind":"command","command":"pwd"}',
    ],
    [
      'local shell',
      item('local_shell_call', { call_id: 'c', action: { type: 'exec', command: ['ls'] } }),
      '{"kind":"command","command":"ls"}',
    ],
    [
      'no JSON',
      item('function_call', { name: 'shell', arguments: 'oops', call_id: 'c' }),
      '{"kind":"command","command":""}',
    ],
    ['web search', item('web_search_call', { id: 'w', action: { query: 'q' } }), '{"kind":"other"}'],
    [
      'patch',
      item('custom_tool_call', {
        name: 'apply_patch',
        call_id: 'c',
        input: '*** Begin Patch\n*** Update File: a.ts\n@@\n-x\n+y\n*** Delete File: b.ts\n*** End Patch',
      }),
      '{"kind":"change","files":["a.ts","b.ts"],"diff":"-x\\n+y"}',
    ],
    [
      'patch by shell',
      run('c', ['bash', '-lc', "apply_patch <<'E'\n*** Begin Patch\n*** Add File: n.ts\n+n\n*** End Patch\nE"]),
      '{"kind":"change","files":["n.ts"],"diff":"+n"}',
    ],
  ])('ING-CX-5/%s', (_, record, action) => {
    expect(briefs([record])[0]?.replace(/^call \S+ /, '')).toBe(action)
  })

  it.each<readonly [string, readonly (readonly [string, Fields])[], readonly string[]]>([
    ['event before its mirror', [ended('c', 1, 'boom'), output('c', 'mirror')], ['result failed 1: boom']],
    ['event after its mirror', [output('c', 'mirror'), ended('c', 1, 'boom')], ['result failed 1: boom']],
    ['no event, code in JSON', [output('c', '{"output":"fine","metadata":{"exit_code":0}}')], ['result ok 0: fine']],
    [
      'no event, code in an object',
      [output('c', { output: 'bad', metadata: { exit_code: 3 } })],
      ['result failed 3: bad'],
    ],
    [
      'no event, leading line',
      [output('c', 'Exit code: 2\nWall time: 1s\nOutput:\nbad')],
      ['result failed 2: Exit code: 2\nWall time: 1s\nOutput:\nbad'],
    ],
    [
      'no event, process line',
      [output('c', 'Chunk ID: x\nProcess exited with code 0\nOutput:\nfine')],
      ['result ok 0: Chunk ID: x\nProcess exited with code 0\nOutput:\nfine'],
    ],
    ['a code the program printed', [output('c', 'Output:\nExit code: 2')], ['result unknown -: Output:\nExit code: 2']],
    ['no code', [output('c', 'text')], ['result unknown -: text']],
    ['blocks', [output('c', [{ type: 'output_text', text: 'one' }])], ['result unknown -: one']],
    ['rejected', [output('c', 'exec command rejected by user')], ['result rejected -: exec command rejected by user']],
    [
      'the id used again',
      [ended('c', 0, 'a'), run('c', 'again'), ended('c', 0, 'b')],
      ['result ok 0: a', 'call shell {"kind":"command","command":"again"}', 'result ok 0: b'],
    ],
  ])('ING-CX-6/%s', (_, records, expected) => {
    expect(briefs([run('c', 'make'), ...records]).slice(1)).toEqual(expected)
  })

  it('ING-CX-6/parallel commands: one result each', () => {
    const given = briefs([
      run('a', 'a'),
      run('b', 'b'),
      output('a', 'A'),
      output('b', 'B'),
      ended('b', 0, 'B'),
      ended('a', 4, 'A'),
    ])
    expect(given.slice(2)).toEqual(['result ok 0: B', 'result failed 4: A'])
  })

  it('ING-CX-6/other tools are ok unless they say otherwise', () => {
    const tool = (id: string): readonly [string, Fields] =>
      item('function_call', { name: 'mcp__x', arguments: '{}', call_id: id })
    expect(
      briefs([
        tool('a'),
        output('a', '{"status":"ok"}'),
        tool('b'),
        output('b', 'Error: none'),
        tool('c'),
        output('c', { content: 'x', success: false }),
      ]).filter((each) => each.startsWith('result')),
    ).toEqual(['result ok -: {"status":"ok"}', 'result failed -: Error: none', 'result failed -: x'])
  })

  it('ING-CX-7/compaction and its summary', () => {
    expect(
      briefs([
        ['compacted', { message: 'so far' }],
        ['compacted', {}],
      ]),
    ).toEqual([
      'note compaction: Conversation compacted',
      'note compact-summary: so far',
      'note compaction: Conversation compacted',
    ])
  })

  it.each<readonly [string, readonly (readonly [string, Fields])[], readonly string[]]>([
    ['event first', [typed('go'), said('user', 'go'), said('assistant', 'ok')], ['human: go', 'assistant: ok']],
    ['item first', [said('user', 'go'), typed('go'), said('assistant', 'ok')], ['human: go', 'assistant: ok']],
    ['only the event', [typed('go'), said('assistant', 'ok')], ['human: go', 'assistant: ok']],
    [
      'items no event names are not human',
      [typed('go'), said('user', 'go'), said('user', 'injected'), said('assistant', 'ok')],
      ['human: go', 'note other: injected', 'assistant: ok'],
    ],
    [
      'no events at all',
      [context, said('user', '# AGENTS.md instructions for /x\nbe kind'), said('user', 'go'), said('assistant', 'ok')],
      [
        `note other: ${contextText}`,
        'note other: # AGENTS.md instructions for /x\nbe kind',
        'human: go',
        'assistant: ok',
      ],
    ],
    [
      'event after the answer began',
      [said('user', 'go'), said('assistant', 'ok'), typed('go')],
      ['human: go', 'assistant: ok'],
    ],
    ['agent event first', [shown('hello'), said('assistant', 'hello')], ['assistant: hello']],
    ['agent event after', [said('assistant', 'hello'), shown('hello')], ['assistant: hello']],
    [
      'agent event alone',
      [shown('hello'), run('c', 'ls')],
      ['assistant: hello', 'call shell {"kind":"command","command":"ls"}'],
    ],
    [
      'agent event, call, mirror',
      [shown('hello'), run('c', 'ls'), said('assistant', 'hello')],
      ['assistant: hello', 'call shell {"kind":"command","command":"ls"}'],
    ],
    [
      'the same words twice',
      [said('assistant', 'yes'), shown('yes'), said('assistant', 'yes'), shown('yes')],
      ['assistant: yes', 'assistant: yes'],
    ],
    [
      'the same prompt in two turns',
      [typed('go'), said('user', 'go'), said('assistant', 'ok'), typed('go'), said('user', 'go')],
      ['human: go', 'assistant: ok', 'human: go'],
    ],
  ])('ING-CX-8/%s', (_, records, expected) => {
    expect(briefs(records)).toEqual(expected)
  })

  it('ING-CX-9/usage, bounds, interruption, the unknown', () => {
    const info = { total_token_usage: { input_tokens: 100, cached_input_tokens: 60, output_tokens: 7 } }
    const { entries, session } = readWhole(
      codexReader,
      rollout([
        event('task_started'),
        event('token_count', { info }),
        event('token_count', { info: null }),
        event('turn_aborted', { reason: 'interrupted' }),
        event('brand_new'),
        ['world_state', {}],
        ['future', {}],
      ]),
    )
    expect(entries.map(brief)).toEqual(['note interrupt: Turn aborted (interrupted)'])
    expect(session.head().usage).toEqual({ inputTokens: 40, outputTokens: 7, cacheReadTokens: 60, cacheWriteTokens: 0 })
    expect(session.counts()).toMatchObject({
      unknown: { 'event_msg:brand_new': 1, future: 1 },
      ignored: { world_state: 1, 'event_msg:task_started': 1, 'event_msg:token_count': 2 },
    })
    expect(addsUp(session)).toBe(true)
  })

  it('ING-CX-10/roles of the program are no turns; the flat form is read', () => {
    const flat = [
      { id: 'flat-1', timestamp: '2029-01-01T00:00:00Z', git: { branch: 'old' } },
      { record_type: 'state' },
      { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'rules' }] },
      {
        type: 'message',
        role: 'user',
        content: [
          {
            type: 'input_text',
            text: '<environment_context>\nCurrent working directory: /flat\n</environment_context>',
          },
        ],
      },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'go' }] },
      { type: 'function_call', name: 'shell', arguments: '{"command":["ls"]}', call_id: 'c' },
      { type: 'function_call_output', call_id: 'c', output: '{"output":"f","metadata":{"exit_code":0}}' },
    ]
    const { entries, session } = readWhole(codexReader, flat.map((each) => `${JSON.stringify(each)}\n`).join(''))
    expect(entries.slice(1).map(brief)).toEqual([
      'human: go',
      'call shell {"kind":"command","command":"ls"}',
      'result ok 0: f',
    ])
    expect(session.head()).toMatchObject({ sessionId: 'flat-1', cwd: '/flat', branch: 'old' })
    expect(addsUp(session)).toBe(true)
  })

  it('ING-CX-1/a sub-agent thread gives no human turn', () => {
    const meta: readonly [string, Fields] = [
      'session_meta',
      { id: 'child', source: { subagent: { thread_spawn: { parent_thread_id: 'parent' } } } },
    ]
    const { entries, session } = readWhole(
      codexReader,
      rollout([meta, typed('look'), said('user', 'look'), said('assistant', 'ok')]),
    )
    expect(entries.map(brief)).toEqual(['note other: look', 'assistant: ok'])
    expect(session.head()).toMatchObject({ sessionId: 'parent', agentId: 'child' })
  })

  it('ING-LIN-5/records of no use throw nothing', () => {
    const odd: readonly (readonly [string, Fields])[] = [
      item('function_call', {}),
      item('function_call_output', {}),
      item('message', {}),
      item('message', { role: 'user', content: 7 }),
      item('reasoning', { summary: 'x' }),
      event('exec_command_end'),
      typed(''),
      item('message', { role: 'assistant', content: [null, 'bare', { type: 'other' }] }),
    ]
    expect(briefs(odd)).toEqual(['assistant: bare\n[block other]'])
  })
})

describe('a rollout in pieces', () => {
  const content = rollout([
    ['session_meta', { id: 's1', cwd: '/w' }],
    context,
    said('user', 'go'),
    typed('go'),
    shown('I look'),
    run('a', 'a'),
    run('b', 'b'),
    said('assistant', 'I look'),
    output('a', 'A'),
    output('b', 'B'),
    ended('a', 0, 'A'),
    said('assistant', 'done'),
    shown('done'),
    event('task_complete'),
    said('user', 'more'),
    run('a', 'a2'),
    output('a', 'A2'),
  ])

  it('ING-INC-3/two pieces at every line boundary give what one gives', () => {
    const whole = readWhole(codexReader, content)
    expect(whole.entries.length).toBeGreaterThan(8)
    for (let cut = 0; cut <= rawLines(content).length; cut++) {
      const pieces = readInPieces(codexReader, content, cut)
      expect(pieces.entries).toEqual(whole.entries)
      expect(pieces.session.save()).toBe(whole.session.save())
      expect(pieces.session.head()).toEqual(whole.session.head())
    }
  })

  it('ING-CC-16/a fork repeats lines of another file', () => {
    const seen = seenRecords()
    readWhole(codexReader, content, { seen })
    const { entries, session } = readWhole(codexReader, content + rollout([said('user', 'and now')]), {
      seen: seenRecords(seen.added),
    })
    expect(entries.map(brief)).toEqual(['human: and now'])
    expect(addsUp(session)).toBe(true)
  })

  it('ING-INC-1/a state that is none is refused', () => {
    for (const state of ['', '{}', '{"version":1}', '[]'])
      expect(codexReader.resume(sessionOptions(), state)).toBeNull()
  })
})

const base = '../shared/data/transcripts/codex/sessions'
const isThere = existsSync(base)
if (!isThere) console.log(`skipped: ${base} not found`)

describe.skipIf(!isThere)('figures of the sample rollout', () => {
  it('ING-CX-11', async () => {
    const { files } = await discover(systemFiles, [codexReader], { kind: 'paths', paths: [base] })
    expect(files).toHaveLength(1)
    for (const file of files) {
      const session = codexReader.start({ ...file, seen: seenRecords() })
      const open = await systemFiles.open(file.path, 'read')
      const options = {
        from: 0,
        fromLine: 0,
        size: file.facts.size,
        lineBytesMax: 1 << 25,
        blockBytes: 1 << 18,
        isQuiet: true,
      }
      const entries: Entry[] = []
      for await (const line of readLines(open, options)) entries.push(...session.take(line))
      await open.close()
      entries.push(...session.finish(true))
      const counts = session.counts()
      expect(counts.entries).toMatchObject({ human: 1, assistant: 1, call: 3, result: 3 })
      expect(counts).toMatchObject({ records: 14, badLines: 0 })
      expect(Object.values(counts.unknown)).toEqual([1])
      expect(addsUp(session)).toBe(true)
      expect(JSON.stringify(entries) + session.save()).not.toContain('SYNTHETIC_ENCRYPTED')
    }
  })
})
