import type { Readable } from 'node:stream'
import { EngramError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'

/** The parts of a web request a body is read from; Node's own side of it, where there is one, is read at a third of the cost. */
export type BodySource = Pick<Request, 'body'> & {
  readonly header: (name: string) => string | undefined
  readonly incoming?: Readable
}

/**
 * The JSON object a request carries, or null when it has no body. Read only up to the limit: one byte more is
 * `payload_too_large` without keeping what follows. Nesting is bounded, because what came deep cannot be written out
 * again. Its type must be JSON: a page of another site may send text and forms without asking, but not that (W2). With
 * `any` the type is not looked at.
 */
export async function readJsonBody(
  request: BodySource,
  bytesMax: number,
  wanted: 'json' | 'any' = 'json',
): Promise<Readonly<Record<string, unknown>> | null> {
  const type = wanted === 'any' ? 'application/json' : request.header('content-type')
  if (type !== undefined && !isJson(type)) throw unsupported(`got ${JSON.stringify(type.slice(0, 80))}`)
  if (!['', 'identity'].includes(request.header('content-encoding')?.toLowerCase() ?? '')) {
    throw unsupported('got a compressed body')
  }
  const text = await readText(request, bytesMax)
  if (text === '') return null
  if (type === undefined) throw unsupported('got none')
  return text.trim() === '' ? null : parseObject(text)
}

const isJson = (type: string): boolean => /^application\/(?:[\w.+-]{1,80}\+)?json\s*(?:;|$)/i.test(type)

async function readText(request: BodySource, bytesMax: number): Promise<string> {
  if (Number(request.header('content-length') ?? 0) > bytesMax) throw tooLarge(bytesMax)
  if (request.incoming !== undefined) return readNodeText(request.incoming, bytesMax)
  if (request.body === null) return ''
  const decoder = new TextDecoder()
  const reader = request.body.getReader()
  let bytes = 0
  let text = ''
  for (;;) {
    const { done, value } = await nextPart(reader)
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > bytesMax) {
      await reader.cancel()
      throw tooLarge(bytesMax)
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** Of texts that are there whole: it keeps nothing from one to the next. */
const whole = new TextDecoder()

function readNodeText(incoming: Readable, bytesMax: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    let isOver = false
    const end = (error: EngramError | null): void => {
      isOver = true
      incoming.off('data', onData)
      if (error === null) resolve(whole.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts)))
      else reject(error)
    }
    const onData = (part: Buffer): void => {
      bytes += part.byteLength
      if (bytes <= bytesMax) return void parts.push(part)
      // What follows is read and forgotten for a moment, so that its sender reads the answer.
      end(tooLarge(bytesMax))
      incoming.resume()
    }
    incoming.on('data', onData)
    incoming.once('end', () => end(null))
    const early = (cause?: unknown): void => {
      if (!isOver) end(new EngramError('aborted', 'The body ended early.', { cause }))
    }
    incoming.once('error', early)
    incoming.once('close', () => early())
  })
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

async function nextPart(reader: Reader): ReturnType<Reader['read']> {
  try {
    return await reader.read()
  } catch (error) {
    throw new EngramError('aborted', 'The body ended early.', { cause: error })
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  if (isDeeper(text, limits.httpJsonDepthMax)) {
    throw new EngramError('invalid_request', `Expected JSON of at most ${limits.httpJsonDepthMax} levels.`)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new EngramError('invalid_request', 'The body is not valid JSON.')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new EngramError('invalid_request', 'Expected a JSON object as body.')
  }
  return parsed as Readonly<Record<string, unknown>>
}

const [quote, backslash, openList, openObject, closeList, closeObject] = [34, 92, 91, 123, 93, 125] as const

/** Whether brackets outside strings nest deeper than `max`; one pass, no recursion, stops at the first that does. */
export function isDeeper(text: string, max: number): boolean {
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === quote) index = endOfString(text, index + 1)
    else if (code === openObject || code === openList) {
      if (++depth > max) return true
    } else if (code === closeObject || code === closeList) depth--
  }
  return false
}

/** Where the quote stands that ends a string; the end of the text when none does. Most of a body is strings. */
function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from)
  while (end !== -1 && isEscaped(text, end, from)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, at: number, from: number): boolean {
  let before = at
  while (before > from && text.charCodeAt(before - 1) === backslash) before--
  return (at - before) % 2 === 1
}

const unsupported = (came: string): EngramError =>
  new EngramError('unsupported_media_type', `Expected application/json, ${came}.`)

const tooLarge = (bytesMax: number): EngramError =>
  new EngramError('payload_too_large', `Expected a body of at most ${bytesMax} bytes.`, {
    details: { limit_bytes: bytesMax },
  })
