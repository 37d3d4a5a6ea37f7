import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCodeOf } from './files.ts'

/** Linux `statfs` types of file systems whose bytes lie on another machine (man 2 statfs). */
const networkKinds: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x564c: 'NCP',
  0x5346414f: 'AFS',
  0x73757245: 'Coda',
  0x00c36400: 'Ceph',
  0x0bd00bd0: 'Lustre',
}

/** The name of the network file system that `statfs` type stands for, or null (MEM-107). Negative readings are wrapped. */
export function networkKindOf(type: number): string | null {
  return networkKinds[type >>> 0] ?? null
}

export type StatfsType = (path: string) => number

const systemStatfsType: StatfsType = (path) => statfsSync(path).type

/**
 * The network file system that holds `path`, or null when it is local or cannot be told. A path that does not exist yet
 * is judged by its nearest parent that does. Only Linux numbers its file systems; elsewhere nothing is refused.
 */
export function networkFilesystemOf(path: string, statfsType: StatfsType = systemStatfsType): string | null {
  if (process.platform !== 'linux') return null
  for (let at = path; ; at = dirname(at)) {
    try {
      return networkKindOf(statfsType(at))
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT' || at === dirname(at)) return null
    }
  }
}
