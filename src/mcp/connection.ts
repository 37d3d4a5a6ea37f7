import type { Caller } from '../api/caller.ts'
import type { ResolvedProject } from '../api/projects.ts'
import type { Warning } from '../model/records.ts'

export type ConnectionOptions = {
  readonly caller: Caller
  readonly newId: () => string
  /** The agent's working directory; unknown over HTTP. */
  readonly directory: string | undefined
  readonly projectOverride: string | undefined
  readonly timezone: string | undefined
  /** The process of the agent, which hooks know too. */
  readonly agentPid: number | undefined
  /** Several agents may come in by it, and nothing tells them apart (MEM-703, the current revision over HTTP). */
  readonly isShared?: boolean
}

export type ConnectionPlace = {
  readonly directory?: string
  readonly project_override?: string
}

/**
 * One agent's way in. It is bound to one session, so that a save never asks which (MEM-703).
 *
 * - The session is made at the first write that names none: `mcp-<ulid>`, the agent's name, its directory.
 * - An id that the agent or a hook names rebinds it once a write under it succeeded (MEM-704); one's own session of before
 *   is ended.
 * - `close` ends the session that was made here, with the last summary given.
 */
export class Connection {
  readonly caller: Caller
  readonly timezone: string | undefined
  /** The name in the client's greeting; authors of memory are told apart by it. */
  agent: string | undefined
  summary: string | undefined
  readonly #options: ConnectionOptions
  #bound: { readonly id: string; readonly own: boolean } | null = null
  #binding: Promise<string> | null = null
  #here: Promise<ResolvedProject> | null = null

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.caller = options.caller
    this.timezone = options.timezone
  }

  get sessionId(): string | undefined {
    return this.#bound?.id
  }

  get place(): ConnectionPlace {
    const { directory, projectOverride } = this.#options
    return {
      ...(directory === undefined ? {} : { directory }),
      ...(projectOverride === undefined ? {} : { project_override: projectOverride }),
    }
  }

  get isShared(): boolean {
    return this.#options.isShared === true
  }

  get agentPid(): { readonly agent_pid?: number } {
    const { agentPid } = this.#options
    return agentPid === undefined ? {} : { agent_pid: agentPid }
  }

  /** The project this connection stands in; found once, since finding it may ask git. A failure is no finding. */
  here(): Promise<ResolvedProject> {
    return (this.#here ??= this.#find())
  }

  async #find(): Promise<ResolvedProject> {
    try {
      return await this.caller.call('project.resolve', this.place)
    } catch (error) {
      this.#here = null
      throw error
    }
  }

  /** The project a call is about, with how it was found. */
  async where(project: string | undefined): Promise<ResolvedProject> {
    return project === undefined ? this.here() : this.caller.call('project.resolve', { ...this.place, project })
  }

  /** The session of a write: the one named, else the bound one, else a new one. */
  async sessionOfWrite(named: string | undefined): Promise<string> {
    if (named !== undefined) return named
    if (this.#bound !== null) return this.#bound.id
    return (this.#binding ??= this.#begin())
  }

  /**
   * After a write that succeeded: the id it named rebinds, so that one nobody can write to never does; nor does one of
   * another project, or one of several agents that share this way in. The engine may have continued an ended session
   * under another name; later writes follow.
   */
  async wrote(named: string | undefined, used: string, warnings: readonly Warning[]): Promise<void> {
    const has = (code: string): boolean => warnings.some((one) => one.code === code)
    if (named !== undefined && !this.isShared && !has('session_project_mismatch')) await this.rebind(named)
    if (this.#bound !== null && has('session_already_ended') && used !== '')
      this.#bound = { id: used, own: this.#bound.own }
  }

  async rebind(id: string): Promise<void> {
    const before = this.#bound
    this.#bound = { id, own: false }
    if (before !== null && before.own && before.id !== id) await this.#end(before.id)
  }

  async close(): Promise<void> {
    await this.#binding?.catch(() => undefined)
    const bound = this.#bound
    this.#bound = null
    if (bound !== null && bound.own) await this.#end(bound.id)
  }

  async #begin(): Promise<string> {
    const id = `mcp-${this.#options.newId()}`
    const agent = this.agent === undefined ? {} : { agent: this.agent }
    try {
      await this.caller.call('session.start', {
        id,
        ownership_mode: 'shared',
        ...this.place,
        ...agent,
        ...this.agentPid,
      })
    } catch {
      // The write that follows makes it (MEM-705), or is queued with it (MEM-111).
    }
    this.#bound ??= { id, own: true }
    this.#binding = null
    return id
  }

  async #end(id: string): Promise<void> {
    const summary = this.summary === undefined ? {} : { summary: this.summary }
    try {
      await this.caller.call('session.end', { id, ...summary })
    } catch {
      // Nobody is there to be told; a session that stays open is closed for idleness (MEM-707).
    }
  }
}
