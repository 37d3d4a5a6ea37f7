import { describe, expect, it } from 'vitest'
import type { Entry } from '../entries.ts'
import { call, recordChain, text } from '../testing/claude-records.ts'
import type { RecordChain } from '../testing/claude-records.ts'
import { addsUp, readWhole, sessionOptions } from '../testing/read-text.ts'
import { claudeCodeReader } from './claude-code.ts'

const read = (chain: RecordChain): readonly Entry[] => readWhole(claudeCodeReader, chain.text()).entries

/** What an entry is, in few words. */
function brief(entry: Entry): string {
  if (entry.kind === 'note') return `note ${entry.note}: ${entry.text}`
  if (entry.kind === 'call') return `call ${entry.name} ${entry.action.kind}`
  if (entry.kind === 'result') return `result ${entry.outcome} ${entry.exitCode ?? '-'}: ${entry.text}`
  return `${entry.kind}${entry.kind === 'human' && entry.queued ? ' queued' : ''}: ${entry.text}`
}

const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QUJDRA==' } }

/** One record each, and what it becomes. */
const golden: readonly (readonly [string, (chain: RecordChain) => unknown, readonly string[]])[] = [
  ['ING-CC-1/text', (c) => c.user('Paint it green'), ['human: Paint it green']],
  ['ING-CC-1/blocks', (c) => c.user([text('Look:'), image]), ['human: Look:\n[image image/png, 4 bytes]']],
  ['ING-CC-1/bare text in a block list', (c) => c.user(['Paint it']), ['human: Paint it']],
  ['ING-CC-2/result', (c) => c.result('t1', 'done'), ['result ok -: done']],
  [
    'ING-CC-2/result of blocks',
    (c) => c.result('t1', [text('one'), image, text('two')], { is_error: null }),
    ['result ok -: one\n[image image/png, 4 bytes]\ntwo'],
  ],
  [
    'ING-CC-2/several results and a text on one line',
    (c) =>
      c.user([
        { type: 'tool_result', tool_use_id: 'a', content: 'A' },
        { type: 'tool_result', tool_use_id: 'b' },
        text('beside'),
      ]),
    ['result ok -: A', 'result ok -: ', 'note other: beside'],
  ],
  [
    'ING-CC-3/text, thought, call, unknown block',
    (c) =>
      c.assistant([
        { type: 'thinking', thinking: 'hm' },
        text('I look.'),
        call('t', 'Bash', { command: 'ls' }),
        { type: 'redacted_thinking', data: 'SECRET' },
        { type: 'novelty' },
      ]),
    [
      'thinking: hm',
      'assistant: I look.',
      'call Bash command',
      'note other: [block redacted_thinking]',
      'note other: [block novelty]',
    ],
  ],
  [
    'ING-CC-3/call of the server',
    (c) => c.assistant([{ type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } }]),
    ['call web_search other'],
  ],
  ['ING-CC-3/blank text is nothing', (c) => c.assistant([text('\n\n')]), []],
  [
    'ING-CC-4',
    (c) => c.assistant([text('API Error: 500')], { isApiErrorMessage: true }),
    ['note api-error: API Error: 500'],
  ],
  [
    'ING-CC-5',
    (c) => c.system('compact_boundary', { compactMetadata: { trigger: 'auto', preTokens: 7 } }),
    ['note compaction: Conversation compacted (auto, 7 tokens before)'],
  ],
  ['ING-CC-6', (c) => c.user('Summary of it', { isCompactSummary: true }), ['note compact-summary: Summary of it']],
  [
    'ING-CC-7/with arguments',
    (c) =>
      c.user(
        '<command-message>plan</command-message>\n<command-name>/plan</command-name>\n<command-args>the garden</command-args>',
      ),
    ['human: /plan the garden'],
  ],
  [
    'ING-CC-7/without',
    (c) => c.user('<command-name>/mcp</command-name>\n  <command-args></command-args>'),
    ['note command: /mcp'],
  ],
  ['ING-CC-7/output', (c) => c.user('<local-command-stdout>fine</local-command-stdout>'), ['note command: fine']],
  [
    'ING-CC-7/local command',
    (c) => c.system('local_command', { content: '<command-name>/add</command-name><command-args>x</command-args>' }),
    ['human: /add x'],
  ],
  [
    'ING-CC-7/quoted in a sentence',
    (c) => c.user('what is <command-name>/mcp</command-name>?'),
    ['human: what is <command-name>/mcp</command-name>?'],
  ],
  [
    'ING-CC-8/queued prompt',
    (c) => c.attachment({ type: 'queued_command', commandMode: 'prompt', prompt: [text('and blue')] }),
    ['human queued: and blue'],
  ],
  [
    'ING-CC-8/of the program',
    (c) => c.attachment({ type: 'queued_command', commandMode: 'prompt', prompt: 'x y', origin: { kind: 'task' } }),
    [],
  ],
  [
    'ING-CC-8/another mode',
    (c) => c.attachment({ type: 'queued_command', commandMode: 'task-notification', prompt: 'x' }),
    [],
  ],
  ['ING-CC-11/progress', (c) => c.progress(), []],
  ['ING-CC-12/meta', (c) => c.user('skill text', { isMeta: true }), ['note other: skill text']],
  ['ING-CC-12/sidechain', (c) => c.user('do it', { isSidechain: true }), ['note other: do it']],
  [
    'ING-CC-12/origin',
    (c) => c.user('from a channel', { origin: { kind: 'channel' } }),
    ['note other: from a channel'],
  ],
  ['ING-CC-12/origin human', (c) => c.user('from me', { origin: { kind: 'human' } }), ['human: from me']],
  ['ING-CC-12/tool result field', (c) => c.user([text('odd')], { toolUseResult: 'odd' }), ['note other: odd']],
  [
    'ING-CC-12/interrupt',
    (c) => c.user([text('[Request interrupted by user for tool use]')]),
    ['note interrupt: [Request interrupted by user for tool use]'],
  ],
  [
    'ING-CC-12/interrupt quoted',
    (c) => c.user('why "[Request interrupted by user]"?'),
    ['human: why "[Request interrupted by user]"?'],
  ],
  [
    'ING-CC-12/task notification',
    (c) => c.user('<task-notification>t</task-notification>\nRead it'),
    ['note other: <task-notification>t</task-notification>\nRead it'],
  ],
  [
    'ING-CC-12/caveat',
    (c) => c.user('Caveat: The messages below were generated by the user while running local commands. DO NOT'),
    ['note command: Caveat: The messages below were generated by the user while running local commands. DO NOT'],
  ],
  [
    'ING-CC-12/reminder alone',
    (c) => c.user('<system-reminder>r</system-reminder>'),
    ['note other: <system-reminder>r</system-reminder>'],
  ],
  ['ING-CC-12/reminder before words', (c) => c.user('<system-reminder>r</system-reminder>\nGo on'), ['human: Go on']],
  [
    'ING-CC-12/reminder as a block of its own',
    (c) => c.user([text('Go on'), text('<system-reminder>r</system-reminder>')]),
    ['human: Go on'],
  ],
  ['ING-LIN-5/message is a text', (c) => c.user(undefined, { message: 'error' }), []],
  ['ING-LIN-5/content misspelt', (c) => c.user(undefined, { message: { role: 'user', contenst: [] } }), []],
  [
    'ING-LIN-5/one bad block of three',
    (c) => c.assistant([{ type: 'text' }, text('good'), 7]),
    ['note other: [block text]', 'assistant: good', 'note other: [block number]'],
  ],
]

describe('Claude Code records', () => {
  it.each(golden)('%s', (_, build, expected) => {
    const chain = recordChain()
    build(chain)
    const { entries, session } = readWhole(claudeCodeReader, chain.text())
    expect(entries.map(brief)).toEqual(expected)
    expect(addsUp(session)).toBe(true)
  })

  it('ING-LIN-4/what is no record is counted by kind and spoils nothing', () => {
    const chain = recordChain()
    chain.user('before')
    const odd = [
      '"text"',
      '42',
      '[1]',
      '{"half":',
      `${'['.repeat(70)}${']'.repeat(70)}`,
      `{"type":"user","x":${'['.repeat(70)}${']'.repeat(70)}}`,
      '{"silly":1}',
      '{"type":"future"}',
      '{"type":7}',
    ]
    chain.user('after')
    const [first = '', second = ''] = chain.lines()
    const { entries, session } = readWhole(claudeCodeReader, [first, ...odd, second, ''].join('\n'))
    expect(entries.map(brief)).toEqual(['human: before', 'human: after'])
    expect(session.counts()).toMatchObject({
      records: 11,
      badLines: 6,
      unknown: { '(none)': 2, future: 1 },
      decoded: 2,
    })
    expect(addsUp(session)).toBe(true)
  })

  it('ING-LIN-6/__proto__ is a key like any other', () => {
    const line =
      '{"type":"assistant","uuid":"u","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"Odd","input":{"__proto__":{"polluted":1},"constructor":"c"}}]}}\n'
    const [entry] = readWhole(claudeCodeReader, line).entries
    expect(entry?.kind === 'call' ? Object.keys(entry.input) : []).toEqual(['__proto__', 'constructor'])
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  it('ING-CC-22/no base64 anywhere, in prompts, results and nested blocks', () => {
    const data = Buffer.from('picture '.repeat(5000)).toString('base64')
    const picture = { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data } }
    const chain = recordChain()
    chain.user([
      text('see'),
      picture,
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data } },
    ])
    chain.assistant([call('t', 'Shot', {})])
    chain.result('t', [picture], { toolUseResult: { file: { base64: data } } })
    const given = JSON.stringify(read(chain))
    expect(given).not.toContain(data.slice(0, 40))
    expect(given.match(/40000 bytes\]/g)).toHaveLength(3)
  })

  it('ING-ARC-4/outputs, read files and argument values are bounded, with what is missing named', () => {
    const long = 'ä'.repeat(100_000)
    const chain = recordChain()
    chain.assistant([
      call('r', 'Read', { file_path: '/f' }),
      call('b', 'Bash', { command: 'x' }),
      call('w', 'Write', { file_path: '/f', content: long, list: [long, { deep: long }] }),
    ])
    chain.result('r', long)
    chain.result('b', long)
    const entries = read(chain)
    const [write, file, output] = entries.slice(2)
    if (write?.kind !== 'call' || file?.kind !== 'result' || output?.kind !== 'result') throw new Error('other entries')
    const bytes = (value: unknown): number => Buffer.byteLength(String(value))
    expect(bytes(write.input.content)).toBeLessThanOrEqual(64 * 1024 + 50)
    expect(bytes(JSON.stringify(write.input))).toBeLessThan(3 * 65_536 + 300)
    expect(bytes(file.text)).toBeLessThanOrEqual(4 * 1024 + 50)
    expect(bytes(output.text)).toBeLessThanOrEqual(64 * 1024 + 50)
    expect(output.text).toContain(`[… ${200_000 - 65_536} bytes left out …]`)
    expect(output.text).not.toContain('\uFFFD')
  })

  it('ING-LIN-3/a line over the limit leaves a note in its place and its id in the chain', () => {
    const session = claudeCodeReader.start(sessionOptions())
    const head =
      '{"parentUuid":"p","type":"assistant","message":{"uuid":"inner"},"uuid":"big-1","timestamp":"2030-01-01T00:00:00Z","x":"yyy'
    const [entry] = session.take({ kind: 'oversized', line: 4, offset: 90, end: 1_000, bytes: 33_554_433, head })
    expect(entry).toMatchObject({
      kind: 'note',
      note: 'skipped',
      text: '[record of 33554433 bytes left out]',
      origin: { uuid: 'big-1', parent: 'p', at: '2030-01-01T00:00:00Z', line: 4 },
    })
    expect(session.head()).toMatchObject({ startedAt: '2030-01-01T00:00:00Z' })
    expect(session.counts()).toMatchObject({ records: 1, oversizedLines: 1, badLines: 0 })
    expect(addsUp(session)).toBe(true)
  })
})

describe('messages, usage and head', () => {
  it('ING-CC-14/15: lines of one message count once, also with results between them', () => {
    const chain = recordChain()
    chain.user('go')
    chain.assistant([text('first')], {
      id: 'm1',
      usage: { output_tokens: 5, input_tokens: 3, cache_read_input_tokens: 9 },
    })
    chain.assistant([call('a', 'Bash', { command: 'a' })], {
      id: 'm1',
      usage: { output_tokens: 8, input_tokens: 3, cache_read_input_tokens: 9 },
    })
    chain.result('a', 'A')
    chain.assistant([call('b', 'Bash', { command: 'b' })], {
      id: 'm1',
      usage: { output_tokens: 20, input_tokens: 3, cache_read_input_tokens: 9 },
    })
    chain.assistant([text('late')], { id: 'm1', usage: { output_tokens: 2 } })
    chain.assistant([text('second')], { id: 'm2', model: 'model-b', usage: { output_tokens: 1 } })
    chain.assistant([text('third')], { id: 'm3', model: 'model-b' })
    const { entries, session } = readWhole(claudeCodeReader, chain.text())
    expect(entries.flatMap((entry) => ('messageId' in entry ? entry.messageId : []))).toEqual([
      'm1',
      'm1',
      'm1',
      'm1',
      'm2',
      'm3',
    ])
    expect(session.head()).toMatchObject({
      messages: 3,
      model: 'model-b',
      usage: { outputTokens: 21, inputTokens: 3, cacheReadTokens: 9, cacheWriteTokens: 0 },
    })
  })

  it('ING-CC-10/titles by precedence, ING-PRJ-1/directory of the first human turn, times out of order', () => {
    const chain = recordChain()
    chain.progress({ cwd: '/elsewhere', timestamp: '2030-01-01T12:00:00Z' })
    chain.bare('summary', { summary: 'first summary' })
    chain.bare('summary', { summary: 'second summary' })
    const title = (): string | null => readWhole(claudeCodeReader, chain.text()).session.head().title
    expect(title()).toBe('first summary')
    chain.bare('ai-title', { aiTitle: 'by the model' })
    chain.bare('agent-name', { agentName: 'by the agent' })
    expect(title()).toBe('by the agent')
    chain.bare('custom-title', { customTitle: 'by a person' })
    chain.user('go', { cwd: '/right', timestamp: '2030-01-01T09:00:00Z' })
    chain.user('go on', { cwd: '/later', gitBranch: 'topic' })
    const { session } = readWhole(claudeCodeReader, chain.text())
    expect(session.head()).toMatchObject({
      title: 'by a person',
      cwd: '/right',
      branch: 'topic',
      version: '9.9.9',
      startedAt: '2030-01-01T09:00:00Z',
      endedAt: '2030-01-01T12:00:00Z',
    })
  })

  it('ING-CC-20/a sub-agent: its own transcript of the parent session, no human turn', () => {
    const chain = recordChain('parent-session')
    chain.user('look around', { isSidechain: true, agentId: 'a1' })
    chain.assistant([text('I looked')], { isSidechain: true, agentId: 'a1' })
    const { entries, session } = readWhole(claudeCodeReader, chain.text(), {
      sidechainOf: 'parent-session',
      agentId: 'a1',
    })
    expect(entries.map((entry) => [entry.kind, entry.origin.sidechain, entry.origin.agentId])).toEqual([
      ['note', true, 'a1'],
      ['assistant', true, 'a1'],
    ])
    expect(session.head()).toMatchObject({ sessionId: 'parent-session', agentId: 'a1' })
  })
})

describe('calls and results', () => {
  it('X-ASK/questions and answers, structured and as text', () => {
    const question = { question: 'Which colour?', options: [{ label: 'Green', description: 'like grass' }, 'Blue'] }
    const chain = recordChain()
    chain.assistant([
      call('q', 'AskUserQuestion', { questions: [question, 'bad'] }),
      call('q2', 'AskUserQuestion', { questions: [question] }),
    ])
    chain.result('q', 'ok', { toolUseResult: { answers: { 'Which colour?': ['Green', 'Blue'] } } })
    chain.result('q2', 'User has answered your questions: "Which colour?"="Green". You can', { toolUseResult: 'x' })
    const entries = read(chain)
    expect(entries[0]).toMatchObject({
      action: {
        kind: 'question',
        questions: [
          { question: 'Which colour?', options: [{ label: 'Green', description: 'like grass' }, { label: 'Blue' }] },
        ],
      },
    })
    expect(entries.flatMap((entry) => (entry.kind === 'result' ? [entry.answers] : []))).toEqual([
      { 'Which colour?': 'Green, Blue' },
      { 'Which colour?': 'Green' },
    ])
  })

  it('ING-X-FIX/changes name their files and the lines that differ', () => {
    const chain = recordChain()
    chain.assistant([
      call('1', 'Edit', { file_path: '/f', old_string: 'a\nb\nc', new_string: 'a\nB\nc' }),
      call('2', 'Write', { file_path: '/g', content: 'x\ny\n' }),
      call('3', 'MultiEdit', {
        file_path: '/h',
        edits: [{ old_string: '1', new_string: '2' }, 'bad', { old_string: '', new_string: '3' }],
      }),
      call('4', 'NotebookEdit', { notebook_path: '/n', new_source: 'z' }),
      call('5', 'ExitPlanMode', { plan: '# Plan' }),
      call('6', 'Edit', { no: 'path' }),
    ])
    expect(read(chain).flatMap((entry) => (entry.kind === 'call' ? [entry.action] : []))).toEqual([
      { kind: 'change', files: ['/f'], diff: '-b\n+B' },
      { kind: 'change', files: ['/g'], diff: '+x\n+y' },
      { kind: 'change', files: ['/h'], diff: '-1\n+2\n+3' },
      { kind: 'change', files: ['/n'], diff: '+z' },
      { kind: 'plan', plan: '# Plan' },
      { kind: 'other' },
    ])
  })

  it.each([
    ['ok', 'make test', 'all fine', {}, 'ok', null],
    ['failed with code', 'make', 'Exit code 2\nboom', { is_error: true }, 'failed', 2],
    ['failed, wrapped', 'x', '<tool_use_error>No file</tool_use_error>', { is_error: true }, 'failed', null],
    [
      'rejected',
      'rm x',
      "The user doesn't want to proceed with this tool use. STOP",
      { is_error: true },
      'rejected',
      null,
    ],
    ['background', 'serve', 'Command running in background with ID: b1', { is_error: false }, 'unknown', null],
    ['interrupted', 'sleep 9', 'partial', { toolUseResult: { interrupted: true } }, 'unknown', null],
    [
      'interrupted and an error',
      'sleep 9',
      'Exit code 137',
      { is_error: true, toolUseResult: { interrupted: true } },
      'unknown',
      null,
    ],
    ['pipe hides a failure', 'make test 2>&1 | tail -5', '5 tests, 2 failures', {}, 'failed', null],
    ['pipe hides nothing', 'make test | tail -5', '5 tests, 0 failures', {}, 'ok', null],
    ['no pipe, the status counts', 'grep -c x log', '3 errors', {}, 'ok', null],
    ['or is no pipe', 'make || echo "1 failed"', '1 failed', {}, 'ok', null],
    ['pipe inside quotes', 'echo "a | b"', '1 failed', {}, 'ok', null],
    ['pipe before the last command', 'a | b; echo done', '1 failed', {}, 'ok', null],
    ['pipe after and', 'cd x && a |\n tail', '1 error', {}, 'failed', null],
    ['structured result is a text', 'x', 'fine', { toolUseResult: 'Error: x' }, 'ok', null],
  ])('ING-CC-17/%s', (_, command, output, extra, outcome, exitCode) => {
    const chain = recordChain()
    chain.assistant([call('t', 'Bash', { command })])
    chain.result('t', output, extra)
    expect(read(chain)[1]).toMatchObject({ kind: 'result', callId: 't', outcome, exitCode })
  })
})
