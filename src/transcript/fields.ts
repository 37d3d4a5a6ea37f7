/** Types of the known fields of a message (TRN-201), for what is written and for what is read. */
type Shape = 'text' | 'time' | { readonly list: Shape } | { readonly fields: Readonly<Record<string, Shape>> }

const text = 'text'

const messageFields = {
  role: text,
  content: text,
  model_name: text,
  created_at: 'time',
  media: { list: text },
  attachments: { list: { fields: { type: text, ref: text, url: text, filename: text, content_type: text } } },
  reasoning_content: text,
  system_parts: { list: { fields: { type: text, text, cache_control: { fields: { type: text } } } } },
  tool_calls: {
    list: {
      fields: {
        id: text,
        type: text,
        function: { fields: { name: text, arguments: text, thought_signature: text } },
        extra_content: {
          fields: { google: { fields: { thought_signature: text } }, tool_feedback_explanation: text },
        },
      },
    },
  },
  tool_call_id: text,
  message_id: text,
} as const satisfies Record<string, Shape>

const messageShape: Shape = { fields: messageFields }

/** Known fields in the order they are written. */
export const fieldOrder: readonly string[] = Object.keys(messageFields)

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Path of the first known field with another type than above, or null. Null and undefined count as absent. */
export const wrongField = (message: unknown): string | null => mismatch(message, messageShape)

/** A path is only put together once something is wrong: this runs for every line read. */
function mismatch(value: unknown, shape: Shape): string | null {
  if (value === undefined || value === null) return null
  if (shape === 'text') return typeof value === 'string' ? null : ''
  if (shape === 'time') return typeof value === 'string' && isTime(value) ? null : ''
  if ('list' in shape) return Array.isArray(value) ? firstMismatch(value, shape.list) : ''
  if (!isRecord(value)) return ''
  for (const name in value) {
    const inner = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined
    const wrong = inner === undefined ? null : mismatch(value[name], inner)
    if (wrong !== null) return wrong === '' || wrong.startsWith('[') ? name + wrong : `${name}.${wrong}`
  }
  return null
}

function firstMismatch(values: readonly unknown[], shape: Shape): string | null {
  for (const [index, value] of values.entries()) {
    const wrong = mismatch(value, shape)
    if (wrong !== null) return wrong === '' ? `[${index}]` : `[${index}].${wrong}`
  }
  return null
}

const fold = (name: string): string => name.toUpperCase().toLowerCase()

/** The value with known fields under their exact names, however they were written; an exact name wins (TRN-208). */
export const exactNames = (message: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  renamedFields(message, messageFields)

function renamed(value: unknown, shape: Shape): unknown {
  if (typeof shape === 'string') return value
  if ('list' in shape) return Array.isArray(value) ? value.map((one: unknown) => renamed(one, shape.list)) : value
  return isRecord(value) ? renamedFields(value, shape.fields) : value
}

function renamedFields(
  value: Readonly<Record<string, unknown>>,
  fields: Readonly<Record<string, Shape>>,
): Readonly<Record<string, unknown>> {
  const nameOf = (name: string): string => {
    if (Object.hasOwn(fields, name)) return name
    const exact = Object.keys(fields).find((known) => known === fold(name))
    return exact === undefined || Object.hasOwn(value, exact) ? name : exact
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const known = nameOf(name)
      const shape = Object.hasOwn(fields, known) ? fields[known] : undefined
      return [known, shape === undefined ? inner : renamed(inner, shape)]
    }),
  )
}

const rfc3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

export function isTime(value: string): boolean {
  if (value === '') return true
  const match = rfc3339.exec(value)
  if (match === null) return false
  const day = Number(match[3])
  return day >= 1 && (day <= 28 || day <= daysOf(Number(match[1]), Number(match[2])))
}

function daysOf(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

/** No time at all, or Go's zero time (TRN-203). */
export const isNoTime = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'string' && /^0001-01-01T00:00:00(?:\.0+)?Z$/.test(value))

const isBlankText = (value: unknown): boolean => typeof value !== 'string' || value.trim() === ''
/** What counts as left out when written (TRN-201). */
export const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)

/** Role assistant with nothing but reasoning: not kept (TRN-205). */
export function isThought(message: Readonly<Record<string, unknown>>): boolean {
  return (
    message['role'] === 'assistant' &&
    isBlankText(message['content']) &&
    !isBlankText(message['reasoning_content']) &&
    ['tool_calls', 'media', 'attachments', 'tool_call_id'].every((name) => isNothing(message[name]))
  )
}
