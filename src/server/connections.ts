import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The open connections of a server and what each is answering, so that stopping is quick and cuts no answer.
 *
 *   opened ──▶ idle ◀──▶ answering ──▶ closed
 *                │           │
 *      drain() ──┴─ at once  └─ when its last answer is out
 */
export class Connections {
  readonly #answering = new Map<Socket, Set<ServerResponse>>()
  /** Sockets that speak another protocol now: whoever took them over ends them, only `cut` reaches them from here. */
  readonly #upgraded = new Set<Socket>()
  #isDraining = false

  opened(socket: Socket): void {
    this.#answering.set(socket, new Set())
    socket.once('close', () => this.#answering.delete(socket))
    if (this.#isDraining) socket.destroy()
  }

  began(socket: Socket, answer: ServerResponse): void {
    if (this.#isDraining) answer.shouldKeepAlive = false
    this.#answering.get(socket)?.add(answer)
    answer.once('close', () => {
      const answers = this.#answering.get(socket)
      answers?.delete(answer)
      if (this.#isDraining && answers?.size === 0) socket.destroySoon()
    })
  }

  upgraded(socket: Socket): void {
    this.#answering.delete(socket)
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
  }

  /** Whether bytes of an answer are already out, so that no other may be written. */
  hasBegunAnswer(socket: Socket): boolean {
    return [...(this.#answering.get(socket) ?? [])].some((answer) => answer.headersSent)
  }

  /** Idle connections go now, the others after their answers. */
  drain(): void {
    this.#isDraining = true
    for (const [socket, answers] of this.#answering) {
      if (answers.size === 0) socket.destroySoon()
      for (const answer of answers) answer.shouldKeepAlive = false
    }
  }

  /** Everything at once. */
  cut(): void {
    for (const socket of [...this.#answering.keys(), ...this.#upgraded]) socket.destroy()
  }
}
