import type { IncomingMessage, ServerResponse } from 'node:http'
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

  /** Requests whose answers are not out. */
  *unanswered(): Iterable<IncomingMessage> {
    for (const answers of this.#answering.values()) for (const answer of answers) yield answer.req
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

  /**
   * Who takes nothing of an answer that waits for `writeMs` is gone then; Node begins the time anew with each byte taken. A
   * socket without a limit has a stream on it or a call that waits: those look after themselves.
   */
  limitUnread(writeMs: number, silenceMs: number): void {
    for (const [socket, answers] of this.#answering) {
      const isWaiting = answers.size > 0 && socket.writableLength > 0
      if (isWaiting && socket.timeout === silenceMs) socket.setTimeout(writeMs)
      if (!isWaiting && socket.timeout === writeMs) socket.setTimeout(silenceMs)
    }
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
