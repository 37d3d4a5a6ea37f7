import type { AskedQuestion, CallAction, CallOutcome, Entry, Origin } from '../../entries.ts'
import type { RuleName } from '../candidate.ts'

/** Something in a session that a reader of it would want to keep. */
export type Label = {
  readonly rule: RuleName
  /** Line of the record it stands in. */
  readonly line: number
  /** Words that the candidate must show. */
  readonly words: string
}

export type Agent = 'claude-code' | 'codex'

export type LabelledSession = {
  readonly name: string
  readonly agent: Agent
  readonly language: 'en' | 'es' | 'de'
  readonly entries: readonly Entry[]
  readonly labels: readonly Label[]
}

/** One label: the rule that should find it, and words that what is found must show. */
export type Keep = readonly [rule: RuleName, words: string]

export function session(
  name: string,
  agent: Agent,
  language: LabelledSession['language'],
  tell: (story: Story) => void,
): LabelledSession {
  const story = new Story(name, agent)
  tell(story)
  return { name, agent, language, entries: story.entries, labels: story.labels }
}

const bytesPerRecord = 500

/** Builds a session entry by entry, as a reader would give it. */
export class Story {
  readonly entries: Entry[] = []
  readonly labels: Label[] = []
  readonly #name: string
  readonly #agent: Agent
  #line = 0

  constructor(name: string, agent: Agent = 'claude-code') {
    this.#name = name
    this.#agent = agent
  }

  human(text: string, ...keep: readonly Keep[]): this {
    return this.#add(
      { kind: 'human', origin: this.#origin(), text, queued: false, command: text.startsWith('/') },
      keep,
    )
  }

  /** Typed while the agent works. */
  queued(text: string, ...keep: readonly Keep[]): this {
    return this.#add({ kind: 'human', origin: this.#origin(), text, queued: true, command: false }, keep)
  }

  says(text: string, ...keep: readonly Keep[]): this {
    const origin = this.#origin()
    const model = this.#agent === 'codex' ? 'model-c' : 'model-a'
    return this.#add({ kind: 'assistant', origin, messageId: `message-${origin.line}`, model, text }, keep)
  }

  /** A command that ends well. */
  runs(command: string, output = '', ...keep: readonly Keep[]): this {
    return this.#call(
      this.#agent === 'codex' ? 'exec_command' : 'Bash',
      { kind: 'command', command },
      'ok',
      output,
      keep,
    )
  }

  /** A command that fails. */
  fails(command: string, output: string, ...keep: readonly Keep[]): this {
    return this.#call(
      this.#agent === 'codex' ? 'exec_command' : 'Bash',
      { kind: 'command', command },
      'failed',
      output,
      keep,
    )
  }

  rejected(command: string): this {
    return this.#call(
      'Bash',
      { kind: 'command', command },
      'rejected',
      "The user doesn't want to proceed with this tool use.",
      [],
    )
  }

  edits(file: string, ...diff: readonly string[]): this {
    const action: CallAction = { kind: 'change', files: [`/home/dev/${this.#name}/${file}`], diff: diff.join('\n') }
    return this.#call(this.#agent === 'codex' ? 'apply_patch' : 'Edit', action, 'ok', 'Done', [])
  }

  reads(path: string): this {
    return this.#call('Read', { kind: 'read', path }, 'ok', 'contents', [])
  }

  asks(questions: readonly AskedQuestion[], answers: Readonly<Record<string, string>>, ...keep: readonly Keep[]): this {
    return this.#call('AskUserQuestion', { kind: 'question', questions }, 'ok', 'answered', keep, answers)
  }

  plans(plan: string, isApproved: boolean, ...keep: readonly Keep[]): this {
    return this.#call('ExitPlanMode', { kind: 'plan', plan }, isApproved ? 'ok' : 'rejected', 'plan', keep)
  }

  interrupted(): this {
    return this.#add(
      { kind: 'note', origin: this.#origin(), note: 'interrupt', text: '[Request interrupted by user]' },
      [],
    )
  }

  compacted(summary: string, ...keep: readonly Keep[]): this {
    return this.#add({ kind: 'note', origin: this.#origin(), note: 'compact-summary', text: summary }, keep)
  }

  #call(
    name: string,
    action: CallAction,
    outcome: CallOutcome,
    text: string,
    keep: readonly Keep[],
    answers: Readonly<Record<string, string>> | null = null,
  ): this {
    const origin = this.#origin()
    const callId = `call-${origin.line}`
    this.entries.push({ kind: 'call', origin, messageId: `message-${origin.line}`, callId, name, input: {}, action })
    const exitCode = action.kind === 'command' && outcome !== 'rejected' ? (outcome === 'failed' ? 1 : 0) : null
    return this.#add({ kind: 'result', origin: this.#origin(), callId, text, outcome, exitCode, answers }, keep)
  }

  #add(entry: Entry, keep: readonly Keep[]): this {
    this.entries.push(entry)
    this.labels.push(...keep.map(([rule, words]) => ({ rule, line: entry.origin.line, words })))
    return this
  }

  #origin(): Origin {
    this.#line++
    return {
      uuid: `${this.#name}-${this.#line}`,
      parent: this.#line === 1 ? null : `${this.#name}-${this.#line - 1}`,
      line: this.#line,
      offset: (this.#line - 1) * bytesPerRecord,
      at: new Date(Date.UTC(2026, 0, 5, 9, 0, this.#line)).toISOString(),
      cwd: `/home/dev/${this.#name}`,
      branch: 'main',
      sidechain: false,
      agentId: null,
    }
  }
}
