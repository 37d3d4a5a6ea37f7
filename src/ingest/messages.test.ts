import { describe, expect, it } from 'vitest'
import type { Entry, Origin } from './entries.ts'
import { messagesOf } from './messages.ts'

const at = (line: number, part = 0): Origin => ({
  uuid: `u${line}`,
  parent: line === 1 ? null : `u${line - 1}`,
  line,
  offset: line * 100,
  at: `2026-04-01T09:00:0${line}.000Z`,
  cwd: null,
  branch: null,
  sidechain: false,
  agentId: null,
  part,
})

const call = (origin: Origin, input: Record<string, unknown> = { command: 'ls' }): Entry => ({
  kind: 'call',
  origin,
  messageId: 'm1',
  callId: `c${origin.part ?? 0}`,
  name: 'Bash',
  input,
  action: { kind: 'command', command: 'ls' },
})

describe('messages', () => {
  it('ING-ARC-2 each kind of entry in its role', () => {
    const entries: readonly Entry[] = [
      { kind: 'human', origin: at(1), text: 'Hello', queued: true, command: false },
      { kind: 'assistant', origin: at(2), messageId: 'm1', model: 'a-model', text: 'Hi' },
      call(at(3)),
      { kind: 'result', origin: at(4), callId: 'c0', text: 'out', outcome: 'failed', exitCode: 2, answers: null },
      { kind: 'note', origin: at(5), note: 'interrupt', text: 'interrupted' },
    ]
    const messages = messagesOf('codex', entries)
    expect(messages.map(({ messageId }) => messageId)).toEqual([
      'codex:u1',
      'codex:u2',
      'codex:u3',
      'codex:u4',
      'codex:u5',
    ])
    expect(messages.map(({ message }) => message)).toEqual([
      {
        role: 'user',
        content: 'Hello',
        created_at: '2026-04-01T09:00:01.000Z',
        source: { uuid: 'u1', line: 1, kind: 'human', queued: true },
      },
      {
        role: 'assistant',
        content: 'Hi',
        model_name: 'a-model',
        created_at: '2026-04-01T09:00:02.000Z',
        source: { uuid: 'u2', parent: 'u1', line: 2, kind: 'assistant', message_id: 'm1' },
      },
      {
        role: 'assistant',
        content: '',
        created_at: '2026-04-01T09:00:03.000Z',
        tool_calls: [{ id: 'c0', type: 'function', function: { name: 'Bash', arguments: '{"command":"ls"}' } }],
        source: { uuid: 'u3', parent: 'u2', line: 3, kind: 'call', message_id: 'm1' },
      },
      {
        role: 'tool',
        content: 'out',
        created_at: '2026-04-01T09:00:04.000Z',
        tool_call_id: 'c0',
        source: { uuid: 'u4', parent: 'u3', line: 4, kind: 'result', outcome: 'failed', exit_code: 2 },
      },
      {
        role: 'system',
        content: 'interrupted',
        created_at: '2026-04-01T09:00:05.000Z',
        source: { uuid: 'u5', parent: 'u4', line: 5, kind: 'interrupt' },
      },
    ])
  })

  it('ING-ARC-2 what the agent wrote on one line is one message, its thought beside it', () => {
    const messages = messagesOf('codex', [
      { kind: 'thinking', origin: at(2), messageId: 'm1', text: 'hm' },
      { kind: 'assistant', origin: at(2, 1), messageId: 'm1', model: null, text: 'I look.' },
      call(at(2, 2)),
      call(at(3)),
    ])
    expect(messages).toHaveLength(2)
    expect(messages[0]?.message).toMatchObject({
      content: 'I look.',
      reasoning_content: 'hm',
      tool_calls: [{ id: 'c2' }],
    })
  })

  it('ING-ARC-4 a line too big for one message becomes several', () => {
    const big = { text: 'x'.repeat(700_000) }
    const messages = messagesOf('codex', [call(at(2), big), call(at(2, 1), big), call(at(2, 2), big)])
    expect(messages.map(({ messageId }) => messageId)).toEqual(['codex:u2', 'codex:u2#1', 'codex:u2#2'])
  })

  it.each(['yesterday', '2026-02-31T00:00:00Z', '2026-04-01'])('ING-ARC-2 what is no time is left out (%s)', (time) => {
    const origin = { ...at(1), at: time }
    const [message] = messagesOf('codex', [{ kind: 'note', origin, note: 'other', text: 'x' }])
    expect(message?.message).not.toHaveProperty('created_at')
  })
})
