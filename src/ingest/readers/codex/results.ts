import type { CallAction, Origin, ResultEntry } from '../../entries.ts'
import { cutMiddle, kept } from '../cut.ts'
import { nameAt, textAt } from '../record.ts'
import type { JsonObject } from '../record.ts'
import { callOf } from './calls.ts'
import type { Conversation, Handler, Handlers } from './conversation.ts'
import { outputSigns } from './items.ts'
import type { OutputSigns } from './items.ts'
import { codexOutcome } from './outcome.ts'

/** Calls and their results: one result for each time a call was made (ING-CX-5, ING-CX-6). */
export function callItems(talk: Conversation): Handlers {
  const calls = ['function_call', 'local_shell_call', 'custom_tool_call', 'web_search_call']
  const outputs = ['function_call_output', 'custom_tool_call_output', 'local_shell_call_output']
  const call = onCall(talk)
  const output = onOutput(talk)
  return [...calls.map((type) => [type, call] as const), ...outputs.map((type) => [type, output] as const)]
}

export function callEvents(talk: Conversation): Handlers {
  const end = onEnd(talk)
  return [
    ['exec_command_end', end],
    ['patch_apply_end', end],
  ]
}

function onCall(talk: Conversation): Handler {
  return ({ payload, origin, type }) => {
    const call = callOf(type, payload)
    if (call === null) return talk.ignore(`response_item:${type}:malformed`)
    const before = talk.settleAll()
    const { name, input, action } = call
    const callId = call.callId ?? origin.uuid
    talk.open(callId, action.kind)
    const messageId = nameAt(payload, 'id') ?? origin.uuid
    return [...before, ...talk.give({ kind: 'call', origin, messageId, callId, name, input, action })]
  }
}

function onOutput(talk: Conversation): Handler {
  return ({ payload, origin, type }) => {
    const callId = nameAt(payload, 'call_id')
    if (callId === null) return talk.ignore(`response_item:${type}:malformed`)
    const call = talk.callOf(callId)
    if (call?.isAnswered === true) return talk.ignore(`response_item:${type}:mirror`)
    const entry = resultEntry(origin, callId, call?.action ?? null, outputSigns(payload.output))
    const before = talk.settle(({ kind }) => kind !== 'output')
    if (entry.outcome === 'unknown') return [...before, ...talk.hold({ kind: 'output', key: callId, entry })]
    talk.answer(callId)
    return [...before, ...talk.give(entry)]
  }
}

/** The event is canonical: it knows the exit code (ING-CX-6). */
function onEnd(talk: Conversation): Handler {
  return ({ payload, origin, type }) => {
    const callId = nameAt(payload, 'call_id')
    if (callId === null) return talk.ignore(`event_msg:${type}:malformed`)
    const call = talk.callOf(callId)
    if (talk.takeHeld('output', callId) !== null) talk.drop('response_item:mirror')
    else if (call?.isAnswered === true) return talk.ignore(`event_msg:${type}`)
    const before = talk.settle(({ kind }) => kind !== 'output')
    const entry = resultEntry(origin, callId, call?.action ?? 'command', endSigns(payload))
    talk.answer(callId)
    return [...before, ...talk.give(entry)]
  }
}

function resultEntry(
  origin: Origin,
  callId: string,
  action: CallAction['kind'] | null,
  signs: OutputSigns,
): ResultEntry {
  return {
    kind: 'result',
    origin,
    callId,
    text: cutMiddle(signs.text, kept.outputBytesMax),
    outcome: codexOutcome(action, signs),
    exitCode: signs.exitCode,
    answers: null,
  }
}

function endSigns(payload: JsonObject): OutputSigns {
  const stated = payload.exit_code
  const streams = [textAt(payload, 'stdout'), textAt(payload, 'stderr')].filter((text) => text !== null && text !== '')
  return {
    text: textAt(payload, 'aggregated_output') ?? textAt(payload, 'formatted_output') ?? streams.join('\n'),
    exitCode: typeof stated === 'number' && Number.isInteger(stated) ? stated : null,
    success: typeof payload.success === 'boolean' ? payload.success : null,
  }
}
