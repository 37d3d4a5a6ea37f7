import type { Input } from '../api/operations.ts'
import { EngramError } from '../model/errors.ts'
import { sha256Hex } from '../platform/bytes.ts'
import { parseInput } from './engine.ts'
import type { EngineDeps } from './handler.ts'
import type { Place } from './places.ts'
import { savePromptAt } from './prompts.ts'
import { saveOnce } from './save-once.ts'
import { sharedKinds } from './shared-saves.ts'
import { decodeSpooled, placeIn } from './spooled-save.ts'
import { updateObservationFields } from './update-observation.ts'

/** Does for others in a crowd what {@link sharedKinds} name; what it reads may have been put there by anybody. */
export function offerSharedSaves(deps: EngineDeps): void {
  const { version, settings } = deps
  deps.store.offer(sha256Hex(JSON.stringify([version, settings])), {
    [sharedKinds.save]: (tx, text) => {
      const save = decodeSpooled(Buffer.from(text))
      if (save === null) throw unreadable()
      return saveOnce(tx, deps, save.operation, save.prepared, save.context)
    },
    [sharedKinds.update]: (tx, text) =>
      updateObservationFields(tx, deps, parseInput('observation.update', JSON.parse(text))),
    [sharedKinds.prompt]: (tx, text) => {
      // Its shape is checked by the next line.
      const { input, place } = JSON.parse(text) as { readonly input: Input<'prompt.save'>; readonly place: unknown }
      return savePromptAt(tx, deps, parseInput('prompt.save', input), knownPlace(place))
    },
  })
}

function knownPlace(value: unknown): Place {
  const place = typeof value === 'object' && value !== null ? placeIn(value as Readonly<Record<string, unknown>>) : null
  if (place === null) throw unreadable()
  return place
}

const unreadable = (): EngramError => new EngramError('invalid_request', 'This is no letter of ours.')
