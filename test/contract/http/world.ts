import type { Answer, LocalServer } from './local-server.ts'
import type { Given } from './case.ts'

export const token = 'a-token-of-this-test'

/** Makes what a case needs, through the routes themselves. */
export class World {
  readonly #server: LocalServer
  #count = 0

  constructor(server: LocalServer) {
    this.#server = server
  }

  async session(fields: Given = {}): Promise<string> {
    const id = `session-${++this.#count}`
    await this.#made('POST', '/sessions', { id, project: 'harbour', directory: '/srv/harbour', ...fields })
    return id
  }

  async endedSession(): Promise<Given> {
    const id = await this.session()
    await this.#made('POST', `/sessions/${id}/end`, {})
    return { id }
  }

  /** Three messages under a key that a path could not hold. */
  async transcript(): Promise<Given> {
    const id = `room/${++this.#count}?:ü`
    for (const content of ['one', 'two', 'three']) {
      await this.#made('POST', `/v1/transcripts/messages?key=${encodeURIComponent(id)}`, { role: 'user', content })
    }
    return { id }
  }

  async save(fields: Given = {}): Promise<number> {
    const count = ++this.#count
    const body = {
      title: `Berth ${count}`,
      content: `Boat ${count} lies at berth ${count}`,
      project: 'harbour',
      ...fields,
    }
    return Number((await this.#made('POST', '/observations', body)).json['id'])
  }

  async deletedObservation(): Promise<Given> {
    const id = await this.save()
    await this.#made('DELETE', `/observations/${id}`)
    return { id }
  }

  async deletedOperation(operationId: string): Promise<Given> {
    const id = await this.save({ operation_id: operationId })
    await this.#made('DELETE', `/observations/${id}?hard=true`)
    return { id }
  }

  async due(): Promise<Given> {
    const past = '2020-01-01 00:00:00'
    const observation = {
      id: 1,
      sync_id: 'obs-00000000000000aa',
      session_id: await this.session(),
      type: 'policy',
      title: 'Old rule',
      content: 'Lights at dusk',
      project: 'harbour',
      scope: 'project',
      revision_count: 1,
      duplicate_count: 1,
      review_after: past,
      created_at: past,
      updated_at: past,
      pinned: false,
    }
    const rest = { version: '0.2.0', exported_at: past, sessions: [], prompts: [] }
    await this.#made('POST', '/import', { ...rest, observations: [observation] })
    return {}
  }

  async prompt(): Promise<Given> {
    const body = { session_id: await this.session(), content: `drop anchor ${++this.#count}`, project: 'harbour' }
    return { id: Number((await this.#made('POST', '/prompts', body)).json['id']) }
  }

  async relation(): Promise<Given> {
    const [a, b] = [await this.save(), await this.save()]
    const body = { memory_id_a: a, memory_id_b: b, relation: 'related', confidence: 1, reasoning: 'both are berths' }
    const { sync_id } = (await this.#made('POST', '/conflicts/compare', body)).json
    const page = await this.#made('GET', '/conflicts?limit=500')
    const relations = page.json['relations'] as readonly { readonly id: number; readonly sync_id: string }[]
    return { id: relations.find((one) => one.sync_id === sync_id)?.id ?? 0 }
  }

  async #made(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = { Authorization: `Bearer ${token}` }
    const answer = await this.#server.send(method, path, body === undefined ? { headers } : { headers, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
    return answer
  }
}
