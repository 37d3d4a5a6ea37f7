import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { EngramError } from '../model/errors.ts'
import { errorCodeOf } from '../platform/files.ts'

/**
 * Takes away a unix socket whose server was killed, so that the path can be used again. One that is answered stays, and
 * listening on it fails with `address_in_use`; a file that is no socket is refused and never touched.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (errorCodeOf(error) === 'ENOENT') return null
    throw new EngramError('invalid_request', `${path} cannot be read: ${errorCodeOf(error)}.`, { cause: error })
  })
  if (stat === null) return
  if (!stat.isSocket()) {
    throw new EngramError('invalid_request', `${path} exists and is no socket.`, {
      hint: 'Choose another path for the socket.',
    })
  }
  if (await isRefused(path)) await rm(path, { force: true })
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error) => resolve(errorCodeOf(error) === 'ECONNREFUSED'))
  })
}
