/** Lines of invented transcripts, in the forms the agents write. */

const baseMs = Date.UTC(2026, 3, 1, 9)

export const uuidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** A session of the first agent: each call adds one line; ids and times follow from its number. */
export class ClaudeSession {
  readonly id: string
  readonly lines: string[] = []
  readonly #cwd: string
  readonly #first: number

  constructor(number: number, cwd = '/home/someone/projects/orchard') {
    this.id = uuidOf(number)
    this.#first = number * 1_000_000
    this.#cwd = cwd
  }

  get text(): string {
    return this.lines.map((line) => `${line}\n`).join('')
  }

  add(record: Readonly<Record<string, unknown>>): this {
    const number = this.lines.length
    const before = number === 0 ? null : uuidOf(this.#first + number - 1)
    this.lines.push(
      JSON.stringify({
        uuid: uuidOf(this.#first + number),
        parentUuid: before,
        sessionId: this.id,
        timestamp: new Date(baseMs + this.#first + number * 1_000).toISOString(),
        cwd: this.#cwd,
        version: '2.1.0',
        gitBranch: 'main',
        userType: 'external',
        isSidechain: false,
        ...record,
      }),
    )
    return this
  }

  human(text: string): this {
    return this.add({ type: 'user', message: { role: 'user', content: text } })
  }

  says(text: string): this {
    return this.#assistant([{ type: 'text', text }])
  }

  thinks(text: string): this {
    return this.#assistant([{ type: 'thinking', thinking: text, signature: 's' }])
  }

  runs(command: string, output: string, options: { readonly failed?: boolean } = {}): this {
    return this.calls('Bash', { command }, output, options)
  }

  edits(path: string): this {
    const input = { file_path: path, old_string: 'before', new_string: 'after' }
    return this.calls('Edit', input, `The file ${path} has been updated.`)
  }

  calls(
    name: string,
    input: Readonly<Record<string, unknown>>,
    output: string,
    { failed = false }: { readonly failed?: boolean } = {},
  ): this {
    const id = `toolu_${this.id.slice(-4)}_${this.lines.length}`
    this.#assistant([{ type: 'tool_use', id, name, input }])
    const result = { type: 'tool_result', tool_use_id: id, content: output, ...(failed ? { is_error: true } : {}) }
    return this.add({ type: 'user', message: { role: 'user', content: [result] }, toolUseResult: output })
  }

  progress(): this {
    return this.add({ type: 'progress', data: { type: 'hook_progress' } })
  }

  #assistant(content: readonly unknown[]): this {
    const message = {
      id: `msg_${this.id.slice(-4)}_${this.lines.length}`,
      role: 'assistant',
      model: 'a-model',
      content,
      usage: { input_tokens: 10, output_tokens: 5 },
    }
    return this.add({ type: 'assistant', message })
  }
}

/** A short day's work in which the rules find something: a choice, a fix that is checked, and a commit. */
export function workedSession(number: number, cwd?: string): ClaudeSession {
  const check = 'npm test -- pruning'
  return new ClaudeSession(number, cwd)
    .human('Please make the pruning job skip young trees.')
    .thinks('Where is the job?')
    .says(
      `Decision: the pruning job number ${number} reads the age from the planting date, because the label of a tree can be missing.`,
    )
    .runs(check, `Exit code 1\nTypeError: age of tree ${number} is undefined\n 1 failed`, { failed: true })
    .says(
      `The root cause is that \`plantedAt\` is missing in the fixture ${number} of the orchard. I add it to the fixture file.`,
    )
    .edits(`/home/someone/projects/orchard/test/fixture-${number}.ts`)
    .runs(check, 'Tests 4 passed')
    .progress()
    .runs(
      `git add -A && git commit -m "fix: prune only trees older than three years (${number})"`,
      `[main ab12cd${number}] fix: prune only trees older than three years (${number})\n 2 files changed`,
    )
    .says(`The job number ${number} now leaves young trees alone.`)
    .human('Thanks, that works.')
    .says('Glad to hear it.')
}
