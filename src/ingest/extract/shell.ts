/**
 * Just enough of a POSIX shell's grammar to tell the parts of a command, their words and their here-documents apart.
 * It never fails: what it cannot read is one more word. Linear in the command, here-documents up to sixteen of them.
 */
export type Segment = {
  readonly words: readonly string[]
  /** It reads what the segment before it printed. */
  readonly piped: boolean
}

export type Shell = {
  readonly segments: readonly Segment[]
  /** Bodies of here-documents; the word `<<#n` stands where the nth was asked for. */
  readonly documents: readonly string[]
}

const documentsMax = 16

export function shellSegments(command: string): Shell {
  const { text, documents } = takeDocuments(command)
  return { segments: new Scanner(text).scan(), documents }
}

/** Takes the bodies of here-documents out and leaves `<<#n`. One whose end is missing stays as it is. */
function takeDocuments(command: string): { text: string; documents: readonly string[] } {
  if (!command.includes('<<')) return { text: command, documents: [] }
  const lines = command.split('\n')
  const kept: string[] = []
  const documents: string[] = []
  let tries = 0
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    const mark = /<<-?[ \t]{0,8}(["'\\]?)([A-Za-z_]\w{0,60})\1?/.exec(line)
    const end =
      mark === null || line.includes('<<<') || tries++ >= documentsMax
        ? -1
        : documentEnd(lines, index + 1, mark[2] ?? '')
    if (mark === null || end < 0) {
      kept.push(line)
      continue
    }
    kept.push(line.replace(mark[0], `<<#${documents.length}`))
    documents.push(lines.slice(index + 1, end).join('\n'))
    // What follows the end mark on its line (`EOF)"`) closes what the document was asked for in.
    kept.push((lines[end] ?? '').trim().slice((mark[2] ?? '').length))
    index = end
  }
  return { text: kept.join('\n'), documents }
}

function documentEnd(lines: readonly string[], from: number, name: string): number {
  for (let index = from; index < lines.length; index++) {
    const line = (lines[index] ?? '').trim()
    if (line.startsWith(name) && !/^\w/.test(line.slice(name.length))) return index
  }
  return -1
}

/** One pass over the characters of one command. */
class Scanner {
  readonly #text: string
  readonly #segments: Segment[] = []
  #words: string[] = []
  #word: string | null = null
  #piped = false
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  scan(): readonly Segment[] {
    while (this.#at < this.#text.length) this.#step(this.#text[this.#at] ?? '')
    this.#endSegment(false)
    return this.#segments
  }

  #step(character: string): void {
    const two = this.#text.slice(this.#at, this.#at + 2)
    if (character === '\\') this.#escape()
    else if (character === "'") this.#single()
    else if (character === '"') this.#double()
    else if (two === '$(') this.#add(this.#substitution())
    else if (two === '&&' || two === '||') this.#operator(2, false)
    else if (character === '|') this.#operator(1, true)
    else if (character === ';' || character === '\n') this.#operator(1, false)
    else if (character === '&' && !this.#inRedirection()) this.#operator(1, false)
    else if (character === '#' && this.#word === null) this.#comment()
    else if (character === ' ' || character === '\t') {
      this.#endWord()
      this.#at++
    } else this.#add(character)
  }

  #add(piece: string): void {
    this.#word = (this.#word ?? '') + piece
    this.#at += piece.length
  }

  /** `2>&1` and `&>file` hold an ampersand that joins nothing. */
  #inRedirection(): boolean {
    return (this.#word ?? '').endsWith('>') || this.#text[this.#at + 1] === '>'
  }

  #escape(): void {
    const next = this.#text[this.#at + 1] ?? ''
    this.#at += 2
    if (next !== '\n') this.#word = (this.#word ?? '') + next
  }

  #single(): void {
    const close = this.#text.indexOf("'", this.#at + 1)
    const end = close < 0 ? this.#text.length : close
    const ansi = this.#word === '$'
    const inner = this.#text.slice(this.#at + 1, end)
    this.#word = ansi ? inner.replaceAll('\\n', '\n') : (this.#word ?? '') + inner
    this.#at = end + 1
  }

  #double(): void {
    this.#word ??= ''
    this.#at++
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      const character = this.#text[this.#at] ?? ''
      if (character === '\\' && '"\\$`'.includes(this.#text[this.#at + 1] ?? ' ')) this.#escape()
      else if (this.#text.startsWith('$(', this.#at)) this.#add(this.#substitution())
      else this.#add(character)
    }
    this.#at++
  }

  /** `$( … )` as it stands, nested ones and quotes in it included; without an end, to the end of the text. */
  #substitution(): string {
    let depth = 0
    let quote = ''
    for (let index = this.#at + 1; index < this.#text.length; index++) {
      const character = this.#text[index] ?? ''
      if (character === '\\') index++
      else if (quote !== '') quote = character === quote ? '' : quote
      else if (character === "'" || character === '"') quote = character
      else if (character === '(') depth++
      else if (character === ')' && --depth === 0) return this.#text.slice(this.#at, index + 1)
    }
    return this.#text.slice(this.#at)
  }

  #comment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#text.length : end
  }

  #operator(width: number, pipes: boolean): void {
    this.#at += width
    this.#endSegment(pipes)
  }

  #endWord(): void {
    if (this.#word !== null) this.#words.push(this.#word)
    this.#word = null
  }

  #endSegment(pipesOn: boolean): void {
    this.#endWord()
    if (this.#words.length > 0) this.#segments.push({ words: this.#words, piped: this.#piped })
    this.#words = []
    this.#piped = pipesOn
  }
}
